# SPDX-License-Identifier: Apache-2.0
"""The secure port: how one gets a certificate, who may do what, and a real Envoy over mutual TLS."""
import glob
import http.client
import json
import os
import re
import shutil
import subprocess
import time

import envoy_bootstrap
import grpc
import manifests
from harness import Envoy, await_, get, need
from identity import Identity, Issuer, Machine, b64url, foreign, openssl
from test_gateway import await_traffic, shop
from xds_client import field

NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n'
XDS = [('envoy.service.discovery.v3.AggregatedDiscoveryService', 'AggregatedResources', None, 'Cluster', 'cluster'),
       ('envoy.service.cluster.v3.ClusterDiscoveryService', 'Clusters', 'clusters', 'Cluster', 'cluster'),
       ('envoy.service.endpoint.v3.EndpointDiscoveryService', 'Endpoints', 'endpoints', 'ClusterLoadAssignment', 'endpoint'),
       ('envoy.service.listener.v3.ListenerDiscoveryService', 'Listeners', 'listeners', 'Listener', 'listener'),
       ('envoy.service.route.v3.RouteDiscoveryService', 'Routes', 'routes', 'RouteConfiguration', 'route'),
       ('envoy.service.secret.v3.SecretDiscoveryService', 'Secrets', 'secrets', 'Secret', 'extensions.transport_sockets.tls')]
DEBUG = ['/debug', '/debug/', '/debug/registryz', '/debug/endpointz', '/debug/configz', '/debug/syncz', '/debug/adsz', '/debug/config_dump',
         '/debug/resource', '/debug/push_status', '/debug/certs', '/debug/mesh', '/debug/timings']


def san(machine):
    return openssl('x509', '-in', machine.cert, '-noout', '-ext', 'subjectAltName').decode().split('\n')[1].strip()


