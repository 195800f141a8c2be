# SPDX-License-Identifier: Apache-2.0
"""TLS and TCP through an ingress gateway: what it asks of clients, what it shows to backends, where connections go."""
import socket

import certs
import manifests
from backend import LineBackend
from harness import ask, await_, free_port, need, say

ONE, TWO = '127.0.1.1', '127.0.1.2'

SERVER = '''    - port: {number: %d, name: port-%d, protocol: %s}
      hosts: [%s]
'''


def gateway(*servers):
    """A Gateway of (port, protocol, hosts, tls or None)."""
    out = manifests.gateway(0).split('    - port:')[0]
    for n, (port, protocol, hosts, tls) in enumerate(servers):
        out += SERVER % (port, n, protocol, hosts) + ('      tls: {%s}\n' % tls if tls else '')
    return out


def connect_routes(kind, *routes):
    """A VirtualService for any host of tls or tcp routes: (match, destination, ...), as YAML flow mappings."""
    out = manifests.virtual_service('connections', hosts='"*"').replace('  http:\n', '  %s:\n' % kind)
    for match, *destinations in routes:
        out += '    - match: [{%s}]\n      route: [%s]\n' % (
            match, ', '.join('{destination: {%s}}' % d for d in destinations))
    return out


def through(env, tls, hosts, more=None):
    """A gateway before a TLS backend, to which each request makes a connection. hosts: {host: tls settings of its
    DestinationRule}, more: {file name: text}. (function that asks a host, the backend, navarchd)"""
    backend, = env.backends('safe', tls=tls)
    port = free_port()
    files = dict(more or {}, **{'gateway.yaml': manifests.gateway(port)})
    for host, settings in hosts.items():
        files[host + '.yaml'] = '---\n'.join((
            manifests.entry(host, backend.port, (ONE, {})),
            manifests.rule(host, '  trafficPolicy:\n    connectionPool: {http: {maxRequestsPerConnection: 1}}\n'
                                 '    tls: {%s}\n' % settings),
            manifests.virtual_service(host.replace('.', '-'), '    - route: [{destination: {host: %s}}]\n' % host,
                                      hosts=host)))
    navarchd = env.navarchd(files)
    env.gateway(navarchd)
    return lambda host: ask(port, host=host), backend, navarchd


def test_tls_origination_simple(env):
    """SIMPLE: TLS to the backend, its issuer and its name checked: those that are given, or else the host's."""
    issuer, other = (certs.certificate(env.folder, 'issuer') for _ in range(2))
    own = certs.certificate(env.folder, 'host.test', 'secret.test', 'inner.test', 'other-issuer.test', issuer=issuer)
    trusting = 'mode: SIMPLE, caCertificates: %s' % issuer.cert
    ask_host, backend, _ = through(env, certs.server(own), {
        'host.test': trusting,
        'named.test': trusting + ', sni: sni.test, subjectAltNames: [inner.test]',
        'secret.test': 'mode: SIMPLE, credentialName: trusted',
        'misnamed.test': trusting + ', sni: sni.test, subjectAltNames: [other.test]',
        'unnamed.test': trusting,
        'other-issuer.test': 'mode: SIMPLE, caCertificates: %s' % other.cert,
        'plain.test': 'mode: DISABLE'}, {'secret.yaml': manifests.secret('trusted', None, issuer)})
    for host, sni in (('host.test', 'host.test'), ('named.test', 'sni.test'), ('secret.test', 'secret.test'),
                      *((host, None) for host in ('misnamed.test', 'unnamed.test', 'other-issuer.test', 'plain.test'))):
        answer = ask_host(host)
        need(answer.status == (200 if sni else 503), '%s: %s' % (host, answer))
        need(not sni or backend.seen[-1].sni == sni, '%s: the backend got the SNI %s' % (host, backend.seen[-1].sni))
    need(len(backend.seen) == 3, 'the backend got %d requests' % len(backend.seen))


