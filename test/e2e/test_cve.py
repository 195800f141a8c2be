# SPDX-License-Identifier: Apache-2.0
"""Advisories of meshes and of what they are made of, played against the running daemon: CA, tokens, identity, secrets.
Those that need no daemon are unit tests; test/cve.txt says which."""
import http.client
import os
import re
import socket
import threading

import grpc
import manifests
from certs import certificate
from harness import NAVARCHD, await_, need
from identity import NAVCTL, Identity, Machine
from test_agent import NAVAGENT, Agent
from test_gateway import shop
from test_identity import DEBUG, NAMESPACE, node_of
from xds_client import field, fields, node

SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'
FETCH = '/envoy.service.secret.v3.SecretDiscoveryService/FetchSecrets'
PRIVATE = re.compile(rb'-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}|"d"\s*:\s*"[A-Za-z0-9_-]{20}')
ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources'


def fetch_secret(client, who, name, deadline_s=5):
    """(grpc.StatusCode, names of the secrets that came, the whole answer without its nonce). What is not there is waited for."""
    request = field(2, who) + field(3, name) + field(4, SECRET)
    try:
        answer = client.grpc().unary_unary(FETCH)(request, metadata=client.metadata(), timeout=deadline_s)
    except grpc.RpcError as e:
        return e.code(), [], ''
    parts = [(n, v) for n, v in fields(answer) if n != 5]
    return grpc.StatusCode.OK, [dict(fields(dict(fields(v))[2]))[1].decode() for n, v in parts if n == 2], parts


def secrets_mesh(env):
    """A gateway of istio-system with a certificate of a Secret there, and another Secret in namespace other."""
    files, port = shop(env, {'v1': 100})
    cert = certificate(env.folder, 'shop.example.com')
    files['gateway.yaml'] = manifests.gateway(port, 'shop-cert')
    files['secret.yaml'] = manifests.secret('shop-cert', cert)
    files['other.yaml'] = manifests.secret('other-cert', cert).replace('istio-system', 'other')
    return Identity(env, files)


def test_cve_2021_34824_secrets_by_identity(env):
    """Istio: the cache of secrets did not know who asked. Whoever comes first, each gets what is its own."""
    one = secrets_mesh(env)
    gateway, thief = one.client(one.machine('istio-system', 'gateway')), one.client(one.machine('default', 'reviews'))
    name, router = 'kubernetes://shop-cert', node()
    forged = [router, node_of('default', 'reviews'), node(namespace='default'), node('router', 'gateway', 'default')]
    for turn in range(2):               # a cold cache, a warm one
        for who in forged:
            _, got, _ = fetch_secret(thief, who, name, 0.3)
            need(not got, 'turn %d: another identity got %s' % (turn, got))
        code, got, _ = fetch_secret(gateway, router, name)
        need(got == [name], 'the gateway itself got %s %s' % (code, got))
        need(fetch_secret(one.client(), router, name)[0] == grpc.StatusCode.UNAUTHENTICATED, 'nobody got an answer')
        for other in ('kubernetes://other/other-cert', 'kubernetes://other-cert', 'kubernetes://other/other-cert-cacert',
                      'kubernetes://../other/other-cert', 'kubernetes://istio-system/../other/other-cert'):
            need(not fetch_secret(gateway, router, other, 0.3)[1], '%s came' % other)


def test_cve_gateway_tls_ref_grant_order(env):
    """Istio: a secret was looked up before the question was judged, so the answer told whether it is there."""
    one = secrets_mesh(env)
    gateway = one.client(one.machine('istio-system', 'gateway'))
    there, absent = (fetch_secret(gateway, node(), 'kubernetes://other/%s' % name, 0.3) for name in ('other-cert', 'no-such-1'))
    strip = lambda answer: [(n, v) for n, v in answer[2] if n != 1] if isinstance(answer[2], list) else answer[2]
    need(there[0] == absent[0] and strip(there) == strip(absent), 'forbidden: %s, absent: %s' % (there, absent))


def test_cve_ghsa_6hw5_another_services_proxy(env):
    """Consul: who may speak for one service registered a proxy of another."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    reviews = one.client(one.machine('default', 'reviews'))
    for ns, sa, code in (('default', 'reviews', 'OK'), ('default', 'ratings', 'PERMISSION_DENIED'), ('prod', 'reviews', 'PERMISSION_DENIED')):
        got = reviews.ask(ADS, field(2, node_of(ns, sa)) + field(4, SECRET))
        need(got == grpc.StatusCode[code], '%s/%s: %s' % (ns, sa, got))


def test_cve_2022_23635_bytes_before_an_identity(env):
    """Istio: a message on 15012 from nobody crashed istiod. Nobody's messages are not even read."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    nobody, good = one.client(), one.client(token=one.issuer.token('default', 'a'))
    csr = Machine(env.folder, 'm').csr
    whole = field(1, csr) + field(4, field(1, field(1, 'x') + field(2, field(3, 'y'))))
    for n in list(range(0, 40)) + list(range(40, len(whole), 37)):
        for message in (whole[:n], whole[:n] + b'\xff' * 11, bytes(b ^ 255 for b in whole[:n])):
            try:
                nobody.grpc().unary_unary('/istio.v1.auth.IstioCertificateService/CreateCertificate')(message, timeout=5)
                need(False, 'nobody got a certificate')
            except grpc.RpcError as e:
                need(e.code() == grpc.StatusCode.UNAUTHENTICATED, '%d bytes: %s' % (n, e.code()))
    for body in (b'', b'{', b'[' * 5000, b'\0' * 100, os.urandom(3000)):
        need(nobody.http('POST', '/v1/certificates', body.decode('latin-1'))[0] == 401, 'nobody got further')
    need(isinstance(good.create(csr), list), 'a good caller gets none')
    need(one.navarchd.popen.poll() is None, 'navarchd ended')