def test_identity_certificates(env):
    """A join token, a service account's token and a certificate each give a certificate of the caller's identity."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    vm, token = Machine(env.folder, 'vm'), one.join_token('vms', 'db')
    status, body = one.client(token=token).certificate(vm.csr)
    need(status == 200, '%s %s' % (status, body))
    vm.take(json.loads(body)['chain'])
    need(san(vm) == 'URI:spiffe://cluster.local/ns/vms/sa/db', 'SAN %s' % san(vm))
    need(one.client(token=token).certificate(vm.csr)[0] == 401, 'a join token was good twice')
    openssl('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', one.ca, vm.cert)

    pod = Machine(env.folder, 'pod', key=('genrsa', '2048'))
    chain = one.client(token=one.issuer.token('default', 'reviews')).create(pod.csr, ttl=3600)
    need(isinstance(chain, list) and len(chain) == 2, 'CreateCertificate: %s' % chain)
    need(chain[1] == open(one.ca).read(), 'the last element is not the root')
    pod.take(chain[:1])
    need(san(pod) == 'URI:spiffe://cluster.local/ns/default/sa/reviews', 'SAN %s' % san(pod))
    need('cluster-admin' not in pod.text() and 'DNS:' not in pod.text(), 'names of the request are in the certificate')

    again = Machine(env.folder, 'again')
    chain = one.client(machine=pod).create(again.csr)
    need(isinstance(chain, list), 'renewal: %s' % chain)
    need(san(again.take(chain[:1])) == san(pod), 'renewed to another identity')
    log = open(one.state + '/issued.log').read().splitlines()
    need([line.split()[2:4] for line in log] == [['spiffe://cluster.local/ns/vms/sa/db', 'join-token'],
                                                  ['spiffe://cluster.local/ns/default/sa/reviews', 'token'],
                                                  ['spiffe://cluster.local/ns/default/sa/reviews', 'certificate']], 'the log: %s' % log)
    need(len({line.split()[1] for line in log}) == 3, 'serials: %s' % log)


def test_identity_refusals(env):
    """What is no proof gives no certificate; why is said without what was shown."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    csr, now = Machine(env.folder, 'm').csr, int(time.time())
    stranger = Issuer(env.folder, 'stranger')
    tokens = {
        'audience': one.issuer.token('a', 'b', aud='kubernetes'), 'issuer': one.issuer.token('a', 'b', iss='https://evil'),
        'expired': one.issuer.token('a', 'b', exp=now - 1), 'future': one.issuer.token('a', 'b', nbf=now + 3600),
        'subject': one.issuer.token('a', 'b', sub='admin'), 'parts': one.issuer.token('a', 'b', sub='system:serviceaccount:a'),
        'key': stranger.token('a', 'b'), 'nonsense': 'nonsense', 'join': 'join-0123456789abcdef-' + 'A' * 43,
    }
    for name, token in tokens.items():
        got = one.client(token=token).create(csr), one.client(token=token).certificate(csr)
        need(got[0] == grpc.StatusCode.UNAUTHENTICATED and got[1][0] == 401, '%s: %s' % (name, got))
        need(token[-20:] not in got[1][1], '%s: the answer holds the token' % name)
    need(one.client().create(csr) == grpc.StatusCode.UNAUTHENTICATED, 'nobody got a certificate')
    good = one.client(token=one.issuer.token('a', 'b'))
    bad = [('', 0, b''), ('x', 0, b''), (csr + csr, 0, b''), (csr.replace('A', 'B', 3), 0, b''), (csr, 91 * 86400, b'')]
    for text, ttl, more in bad:
        need(good.create(text, ttl, more) == grpc.StatusCode.INVALID_ARGUMENT, 'request %r: %s' % (text[:40], good.create(text, ttl, more)))
    other = field(4, field(1, field(1, 'ImpersonatedIdentity') + field(2, field(3, 'spiffe://cluster.local/ns/kube-system/sa/admin'))))
    need(good.create(csr, 0, other) == grpc.StatusCode.PERMISSION_DENIED, 'impersonated')
    weak = Machine(env.folder, 'weak', key=('genrsa', '1024'))
    status, body = good.certificate(weak.csr)
    need(status == 400 and '2048' in body, 'a weak key: %s %s' % (status, body))
    for text in ('', '[]', '{}', '{"csr": 1}', '{"csr": "x", "csr": "y"}', '{"csr": "x", "ttlSeconds": "1"}', '{"csr": "x", "san": "y"}'):
        conn = subprocess.run(['curl', '-sS', '--cacert', one.ca, '-H', 'Authorization: Bearer ' + one.issuer.token('a', 'c'), '-d', text, '-w', '%{http_code}',
                               'https://localhost:%d/v1/certificates' % one.navarchd.ports['secure']], stdout=subprocess.PIPE)
        need(conn.stdout.endswith(b'400'), 'body %r: %s' % (text, conn.stdout))
    got = [good.create(csr) for _ in range(60)]
    need(grpc.StatusCode.RESOURCE_EXHAUSTED in got, 'one identity gets as many certificates as it likes')
    need(isinstance(one.client(token=one.issuer.token('a', 'other')).create(csr), list), 'another identity is held up by it')
    for name, token in tokens.items():
        need(token not in one.navarchd.text(), 'the log holds the token %s' % name)


def s_client(port, ca, *args):
    run = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % port, '-servername', 'localhost', '-CAfile', ca, '-verify_return_error',
                          '-brief', *args], input=b'', stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    return run.returncode, run.stdout.decode(errors='replace')


