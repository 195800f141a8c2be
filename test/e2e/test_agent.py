# SPDX-License-Identifier: Apache-2.0
"""navagent: identities for Envoys, secrets on a socket, and mutual TLS between workloads."""
import os
import queue

import grpc

from harness import BUILD, Process, await_, need
from identity import Identity, Machine, openssl
from xds_client import field, fields

NAVAGENT = os.environ.get('NAVAGENT') or BUILD + '/navagent'
NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n'
SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'


class Agent(Process):
    """A navagent of navarchd's; `more` are further arguments."""

    def __init__(self, one, name, *more):
        self.run = '%s/%s' % (one.env.folder, name)
        super().__init__(name, [NAVAGENT, '--ca-address', 'https://localhost:%d' % one.navarchd.ports['secure'], '--ca-file', one.ca,
                                '--run-dir', self.run, *more], one.env.folder)

    def secrets(self, *names, delta=False):
        """What the socket says about the names within a moment: [{name: secret}], one for each response."""
        method = '/envoy.service.secret.v3.SecretDiscoveryService/' + ('DeltaSecrets' if delta else 'StreamSecrets')
        request = b''.join(field(3, n) for n in names) + (field(2, SECRET) if delta else field(4, SECRET))
        out, requests = [], queue.Queue()       # which never ends: nor does the stream
        requests.put(request)
        with grpc.insecure_channel('unix:' + self.run + '/sds.sock') as channel:
            try:
                for answer in channel.stream_stream(method)(iter(requests.get, None), timeout=0.5):
                    any_of = [v for n, v in fields(answer) if n == 2]
                    if delta:
                        any_of = [dict(fields(r))[2] for r in any_of]
                    bodies = [dict(fields(a))[2] for a in any_of]
                    out.append({dict(fields(b))[1].decode(): b for b in bodies})
            except grpc.RpcError as e:
                need(e.code() == grpc.StatusCode.DEADLINE_EXCEEDED, 'SDS: %s' % e)
        return out


def join_file(one, ns, sa):
    path = '%s/%s-%s.join' % (one.env.folder, ns, sa)
    with open(path, 'w') as f:
        f.write(one.join_token(ns, sa) + '\n')
    return path


def chain_of(secret):
    """(certificate chain, private key) of a Secret, or (roots, None)."""
    inline = lambda source: dict(fields(source))[2].decode()
    parts = dict(fields(secret))
    if 2 in parts:
        pair = dict(fields(parts[2]))
        return inline(pair[1]), inline(pair[2])
    return inline(dict(fields(parts[4]))[1]), None


def uri_of(chain):
    text = openssl('x509', '-noout', '-ext', 'subjectAltName', data=chain.encode()).decode()
    return text.split('URI:')[1].strip()


def test_agent_secrets(env):
    """A join token becomes a certificate; SDS serves it, and files that change; nothing secret is logged."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    token = join_file(one, 'vms', 'db')
    agent = env.started(Agent(one, 'agent', '--join-token-file', token, '--grace-ratio', '0.97', '--ttl', '60s'))
    await_('the socket', lambda: agent.alive() and os.path.exists(agent.run + '/sds.sock'))
    got = {}
    for delta in (False, True):
        for answer in agent.secrets('default', 'ROOTCA', delta=delta):
            got.update(answer)
        need(sorted(got) == ['ROOTCA', 'default'], 'delta %s: %s' % (delta, sorted(got)))
    chain, key = chain_of(got['default'])
    need(uri_of(chain) == 'spiffe://cluster.local/ns/vms/sa/db', 'SAN: %s' % uri_of(chain))
    need(chain_of(got['ROOTCA'])[0].strip() == open(one.ca).read().strip(), 'the roots are others')
    need(openssl('pkey', '-pubout', data=key.encode()) == openssl('x509', '-noout', '-pubkey', data=chain.encode()), 'the key')
    need(oct(os.stat(agent.run + '/sds.sock').st_mode & 0o777) == '0o600', 'the mode of the socket')

    await_('a renewal', lambda: chain_of(agent.secrets('default')[-1]['default'])[0] != chain)
    need(agent.text().count('a certificate for') > 1 and 'no new certificate' not in agent.text(), agent.text())

    machine = one.machine('default', 'a')
    name = 'file-cert:%s~%s' % (machine.cert, machine.key)
    need(chain_of(agent.secrets(name, 'file-root:' + one.ca)[-1][name])[0] == open(machine.cert).read(), 'the file')
    before = open(machine.cert).read()
    machine.take([one.machine('default', 'b').text() and open(one.machine('default', 'b').cert).read()])
    await_('the complaint', lambda: 'not that of the certificate' in agent.text())
    need(chain_of(agent.secrets(name)[-1][name])[0] == before, 'a pair that does not fit is served')
    for secret in (open(token).read().strip(), key.splitlines()[1]):
        need(secret not in agent.text() + one.navarchd.text(), 'a secret is in a log')