def test_cve_2026_31838_debug_types(env):
    """Istio: what the debug pages show came over xDS too, as types of its own, to anybody."""
    one = Identity(env, {'a.yaml': NAMESPACE, 's.yaml': manifests.service('canary', 1, ('v1',))})
    pod = one.client(one.machine('default', 'a'))
    plain = grpc.insecure_channel('127.0.0.1:%d' % one.navarchd.ports['xds'])
    for kind in ('istio.io/debug', 'istio.io/debug/syncz', 'istio.io/connections', 'istio.io/debug/configz',
                 'type.googleapis.com/istio.v1.debug', 'type.googleapis.com/istio.networking.v1alpha3.VirtualService',
                 'networking.istio.io/v1alpha3/ServiceEntry'):
        for channel in (pod.grpc(), plain):
            request, got = field(2, node_of('default', 'a')) + field(4, kind) + field(3, 'configz'), []
            try:
                got = list(channel.stream_stream(ADS)(iter([request]), timeout=0.3))
            except grpc.RpcError as e:
                need(e.code() != grpc.StatusCode.INTERNAL, '%s: %s' % (kind, e))
            need(not any(b'canary' in answer for answer in got), '%s shows objects' % kind)
    plain.close()


class Listener:
    """Counts who connects to it."""

    def __init__(self):
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port, self.callers = self.socket.getsockname()[1], []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.callers.append(self.socket.accept())
            except OSError:
                return

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def test_cve_2026_41413_key_sets_are_not_fetched(env):
    """Istio: jwksUri made istiod call whatever a tenant named. Nothing that a manifest or a token names is called."""
    listener = env.started(Listener())
    url = 'http://127.0.0.1:%d/' % listener.port
    one = Identity(env, {'a.yaml': NAMESPACE})
    one.navarchd.write('jwt.yaml', '''apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: jwt, namespace: default}
spec:
  jwtRules:
  - {issuer: "%s", jwksUri: "%sjwks"}
  - {issuer: "%sopenid"}
''' % (url, url, url))
    one.navarchd.write('s.yaml', manifests.service('later', 1, ('v1',)))
    await_('the objects', lambda: 'later' in one.navarchd.admin('/debug/registryz')[1])
    token = one.issuer.token('a', 'b', iss=url, jku=url, x5u=url)
    need(one.client(token=token).certificate(Machine(env.folder, 'm').csr)[0] == 401, 'a stranger\'s token is taken')
    rules = one.rules + '/rules.yaml'
    with open(rules + '.new', 'w') as f:
        f.write('- {issuer: "%s", jwksUri: "%s"}\n' % (url, url))
    os.rename(rules + '.new', rules)
    await_('the complaint', lambda: 'rules.yaml' in one.navarchd.text())
    need(not listener.callers, 'navarchd called %s' % url)


def ask_raw(port, path, **headers):
    """(status, headers, body) with the path as it stands."""
    conn = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    try:
        conn.putrequest('GET', path, skip_host='Host' in headers)
        for name, value in headers.items():
            conn.putheader(name, value)
        conn.endheaders()
        answer = conn.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        conn.close()


def test_cve_2026_45021_pages_in_the_operators_browser(env):
    """Kuma: any web page could read the admin port, by CORS or by a name that it made point there."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    port = one.navarchd.ports['admin']
    for path in DEBUG:
        need(ask_raw(port, path)[0] not in (401, 403), '%s is refused here' % path)
        for evil in ({'Host': 'rebound.test:8080'}, {'Origin': 'http://evil.test'}, {'Origin': 'null'},
                     {'Host': 'localhost.evil.test', 'Origin': 'http://localhost.evil.test'}):
            status, headers, _ = ask_raw(port, path, **evil)
            need(status == 403, '%s with %s: %d' % (path, evil, status))
            need(not [h for h in headers if h.lower().startswith('access-control')], 'CORS: %s' % headers)


def test_cve_2025_24030_no_way_from_metrics_to_debug(env):
    """Envoy Gateway: the admin interface was reached by a path of the metrics port."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    for path in ('/debug', '//debug', '/metrics/../debug', '/metrics/..%2fdebug', '/metrics/%2e%2e/debug', '/metrics;/../debug',
                 '/metrics%00/debug', '/metrics\\..\\debug', '/metrics?/debug/configz', '/./debug/configz', '/stats/../debug/configz',
                 'http://localhost:8080/debug/configz', '/debug/configz?x=/metrics'):
        for port in ('metrics', 'xds'):
            status, _, body = ask_raw(one.navarchd.ports[port], path)
            need(status >= 400 or body.startswith(b'# HELP'), '%s on %s: %d' % (path, port, status))


