# SPDX-License-Identifier: Apache-2.0
"""navagent: identities for Envoys, secrets on a socket, and mutual TLS between workloads."""
import json
import os
import queue
import signal
import threading
import time

import grpc

from harness import BUILD, ENVOY, Process, ask, await_, free_port, need
from identity import Identity, Machine, openssl
from xds_client import field, fields

NAVAGENT = os.environ.get('NAVAGENT') or BUILD + '/navagent'
NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n'
SHORT = ['--ttl', '60s', '--grace-ratio', '0.97']         # a renewal every two seconds
SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'


class Agent(Process):
    """A navagent of navarchd's, of service account `name`, with a join token; `more` are further arguments."""

    def __init__(self, one, name, *more, ip='127.0.0.1', envoy=ENVOY):
        self.run, self.name = '%s/%s' % (one.env.folder, name), name
        self.token = '%s/%s.join' % (one.env.folder, name)
        with open(self.token, 'w') as f:
            f.write(one.join_token('default', name) + '\n')
        if os.path.exists(self.run + '.ports'):
            os.unlink(self.run + '.ports')
        super().__init__(name, [
            NAVAGENT, '--xds-address', 'localhost:%d' % one.navarchd.ports['secure'], '--ca-file', one.ca, '--join-token-file', self.token,
            '--ip', ip, '--name', name, '--service-account', name, '--label', 'app=' + name, '--metadata', 'INTERCEPTION_MODE=NONE',
            '--envoy', envoy, '--admin-address', '127.0.0.1:0', '--status-address', '127.0.0.1:0', '--ready-address', '127.0.0.1:0',
            '--concurrency', '1', '--port-file', self.run + '.ports', '--run-dir', self.run, *more], one.env.folder)
        self.port = await_('the ports of ' + name, lambda: self.alive() and os.path.exists(self.run + '.ports') and
                           json.load(open(self.run + '.ports')))[0]

    def fetch(self, path, method='GET'):
        answer = ask(self.port, path, method=method, host='localhost')
        return answer.status, answer.body

    def await_ready(self):
        await_('%s to be ready' % self.name, lambda: self.alive() and self.fetch('/healthz/ready')[0] == 200)
        return self

    def certificates(self):
        return self.text().count('a certificate for')

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
    agent = env.started(Agent(one, 'db', *SHORT, envoy='none')).await_ready()
    got = {}
    for delta in (False, True):
        for answer in agent.secrets('default', 'ROOTCA', delta=delta):
            got.update(answer)
        need(sorted(got) == ['ROOTCA', 'default'], 'delta %s: %s' % (delta, sorted(got)))
    chain, key = chain_of(got['default'])
    need(uri_of(chain) == 'spiffe://cluster.local/ns/default/sa/db', 'SAN: %s' % uri_of(chain))
    need(chain_of(got['ROOTCA'])[0].strip() == open(one.ca).read().strip(), 'the roots are others')
    need(openssl('pkey', '-pubout', data=key.encode()) == openssl('x509', '-noout', '-pubkey', data=chain.encode()), 'the key')
    need(oct(os.stat(agent.run + '/sds.sock').st_mode & 0o777) == '0o600', 'the mode of the socket')

    await_('a renewal', lambda: chain_of(agent.secrets('default')[-1]['default'])[0] != chain)
    need(agent.certificates() > 1 and 'no new certificate' not in agent.text(), agent.text())

    machine = one.machine('default', 'a')
    name = 'file-cert:%s~%s' % (machine.cert, machine.key)
    need(chain_of(agent.secrets(name, 'file-root:' + one.ca)[-1][name])[0] == open(machine.cert).read(), 'the file')
    before = open(machine.cert).read()
    machine.take([one.machine('default', 'b').text() and open(one.machine('default', 'b').cert).read()])
    await_('the complaint', lambda: 'not that of the certificate' in agent.text())
    need(chain_of(agent.secrets(name)[-1][name])[0] == before, 'a pair that does not fit is served')
    for secret in (open(agent.token).read().strip(), key.splitlines()[1]):
        need(secret not in agent.text() + one.navarchd.text(), 'a secret is in a log')


