# SPDX-License-Identifier: Apache-2.0
"""RequestAuthentication in a real Envoy: which tokens are good, and what AuthorizationPolicies, routes and backends make of
their claims."""
import base64
import hashlib
import hmac
import http.server
import json
import socket
import time

import certs
import manifests
from backend import Server
from certs import certificate
from harness import Skip, ask, await_, free_port, need
from identity import Issuer, b64url, openssl

VERSIONS = ('v1', 'v2')
ID = 'https://id.example.com'
KEYS = 'https://keys.example.com'
NONE = 'https://none.example.com'
OFF_CURVE = '{"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "x": "AQ", "y": "AQ"}]}'

AUTHENTICATION = '''apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  jwtRules:
    - issuer: %(id)s
      audiences: [shop]
      jwks: '%(jwks)s'
      fromHeaders: [{name: authorization, prefix: "Bearer "}, {name: x-token}]
      fromParams: [token]
      fromCookies: [session]
      outputPayloadToHeader: x-payload
      outputClaimToHeaders: [{header: x-user, claim: sub}, {header: x-team, claim: org.team}]
      presence: %(presence)s
    - {issuer: %(keys)s, jwksUri: "http://id.default.svc.cluster.local:8000/keys", forwardOriginalToken: true, fromHeaders: %(place)s}
    - {issuer: %(none)s, fromHeaders: %(rest)s}
    - {issuer: "https://curve.example.com", jwks: '%(off)s', fromHeaders: %(rest)s}
'''
POLICY = '''apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: private, namespace: istio-system}
spec:
  action: DENY
  rules:
    - to: [{operation: {paths: [/private]}}]
      from: [{source: {notRequestPrincipals: ["%(id)s/jo"]}}]
    - to: [{operation: {paths: [/scoped]}}]
      when: [{key: "request.auth.claims[scope]", notValues: [read]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: some, namespace: istio-system}
spec:
  rules:
    - to: [{operation: {notPaths: [/staff]}}]
    - to: [{operation: {paths: [/staff]}}]
      when: [{key: "request.auth.claims[org][team]", values: [staff]}, {key: request.auth.audiences, values: [shop]}]
''' % {'id': ID}
ROUTES = '''    - match: [{uri: {prefix: /by-claim}, headers: {"@request.auth.claims.org.team": {exact: staff}}}]
      route: [{destination: {host: shop.default.svc.cluster.local, subset: v2}}]
    - corsPolicy: {allowOrigins: [{exact: "https://app.test"}]}
      route: [{destination: {host: shop.default.svc.cluster.local, subset: v1}}]
'''


class Signer:
    """An RSA key that signs tokens, and its public part as a JSON Web Key."""

    def __init__(self, folder, issuer, name='rsa'):
        self.key, self.issuer = '%s/%s.key' % (folder, name), issuer
        openssl('genrsa', '-out', self.key, '2048')
        n = openssl('rsa', '-in', self.key, '-noout', '-modulus').decode().strip().split('=')[1]
        self.public = openssl('rsa', '-in', self.key, '-pubout')
        self.jwk = {'kty': 'RSA', 'kid': name, 'n': b64url(bytes.fromhex(n)), 'e': 'AQAB'}

    def token(self, header=None, sign=None, **claims):
        head = {'alg': 'RS256', 'kid': self.jwk['kid']}
        head.update(header or {})
        now = int(time.time())
        payload = {'iss': self.issuer, 'sub': 'jo', 'aud': 'shop', 'iat': now, 'exp': now + 600}
        payload.update(claims)
        payload = {k: v for k, v in payload.items() if v is not None}
        text = '.'.join(b64url(json.dumps(part).encode()) for part in (head, payload))
        made = sign(text.encode()) if sign else openssl('dgst', '-sha256', '-sign', self.key, data=text.encode())
        return text + '.' + b64url(made)


class World:
    def __init__(self, env):
        self.rsa, self.curve = Signer(env.folder, ID), Issuer(env.folder, 'curve', ID)
        self.remote, self.stranger = Signer(env.folder, KEYS, 'remote'), Signer(env.folder, ID, 'stranger')
        self.backends = env.backends(*VERSIONS)
        key_server = env.started(KeyServer({'keys': [self.remote.jwk]}))
        self.port = free_port()
        self.navarchd = env.navarchd({
            'shop.yaml': manifests.service('shop', self.backends[0].port, VERSIONS),
            'subsets.yaml': manifests.subsets('shop', VERSIONS), 'gateway.yaml': manifests.gateway(self.port),
            'routes.yaml': manifests.virtual_service('shop', ROUTES), 'id.yaml': manifests.service('id', key_server.port, ('v1',)),
            'tokens.yaml': self.authentication(), 'policies.yaml': POLICY})
        self.envoy = env.gateway(self.navarchd)
        await_('traffic', lambda: self.status() == 200)

    def authentication(self, presence='OPTIONAL'):
        """Where a token is required, others are looked for in headers of their own: what two rules look at is good for one of them only."""
        bearer = '[{name: authorization, prefix: "Bearer "}]'
        place, rest = (bearer, bearer) if presence == 'OPTIONAL' else ('[{name: x-other}]', '[{name: x-rest}]')
        keys = {'keys': [self.rsa.jwk] + self.curve.jwks['keys']}
        return AUTHENTICATION % {'id': ID, 'jwks': json.dumps(keys), 'keys': KEYS, 'none': NONE, 'off': OFF_CURVE, 'presence': presence,
                                 'place': place, 'rest': rest}

    def ask(self, token=None, path='/', method='GET', **headers):
        headers = {name.replace('_', '-'): value for name, value in headers.items()}
        if token:
            headers['Authorization'] = 'Bearer ' + token
        return ask(self.port, path, headers=headers, method=method)

    def status(self, *args, **more):
        return self.ask(*args, **more).status

    def last(self):
        """The headers of the request that reached a backend last."""
        return max((b.seen for b in self.backends if b.seen), key=len)[-1].headers