def test_cve_ghsa_wvmp_no_ca_is_no_connection(env):
    """Kuma: without a CA to check it against, any server was taken. The agent shows its token to nobody then."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    right = one.ca
    for name, ca, says in (('missing', env.folder + '/no-such.pem', 'no-such.pem'), ('empty', os.devnull, ''), ('wrong', None, '')):
        if ca is None:
            ca = certificate(env.folder, 'another').cert
        one.ca = ca
        agent = env.started(Agent(one, name, envoy='none'))
        await_('the failure of ' + name, lambda: 'no new certificate' in agent.text())
        need(says in agent.text(), agent.text())
        need(agent.fetch('/healthz/ready')[0] == 503, '%s: it is ready' % name)
        need('answers' not in agent.text() and os.path.exists(agent.token), '%s: the token was shown: %s' % (name, agent.text()))
    one.ca = right
    env.started(Agent(one, 'right', envoy='none')).await_ready()


def test_cve_con_01_004_files_of_keys(env):
    """Contour: keys were written for all to read. Whatever the umask, what is secret is its owner's."""
    before = os.umask(0)
    try:
        one = Identity(env, {'a.yaml': NAMESPACE})
        one.join_token('default', 'other')
        agent = env.started(Agent(one, 'db', '--cert-dir', env.folder + '/kept', envoy='none')).await_ready()
    finally:
        os.umask(before)
    certificates = re.compile(r'(root-cert|ca-cert|cert-chain)\.pem$|issued\.log$')
    for top in (one.state, env.folder + '/kept', agent.run):
        for folder, _, files in os.walk(top):
            for name in files + ['']:
                path = os.path.join(folder, name)
                mode = os.stat(path).st_mode & 0o777
                need(not mode & 0o022, '%s: %o' % (path, mode))
                need(not name or certificates.search(name) or not mode & 0o077, '%s: %o' % (path, mode))


def test_cve_2025_43915_labels_of_metrics(env):
    """Linkerd: names that callers chose became labels without end."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    csr = Machine(env.folder, 'm').csr

    def series():
        return len([s for s in one.navarchd.fetch('metrics', '/metrics')[1].splitlines() if s and s[0] != '#'])

    def call(i):
        client = one.client(token=one.issuer.token('ns%d' % i, 'sa%d' % i))
        client.certificate(csr)
        client.ask(ADS, field(2, node_of('ns%d' % i, 'sa%d' % i)) + field(4, 'type.googleapis.com/x%d' % i), 0.1)
        one.client(token='nonsense%d' % i).http('GET', '/debug/x%d' % i)
        one.navarchd.fetch('metrics', '/x%d' % i)
        client.close()

    call(0)
    before = series()
    for i in range(1, 15):
        call(i)
    need(series() <= before + 5, '%d series, then %d' % (before, series()))


def test_cve_2025_25294_lines_of_the_log(env):
    """Envoy Gateway: what callers sent was written to the log as it came."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    evil = '\n2026-01-01T00:00:00.000Z info ca: forged \x1b[31m\u2028'
    plain = grpc.insecure_channel('127.0.0.1:%d' % one.navarchd.ports['xds'])
    for who in (field(1, 'sidecar~127.0.0.1~pod%s.default~default.svc.cluster.local' % evil), field(1, evil),
                field(1, 'sidecar~127.0.0.1~pod.default~default.svc.cluster.local') + field(2, evil)):
        try:
            list(plain.stream_stream(ADS)(iter([field(2, who) + field(3, evil) + field(4, evil)]), timeout=0.3))
        except grpc.RpcError:
            pass
    plain.close()
    one.client(token=one.issuer.token('a', 'b', sub='x' + evil, iss='y' + evil)).certificate(evil)
    one.client(token=one.issuer.token('a', 'c')).http('POST', '/v1/certificates', {'csr': evil, evil: evil})
    lines = one.navarchd.text().split('\n')
    need(not [s for s in lines if s.startswith('2026-01-01')], 'a forged line is in the log')
    need('\x1b' not in one.navarchd.text() and '\u2028' not in one.navarchd.text(), 'control characters are in the log')


def test_cve_2026_31837_no_key_in_the_programs(env):
    """Istio: a private key stood in the program, for when a key set could not be got."""
    for program in (NAVARCHD, NAVAGENT, NAVCTL):
        with open(program, 'rb') as f:
            found = PRIVATE.findall(f.read())
        need(not found, '%s: %s' % (program, found))