def test_identity_tls(env):
    """Versions, protocols and certificates at the handshake, by openssl and curl."""
    one = Identity(env, {'a.yaml': NAMESPACE})
    port, client = one.navarchd.ports['secure'], one.machine('default', 'a')
    mine = foreign(env.folder, 'evil', 'URI:spiffe://cluster.local/ns/default/sa/a')
    cases = [(('-tls1_3', '-alpn', 'h2'), True), (('-tls1_2', '-alpn', 'http/1.1'), True), (('-tls1_3',), True),
             (('-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0'), False), (('-alpn', 'h3'), False), (('-tls1_2', '-cipher', 'AES128-SHA'), False),
             (('-tls1_2', '-cert', client.cert, '-key', client.key), True), (('-tls1_2', '-cert', mine.cert, '-key', mine.key), False)]
    for args, good in cases:
        code, text = s_client(port, one.ca, *args)
        need((code == 0) == good, '%s: %d %s' % (' '.join(args), code, text))
    for protocol in ('--http2', '--http1.1'):
        out = subprocess.run(['curl', '-sS', protocol, '--cacert', one.ca, '--cert', client.cert, '--key', client.key, '-w', ' %{http_version}',
                              'https://localhost:%d/ready' % port], stdout=subprocess.PIPE).stdout.decode()
        need(out.split() == ['ready', '2' if protocol == '--http2' else '1.1'], '%s: %s' % (protocol, out))
    out = subprocess.run(['curl', '-sS', 'http://localhost:%d/ready' % port], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    need(out.returncode != 0, 'plain HTTP was answered: %s' % out.stdout)


def cells(one):
    """What each credential may: (name, client, identity or None, administrator, join token)."""
    now, token = int(time.time()), one.issuer.token
    stranger = Issuer(one.env.folder, 'stranger')
    pod, admin = one.machine('default', 'reviews'), one.machine('ops', 'admin')
    return [
        ('none', one.client(), None, False, False),
        ('expired token', one.client(token=token('default', 'reviews', exp=now - 1)), None, False, False),
        ('wrong audience', one.client(token=token('default', 'reviews', aud='x')), None, False, False),
        ('wrong issuer', one.client(token=token('default', 'reviews', iss='https://x')), None, False, False),
        ('wrong key', one.client(token=stranger.token('default', 'reviews')), None, False, False),
        ('token', one.client(token=token('default', 'reviews')), ('default', 'reviews'), False, False),
        ('certificate', one.client(machine=pod), ('default', 'reviews'), False, False),
        ('administrator', one.client(machine=admin), ('ops', 'admin'), True, False),
        ('join token', one.client(token='join-0123456789abcdef-' + 'A' * 43), None, False, True)]


def patiently(call, busy):
    """Failures of one address are limited; the matrix is one address."""
    return await_('an answer that is not "too many"', lambda: (lambda got: [got] if got not in busy else None)(call()))[0]


def node_of(ns, sa):
    """A Node of that namespace and, unless None, service account."""
    meta = field(1, field(1, 'NAMESPACE') + field(2, field(3, ns)))
    if sa:
        meta += field(1, field(1, 'SERVICE_ACCOUNT') + field(2, field(3, sa)))
    return field(1, 'sidecar~127.0.0.1~pod.%s~%s.svc.cluster.local' % (ns, ns)) + field(3, meta)


NODES = [('default', None), ('default', 'reviews'), ('default', 'admin'), ('ops', None), ('kube-system', 'reviews')]


def xds_cell(client, who, service, word, rest, url, how, ns, sa):
    """None, or how the answer differs from what is right."""
    allowed = who and ns == who[0] and sa in (None, who[1])
    if how == 'rest':
        body = {'node': {'id': 'sidecar~127.0.0.1~pod.%s~%s.svc.cluster.local' % (ns, ns), 'metadata': dict(
            {'NAMESPACE': ns}, **({'SERVICE_ACCOUNT': sa} if sa else {}))}, 'resource_names': [], 'type_url': url}
        got = patiently(lambda: client.http('POST', '/v3/discovery:' + rest, body)[0], (429,))
        return None if got in ((200, 304) if allowed else (401, 403, 0)) else got
    node, type_url = (1, 2) if how == 'Delta' else (2, 4)
    request = field(node, node_of(ns, sa)) + field(type_url, url)
    got = patiently(lambda: client.ask('/%s/%s%s' % (service, how, word), request, 0.15 if allowed else 5),
                    (grpc.StatusCode.RESOURCE_EXHAUSTED,))
    right = (grpc.StatusCode.OK,) if allowed else (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
    return None if got in right else got


def xds_cells(clients):
    for name, client, who, _, _ in clients:
        for service, word, rest, kind, package in XDS:
            url = 'type.googleapis.com/envoy.%s.v3.%s' % (('config.' if 'extensions' not in package else '') + package, kind)
            for how in ('Stream', 'Delta', 'Fetch', 'rest'):
                if rest is None and how in ('Fetch', 'rest'):
                    continue
                for ns, sa in NODES:
                    yield (name, how, word, ns, sa), xds_cell(client, who, service, word, rest, url, how, ns, sa)


def http_cells(one, clients):
    csr = Machine(one.env.folder, 'cell').csr
    for name, client, who, admin, join in clients:
        for path in DEBUG:
            status = patiently(lambda: client.http('GET', path)[0], (429,))
            yield (name, path), None if (status not in (401, 403)) == admin else status
        for path, served in (('/ready', True), ('/metrics', False), ('/healthz', False), ('/version', False)):
            status = client.http('GET', path)[0]
            yield (name, path), None if status == (200 if served else 404) else status
        status = patiently(lambda: client.certificate(csr)[0], (429,) if not who else ())
        yield (name, 'certificate'), None if status == (200 if who else 401) else status
        status = patiently(lambda: client.http('GET', '/v1/roots')[0], (429,))
        yield (name, 'roots'), None if (status == 200) == bool(who) and status in (200, 401, 403) else status
        status = patiently(lambda: client.http('POST', '/v1/rotation', {'action': 'nothing'})[0], (429,))
        yield (name, 'rotation'), None if status in ((400, 415) if admin else (401, 403)) else status


OPEN = {'xds': [], 'admin': DEBUG + ['/ready'], 'metrics': ['/metrics', '/healthz', '/version', '/ready']}


def plain_status(port, method, path, authorization):
    conn = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    try:
        conn.request(method, path, headers=dict({'Content-Length': '0'}, **({'Authorization': authorization} if authorization else {})))
        return conn.getresponse().status
    finally:
        conn.close()


def plain_cells(one):
    """The other ports: with a good token, which counts for nothing there, and without."""
    for port, served in OPEN.items():
        for authorization in (None, 'Bearer ' + one.issuer.token('ops', 'admin')):
            for path in DEBUG + OPEN['metrics'] + ['/v1/certificates', '/v1/roots', '/v1/rotation', '/debug/../v1/certificates', '/v3/discovery:x']:
                for method in ('GET', 'POST', 'PUT'):
                    got = plain_status(one.navarchd.ports[port], method, path, authorization)
                    right = got not in (401, 403, 404, 405) if method == 'GET' and path in served else got >= 400
                    yield (port, method, path, bool(authorization)), None if right else got


def test_identity_matrix(env):
    """Every route of every port with every kind of credential and claim: what is not allowed is refused."""
    one = Identity(env, {'a.yaml': NAMESPACE}, ['--admin-identity', 'ops/admin'])
    clients, n, wrong = cells(one), 0, []
    for group in (xds_cells(clients), http_cells(one, clients), plain_cells(one)):
        for cell, got in group:
            n += 1
            if got is not None:
                wrong.append((cell, got))
    for client in clients:
        client[1].close()
    need(not wrong, '%d of %d cells are wrong: %s' % (len(wrong), n, wrong[:8]))
    need(n >= 1000, 'only %d cells' % n)
    return '%d cells, 0 leaks' % n


def one_mode(env, mode):
    files, port = shop(env, {'v1': 100})
    one = Identity(env, files)
    machine = one.machine('istio-system', 'gateway')
    node = envoy_bootstrap.node('router', '127.0.0.1', 'gateway', 'istio-system', {'istio': 'ingressgateway'}, service_account='gateway')
    tls = {'ca': one.ca, 'cert': machine.cert, 'key': machine.key, 'name': 'istiod.istio-system.svc'}
    secure = ('127.0.0.1', one.navarchd.ports['secure'])
    envoy = env.started(Envoy(env.folder, 'gateway', node, secure, mode, tls=tls)).await_ready()
    await_traffic(port)
    one.navarchd.write('routes.yaml', manifests.virtual_service('shop', manifests.split('shop', {'v2': 100})))
    await_('a change over mutual TLS', lambda: get(port)[1] == 'v2')
    rejected = {k: v for k, v in envoy.admin.stats('update_rejected').items() if v}
    need(not rejected, 'rejected: %s' % rejected)
    return one, tls, secure


def test_identity_envoy_delta(env):
    """Envoy over mutual TLS; the same certificate does not serve a node of another namespace."""
    one, tls, secure = one_mode(env, 'delta')
    node = envoy_bootstrap.node('sidecar', '127.0.0.2', 'spy', 'default', {'app': 'spy'})
    spy = env.started(Envoy(env.folder, 'spy', node, secure, 'delta', tls=tls))
    await_('the refusal', lambda: 'another namespace' in one.navarchd.text())
    need(not spy.admin.stats('cluster_manager.cds.update_success').get('cluster_manager.cds.update_success'), 'the spy got clusters')


def test_identity_envoy_sotw(env):
    one_mode(env, 'sotw')


def test_identity_envoy_rest(env):
    one_mode(env, 'rest')


def test_identity_envoy_token(env):
    """Envoy without an agent and without a certificate: a service account's token, sent by its own filter."""
    files, port = shop(env, {'v1': 100})
    one = Identity(env, files)
    with open(env.folder + '/token', 'w') as f:
        f.write(one.issuer.token('istio-system', 'gateway'))
    with open(env.folder + '/token.json', 'w') as f:
        json.dump(envoy_bootstrap.token_secret(env.folder + '/token'), f)
    node = envoy_bootstrap.node('router', '127.0.0.1', 'gateway', 'istio-system', {'istio': 'ingressgateway'}, service_account='gateway')
    tls = {'ca': one.ca, 'name': 'istiod.istio-system.svc', 'token': env.folder + '/token.json'}
    env.started(Envoy(env.folder, 'gateway', node, ('127.0.0.1', one.navarchd.ports['secure']), 'delta', tls=tls)).await_ready()
    await_traffic(port)


def dev_ca(folder, script=os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../certs/dev.sh')):
    subprocess.run([script, folder], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def test_identity_plugged_in(env):
    """A CA from a directory: another intermediate is taken at once, another root when all have it, a broken set not at all."""
    first, other = dev_ca(env.folder + '/first'), dev_ca(env.folder + '/other')
    live = env.folder + '/live'
    shutil.copytree(first, live)
    one = Identity(env, {'a.yaml': NAMESPACE}, ['--ca-dir', live])
    ca = first + '/root-cert.pem'
    chain = one.client(token=one.issuer.token('default', 'a'), ca=ca).create(Machine(env.folder, 'm').csr)
    need(isinstance(chain, list) and len(chain) == 3, 'chain: %s' % chain)
    before = s_client(one.navarchd.ports['secure'], ca, '-showcerts')

    shutil.copy(other + '/ca-key.pem', live)
    await_('the complaint about the key', lambda: 'not that of the certificate' in one.navarchd.text())
    need(isinstance(one.client(token=one.issuer.token('default', 'a'), ca=ca).create(Machine(env.folder, 'm').csr), list), 'issuing stopped')
    for name in ('ca-cert.pem', 'cert-chain.pem', 'root-cert.pem'):
        shutil.copy(other + '/' + name, live)
    await_('the other root to be trusted', lambda: 'rotation: distributing' in one.navarchd.text())
    both = one.client(token=one.issuer.token('default', 'a'), ca=ca).create(Machine(env.folder, 'm').csr)
    need(both[-1].count('BEGIN') == 2 and both[1] == chain[1], 'issued from the other root, or without it: %s' % both)
    need(s_client(one.navarchd.ports['secure'], ca)[0] == 0, 'the server certificate changed: %s' % (before,))

    os.unlink(first + '/ca-key.pem')        # a new intermediate of the same root
    dev_ca(first)
    for name in ('ca-key.pem', 'ca-cert.pem', 'cert-chain.pem', 'root-cert.pem'):
        shutil.copy(first + '/' + name, live)
    await_('the new intermediate', lambda: open(first + '/ca-cert.pem').read() in ''.join(
        one.client(token=one.issuer.token('default', 'a'), ca=ca).create(Machine(env.folder, 'm').csr)))
    need(s_client(one.navarchd.ports['secure'], ca)[0] == 0, 'the server certificate does not verify')


def test_identity_token_rules(env):
    """Another issuer is taken as soon as the rules name it; rules or keys that do not hold change nothing."""
    one, second = Identity(env, {'a.yaml': NAMESPACE}), Issuer(env.folder, 'second', 'https://second')
    csr, folder = Machine(env.folder, 'm').csr, one.rules
    names = iter(range(1000))       # an identity each: certificates of one are limited

    def taken(issuer):
        return isinstance(one.client(token=issuer.token('default', 'a%d' % next(names))).create(csr), list)

    def replace(name, text):
        with open('%s/.%s' % (folder, name), 'w') as f:
            f.write(text)
        os.rename('%s/.%s' % (folder, name), '%s/%s' % (folder, name))

    need(taken(one.issuer) and not taken(second), 'before the change')
    replace('second.json', json.dumps(second.jwks))
    rules = open(folder + '/rules.yaml').read()
    replace('rules.yaml', rules + '- {issuer: https://second, jwksFile: second.json}\n')
    await_('the second issuer', lambda: taken(second))
    need(taken(one.issuer), 'the first issuer is lost')
    for name, text, says in (('rules.yaml', '- {issuer: x}\n', 'issuer and jwksFile'), ('rules.yaml', 'nonsense: [', 'rules.yaml'),
                             ('rules.yaml', '- {issuer: x, jwksFile: y, audience: z}\n', 'unknown member'),
                             ('rules.yaml', '- {issuer: https://second, jwksFile: gone.json}\n', 'gone.json')):
        replace(name, text)
        await_('the complaint about %r' % text, lambda: says in one.navarchd.text())
        need(taken(one.issuer) and taken(second), 'after %r' % text)
    replace('rules.yaml', '- {issuer: https://second, jwksFile: second.json}\n')
    await_('the end of the first issuer', lambda: not taken(one.issuer))
    need(taken(second), 'the second issuer is lost')


def test_identity_canary(env):
    """No key, token or private PEM in logs, debug pages, metrics, answers or files that are not meant to hold it."""
    files, port = shop(env, {'v1': 100})
    one = Identity(env, files, ['--admin-identity', 'default/a'])
    machine, secrets = one.machine('default', 'a'), []
    for i in range(15):
        join = one.join_token('vms', 'c%d' % i)
        good = one.issuer.token('default', 'b%d' % i)
        secrets += [good, good.split('.')[2], join, join.split('-', 2)[2]]
        one.client(token=good).certificate(machine.csr)
        one.client(token=join).certificate(machine.csr if i % 3 else 'bad')
    while len(secrets) < 1000:          # what somebody mistyped is as secret as what is right
        bad = [good[:-40] + b64url(os.urandom(30)), join[:-40] + b64url(os.urandom(30)), b64url(os.urandom(30))]
        secrets += [text[-40:] for text in bad]
        one.client(token=bad[0]).certificate(machine.csr)
        one.client(token=bad[1]).create(machine.csr)
        one.client(token=one.issuer.token('default', 'csr') if len(secrets) % 10 else bad[2]).certificate(bad[2])
    key = open(one.state + '/ca/ca-key.pem').read()
    secrets += [line for line in key.splitlines() if not line.startswith('-')]
    admin = one.client(machine=machine)
    seen = one.navarchd.text() + open(one.state + '/issued.log').read() + one.navarchd.fetch('metrics', '/metrics')[1]
    for path in DEBUG:
        seen += one.navarchd.admin(path)[1] + admin.http('GET', path)[1]
    for path in glob.glob(one.state + '/join/*'):
        seen += open(path).read()
    found = [s for s in secrets if s in seen]
    need(not found, '%d of %d secrets were seen' % (len(found), len(secrets)))
    need('PRIVATE KEY' not in seen and 'BEGIN CERTIFICATE' not in seen, 'PEM was seen')
    need(oct(os.stat(one.state + '/ca/ca-key.pem').st_mode & 0o777) == '0o600', 'the mode of the key')
    limits = open('/proc/%d/limits' % one.navarchd.popen.pid).read()
    need(re.search(r'Max core file size\s+0\s+0', limits), 'core files are written')
    return '%d secrets' % len(secrets)
