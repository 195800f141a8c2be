#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bookinfo demo: six services, each with an Envoy sidecar, behind an ingress gateway, run by navarchd.
Each Envoy has its agent; they get identities from navarchd and speak mutual TLS only.

usage: demo.py [--check] [--build DIR] [--navarchd PATH] [--envoy PATH] [--port N]

Edit the printed file and watch the traffic move; Ctrl-C ends it and leaves nothing behind. With --check it
proves by itself what it promises, and ends in "N passed, N failed, N skipped". Works as root and, where the
kernel allows unprivileged user namespaces, as any user.
"""
import argparse
import collections
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, 'test', 'tool'))

import load                                                         # noqa: E402
import promises                                                     # noqa: E402
import sandbox                                                      # noqa: E402

# pod: app, version, address, zone (as in manifests/service-*.yaml)
PODS = {
    'productpage-v1': ('productpage', 'v1', '10.244.0.11', 'zone-a'),
    'details-v1': ('details', 'v1', '10.244.0.12', 'zone-b'),
    'reviews-v1': ('reviews', 'v1', '10.244.0.21', 'zone-a'),
    'reviews-v2': ('reviews', 'v2', '10.244.0.22', 'zone-a'),
    'reviews-v3': ('reviews', 'v3', '10.244.0.23', 'zone-a'),
    'ratings-v1': ('ratings', 'v1', '10.244.0.31', 'zone-b'),
}
SERVICES = {'productpage': '10.96.0.11', 'details': '10.96.0.12', 'reviews': '10.96.0.21', 'ratings': '10.96.0.31'}
GATEWAY, GATEWAY_IP, GATEWAY_PORT = 'istio-ingressgateway', '10.244.0.10', 8080
DISCOVERY = 'istiod.istio-system.svc'   # what agents look for when they are not told
UP_S = 60


def say(text):
    print(text, flush=True)


class Demo:
    """`navarchd`, `agent`: more options of them."""

    def __init__(self, args, work, rootless, navarchd=(), agent=()):
        self.args, self.work, self.options = args, work, {'navarchd': list(navarchd), 'agent': list(agent)}
        self.config, self.log_dir, self.faults, self.state = (work + '/' + d for d in ('config', 'log', 'faults', 'state'))
        for d in (self.log_dir, self.faults):
            os.makedirs(d)
        shutil.copytree(HERE + '/manifests', self.config)
        self.cluster = sandbox.Cluster(rootless, {'envoy': args.envoy, 'navagent': args.navagent}, self.log_dir)
        self.processes, self.admins = {}, {}
        self.pods, self.gateway = PODS, (GATEWAY_IP, GATEWAY_PORT)

    def await_(self, what, condition, deadline):
        """Polls until the condition holds; a process that ended or a deadline that passed is a failure."""
        while not condition():
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise sandbox.Failed('%s ended with %d:\n%s' % (name, process.returncode, self.tail(name)))
            if time.monotonic() > deadline:
                raise sandbox.Failed('%s: not within %d s. The logs are in %s\n%s' % (
                    what, UP_S, self.log_dir, self.tail('navarchd')))
            time.sleep(0.02)

    def tail(self, name):
        try:
            with open('%s/%s.log' % (self.log_dir, name)) as f:
                return ''.join('    | ' + line for line in f.readlines()[-15:])
        except OSError:
            return ''

    def up(self):
        """Starts everything, in order; returns when the page answers."""
        deadline = time.monotonic() + UP_S
        say('  navarchd, which makes a certificate authority ...')
        self.start_navarchd(deadline)
        sandbox.write(sandbox.ROOT_CERT, open(self.state + '/ca/root-cert.pem').read())

        say('  %d pods, each with an address and a firewall that leads its traffic through its Envoy ...' % (len(PODS) + 1))
        self.cluster.hosts({DISCOVERY: sandbox.BRIDGE_IP, **{
            '%s %s.default %s.default.svc.cluster.local' % (n, n, n): a for n, a in SERVICES.items()}})
        for pod, (app, version, ip, zone) in PODS.items():
            self.cluster.pod(pod, ip, captured=True)
            self.processes[pod] = self.cluster.start(
                pod, [sys.executable, HERE + '/app.py', app, version, pod, self.faults], pod)
            self.agent('sidecar', pod, ip, 'default', {'app': app, 'version': version}, 'bookinfo-' + app)
        self.cluster.pod(GATEWAY, GATEWAY_IP, captured=False)
        self.agent('router', GATEWAY, GATEWAY_IP, 'istio-system', {'app': GATEWAY, 'istio': 'ingressgateway'},
                   GATEWAY + '-service-account')

        say('  waiting for %d Envoys to get their certificates and take their configuration ...' % len(self.admins))
        for name, admin in self.admins.items():
            self.await_('the Envoy of ' + name, admin.ready, deadline)
        say('  waiting for the page ...')
        client = load.Client(self.gateway)
        self.await_('the product page', lambda: client.get('/api')[0] == 200 and
                    client.get('/api/reviews')[0] == 200, deadline)
        client.close()

    @staticmethod
    def identity(app):
        return 'spiffe://cluster.local/ns/default/sa/bookinfo-' + app

    def start_navarchd(self, deadline):
        ports = sandbox.RUN + '/ports.json'
        if os.path.exists(ports):
            os.unlink(ports)
        self.processes['navarchd'] = self.cluster.start('navarchd', [
            self.args.navarchd, '--config-dir', self.config, '--xds-address', '127.0.0.1:15010', '--secure-address', ':15012',
            '--state-dir', self.state, '--admin-address', '127.0.0.1:8080', '--metrics-address', '127.0.0.1:15014',
            '--port-file', ports, *self.options['navarchd']])
        self.await_('navarchd', lambda: os.path.exists(ports) and os.path.getsize(ports), deadline)
        with open(ports) as f:
            self.ports = json.load(f)

    def agent(self, role, pod, ip, namespace, labels, account):
        token = subprocess.run([self.args.navctl, 'token', 'create', '--identity', '%s/%s' % (namespace, account), '--ttl', '5m',
                                '--state-dir', self.state], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.processes[pod + '.agent'], self.admins[pod] = self.cluster.start_agent(pod, token, [
            '--type', role, '--ip', ip, '--namespace', namespace, '--service-account', account,
            *('--label=%s=%s' % label for label in labels.items()), *self.options['agent']])

    def down(self):
        """Lets navarchd end by itself; everything else goes with the namespaces."""
        navarchd = self.processes.get('navarchd')
        if navarchd and navarchd.poll() is None:
            navarchd.send_signal(signal.SIGTERM)
            try:
                navarchd.wait(5)
            except Exception:
                say('navarchd did not end within 5 s of SIGTERM')

    def complaints(self, since):
        """Lines that navarchd wrote from an offset on, and the new offset."""
        with open(self.log_dir + '/navarchd.log', errors='replace') as f:
            f.seek(since)
            text = f.read()
        end = text.rfind('\n') + 1
        return [line for line in text[:end].splitlines() if ': error' in line or ': warning' in line], since + end

    def watch(self):
        """The live line, until a signal."""
        stream = load.Load(self.gateway, threads=2, pause_s=0.03, keep=200)
        terminal = sys.stdout.isatty()
        _, at = self.complaints(0)
        while True:
            time.sleep(0.25 if terminal else 2)
            lines, at = self.complaints(at)
            for line in lines:
                say(('\r\033[K' if terminal else '') + line)
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise sandbox.Failed('%s ended with %d:\n%s' % (name, process.returncode, self.tail(name)))
            now = time.monotonic()
            got = collections.Counter(what for began, what in list(stream.seen) if now - began < 3)
            total = sum(got.values()) or 1
            line = 'reviews of the last 3 s: ' + '   '.join(
                '%s %3d%%' % (v, round(100 * got.pop(v, 0) / total)) for v in ('v1', 'v2', 'v3'))
            line += '   failed %d' % sum(got.values()) + (' (%s)' % next(iter(got)) if got else '')
            if terminal:
                print('\r\033[K' + line, end='', flush=True)
            else:
                say(line)


def work_folder(build, name):
    """A folder that no other demo uses now, empty, and the lock on it."""
    for n in range(1, 100):
        path = os.path.abspath('%s/%s%s' % (build, name, '' if n == 1 else '-%d' % n))
        os.makedirs(path, exist_ok=True)
        lock = open(path + '/lock', 'w')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        for d in ('config', 'log', 'faults', 'state'):
            shutil.rmtree(path + '/' + d, ignore_errors=True)
        return path, lock
    raise sandbox.Failed('a hundred demos run already')


def listen(port):
    """A listening socket on this machine's loopback; on another port if that one is taken."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(('127.0.0.1', port))
    except OSError:
        s.bind(('127.0.0.1', 0))
    s.listen(64)
    return s


