# SPDX-License-Identifier: Apache-2.0
"""Real processes for the end-to-end tests: navarchd, Envoys, backends, clients.

A test is a function test_*(env). env starts things with their own random ports and folders, and ends them
all when the test is over; their logs stay if it failed. Nothing is waited for by sleeping: await_() polls a
condition until a deadline. All addresses are of the loopback range.
"""
import collections
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, 'test', 'tool'))

import envoy_bootstrap                                              # noqa: E402
from backend import Backend                                         # noqa: E402

BUILD = os.path.abspath(os.environ.get('B') or os.path.join(ROOT, 'build'))
NAVARCHD = os.environ.get('NAVARCHD') or BUILD + '/navarchd'
ENVOY = BUILD + '/bin/envoy'
DEADLINE_S = 20


class Failed(AssertionError):
    pass


class Skip(Exception):
    """Raised with the reason by a test that cannot run here."""


def need(claim, text):
    if not claim:
        raise Failed(text)


def await_(what, condition, deadline_s=DEADLINE_S):
    """Polls until the condition gives something true, which is returned. `what` may be a function."""
    end = time.monotonic() + deadline_s
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed('%s: not within %d s' % (what() if callable(what) else what, deadline_s))
        time.sleep(0.01)


def free_port():
    """A port that nobody listens on now, for a process that cannot choose one itself."""
    with socket.socket() as s:
        s.bind(('0.0.0.0', 0))
        return s.getsockname()[1]


class Process:
    """enter: called in the child before it becomes the command."""

    def __init__(self, name, command, folder, env=None, enter=None):
        self.name, self.log = name, '%s/%s.log' % (folder, name)
        with open(self.log, 'a') as log:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          start_new_session=True, env=dict(os.environ, **(env or {})), preexec_fn=enter)

    def text(self, since=0):
        with open(self.log, errors='replace') as f:
            f.seek(since)
            return f.read()

    def alive(self):
        if self.popen.poll() is not None:
            raise Failed('%s ended with %d:\n%s' % (self.name, self.popen.returncode, self.text()[-1500:]))
        return True

    def stop(self, number=signal.SIGTERM, deadline_s=10):
        """Sends a signal and waits; the seconds that it took. Later than the deadline is a failure."""
        began = time.monotonic()
        if self.popen.poll() is None:
            self.popen.send_signal(number)
            try:
                self.popen.wait(deadline_s)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                raise Failed('%s did not end within %d s of signal %d' % (self.name, deadline_s, number))
        return time.monotonic() - began


class Navarchd(Process):
    """navarchd over a folder of manifests: write(), remove() change one whole file at a time."""

    def __init__(self, folder, name='navarchd', xds_port=0, more=(), source=None, address='127.0.0.1', environ=None):
        self.more, self.source, self.address, self.environ = list(more), source, address, environ
        self.folder, self.config = folder, '%s/%s.config' % (folder, name)
        os.makedirs(self.config, exist_ok=True)
        self.port_file = '%s/%s.ports' % (folder, name)
        self.start_args = (name, xds_port)

    def start(self):
        name, xds_port = self.start_args
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        super().__init__(name, [
            NAVARCHD, *(self.source or ['--config-dir', self.config]), '--xds-address', '%s:%d' % (self.address, xds_port),
            '--admin-address', '127.0.0.1:0', '--metrics-address', '127.0.0.1:0',
            '--port-file', self.port_file] + self.more, self.folder, self.environ)
        self.ports = await_('the port file of navarchd', lambda: self.alive() and self.read_ports())
        self.xds = (self.address, self.ports['xds'])
        await_('/ready of navarchd', lambda: self.alive() and self.admin('/ready')[0] == 200)
        return self

    def read_ports(self):
        try:
            with open(self.port_file) as f:
                return json.load(f)
        except (OSError, ValueError):
            return None

    def restart(self):
        """A new process on the same port."""
        self.stop()
        self.start_args = (self.start_args[0], self.ports['xds'])
        return self.start()

    def fetch(self, which, path):
        conn = http.client.HTTPConnection('127.0.0.1', self.ports[which], timeout=10)
        try:
            conn.request('GET', path)
            answer = conn.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as e:
            return 0, repr(e)
        finally:
            conn.close()

    def admin(self, path):
        return self.fetch('admin', path)

    def write(self, name, text):
        path = os.path.join(self.config, name)
        with open(path + '.new', 'w') as f:
            f.write(text)
        os.rename(path + '.new', path)

    def remove(self, name):
        os.unlink(os.path.join(self.config, name))