def test_agent_proofs(env):
    """A token from a file that is replaced; a pair that lives on in a directory, without navarchd too."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    token, kept = env.folder + '/token', env.folder + '/kept'
    with open(token, 'w') as f:
        f.write(one.issuer.token('default', 'web', exp=int(time.time()) - 10))
    agent = env.started(Agent(one, 'web', '--token-file', token, envoy='none'))
    await_('the refusal', lambda: 'answers 401' in agent.text())
    need(agent.fetch('/healthz/ready')[0] == 503, 'it is ready without a certificate')
    with open(token, 'w') as f:
        f.write(one.issuer.token('default', 'web'))
    agent.await_ready()
    need(uri_of(chain_of(agent.secrets('default')[0]['default'])[0]) == 'spiffe://cluster.local/ns/default/sa/web', 'the identity')

    agent = env.started(Agent(one, 'vm', '--cert-dir', kept, envoy='none')).await_ready()
    chain = chain_of(agent.secrets('default')[0]['default'])[0]
    need(oct(os.stat(kept + '/key.pem').st_mode & 0o777) == '0o600' and oct(os.stat(kept).st_mode & 0o777) == '0o700', 'modes')
    agent.stop()
    one.navarchd.stop()
    again = env.started(Agent(one, 'vm', '--cert-dir', kept, envoy='none')).await_ready()
    need(chain_of(again.secrets('default')[0]['default'])[0] == chain, 'another certificate')
    again.stop()
    with open(kept + '/key.pem', 'w') as f:
        f.write(open(Machine(env.folder, 'other').key).read())
    broken = env.started(Agent(one, 'vm', '--cert-dir', kept, envoy='none'))
    await_('the complaint', lambda: 'not used: the key is not that of the certificate' in broken.text())
    need(broken.fetch('/healthz/ready')[0] == 503, 'a pair that does not fit is used')


STRICT = '''apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: server, namespace: default}
spec:
  workloadSelector: {labels: {app: server}}
  ingress:
    - port: {number: %(port)d, name: http, protocol: HTTP}
      bind: 127.0.1.1
      captureMode: NONE
      defaultEndpoint: 127.0.0.1:%(backend)d
  egress: [{hosts: ["~/*"]}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: client, namespace: default}
spec:
  workloadSelector: {labels: {app: client}}
  egress:
    - port: {number: %(egress)d, name: http, protocol: HTTP}
      bind: 127.0.0.1
      captureMode: NONE
      hosts: [default/server.test]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: server, namespace: default}
spec:
  hosts: [server.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: %(egress)d, name: http, protocol: HTTP, targetPort: %(port)d}]
  endpoints: [{address: 127.0.1.1, serviceAccount: server, labels: {app: server, security.istio.io/tlsMode: istio}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: server, namespace: default}
spec:
  host: server.test
  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}
'''


INGRESS = '''apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: app, namespace: default}
spec:
  workloadSelector: {labels: {app: app}}
  ingress:
    - port: {number: %d, name: http, protocol: HTTP}
      bind: 127.0.0.1
      captureMode: NONE
      defaultEndpoint: 127.0.0.1:%d
'''


class Load:
    """Requests one after another until stop(): the answers that are not 200."""

    def __init__(self, port):
        self.bad, self.n, self.going = [], 0, True

        def run():
            while self.going:
                answer = ask(port, host='server.test')
                self.n += 1
                if answer.status != 200:
                    self.bad.append(answer)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def stop(self):
        self.going = False
        self.thread.join()


def xfcc(request):
    """{field: value} of the peer that a server's Envoy saw."""
    return dict(part.split('=', 1) for part in request.headers.get('x-forwarded-client-cert', '').split(',')[0].split(';') if part)


def test_agent_mutual_tls(env):
    """Two agents with Envoys under STRICT: who calls is seen, plaintext is refused; leaves change, navarchd dies and
    comes back: traffic goes on."""
    backend = env.backend('server', '127.0.0.1')
    ports = {'port': free_port(), 'egress': free_port(), 'backend': backend.port}
    one = Identity(env, {'a.yaml': NAMESPACE, 'strict.yaml': STRICT % ports}, ['--secure-address', '127.0.0.1:%d' % free_port()])
    server = env.started(Agent(one, 'server', *SHORT, '--drain', '0s', ip='127.0.1.1'))
    client = env.started(Agent(one, 'client', *SHORT, '--drain', '0s')).await_ready()
    server.await_ready()
    call = lambda: ask(ports['egress'], host='server.test')
    await_('a request over mutual TLS', lambda: call().status == 200)
    seen = xfcc(backend.seen[-1])
    need(seen.get('URI') == 'spiffe://cluster.local/ns/default/sa/client' and
         seen.get('By') == 'spiffe://cluster.local/ns/default/sa/server', 'the peer is seen as %s' % seen)
    n = len(backend.seen)
    answer = ask(ports['port'], host='server.test', ip='127.0.1.1')
    need(answer.status == 0 and len(backend.seen) == n, 'plaintext got %s' % (answer,))

    load, before = Load(ports['egress']), [a.certificates() for a in (client, server)]
    await_('renewals under load', lambda: all(a.certificates() >= b + 2 for a, b in zip((client, server), before)))
    one.navarchd.stop(signal.SIGKILL)
    await_('renewals that fail', lambda: all(a.text().count('no new certificate') > 1 for a in (client, server)))
    need(not load.bad, '%d of %d failed: %s' % (len(load.bad), load.n, load.bad[:1]))
    one.navarchd.start()
    before = client.certificates()
    await_('renewals by the new navarchd', lambda: client.certificates() > before)
    load.stop()
    need(not load.bad, '%d of %d failed: %s' % (len(load.bad), load.n, load.bad[:1]))
    leaves = {xfcc(r)['Hash'] for r in backend.seen}
    need(len(leaves) >= 3, '%d different leaves in %d requests' % (len(leaves), load.n))
    return '%d requests, %d leaves' % (load.n, len(leaves))


