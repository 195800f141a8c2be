# SPDX-License-Identifier: Apache-2.0
"""The part of kubelets that forwards ports into Pods, which the API server asks for it."""
import http.server
import re
import socket
import ssl
import threading

import kube_http
import port_forward
from certs import certificate
from pods import OUTSIDE, enter


class Kubelet:
    """The part of kubelets that forwards ports: of all machines, at one address. It enters the Pod's network, as kubelets do."""

    def __init__(self, machines):
        own = certificate(machines.env.folder, 'kubelet', OUTSIDE)

        class Handler(kube_http.Handler):
            def do_GET(self):
                _, _, ns, name = self.path.partition('?')[0].split('/')[:4]
                port = int(re.search(r'port=(\d+)', self.path).group(1))
                port_forward.serve(self, port, connect=lambda: within(machines.running[ns, name].netns, port))

        self.http = http.server.ThreadingHTTPServer((OUTSIDE, 0), Handler)
        self.http.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.cert, own.key)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()
        for node in machines.cluster.get('/api/v1/nodes')['items']:
            machines.cluster.merge('/api/v1/nodes/%s/status' % node['metadata']['name'], {'status': {
                'addresses': [{'type': 'InternalIP', 'address': OUTSIDE}],
                'daemonEndpoints': {'kubeletEndpoint': {'Port': self.http.server_address[1]}}}})

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def within(netns, port):
    """A connection to a port of the loopback of a network; only the thread that makes it goes there."""
    out = []

    def go():
        enter(netns)()
        out.append(socket.create_connection(('127.0.0.1', port), 10))

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    return out[0]