class KeyServer:
    """Serves a key set: on the address that manifests.service has for its pods, or on another one."""

    def __init__(self, keys, ip='127.0.1.1', tls=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(keys).encode()
                self.send_response(200)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = Server((ip, 0), Handler, tls)
        self.port = self.server.server_address[1]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def bad_tokens(world):
    """(name, token, what Envoy answers): 403 for another audience, 401 for all else."""
    rsa, now = world.rsa, int(time.time())
    by_public = lambda text: hmac.new(rsa.public, text, hashlib.sha256).digest()
    by_modulus = lambda text: hmac.new(rsa.jwk['n'].encode(), text, hashlib.sha256).digest()
    head, payload, signature = rsa.token().split('.')
    forged = b64url(json.dumps({'iss': ID, 'sub': 'admin', 'aud': 'shop', 'exp': now + 600}).encode())
    yield 'expired', rsa.token(exp=now - 120), 401
    yield 'not yet good', rsa.token(nbf=now + 600), 401
    yield 'of nobody that is known', rsa.token(iss='https://evil.example.com'), 401
    yield 'without an issuer', rsa.token(iss=None), 401
    yield 'for somebody else', rsa.token(aud='stock'), 403
    yield 'for nobody', rsa.token(aud=None), 403
    yield 'unsigned', rsa.token({'alg': 'none'}, lambda text: b''), 401
    yield 'unsigned, with a signature', rsa.token({'alg': 'none'}), 401
    yield 'by the public key as a secret', rsa.token({'alg': 'HS256'}, by_public), 401
    yield 'by the modulus as a secret', rsa.token({'alg': 'HS256'}, by_modulus), 401
    yield 'by another key', world.stranger.token({'kid': 'rsa'}), 401
    yield 'by the key of another issuer', world.remote.token({'kid': 'rsa'}, iss=ID), 401
    yield 'of another algorithm of the key', rsa.token({'alg': 'ES256'}), 401
    yield 'by the key that nobody has', rsa.token({'alg': 'EdDSA', 'kid': 'nobody'}, lambda text: b'\1' * 64), 401
    yield 'of an issuer without keys', rsa.token(iss=NONE), 401
    yield 'of an issuer whose key is none', rsa.token(iss='https://curve.example.com'), 401
    yield 'with another payload', '.'.join((head, forged, signature)), 401
    yield 'with half of a signature', '.'.join((head, payload, signature[:100])), 401
    yield 'no token at all', 'abc', 401
    yield 'empty parts', '..', 401
    yield 'in standard base64', base64.b64encode(b'{}').decode() + '.' + payload + '.' + signature, 401


def test_tokens(env):
    """No token passes, a good one does, a bad one never; claims become headers."""
    world = World(env)
    rsa = world.rsa
    need(world.status() == 200, 'a request without a token: %d' % world.status())
    need(world.last().get('x-user') is None, 'headers of no token: %s' % world.last())
    answer = world.ask(rsa.token(sub='jo', org={'team': 'staff'}))
    got = world.last()
    need(answer.status == 200 and got['x-user'] == 'jo' and got['x-team'] == 'staff', 'a good token: %s, %s' % (answer, got))
    need(json.loads(base64.urlsafe_b64decode(got['x-payload'] + '==='))['sub'] == 'jo', 'the payload: %s' % got['x-payload'])
    need('authorization' not in got, 'the token goes on')
    need(world.status(world.curve.token('n', 's', aud=['a', 'shop'])) == 200, 'a good token by the other key')
    need(world.status(x_token=rsa.token()) == 200 and world.last()['x-user'] == 'jo', 'a token in another header')
    need(world.status(path='/?token=' + rsa.token()) == 200 and world.last()['x-user'] == 'jo', 'a token as a parameter')
    need(world.status(Cookie='session=' + rsa.token()) == 200 and world.last()['x-user'] == 'jo', 'a token in a cookie')
    bad = [(name, world.status(token), want) for name, token, want in bad_tokens(world)]
    wrong = ['%s: %d, not %d' % (name, got, want) for name, got, want in bad if got != want]
    need(not wrong, '; '.join(wrong))
    need(world.ask('abc').headers.get('www-authenticate', '').startswith('Bearer'), 'who is asked: %s' % world.ask('abc').headers)
    rejected = {k: v for k, v in world.envoy.admin.stats('update_rejected').items() if v}
    need(not rejected, 'rejected: %s' % rejected)
    return '%d bad tokens' % len(bad)


def test_tokens_of_a_key_server(env):
    """Keys that Envoy fetches through the cluster of a service."""
    world = World(env)
    token = world.remote.token(aud=None)
    await_('the fetched keys', lambda: world.status(token) == 200)
    need(world.last()['authorization'] == 'Bearer ' + token, 'the token does not go on')
    need(world.status(world.stranger.token({'kid': 'remote'}, iss=KEYS)) == 401, 'a token by another key passes')


def own_address():
    """An address of this machine that is not its own business alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(('192.0.2.1', 9))
        except OSError:
            raise Skip('no address but those of loopback')
        ip = sock.getsockname()[0]
    if ip.startswith('127.'):
        raise Skip('no address but those of loopback')
    return ip


def test_tokens_of_a_strange_key_server(env):
    """Keys of a host that is no service, without a ServiceEntry; over https only those that somebody vouches for."""
    ip, world = own_address(), World(env)
    keys = {'keys': [world.stranger.jwk]}
    plain, safe = (env.started(KeyServer(keys, ip, tls)) for tls in (None, certs.server(certificate(env.folder, ip))))
    rule = '    - {issuer: %s, jwksUri: "%s://%s:%d/keys", fromHeaders: [{name: x-%s}]}\n'
    world.navarchd.write('tokens.yaml', world.authentication() + rule % ('plain', 'http', ip, plain.port, 'plain') +
                         rule % ('safe', 'https', ip, safe.port, 'safe'))
    token = world.stranger.token(iss='plain')
    await_('the keys', lambda: world.status(x_plain=token) == 200 and world.status(x_plain=token + 'x') == 401)
    got = world.status(x_safe=world.stranger.token(iss='safe'))
    need(got == 401, 'keys of a server with a certificate of its own count: %d' % got)
    refused = world.envoy.admin.stats('jwks.%d.https.%s.*ssl.fail_verify' % (safe.port, ip))
    need(sum(refused.values()), 'the certificate was not looked at')


def test_tokens_and_policies(env):
    """Principals of requests and claims in AuthorizationPolicies, and claims in routes of a gateway."""
    world = World(env)
    jo, max_, staff = world.rsa.token(), world.rsa.token(sub='max'), world.rsa.token(org={'team': 'staff'})
    scoped = world.rsa.token(scope='read write')
    cases = [(None, '/', 200, 'v1'), (None, '/private', 403, None), (jo, '/private', 200, 'v1'), (max_, '/private', 403, None),
             (None, '/staff', 403, None), (jo, '/staff', 403, None), (staff, '/staff', 200, 'v1'),
             (None, '/scoped', 403, None), (scoped, '/scoped', 200, 'v1'), (world.rsa.token(scope='write'), '/scoped', 403, None),
             (None, '/by-claim', 200, 'v1'), (jo, '/by-claim', 200, 'v1'), (staff, '/by-claim', 200, 'v2')]
    wrong = []
    for token, path, status, version in cases:
        answer = world.ask(token, path)
        if answer.status != status or (version and answer.body != version):
            wrong.append('%s with %s: %s' % (path, token and json.loads(base64.urlsafe_b64decode(token.split('.')[1] + '===')), answer))
    need(not wrong, '\n    '.join(wrong))
    need(world.status(path='/private', X_Token='') != 200, 'an empty token passes the policy')


def test_tokens_required(env):
    """presence REQUIRED: no token is no good, but preflights of CORS need none."""
    world = World(env)
    world.navarchd.write('tokens.yaml', world.authentication('REQUIRED'))
    await_('a request without a token is refused', lambda: world.status() == 401)
    need(world.status(world.rsa.token()) == 200, 'a good token is refused')
    need(world.status(world.rsa.token(exp=1)) == 401, 'an old token passes')
    other = world.remote.token(aud=None)
    await_('both tokens pass', lambda: world.status(world.rsa.token(), x_other=other) == 200)
    need(world.status(world.rsa.token(), x_other=other + 'x') == 401, 'a bad token beside the good one passes')
    need(world.status(x_other=other) == 401, 'another issuer\'s token stands for the one that is required')
    preflight = {'Origin': 'https://app.test', 'Access_Control_Request_Method': 'GET'}
    need(world.status(method='OPTIONS', **preflight) == 200, 'a preflight is refused: %d' % world.status(method='OPTIONS', **preflight))
    world.navarchd.write('tokens.yaml', world.authentication())
    await_('requests without a token', lambda: world.status() == 200)
