# SPDX-License-Identifier: Apache-2.0
"""navarchd with an API server: test/kube's fake one behind an Envoy that speaks TLS and HTTP/2 and demands a client
certificate, as kube-apiserver does."""
import base64
import http.client
import json
import os
import signal
import time

import certs
import manifests
from harness import BUILD, ENVOY, Navarchd, Process, await_, count, envoy_bootstrap, free_port, need
from test_gateway import await_traffic, shop

FAKE = BUILD + '/rel/test/kube/fake_main'
MANY = 3000                 # objects of a kind, 3.5 kB each
ROUTES = '/apis/networking.istio.io/v1/namespaces/default/virtualservices/shop'


class Front(Process):
    """The Envoy before the API server."""

    def __init__(self, folder, port, own, clients, upstream):
        self.admin = envoy_bootstrap.Admin(folder + '/front.sock')
        hcm = {'@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
               'stat_prefix': 'front', 'stream_idle_timeout': '0s',
               'http_filters': [{'name': 'router', 'typed_config': {
                   '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'}}],
               'route_config': {'virtual_hosts': [{'name': 'all', 'domains': ['*'], 'routes': [
                   {'match': {'prefix': '/'}, 'route': {'cluster': 'api', 'timeout': '0s'}}]}]}}
        tls = {'@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
               'require_client_certificate': True,
               'common_tls_context': {
                   'alpn_protocols': ['h2', 'http/1.1'],
                   'tls_certificates': [{'certificate_chain': {'filename': own.cert}, 'private_key': {'filename': own.key}}],
                   'validation_context': {'trusted_ca': {'filename': clients.cert}}}}
        bootstrap = {
            'admin': {'address': {'pipe': {'path': self.admin.where}}},
            'static_resources': {
                'listeners': [{'name': 'api', 'address': address(port), 'filter_chains': [
                    {'transport_socket': {'name': 'tls', 'typed_config': tls},
                     'filters': [{'name': 'hcm', 'typed_config': hcm}]}]}],
                'clusters': [{'name': 'api', 'type': 'STATIC', 'connect_timeout': '1s', 'load_assignment': {
                    'cluster_name': 'api', 'endpoints': [{'lb_endpoints': [{'endpoint': {'address': address(upstream)}}]}]}}]}}
        path = folder + '/front.json'
        with open(path, 'w') as f:
            json.dump(bootstrap, f)
        super().__init__('front', [ENVOY, '-c', path, '--disable-hot-restart', '--concurrency', '1', '-l', 'warning'], folder)

    def stat(self, name):
        return self.admin.stats('http.front.' + name).get('http.front.' + name, 0)


def address(port):
    return {'socket_address': {'address': '127.0.0.1', 'port_value': port}}


def data(path):
    with open(path, 'rb') as f:
        return base64.b64encode(f.read()).decode()


def kubeconfig(folder, port, trusted, own):
    path = folder + '/kubeconfig'
    with open(path, 'w') as f:
        f.write('''apiVersion: v1
kind: Config
current-context: test
clusters:
- name: fake
  cluster: {server: "https://127.0.0.1:%d", tls-server-name: kubernetes, certificate-authority-data: %s}
users:
- name: daemon
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- {name: test, context: {cluster: fake, user: daemon}}
''' % (port, data(trusted.cert), data(own.cert), data(own.key)))
    return path


class ApiServer:
    """The fake API server over a folder of manifests, always on one port."""

    def __init__(self, env, files):
        self.env, self.port, self.folder = env, free_port(), env.folder + '/objects'
        os.mkdir(self.folder)
        for name, text in files.items():
            with open('%s/%s' % (self.folder, name), 'w') as f:
                f.write(text)
        self.start(1000)

    def start(self, version):
        self.process = self.env.process('api-%d' % version, [FAKE, '127.0.0.1:%d' % self.port, self.folder, str(version)])
        await_('the API server', lambda: self.process.alive() and self.process.text().strip())

    def write(self, path, method, body):
        conn = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        conn.request(method, path, json.dumps(body))
        answer = conn.getresponse()
        need(answer.status in (200, 201), '%s %s: %d' % (method, path, answer.status))
        answer.read()
        conn.close()


def route_to(weights):
    """The VirtualService of shop() as JSON."""
    return {'metadata': {'name': 'shop', 'namespace': 'default'},
            'spec': {'hosts': ['*'], 'gateways': ['public'], 'http': [{'route': [
                {'destination': {'host': 'shop', 'subset': v}, 'weight': w} for v, w in weights.items()]}]}}


def cluster(env, versions, more=None):
    """(API server, Envoy before it, navarchd, port of the traffic); more: files of further objects"""
    files, port = shop(env, versions)
    files = {**files, **(more or {})}
    authority = certs.certificate(env.folder, 'authority')
    own, daemon = (certs.certificate(env.folder, name, issuer=authority) for name in ('kubernetes', 'daemon'))
    api, secure = ApiServer(env, files), free_port()
    front = env.started(Front(env.folder, secure, own, authority, api.port))
    await_('the Envoy before the API server', lambda: front.alive() and front.admin.ready())
    config = kubeconfig(env.folder, secure, authority, daemon)
    return api, front, Navarchd(env.folder, source=['--kubeconfig', config]), port, secure


