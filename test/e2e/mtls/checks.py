# SPDX-License-Identifier: Apache-2.0
"""What mutual TLS promises, as checks on a running mesh: functions (mesh) -> a remark; they raise Wrong. In this order."""
import json
import os
import shutil
import signal
import subprocess
import time

import demo
import load
import promises
import sandbox
import wire
from identity import Machine, Secure, foreign, openssl
from promises import PORT, await_, need

EVERY_S = 5             # a renewal of each leaf
END = '-----END CERTIFICATE-----\n'
FRESH = '''apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s, namespace: default}
spec:
  host: %s
  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}
'''


class Mesh(demo.Demo):
    """The demo with a connection, and so a handshake, for each request to reviews and ratings; details' are kept."""

    def up(self):
        self.clients = self.work + '/clients'
        shutil.rmtree(self.clients, ignore_errors=True)
        os.makedirs(self.clients)
        promises.edit(self, 'fresh.yaml', FRESH % ('ratings', 'ratings'))
        subsets = open(self.config + '/reviews-subsets.yaml').read()
        promises.edit(self, 'reviews-subsets.yaml', subsets.replace('  subsets:', FRESH.splitlines()[-1] + '\n  subsets:'))
        promises.reviews(self, promises.to('v2', 50, 'v3', 50))     # which call ratings
        super().up()

    def ip(self, pod):
        return self.pods[pod][2]

    def ca_files(self):
        return [self.state + '/ca/' + name for name in ('root-cert.pem', 'ca-key.pem')]

    def machine(self, ns, sa):
        """A client with a certificate of the mesh."""
        token = subprocess.run([self.args.navctl, 'token', 'create', '--identity', '%s/%s' % (ns, sa), '--state-dir', self.state],
                               check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        machine = Machine(self.clients, sa)
        status, body = Secure(self.ports['secure'], self.ca_files()[0], token=token).certificate(machine.csr)
        need(status == 200, 'a certificate for %s/%s: %d %s' % (ns, sa, status, body))
        return machine.take(json.loads(body)['chain'])

    def kill_navarchd(self):
        navarchd = self.processes.pop('navarchd')
        navarchd.send_signal(signal.SIGKILL)
        navarchd.wait()

    def text_of(self, name):
        with open('%s/%s.log' % (self.log_dir, name), errors='replace') as f:
            return f.read()

    def renewals(self):
        """How many certificates each pod's agent got."""
        return {pod: self.text_of(pod + '.agent').count('a certificate for') for pod in self.admins}

    def handshakes(self, pod='ratings-v1'):
        return sum(v for k, v in self.admins[pod].stats('ssl.handshake').items() if k.startswith('listener.'))


class Load(load.Load):
    """Requests through all pods, beside which things happen; every one has to succeed."""

    def __init__(self, mesh):
        super().__init__(mesh.gateway, threads=3)
        await_('load', lambda: len(self.seen) > 50)

    def need_all(self):
        """Ends it; how many there were."""
        seen = self.stop()
        bad = [what for _, what in seen if what not in ('v2', 'v3')]
        need(not bad, '%d of %d requests failed: %s' % (len(bad), len(seen), sorted(set(bad))[:3]))
        return len(seen)


def strict_on_the_wire(mesh):
    """What crosses the bridge is TLS; in a handshake of TLS 1.2 the names of both ends are seen."""
    client = mesh.machine('default', 'bookinfo-productpage')
    seen = wire.Wire(PORT)
    load.count(mesh.gateway, 100)
    answer = openssl('s_client', '-tls1_2', '-connect', '%s:%d' % (mesh.ip('reviews-v2'), PORT), '-cert', client.cert, '-key', client.key,
                     '-CAfile', mesh.ca_files()[0], '-verify_return_error', '-ign_eof', data=b'GET / HTTP/1.1\r\nHost: reviews\r\nConnection: close\r\n\r\n')
    flows = seen.stop()
    need(b' 404 ' in answer, 'openssl got %r' % answer[-300:])
    plain = [name for name, flow in flows.items() if not flow.is_tls()]
    need(not plain, 'not TLS: %s' % plain)
    need(sum(flow.begun for flow in flows.values()) > 200, 'only %d flows began' % len(flows))
    sent = {ip: set() for ip in (sandbox.BRIDGE_IP, mesh.ip('reviews-v2'))}
    for (source, *_), flow in flows.items():
        sent.setdefault(source, set()).update(wire.names(flow.text()))
    want = {sandbox.BRIDGE_IP: {mesh.identity('productpage')}, mesh.ip('reviews-v2'): {mesh.identity('reviews')}}
    need({ip: sent[ip] for ip in want} == want, 'names on the wire: %s' % sent)
    return '%d flows; names on the wire: %s' % (len(flows), ', '.join(sorted(set.union(*want.values()))))


def signed_by_the_mesh(mesh, name, san, days='1'):
    """What nobody ever gets: a certificate with any name, by the mesh's own key."""
    machine = Machine(mesh.clients, name)
    extensions = '%s/%s.cnf' % (mesh.clients, name)
    with open(extensions, 'w') as f:
        f.write('basicConstraints = CA:FALSE\n' + ('subjectAltName = critical,URI:%s\n' % san if san else ''))
    cert, key = mesh.ca_files()
    return machine.take([openssl('x509', '-req', '-CA', cert, '-CAkey', key, '-set_serial', '77', '-days', days, '-extfile',
                                 extensions, data=machine.csr.encode()).decode()])


def strangers_refused(mesh):
    """No TLS, no certificate, another root, another trust domain, an expired one, one without a name."""
    mine = 'spiffe://cluster.local/ns/default/sa/bookinfo-productpage'
    ip = mesh.ip('ratings-v1')
    good = mesh.machine('default', 'bookinfo-productpage')
    _, end = wire.asked_by_tls(ip, PORT, (good.cert, good.key))
    need(end is None, 'a client of the mesh is refused: %s' % end)
    status = wire.asked_plainly(ip, PORT)
    need(status == 0, 'who speaks no TLS gets %d' % status)
    need(wire.asked_by_tls(ip, PORT)[1], 'who shows no certificate gets an answer')
    right = signed_by_the_mesh(mesh, 'right', mine)
    need(wire.asked_by_tls(ip, PORT, (right.cert, right.key))[1] is None, 'the control of what follows is refused')
    strangers = {'another root': foreign(mesh.clients, 'foreign', 'URI:' + mine),
                 'another root and trust domain': foreign(mesh.clients, 'foreign2', 'URI:spiffe://other.test/ns/default/sa/a'),
                 'another trust domain': signed_by_the_mesh(mesh, 'domain', 'spiffe://other.test/ns/default/sa/bookinfo-productpage'),
                 'a longer trust domain': signed_by_the_mesh(mesh, 'longer', 'spiffe://cluster.local.test/ns/default/sa/a'),
                 'an expired certificate': signed_by_the_mesh(mesh, 'expired', mine, '-1'),
                 'no name': signed_by_the_mesh(mesh, 'nobody', None)}
    for what, machine in strangers.items():
        _, end = wire.asked_by_tls(ip, PORT, (machine.cert, machine.key))
        need(end, '%s gets an answer' % what)
    return '%d of %d' % (len(strangers) + 2, len(strangers) + 2)


def permissive_to_strict(mesh):
    """Plain callers are served, then not; the mesh's own notice nothing, either way."""
    strict = open(mesh.config + '/mutual-tls.yaml').read()
    ip, running = mesh.ip('reviews-v2'), Load(mesh)
    promises.edit(mesh, 'mutual-tls.yaml', strict.replace('STRICT', 'PERMISSIVE'))
    await_('PERMISSIVE', lambda: wire.asked_plainly(ip, PORT) == 404)
    need(wire.asked_by_tls(ip, PORT)[1], 'who speaks TLS and shows no certificate gets an answer')
    seen = wire.Wire(PORT)
    time.sleep(1)
    plain = [name for name, flow in seen.stop().items() if not flow.is_tls()]
    need(not plain, 'not TLS among the mesh while PERMISSIVE: %s' % plain)
    promises.edit(mesh, 'mutual-tls.yaml', strict)
    await_('STRICT', lambda: wire.asked_plainly(ip, PORT) == 0)
    time.sleep(1)
    return '0 of %d failed' % running.need_all()


def leaves_rotate(mesh):
    """Each pod gets a certificate every five seconds, and shows it."""
    seconds, running, before, shown = (10 if mesh.args.share else 60), Load(mesh), mesh.renewals(), set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        shown.add(wire.asked_by_tls(mesh.ip('ratings-v1'), PORT)[0])
        time.sleep(0.5)
    got = {pod: n - before[pod] for pod, n in mesh.renewals().items()}
    need(min(got.values()) >= seconds // EVERY_S - 1, 'renewals in %d s: %s' % (seconds, got))
    need(b'' not in shown and len(shown) >= seconds // EVERY_S - 1, '%d certificates were shown' % len(shown))
    return '%d renewals of %d leaves in %d s; 0 of %d failed' % (sum(got.values()), len(got), seconds, running.need_all())


def control_plane_down(mesh):
    """navarchd is killed: requests, handshakes and refusals go on; it comes back and is heard again."""
    seconds, running = (8 if mesh.args.share else 120), Load(mesh)
    mesh.kill_navarchd()
    before, end = mesh.handshakes(), time.monotonic() + seconds
    await_('renewals that fail', lambda: all('no new certificate' in mesh.text_of(pod + '.agent') for pod in mesh.admins))
    while time.monotonic() < end:
        need(wire.asked_plainly(mesh.ip('reviews-v2'), PORT) == 0, 'plain callers are served')
        time.sleep(0.5)
    new = mesh.handshakes() - before
    need(new > 2 * seconds, 'only %d handshakes' % new)
    mesh.start_navarchd(time.monotonic() + demo.UP_S)
    promises.reviews(mesh, promises.to('v2', 100))
    await_('an edit to be heard', lambda: len(running.seen) > 100 and {what for _, what in list(running.seen)[-50:]} == {'v2'})
    promises.reviews(mesh, promises.to('v2', 50, 'v3', 50))
    return 'down for %d s, %d handshakes of one pod meanwhile; 0 of %d failed' % (seconds, new, running.need_all())


def certs(mesh, *command):
    """What `navctl certs` says, as JSON."""
    out = subprocess.run([mesh.args.navctl, 'certs', *command, '-s', '127.0.0.1:%d' % mesh.ports['admin'], '-o', 'json'],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    need(out.stdout, 'navctl certs %s: %s' % (command, out.stderr))
    return json.loads(out.stdout)


def await_phase(mesh, want, deadline_s=30):
    await_(lambda: 'the phase %s, not %s' % (want, certs(mesh)['rotation']), lambda: certs(mesh)['rotation']['phase'] == want, deadline_s)


def signed_by(mesh, ip, root):
    """Whether the leaf that a pod shows is of this root, PEM."""
    path = mesh.clients + '/root.pem'
    with open(path, 'w') as f:
        f.write(root)
    leaf = openssl('x509', '-inform', 'DER', data=wire.asked_by_tls(ip, PORT)[0])
    return b': OK' in openssl('verify', '-CAfile', path, data=leaf, check=False)


def roots_of(mesh):
    """The roots that are trusted, PEM each."""
    with open(mesh.ca_files()[0]) as f:
        return [part + END for part in f.read().split(END)[:-1]]


def roots_rotate(mesh):
    """A new root, navarchd killed while it is distributed and while leaves of the old one run out; each pod changes over,
    and the old root is gone."""
    ips, running = [pod[2] for pod in mesh.pods.values()], Load(mesh)
    old, left_over = roots_of(mesh)[0], signed_by_the_mesh(mesh, 'leftover', mesh.identity('productpage'))
    need(all(signed_by(mesh, ip, old) for ip in ips), 'the pods show leaves of another root')
    certs(mesh, 'rotate')
    await_phase(mesh, 'distributing')
    mesh.kill_navarchd()
    mesh.start_navarchd(time.monotonic() + demo.UP_S)
    await_phase(mesh, 'draining')
    mesh.kill_navarchd()
    mesh.start_navarchd(time.monotonic() + demo.UP_S)
    new = [root for root in roots_of(mesh) if root != old]
    need(len(new) == 1, '%d new roots' % len(new))
    await_('leaves of the new root at every pod', lambda: all(signed_by(mesh, ip, new[0]) for ip in ips), 60)
    _, end = wire.asked_by_tls(ips[0], PORT, (left_over.cert, left_over.key))
    need(end is None, 'a leaf of the old root is refused while it may live: %s' % end)
    if mesh.args.share:
        return 'all leaves are of the new root; 0 of %d failed' % running.need_all()
    await_phase(mesh, 'steady', 300)
    need(roots_of(mesh) == new, 'the old root is still trusted')
    await_('a leaf of the old root to be refused everywhere', lambda: all(
        wire.asked_by_tls(ip, PORT, (left_over.cert, left_over.key))[1] for ip in ips))
    return 'the old root is gone; 0 of %d failed' % running.need_all()


LONG_LIVES = (strict_on_the_wire, strangers_refused, permissive_to_strict, leaves_rotate, control_plane_down)
SHORT_LIVES = (roots_rotate,)       # leaves of the old root have to run out
