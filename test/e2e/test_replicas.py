# SPDX-License-Identifier: Apache-2.0
"""Two navarchds with one CA: what one signs the other takes, a rotation goes through both, either may die."""
import json
import shutil
import signal
import subprocess
import threading

from harness import NAVARCHD, await_, free_port, need
from identity import Identity, Machine
from test_agent import NAMESPACE, SHORT, STRICT, Agent, Load
from test_identity import dev_ca
from test_rotation import issuer_of, navctl, phase, renew, restart, rotation

FILES = ('ca-key.pem', 'ca-cert.pem', 'cert-chain.pem')


class Pair:
    """A development CA in a directory, its successor, and two navarchds that issue from that directory."""

    def __init__(self, env, files, *more):
        self.first, self.next, self.live = (dev_ca('%s/%s' % (env.folder, name)) for name in ('first', 'next', 'live'))
        self.roots = [open(d + '/root-cert.pem').read() for d in (self.first, self.next)]
        self.put(self.first)
        self.put_roots(self.roots[0])
        self.both = [Identity(env, files, ['--ca-dir', self.live, *more], name, name + '-state') for name in ('alpha', 'beta')]
        self.trusted = env.folder + '/trusted.pem'      # of clients that know what is to come
        with open(self.trusted, 'w') as f:
            f.write(''.join(self.roots))
        for one in self.both:
            one.ca = self.trusted
            one.navarchd.more += ['--secure-address', '127.0.0.1:%d' % one.navarchd.ports['secure']]      # after a restart too

    def put_roots(self, *roots):
        with open(self.live + '/new', 'w') as f:
            f.write(''.join(roots))
        shutil.move(self.live + '/new', self.live + '/root-cert.pem')

    def put(self, ca):
        for name in FILES:
            shutil.copy(ca + '/' + name, self.live)

    def await_(self, what, condition):
        await_(what, lambda: all(condition(rotation(one)) for one in self.both), deadline_s=40)


def test_replicas_rotate(env):
    """The steps of lib/ca/README.md for a shared CA, under load between workloads of different replicas, each of which is
    killed once in the middle: no request fails, and both end with the new root."""
    backend = env.backend('server', '127.0.0.1')
    ports = {'port': free_port(), 'egress': free_port(), 'backend': backend.port}
    pair = Pair(env, {'a.yaml': NAMESPACE, 'strict.yaml': STRICT % ports})
    alpha, beta = pair.both
    a = alpha.machine('default', 'a')
    before = issuer_of(a)
    renew(beta, a, pair.trusted)                        # by the certificate of the other one
    need(issuer_of(a) == before, 'two issuers')

    agents = [env.started(Agent(one, name, *SHORT, '--roots-every', '1s', '--drain', '0s', ip=ip))
              for one, name, ip in ((alpha, 'server', '127.0.1.1'), (beta, 'client', '127.0.0.1'))]
    for agent in agents:
        agent.await_ready()
    load = Load(ports['egress'])
    await_('a request over mutual TLS', lambda: load.n > len(load.bad))
    load.bad.clear()

    pair.put_roots(*pair.roots)
    pair.await_('the new root announced', lambda r: r['phase'] == 'announced')
    for one in pair.both:                               # neither knows what the other one has given out since
        renew(one, a, pair.trusted)
    pair.await_('all to have it', lambda r: not r['behind'] and not r['away'])
    alpha.navarchd.stop(signal.SIGKILL)
    n = agents[1].certificates()
    await_('renewals by the one that lives', lambda: agents[1].certificates() > n + 1)
    pair.put(pair.next)
    phase(beta, 'draining')
    b = beta.machine('default', 'b')
    need(issuer_of(b) != before, 'still issued from the old root')
    alpha.navarchd.start()                              # which finds other files than it knew, and its own state
    pair.await_('the other one to follow', lambda r: r['phase'] == 'draining')
    renew(alpha, b, pair.trusted)
    renew(alpha, a, pair.trusted)                       # whose certificate is of the old root
    need(issuer_of(a) == issuer_of(b) != before, 'two issuers in the end')
    restart(beta)
    n = [agent.certificates() for agent in agents]
    await_('renewals from the new root', lambda: all(agent.certificates() > was + 1 for agent, was in zip(agents, n)))
    load.stop()
    need(not load.bad, '%d of %d failed: %s' % (len(load.bad), load.n, load.bad[:1]))
    pair.put_roots(pair.roots[1])
    for one in pair.both:
        await_('the old root to be on its way out', lambda: [c['role'] for c in navctl(one)['roots'] if not c['inFiles']] == ['old'])
    return '%d requests' % load.n


def test_replicas_wait(env):
    """With --ca-shared each gives out the new root at once and issues from the old one for as long as a certificate of the
    other one may live without it; a restart forgets nothing of that."""
    pair = Pair(env, {'a.yaml': NAMESPACE}, '--ca-shared')
    machines = [one.machine('default', one.navarchd.name) for one in pair.both]
    before = issuer_of(machines[0])
    pair.put_roots(*pair.roots)
    pair.put(pair.next)
    pair.await_('both to give out the new root', lambda r: r['phase'] == 'distributing')
    for one, machine in zip(pair.both, machines):
        need(renew(one, machine, pair.trusted).count('BEGIN') == 2, 'one root only')
    pair.both[0].navarchd.stop(signal.SIGKILL)
    pair.both[0].navarchd.start()
    for one, machine in zip(pair.both, reversed(machines)):
        r = rotation(one)
        # the last answer before the kill may not have arrived
        need(r['shared'] and r['phase'] == 'distributing' and not r['behind'] and r['away'] == (one is pair.both[0]) and r['waitsUntil'],
             'it does not wait: %s' % r)
        renew(one, machine, pair.trusted)
        need(issuer_of(machine) == before, 'issued from what the other one\'s workloads may not have')


def test_replicas_join_tokens(env):
    """A token is of the replica whose --state-dir it was made in, and good once, however many ask at once."""
    alpha, beta = Pair(env, {'a.yaml': NAMESPACE}).both
    token, machine, answers = alpha.join_token('default', 'vm'), Machine(env.folder, 'vm'), []
    need(beta.client(token=token).certificate(machine.csr)[0] == 401, 'a token of the other one')
    asks = [threading.Thread(target=lambda: answers.append(alpha.client(token=token).certificate(machine.csr))) for _ in range(12)]
    for ask in asks:
        ask.start()
    for ask in asks:
        ask.join()
    got = [body for status, body in answers if status == 200]
    need(len(got) == 1 and {status for status, _ in answers} == {200, 401}, 'answers: %s' % sorted(status for status, _ in answers))
    machine.take(json.loads(got[0])['chain'])
    need(beta.client(machine=machine).certificate(machine.csr)[0] == 200, 'its certificate is not taken by the other one')


def test_replicas_have_a_state_each(env):
    """A second navarchd with the --state-dir of one that runs does not start, and says why; after its death it does."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    second = [NAVARCHD, '--config-dir', one.navarchd.config, '--state-dir', one.state, '--secure-address', '127.0.0.1:0', '--xds-address',
              '127.0.0.1:0', '--admin-address', '127.0.0.1:0', '--metrics-address', '127.0.0.1:0']
    tried = subprocess.run(second, capture_output=True, timeout=20)
    need(tried.returncode and b'lock: process %d has it' % one.navarchd.popen.pid in tried.stderr, tried.stderr.decode())
    a = one.machine('default', 'a')
    restart(one)
    renew(one, a, one.ca)