def test_kube_follows(env):
    """A change by the API server reaches the traffic; all watches share one connection of HTTP/2."""
    api, front, navarchd, port, _ = cluster(env, {'v1': 100, 'v2': 0})
    env.started(navarchd.start())
    env.gateway(navarchd)
    await_traffic(port)
    need(set(count(port, 10)) == {'v1'}, 'not the first version')
    began = time.monotonic()
    api.write(ROUTES, 'PUT', route_to({'v2': 100}))
    await_('the change', lambda: set(count(port, 3)) == {'v2'})
    took = time.monotonic() - began
    need(took < 1, 'the change took %.2f s' % took)
    need(front.stat('downstream_cx_http2_total') == 1, '%d connections' % front.stat('downstream_cx_http2_total'))
    need(front.stat('downstream_cx_total') == 1, '%d connections in all' % front.stat('downstream_cx_total'))
    return 'in %.2f s' % took


def large_lists():
    """Two lists of ten megabytes, of which little is kept."""
    def meta(i):
        return {'name': 'many-%d' % i, 'namespace': 'many', 'managedFields': [{'manager': 'm', 'fieldsV1': {'f:%d' % k: {} for k in range(300)}}]}

    kinds = {'VirtualService': lambda i: {'hosts': ['many-%d.example.com' % i], 'http': [{'route': [{'destination': {'host': 'many-%d.example.com' % i}}]}]},
             'DestinationRule': lambda i: {'host': 'many-%d.example.com' % i}}
    return {kind.lower() + '.json': json.dumps({'apiVersion': 'v1', 'kind': 'List', 'items': [
        {'apiVersion': 'networking.istio.io/v1', 'kind': kind, 'metadata': meta(i), 'spec': spec(i)} for i in range(MANY)]})
        for kind, spec in kinds.items()}


def test_kube_large_lists(env):
    """Lists of megabytes over one connection of HTTP/2: all of it is read, again too, and a turn of the loop takes a part of it."""
    api, front, navarchd, _, _ = cluster(env, {'v1': 100, 'v2': 0}, large_lists())
    daemon = env.started(navarchd.start())
    known = 'pilot_virt_services %d' % (MANY + 1)
    await_('all VirtualServices', lambda: navarchd.fetch('metrics', '/metrics')[1].count(known) == 1)
    daemon.popen.send_signal(signal.SIGHUP)
    api.write('/apis/networking.istio.io/v1/namespaces/many/virtualservices/many-0', 'DELETE', {})
    await_('the end of one', lambda: 'pilot_virt_services %d' % MANY in navarchd.fetch('metrics', '/metrics')[1])
    need(front.stat('downstream_cx_total') == 1, '%d connections' % front.stat('downstream_cx_total'))
    return '%.0f ms in one turn at most' % (1000 * json.loads(navarchd.admin('/debug/timings')[1])['longestTurnSeconds'])


def test_kube_server_gone(env):
    """Without its API server the mesh stays as it is; after a restart that forgot all versions it is caught up with."""
    api, _, navarchd, port, _ = cluster(env, {'v1': 100, 'v2': 0})
    env.started(navarchd.start())
    envoy = env.gateway(navarchd)
    await_traffic(port)
    changes = envoy.admin.stats('cluster_manager.cluster_removed')
    api.process.stop()
    time.sleep(3)
    need(navarchd.admin('/ready')[0] == 200, 'not ready without its API server')
    need(set(count(port, 10)) == {'v1'}, 'the traffic changed')
    api.start(1000000)
    api.write(ROUTES, 'PUT', route_to({'v2': 100}))
    await_('the change', lambda: set(count(port, 3)) == {'v2'}, 40)
    need(envoy.admin.stats('cluster_manager.cluster_removed') == changes, 'clusters were removed on the way')


def test_kube_trusts_its_authority_only(env):
    """An API server with a certificate of another authority is not believed, and that is said."""
    _, _, navarchd, _, secure = cluster(env, {'v1': 100, 'v2': 0})
    other = certs.certificate(env.folder, 'other')
    daemon = certs.certificate(env.folder, 'daemon', issuer=other)
    navarchd.source = ['--kubeconfig', kubeconfig(env.folder, secure, other, daemon)]
    process = env.process('untrusting', [BUILD + '/navarchd', *navarchd.source, '--xds-address', '127.0.0.1:0',
                                         '--admin-address', '127.0.0.1:0', '--metrics-address', '127.0.0.1:0'])
    await_('a word about the certificate', lambda: process.alive() and 'certificate' in process.text())
    need('in sync' not in process.text(), 'it is in sync')