def envoy_of(agent):
    return int(agent.text().rsplit('envoy: process ', 1)[1].split()[0])


def alive(pid):
    """Does it run? One that nobody waits for does not."""
    try:
        return open('/proc/%d/stat' % pid).read().rsplit(') ', 1)[1][0] != 'Z'
    except OSError:
        return False


def test_agent_life(env):
    """An Envoy that is killed is started again; metrics are Envoy's and our own; at the end requests under way finish, and
    an agent that is killed leaves no Envoy behind."""
    backend, port = env.backend('app', '127.0.0.1'), free_port()
    one = Identity(env, {'a.yaml': NAMESPACE, 'app.yaml': INGRESS % (port, backend.port)})
    agent = env.started(Agent(one, 'app', '--drain', '1s', '--drain-max', '20s')).await_ready()
    call = lambda host='app.test': ask(port, host=host)
    await_('a request', lambda: call().status == 200)
    first = envoy_of(agent)
    os.kill(first, signal.SIGKILL)
    await_('another Envoy', lambda: envoy_of(agent) != first)
    agent.await_ready()
    await_('a request to it', lambda: call().status == 200)
    status, text = agent.fetch('/stats/prometheus')
    lines = dict(line.rsplit(' ', 1) for line in text.splitlines() if line and line[0] != '#')
    need(status == 200 and lines['navagent_envoy_starts_total'] == '2' and float(lines['navagent_certificate_expiry_seconds']) > time.time(),
         'our metrics: %s' % text[:500])
    need(lines['envoy_server_live{}'] == '1', 'Envoy\'s metrics are missing')

    go_on, answers = threading.Event(), []
    backend.answers['slow.test'] = lambda _: 200 if go_on.wait(20) else 500
    waiting = threading.Thread(target=lambda: answers.append(call('slow.test')))
    waiting.start()
    await_('the slow request', lambda: any(r.headers['Host'] == 'slow.test' for r in backend.seen))
    began = time.monotonic()
    need(ask(agent.port, '/quitquitquit', headers={'Origin': 'http://evil.test'}, host='localhost', method='POST').status == 403, 'a page ends it')
    need(agent.fetch('/quitquitquit')[0] == 405 and agent.fetch('/quitquitquit', 'POST')[0] == 200, '/quitquitquit')
    need(agent.fetch('/healthz/ready')[0] == 503, 'it is ready while it drains')
    need(call().status == 200, 'it does not serve while it drains')
    await_('2 s', lambda: time.monotonic() > began + 2)
    need(agent.popen.poll() is None and not answers, 'it did not wait for the request under way')
    go_on.set()
    waiting.join()
    need(answers[0].status == 200, 'the request under way: %s' % (answers[0],))
    need(agent.popen.wait(10) == 0, 'it ended with %d' % agent.popen.returncode)
    need(not alive(envoy_of(agent)), 'Envoy is left behind')

    agent = env.started(Agent(one, 'app')).await_ready()
    last = envoy_of(agent)
    agent.stop(signal.SIGKILL)
    await_('Envoy to go with its agent', lambda: not alive(last))


def test_agent_runs_a_program(env):
    """It starts when Envoy serves, ends when nobody calls any more, before Envoy does; its status is the agent's."""
    backend, port = env.backend('app', '127.0.0.1'), free_port()
    one = Identity(env, {'a.yaml': NAMESPACE, 'app.yaml': INGRESS % (port, backend.port)})
    call = 'curl -s -o /dev/null -w "%%{http_code} " -H "Host: $1.test" http://127.0.0.1:%d/' % port
    script = 'call() { %s; }; call begin; trap "call end; exit 5" TERM; while :; do sleep 0.05; done' % call
    agent = env.started(Agent(one, 'app', '--drain', '0s', 'run', '--', 'sh', '-c', script))
    await_('its first call', lambda: [r for r in backend.seen if r.headers['Host'] == 'begin.test'])
    agent.popen.terminate()
    need(agent.popen.wait(15) == 5, 'status %s' % agent.popen.returncode)
    need('200 ' in agent.text() and [r for r in backend.seen if r.headers['Host'] == 'end.test'], 'its last call: %s' % agent.text())
    need(not alive(envoy_of(agent)), 'Envoy is left behind')
    agent = env.started(Agent(one, 'app', '--drain', '0s', 'run', '--', '/no/such/program'))
    need(agent.popen.wait(15) == 127, 'status %s' % agent.popen.returncode)