def test_tls_origination_mutual(env):
    """MUTUAL: the backend gets the client certificate, from files or a Secret; a changed Secret takes over."""
    issuer = certs.certificate(env.folder, 'issuer')
    own = certs.certificate(env.folder, 'files.test', 'secret.test', 'simple.test', issuer=issuer)
    first, second, file = (certs.certificate(env.folder, name, issuer=issuer) for name in (
        'first.client', 'second.client', 'file.client'))
    ask_host, backend, navarchd = through(env, certs.server(own, clients=issuer), {
        'files.test': 'mode: MUTUAL, clientCertificate: %s, privateKey: %s, caCertificates: %s' % (*file, issuer.cert),
        'secret.test': 'mode: MUTUAL, credentialName: client',
        'simple.test': 'mode: SIMPLE, caCertificates: %s' % issuer.cert},
        {'secret.yaml': manifests.secret('client', first, issuer)})
    for host, client in (('files.test', 'file.client'), ('secret.test', 'first.client')):
        answer = ask_host(host)
        need(answer.status == 200, '%s: %s' % (host, answer))
        need(backend.seen[-1].client == client, '%s: the backend met %s' % (host, backend.seen[-1].client))
    answer = ask_host('simple.test')
    need(answer.status == 503, 'without a certificate: %s' % (answer,))
    navarchd.write('secret.yaml', manifests.secret('client', second, issuer))
    await_('the new client certificate',
           lambda: ask_host('secret.test').status == 200 and backend.seen[-1].client == 'second.client')


def client_gateway(env, tls):
    """A gateway that wants certificates of clients: (function that asks it with one or None, its backend, and the
    clients: known, of another name, of another issuer)."""
    issuer, other = (certs.certificate(env.folder, 'issuer') for _ in range(2))
    own, known, unknown = (certs.certificate(env.folder, name, issuer=issuer) for name in (
        'shop.test', 'known.client', 'unknown.client'))
    forged = certs.certificate(env.folder, 'known.client', issuer=other)
    backend, = env.backends('shop')
    port = free_port()
    env.gateway(env.navarchd({
        'gateway.yaml': gateway((port, 'HTTPS', 'shop.test', 'credentialName: shop, ' + tls)),
        'secret.yaml': '---\n'.join((manifests.secret('shop', own), manifests.secret('shop-cacert', None, issuer))),
        'entry.yaml': manifests.entry('shop.test', backend.port, (ONE, {})),
        'routes.yaml': manifests.virtual_service('shop', '    - route: [{destination: {host: shop.test}}]\n')}))
    return (lambda client: ask(port, host='shop.test', tls=certs.client(issuer, client))), backend, known, unknown, forged


def judge(ask_as, *wanted):
    for client, status in wanted:
        answer = ask_as(client)
        need(answer.status == status, 'with %s: %s' % (client, answer))


def test_tls_gateway_mutual(env):
    """MUTUAL: only clients with a certificate of the issuer get in; the backend is told which."""
    ask_as, backend, known, _, forged = client_gateway(env, 'mode: MUTUAL')
    judge(ask_as, (known, 200), (None, 0), (forged, 0))
    told, = (r.headers['x-forwarded-client-cert'] for r in backend.seen)
    need('CN=known.client' in told, 'the backend was told %s' % told)


def test_tls_gateway_mutual_names(env):
    """subjectAltNames: of the clients with a certificate of the issuer, those of the names."""
    ask_as, _, known, unknown, forged = client_gateway(env, 'mode: MUTUAL, subjectAltNames: [known.client]')
    judge(ask_as, (known, 200), (unknown, 0), (forged, 0))


def test_tls_gateway_optional_mutual(env):
    """OPTIONAL_MUTUAL: a client may come without a certificate, but not with a wrong one."""
    ask_as, _, known, _, forged = client_gateway(env, 'mode: OPTIONAL_MUTUAL')
    judge(ask_as, (known, 200), (None, 200), (forged, 0))


