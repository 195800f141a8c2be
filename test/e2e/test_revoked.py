# SPDX-License-Identifier: Apache-2.0
"""Certificates that the CA has revoked: the lists beside a plugged-in CA reach every proxy, a bad list none."""
import subprocess

from harness import ask, await_, free_port, need
from identity import NAVCTL, Identity, Machine, openssl
from test_agent import NAMESPACE, STRICT, Agent
from test_identity import dev_ca, node_of
from test_rotation import RootsClient, navctl, restart
from xds_client import fields

CONFIG = '''[ca]
default_ca = x
[x]
database = %(dir)s/%(name)s.index
crlnumber = %(dir)s/%(name)s.number
default_md = sha256
crl_extensions = e
[e]
authorityKeyIdentifier = keyid
'''


class Lists:
    """The lists of a development CA's root and intermediate."""

    def __init__(self, folder, config=CONFIG):
        self.dir, self.revoked = folder, {'root': [], 'ca': []}
        for name in self.revoked:
            with open('%s/%s.cnf' % (folder, name), 'w') as f:
                f.write(config % {'dir': folder, 'name': name})
            with open('%s/%s.number' % (folder, name), 'w') as f:
                f.write('01\n')

    def revoke(self, name, cert):
        self.revoked[name].append(openssl('x509', '-in', cert, '-noout', '-serial').decode().strip().split('=')[1])

    def list(self, name, *more):
        """PEM; `more` as openssl ca has it, good for two days if nothing is said."""
        with open('%s/%s.index' % (self.dir, name), 'w') as f:
            f.writelines('R\t400101000000Z\t200101000000Z\t%s\tunknown\t/CN=x\n' % serial for serial in self.revoked[name])
        return openssl('ca', '-gencrl', '-config', '%s/%s.cnf' % (self.dir, name), '-cert', '%s/%s-cert.pem' % (self.dir, name),
                       '-keyfile', '%s/%s-key.pem' % (self.dir, name), *(more or ('-crldays', '2'))).decode()

    def put(self, *texts):
        with open(self.dir + '/new', 'w') as f:
            f.write(''.join(texts if texts else (self.list('root'), self.list('ca'))))
        subprocess.run(['mv', self.dir + '/new', self.dir + '/ca-crl.pem'], check=True)


def crl_of(secret):
    """The lists in a ROOTCA, or None."""
    context = dict(fields(dict(fields(secret))[4]))
    return dict(fields(context[7]))[2].decode() if 7 in context else None


def findings(one):
    return {f['code']: f['message'] for f in navctl(one)['findings']}


def test_revoked_peer(env):
    """Two agents with Envoys under STRICT: who is put on the CA's list is refused, by Envoy and by navarchd; bad lists
    change nothing, over restarts too; without a list all are taken again."""
    backend = env.backend('server', '127.0.0.1')
    ports = {'port': free_port(), 'egress': free_port(), 'backend': backend.port}
    ca = dev_ca(env.folder + '/ca')
    lists = Lists(ca)
    lists.put()
    one = Identity(env, {'a.yaml': NAMESPACE, 'strict.yaml': STRICT % ports}, ['--ca-dir', ca, '--secure-address', '127.0.0.1:%d' % free_port()])
    one.ca = ca + '/root-cert.pem'
    watch = ('--roots-every', '1s', '--drain', '0s')
    server = env.started(Agent(one, 'server', *watch, ip='127.0.1.1'))
    client = env.started(Agent(one, 'client', *watch, '--cert-dir', env.folder + '/kept')).await_ready()
    server.await_ready()
    call = lambda: ask(ports['egress'], host='server.test').status
    await_('a request over mutual TLS', lambda: call() == 200)
    need(crl_of(server.secrets('ROOTCA')[-1]['ROOTCA']), 'the agent began without the lists')
    need(navctl(one, want=0)['crl']['lists'] == 2, 'navctl does not know of them')

    # bad ones: damaged, out of date, by somebody of that name
    other = Lists(dev_ca(env.folder + '/other'), CONFIG.replace('crl_extensions', '#'))
    stale = lists.list('ca', '-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', '20200102000000Z')
    lists.revoke('ca', env.folder + '/kept/cert-chain.pem')
    good = (lists.list('root'), lists.list('ca'))
    for why, texts in (('without its end', (good[0], good[1][:-40])), ('out of date', (good[0], stale)),
                       ('has a list by its name that it has not signed', (good[0], other.list('ca')))):
        lists.put(*texts)
        await_('the complaint "%s"' % why, lambda: why in findings(one).get('NAV0710', ''))
    log = len(one.navarchd.text())
    restart(one)
    need('NAV0710' in findings(one) and navctl(one)['crl']['revoked'] == 0, 'the lists before are gone: %s' % findings(one))
    tried = subprocess.run([NAVCTL, 'certs', '--ca-dir', ca], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    need(tried.returncode == 1 and b'ca-crl.pem' in tried.stderr, 'navctl certs --ca-dir: %s' % tried.stderr)
    need(call() == 200, 'a bad list cut the client off')
    streams = lambda how: one.navarchd.text(log).count('~client.default~default.svc.cluster.local ' + how)
    await_('the client\'s stream', lambda: streams('connected') > streams('disconnected'))

    # good ones, in which the client is
    machine = Machine(env.folder, 'stolen')
    for part, to in (('cert-chain.pem', machine.cert), ('key.pem', machine.key)):
        with open(env.folder + '/kept/' + part) as f, open(to, 'w') as g:
            g.write(f.read())
    proxy = env.started(RootsClient(one, one.machine('default', 'b', ca=one.ca), 'default', 'b'))
    await_('the roots', lambda: proxy.roots)
    proxy.acknowledge()
    lists.put(*good)
    await_('the refusal by the server\'s Envoy', lambda: call() == 503)
    await_('the refusal by navarchd', lambda: one.client(machine=machine, ca=one.ca).certificate(machine.csr)[0] == 0)
    need('NAV0710' not in findings(one) and navctl(one)['crl']['revoked'] == 1, 'findings: %s' % findings(one))
    await_('another ROOTCA over SDS', lambda: len(proxy.roots) > 1)
    need(streams('connected') == streams('disconnected'), 'the client\'s stream goes on')
    restart(one)
    need(one.client(machine=machine, ca=one.ca).certificate(machine.csr)[0] == 0, 'forgotten by a restart')
    need(call() == 503, 'the client is taken')

    lists.put('\n')
    await_('the lists to be gone', lambda: 'crl' not in navctl(one))
    await_('a request again', lambda: call() == 200)
    need(crl_of(server.secrets('ROOTCA')[-1]['ROOTCA']) is None, 'the agent has the lists still')