class Envoy(Process):
    def __init__(self, folder, name, node, xds, mode, mark=None, tls=None, enter=None):
        self.admin = envoy_bootstrap.Admin('%s/%s.sock' % (folder, name))
        path = '%s/%s.json' % (folder, name)
        with open(path, 'w') as f:
            json.dump(envoy_bootstrap.bootstrap(node, xds, self.admin.where, mode, mark, tls), f)
        super().__init__(name, [ENVOY, '-c', path, '--disable-hot-restart', '--concurrency', '1', '-l', 'warning',
                                '--drain-time-s', '1', '--drain-strategy', 'immediate'], folder, enter=enter)

    def await_ready(self):
        await_('%s to be ready' % self.name, lambda: self.alive() and self.admin.ready(), 40)
        return self


# of one request: status 0 is no answer, and then the body says why; headers by any case
Answer = collections.namedtuple('Answer', 'status headers body')


def ask(port, path='/', host='shop.example.com', headers=None, method='GET', tls=None, ip='127.0.0.1'):
    """The Answer to one request to an Envoy on this machine. With an SSLContext over TLS, the host as SNI."""
    try:
        with socket.create_connection((ip, port), 10) as sock:
            if tls:
                sock = tls.wrap_socket(sock, server_hostname=host)
            conn = http.client.HTTPConnection(host, timeout=10)
            conn.sock = sock
            conn.request(method, path, headers=dict(headers or {}, Host=host, Connection='close'))
            answer = conn.getresponse()
            body = answer.read().decode('utf-8', 'replace')
            conn.close()
            return Answer(answer.status, answer.headers, body)
    except (OSError, http.client.HTTPException) as e:
        return Answer(0, {}, repr(e))


def say(port, line='hello', tls=None, host=None, ip='127.0.0.1'):
    """What a LineBackend answers through an Envoy; '' if the connection is closed."""
    try:
        with socket.create_connection((ip, port), 10) as sock:
            if tls:
                sock = tls.wrap_socket(sock, server_hostname=host)
            sock.sendall(line.encode() + b'\n')
            return sock.makefile().readline().strip()
    except OSError:
        return ''


def get(port, path='/', host='shop.example.com', headers=None, ca=None):
    """(status, body) of one request. With `ca` (a PEM file) over TLS, the certificate checked against it and the host."""
    answer = ask(port, path, host, headers, tls=ca and ssl.create_default_context(cafile=ca))
    return answer.status, answer.body


def count(port, requests, **more):
    """Counter of the bodies (or the statuses that are not 200) of some requests."""
    got = collections.Counter()
    for _ in range(requests):
        status, body = get(port, **more)
        got[body if status == 200 else status] += 1
    return got


class Env:
    """What one test started."""

    def __init__(self, name):
        self.folder = tempfile.mkdtemp(prefix='navarch-e2e-%s-' % name)
        self.running = []

    def started(self, thing):
        self.running.append(thing)
        return thing

    def navarchd(self, files, name='navarchd', more=()):
        """Starts navarchd with {file name: text}; `more` are further arguments."""
        daemon = Navarchd(self.folder, name, more=more)
        for file, text in files.items():
            daemon.write(file, text)
        return self.started(daemon.start())

    def gateway(self, navarchd, mode='delta', name='gateway', wait=True, locality=None):
        """Starts an Envoy that is an ingress gateway, labelled istio: ingressgateway."""
        node = envoy_bootstrap.node('router', '127.0.0.1', name, 'istio-system', {'istio': 'ingressgateway'},
                                    locality=locality)
        envoy = self.started(Envoy(self.folder, name, node, navarchd.xds, mode))
        return envoy.await_ready() if wait else envoy

    def sidecar(self, navarchd, ip, xds=None, mark=None, **metadata):
        """Starts an Envoy that is the sidecar of a workload, labelled app: client, in namespace default."""
        node = envoy_bootstrap.node('sidecar', ip, 'client', 'default', {'app': 'client'}, metadata=metadata)
        return self.started(Envoy(self.folder, 'sidecar', node, xds or navarchd.xds, 'delta', mark)).await_ready()

    def backends(self, *names, kind=Backend, tls=None):
        """Starts servers on 127.0.1.1, 127.0.1.2, ..., all on one port."""
        out = []
        for n, name in enumerate(names, 1):
            out.append(self.backend(name, '127.0.1.%d' % n, out[0].port if out else 0, kind, tls))
        return out

    def backend(self, name, ip, port=0, kind=Backend, tls=None):
        return self.started(kind(name, ip, port, tls))

    def process(self, name, command, env=None):
        return self.started(Process(name, command, self.folder, env))

    def close(self, keep):
        for thing in reversed(self.running):
            try:
                thing.stop()
            except Failed as e:
                print('    note: %s' % e)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