def find_programs(args):
    """Completes the paths of what is run; args.build, args.navarchd and args.envoy are there."""
    args.navarchd = os.path.abspath(args.navarchd or args.build + '/navarchd')
    args.envoy = os.path.abspath(args.envoy or args.build + '/bin/envoy')
    args.navagent, args.navctl = (os.path.abspath('%s/%s' % (args.build, n)) for n in ('navagent', 'navctl'))
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    for path in (args.navarchd, args.envoy, args.navagent, args.navctl):
        if not os.access(path, os.X_OK):
            raise sandbox.Failed('%s is not there: run `make` and `make deps`' % path)


def stop(number, frame):
    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(n, signal.SIG_IGN)        # the second one must not cut the clean-up short
    raise KeyboardInterrupt


def main():
    build = os.environ.get('B') or os.path.join(ROOT, 'build')
    p = argparse.ArgumentParser(description='The bookinfo demo of Navarch.')
    p.add_argument('--check', action='store_true', help='prove what the demo promises, and end')
    p.add_argument('--build', default=build)
    p.add_argument('--navarchd', default=None, help='BUILD/navarchd')
    p.add_argument('--envoy', default=None, help='BUILD/bin/envoy')
    p.add_argument('--port', type=int, default=9080, help='where the page is served; another one if it is taken')
    args = p.parse_args()
    find_programs(args)

    began = time.monotonic()
    work, lock = work_folder(args.build, 'demo-check' if args.check else 'demo')
    page, admin = listen(args.port), listen(args.port + 1)
    outside = socket.socket()                   # made here, it stays a socket of the outside
    outer = os.getpid()                         # shares the namespaces, but for that of processes
    rootless = sandbox.enter()
    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(n, stop)
    demo, code = None, 1
    try:
        say('Starting the bookinfo demo, %s:' % (
            'without root, in a user namespace' if rootless else 'as root, in namespaces of its own'))
        demo = Demo(args, work, rootless)
        demo.up()
        sandbox.forward(page, demo.gateway)
        sandbox.forward(admin, ('127.0.0.1', demo.ports['admin']))
        say('Up after %.1f s.\n' % (time.monotonic() - began))
        if args.check:
            demo.outside, demo.page = outside, page.getsockname()
            code = promises.run(demo)
        else:
            say('  open    http://127.0.0.1:%d/productpage      (sign in as jason to get reviews v3)\n'
                '  admin   http://127.0.0.1:%d/                 (navarchd)\n'
                '  edit    %s\n'
                '  logs    %s\n'
                '  inside  nsenter -t %d %s-n -m ip netns exec productpage-v1 curl -s reviews:9080/reviews/0\n'
                '  Ctrl-C ends it and leaves nothing behind.\n' % (
                    page.getsockname()[1], admin.getsockname()[1],
                    os.path.relpath(work + '/config/reviews.yaml', ROOT), os.path.relpath(demo.log_dir, ROOT),
                    outer, '-U --preserve-credentials ' if rootless else ''))
            demo.watch()
    except KeyboardInterrupt:
        say('\nStopping.')
        code = 130 if args.check else 0
    except sandbox.Failed as e:
        say('\nfailed: %s' % e)
    finally:
        if demo:
            demo.down()
        sys.stdout.flush()
    os._exit(code)                              # the threads of the load are not waited for


if __name__ == '__main__':
    try:
        main()
    except sandbox.Failed as failure:
        sys.exit('demo: %s' % failure)