def test_tls_gateway_passthrough(env):
    """PASSTHROUGH: the SNI decides, and the client speaks TLS with the backend itself; unknown names are refused."""
    issuer = certs.certificate(env.folder, 'issuer')
    port, files = free_port(), {}
    for name, ip in (('one', ONE), ('two', TWO)):
        # good for the third name as well: it must be the gateway that refuses
        own = certs.certificate(env.folder, name + '.test', 'three.test', issuer=issuer)
        backend = env.backend(name, ip, tls=certs.server(own))
        files[name + '.yaml'] = manifests.entry(name + '.test', backend.port, (ip, {}), protocol='TLS', number=443)
    files['gateway.yaml'] = gateway((port, 'TLS', '"*.test"', 'mode: PASSTHROUGH'))
    files['routes.yaml'] = connect_routes('tls', ('sniHosts: [one.test]', 'host: one.test'),
                                          ('sniHosts: [two.test]', 'host: two.test')).replace('["*"]', '["*.test"]')
    env.gateway(env.navarchd(files))
    trusting = certs.client(issuer)
    for name in ('one', 'two'):
        answer = ask(port, host=name + '.test', tls=trusting)
        need((answer.status, answer.body) == (200, name), '%s: %s' % (name, answer))
    need(ask(port, host='three.test', tls=trusting).status == 0, 'an unknown name is answered')


def test_tcp_gateway(env):
    """TCP: the port decides where connections go, with weights; and TLS ends at the gateway if it is asked to."""
    own = certs.certificate(env.folder, 'line.test')
    one, two = env.backends('one', 'two', kind=LineBackend)
    plain, weighted, safe = (free_port() for _ in range(3))
    env.gateway(env.navarchd({
        'gateway.yaml': gateway((plain, 'TCP', '"*"', None), (weighted, 'TCP', '"*"', None),
                                (safe, 'TLS', 'line.test', 'mode: SIMPLE, credentialName: line')),
        'secret.yaml': manifests.secret('line', own),
        'one.yaml': manifests.entry('one.test', one.port, (ONE, {}), protocol='TCP', number=9000),
        'two.yaml': manifests.entry('two.test', two.port, (TWO, {}), protocol='TCP', number=9000),
        'routes.yaml': connect_routes('tcp', ('port: %d' % plain, 'host: one.test'),
                                      ('port: %d' % safe, 'host: two.test')) + '''    - match: [{port: %d}]
      route:
        - {destination: {host: one.test}, weight: 50}
        - {destination: {host: two.test}, weight: 50}
''' % weighted}))
    for what, got, want in (('plain', say(plain), 'one hello'), ('without TLS', say(safe), ''),
                            ('over TLS', say(safe, tls=certs.client(own), host='line.test'), 'two hello')):
        need(got == want, '%s: %r' % (what, got))
    got = [say(weighted) for _ in range(60)]
    need(set(got) == {'one hello', 'two hello'}, 'weighted: %s' % set(got))


def test_tcp_connection_limit(env):
    """connectionPool.tcp.maxConnections: a connection beyond it is closed, and counted."""
    one, = env.backends('one', kind=LineBackend)
    port = free_port()
    envoy = env.gateway(env.navarchd({
        'gateway.yaml': gateway((port, 'TCP', '"*"', None)),
        'one.yaml': manifests.entry('one.test', one.port, (ONE, {}), protocol='TCP', number=9000),
        'rule.yaml': manifests.rule('one.test', '  trafficPolicy:\n    connectionPool: {tcp: {maxConnections: 1}}\n'),
        'routes.yaml': connect_routes('tcp', ('port: %d' % port, 'host: one.test'))}))
    with socket.create_connection(('127.0.0.1', port), 10) as first:
        first.sendall(b'a\n')
        need(first.recv(99) == b'one a\n', 'the first connection does not work')
        second = say(port)
        need(second == '', 'the second: %r' % second)
        overflows = sum(v for k, v in envoy.admin.stats('one.test').items() if k.endswith('.upstream_cx_overflow'))
        need(overflows == 1, '%d counted' % overflows)
    await_('a place is free again', lambda: say(port) == 'one hello')
