# SPDX-License-Identifier: Apache-2.0
"""A workload whose whole outgoing TCP is led through its sidecar: a network namespace of its own, with the firewall
rules of the demo. Addresses of 10.0.0.0/8 are all on its loopback, so servers may listen on any."""
import concurrent.futures
import os
import socket
import sys
import threading

from harness import ROOT, Skip

sys.path.append(os.path.join(ROOT, 'deploy', 'demo'))

import sandbox                                                      # noqa: E402

IP = '10.244.0.1'
ARRIVES = 1338                          # the mark of connections that are captured on the way in


class Workload:
    """The namespace is there as long as the descriptor of it; nothing on the machine names it."""

    def __init__(self, env):
        self.env, self.fd = env.started(self) and env, None

        def make():
            try:
                sandbox.syscall('unshare', sandbox.NEWNET)      # of this thread
            except OSError as e:
                raise Skip('network namespaces need root (%s)' % e)
            self.fd = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
            sandbox.run('ip', 'link', 'set', 'lo', 'up')
            sandbox.run('ip', 'route', 'add', 'local', '10.0.0.0/8', 'dev', 'lo')
            sandbox.run('iptables-restore', stdin=sandbox.CAPTURE % ('-m mark --mark %d' % sandbox.ENVOY_UID))
            sandbox.run('iptables', '-t', 'nat', '-I', 'OUTPUT', '-p', 'tcp', '-m', 'mark', '--mark', str(ARRIVES),
                        '-j', 'REDIRECT', '--to-ports', '15006')

        in_thread(make)

    def inside(self, function, *args, **more):
        """Calls a function in the namespace: its sockets, processes and threads belong there."""
        def enter():
            sandbox.syscall('setns', self.fd, sandbox.NEWNET)
            return function(*args, **more)

        return in_thread(enter)

    def connect(self, ip, port, arrives=False):
        """A connection that leaves the workload, or one that arrives at it from outside."""
        sock = self.inside(socket.socket)
        sock.settimeout(10)
        if arrives:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, ARRIVES)
        sock.connect((ip, port))
        return sock

    def sidecar(self, navarchd):
        """Its Envoy, which reaches navarchd outside through a Unix socket."""
        path = self.env.folder + '/xds.sock'
        listener = self.env.started(Listener(path))
        sandbox.forward(listener.socket, navarchd.xds)
        return self.inside(self.env.sidecar, navarchd, IP, xds=path, mark=sandbox.ENVOY_UID)

    def stop(self):
        if self.fd is not None:
            os.close(self.fd)


class Listener:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def in_thread(function):
    """Calls it in a thread that then ends, as a thread's namespace is for life."""
    result = concurrent.futures.Future()

    def call():
        try:
            result.set_result(function())
        except BaseException as e:
            result.set_exception(e)

    threading.Thread(target=call).start()
    return result.result()
