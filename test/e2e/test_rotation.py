# SPDX-License-Identifier: Apache-2.0
"""Rotation of roots, from outside: who is waited for, orders, restarts in the middle, and what navctl says."""
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time

from harness import Failed, await_, need
from identity import NAVCTL, Identity, openssl
from test_agent import SECRET, SHORT, Agent, chain_of
from test_identity import NAMESPACE, dev_ca, node_of
from xds_client import field, fields


def navctl(one, *args, want=None):
    """What `navctl certs` says, as JSON, and its exit code."""
    out = subprocess.run([NAVCTL, 'certs', *args, '-s', '127.0.0.1:%d' % one.navarchd.ports['admin'], '-o', 'json'],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    need(want is None or out.returncode == want, 'navctl certs %s: %d %s' % (args, out.returncode, out.stderr.decode()))
    return json.loads(out.stdout) if out.stdout else out.stderr.decode()


def rotation(one):
    return navctl(one)['rotation']


def phase(one, want):
    return await_('the phase %s' % want, lambda: (lambda r: r if r['phase'] == want else None)(rotation(one)), deadline_s=30)


def restart(one):
    """As a crash does it."""
    one.navarchd.stop(signal.SIGKILL)
    one.navarchd.start()


def renew(one, machine, ca, ttl=60):
    status, body = one.client(machine=machine, ca=ca).certificate(machine.csr, ttl)
    need(status == 200, 'renewal: %s %s' % (status, body))
    answer = json.loads(body)
    machine.take(answer['chain'])
    return answer['roots']


def issuer_of(machine):
    """The identifier of the key that signed: roots of our own differ in nothing else."""
    return openssl('x509', '-in', machine.cert, '-noout', '-ext', 'authorityKeyIdentifier').decode().split('\n')[1].strip()


def test_rotation_own(env):
    """Another root of our own: a holder is waited for, by name; then it issues; a kill in the middle changes nothing."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    a = one.machine('default', 'a')
    before = issuer_of(a)
    need(navctl(one, want=0)['rotation']['phase'] == 'steady', 'not steady')
    need('nothing is paused' in navctl(one, 'resume', want=1), 'resumed what is not there')
    need('no rotation' in navctl(one, 'abort', want=1), 'aborted what is not there')

    navctl(one, 'rotate', want=0)
    r = phase(one, 'distributing')
    need(r['waitsFor'] == ['default/a@127.0.0.1'] and r['away'] == 1, 'waits for %s' % r)
    need(navctl(one, want=1)['findings'][0]['code'] == 'NAV0705', 'no warning')
    need('under way' in navctl(one, 'rotate', want=1), 'two rotations at once')
    restart(one)
    phase(one, 'distributing')
    navctl(one, 'pause', want=0)
    roots = renew(one, a, one.ca)
    need(roots.count('BEGIN') == 2 and issuer_of(a) == before, 'issued from a root that not all have')
    need(open(one.ca).read() == roots, 'the file of roots is not what is trusted')
    restart(one)
    need(rotation(one)['paused'], 'the pause is forgotten')
    need(rotation(one)['waitsFor'] == ['default/a@127.0.0.1'], 'it is sure that the last answer before the kill has arrived')
    renew(one, a, one.ca)
    navctl(one, 'resume', want=0)
    phase(one, 'draining')
    restart(one)
    phase(one, 'draining')
    renew(one, a, one.ca)
    need(issuer_of(a) != before, 'still issued from the old root')
    need([c['role'] for c in navctl(one)['roots']] == ['old', 'signer'], 'roots: %s' % navctl(one)['roots'])

    navctl(one, 'abort', want=0)        # all have both: back at once
    await_('the old root again', lambda: navctl(one)['roots'][0]['role'] == 'signer')
    renew(one, a, one.ca)
    need(issuer_of(a) == before, 'not issued from the old root again')
    restart(one)
    renew(one, a, one.ca)
    need(issuer_of(a) == before, 'forgotten by a restart')
    return 'four kills'


def test_rotation_plugged_in(env):
    """Other files in --ca-dir: the issuer before is kept until all have the new root, over restarts, and for an abort."""
    first, other, live = (dev_ca(env.folder + '/' + name) for name in ('first', 'other', 'live'))
    for name in ('ca-key.pem', 'ca-cert.pem', 'cert-chain.pem', 'root-cert.pem'):
        shutil.copy(first + '/' + name, live)
    one = Identity(env, {'a.yaml': NAMESPACE}, ['--ca-dir', live])
    ca = env.folder + '/both.pem'
    with open(ca, 'w') as f:
        f.write(open(first + '/root-cert.pem').read() + open(other + '/root-cert.pem').read())
    a = one.machine('default', 'a', ca=ca)
    before = issuer_of(a)
    for name in ('ca-key.pem', 'ca-cert.pem', 'cert-chain.pem', 'root-cert.pem'):
        shutil.copy(other + '/' + name, live)
    phase(one, 'distributing')
    need(os.stat(one.state + '/ca-old/ca-key.pem').st_mode & 0o777 == 0o600, 'others may read the old key')
    restart(one)
    need(renew(one, a, ca).count('BEGIN') == 2 and issuer_of(a) == before, 'issued from what not all have')
    navctl(one, 'abort', want=0)
    restart(one)
    answer = navctl(one, want=1)
    need(answer['rotation']['aborted'] and answer['findings'][0]['code'] == 'NAV0709', 'the abort is forgotten: %s' % answer)
    renew(one, a, ca)
    need(issuer_of(a) == before, 'issued from what was aborted')
    navctl(one, 'rotate', want=0)
    phase(one, 'draining')
    renew(one, a, ca)
    need(issuer_of(a) != before, 'still issued from the old root')
    restart(one)
    phase(one, 'draining')

    offline = subprocess.run([NAVCTL, 'certs', '--ca-dir', live, '--trust-domain', 'cluster.local'], stdout=subprocess.PIPE)
    need(offline.returncode == 0 and b'intermediate' in offline.stdout, 'navctl certs --ca-dir: %s' % offline.stdout)
    shutil.copy(first + '/ca-key.pem', live)
    offline = subprocess.run([NAVCTL, 'certs', '--ca-dir', live], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    need(offline.returncode == 1 and b'not that of the certificate' in offline.stderr, 'a wrong key: %s' % offline.stderr)


DATED = '''[ca]
default_ca = x
[x]
database = %(dir)s/index
serial = %(dir)s/serial
new_certs_dir = %(dir)s
default_md = sha256
policy = p
x509_extensions = e
unique_subject = no
[p]
commonName = optional
[e]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
'''


def dated_root(folder, name, begin, end):
    """A root that is good from `begin` to `end` (time.time()), PEM."""
    path = '%s/%s' % (folder, name)
    os.makedirs(path)
    for file, text in (('conf', DATED % {'dir': path}), ('index', ''), ('serial', '01\n')):
        with open(path + '/' + file, 'w') as f:
            f.write(text)
    stamp = lambda t: time.strftime('%Y%m%d%H%M%SZ', time.gmtime(t))
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path + '/key')
    openssl('req', '-new', '-key', path + '/key', '-subj', '/CN=' + name, '-out', path + '/csr')
    openssl('ca', '-batch', '-selfsign', '-notext', '-config', path + '/conf', '-keyfile', path + '/key', '-in', path + '/csr', '-out',
            path + '/cert', '-startdate', stamp(begin), '-enddate', stamp(end))
    return open(path + '/cert').read()


def test_rotation_roots_out_of_date(env):
    """Beside the root that is issued from one that is past, one to come and one that ends soon: the daemon starts, says so,
    gives out those that are in date, and follows the clock; with none in date it does not start, and says what to do."""
    ca, now = dev_ca(env.folder + '/ca'), time.time()
    with open(ca + '/root-cert.pem') as f:
        good = f.read()
    with open(ca + '/root-cert.pem', 'w') as f:
        f.write(dated_root(env.folder, 'past', now - 9000, now - 3600) + good + dated_root(env.folder, 'soon', now + 7, now + 9000) +
                dated_root(env.folder, 'short', now - 9000, now + 6))
    one = Identity(env, {'a.yaml': NAMESPACE}, ['--ca-dir', ca])
    first = navctl(one, want=1)
    roles = lambda answer: {c['subject'].split('CN = ')[1]: c['role'] for c in answer['roots']}
    need(roles(first) == {'root': 'signer', 'short': 'trusted', 'past': 'left out', 'soon': 'left out'}, 'roots: %s' % roles(first))
    need({'NAV0701', 'NAV0703'} <= {f['code'] for f in first['findings']}, 'findings: %s' % first['findings'])
    text = one.navarchd.fetch('metrics', '/metrics')[1]
    need('navarch_roots{state="left_out"} 2' in text and 'navarch_roots{state="trusted"} 2' in text, 'metrics')
    a = one.machine('default', 'a', ca=ca + '/root-cert.pem')
    await_('the roots to follow the clock', lambda: roles(navctl(one)) == {
        'root': 'signer', 'soon': 'trusted', 'past': 'left out', 'short': 'left out'})
    need(renew(one, a, ca + '/root-cert.pem').count('BEGIN') == 2, 'not two roots')
    one.navarchd.stop()
    with open(ca + '/root-cert.pem', 'w') as f:
        f.write(open(env.folder + '/past/cert').read())
    log = len(one.navarchd.text())
    try:
        one.navarchd.start()
    except Failed:
        pass
    need('/ca/root-cert.pem: no root is in date: /CN=past is good from' in one.navarchd.text(log), one.navarchd.text(log))


def test_rotation_agent(env):
    """An agent, started with a file of the old root only, comes through a rotation: its roots, its certificate, its CA."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    one.ca = shutil.copy(one.ca, env.folder + '/first.pem')
    agent = env.started(Agent(one, 'db', *SHORT, envoy='none')).await_ready()
    navctl(one, 'rotate', want=0)
    phase(one, 'draining')
    roots = chain_of(agent.secrets('ROOTCA')[-1]['ROOTCA'])[0]
    need(roots.count('BEGIN') == 2, 'the agent has %d roots' % roots.count('BEGIN'))

    n = agent.certificates()
    await_('renewals from the new root', lambda: agent.certificates() > n + 2)
    holder, = (c for c in navctl(one)['roots'] if c['role'] == 'signer')
    need(holder['lastCertificateUntil'], 'nothing was issued from the new root')
    need('no new certificate' not in agent.text(), agent.text()[-1000:])


class RootsClient:
    """A proxy without an agent: ROOTCA over delta SDS, acknowledged when it is told to."""

    def __init__(self, one, machine, ns, sa):
        self.requests, self.roots, self.nonces, self.failed = queue.Queue(), [], [], None
        self.requests.put(field(1, node_of(ns, sa)) + field(2, SECRET) + field(3, 'ROOTCA'))
        self.client = one.client(machine=machine)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            for response in self.client.grpc().stream_stream('/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets')(
                    iter(self.requests.get, None)):
                parts = list(fields(response))
                for resource in (dict(fields(v)) for n, v in parts if n == 2):
                    self.roots.append(chain_of(dict(fields(resource[2]))[2])[0])
                self.nonces += [v for n, v in parts if n == 5]
        except Exception as e:                                      # noqa: BLE001
            self.failed = e

    def acknowledge(self):
        self.requests.put(field(2, SECRET) + field(6, self.nonces[-1]))

    def stop(self):
        self.requests.put(None)
        self.client.close()
        self.thread.join(5)


def test_rotation_roots_by_sds(env):
    """Who has ROOTCA from navarchd itself holds a rotation up until it has acknowledged the new roots."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    proxy = env.started(RootsClient(one, one.machine('default', 'a'), 'default', 'a'))
    await_('the roots', lambda: proxy.roots)
    need(proxy.roots[0] == open(one.ca).read(), 'other roots')
    proxy.acknowledge()
    navctl(one, 'rotate', want=0)
    await_('the new roots', lambda: len(proxy.roots) == 2)
    need(proxy.roots[1].count('BEGIN') == 2, 'roots: %s' % proxy.roots[1])
    r = phase(one, 'distributing')
    need(r['behind'] == 1 and r['waitsFor'] == ['pod.default'], 'it is not waited for: %s' % r)
    need(navctl(one)['proxies'][0]['state'] == 'behind', 'its row')
    proxy.acknowledge()
    phase(one, 'draining')
    need(navctl(one)['proxies'][0]['state'] == 'has it', 'its row')


def test_rotation_roots_by_rest(env):
    """GET /v1/roots gives a workload the new roots before its renewal, and ?have= says that it has them."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    a = one.machine('default', 'a')
    navctl(one, 'rotate', want=0)
    status, body = one.client(machine=a).http('GET', '/v1/roots')
    need(status == 200 and json.loads(body)['roots'].count('BEGIN') == 2, '%s %s' % (status, body))
    need(phase(one, 'distributing')['away'] == 1, 'asking alone counts')
    need(one.client(machine=a).http('GET', '/v1/roots?have=99')[0] == 200 and phase(one, 'distributing')['away'] == 1, 'a bundle to come')
    need(one.client(machine=a).http('GET', '/v1/roots?have=%d' % json.loads(body)['bundle'])[0] == 200, 'have')
    phase(one, 'draining')


def test_rotation_agent_looks_for_roots(env):
    """An agent whose certificate is good for hours gets the new root between renewals, and says that it has it."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    agent = env.started(Agent(one, 'db', '--roots-every', '1s', envoy='none')).await_ready()
    navctl(one, 'rotate', want=0)
    phase(one, 'draining')
    need(chain_of(agent.secrets('ROOTCA')[-1]['ROOTCA'])[0].count('BEGIN') == 2, 'the roots are not on its socket')
    need(agent.certificates() == 1, 'it was renewed meanwhile')
