# SPDX-License-Identifier: Apache-2.0
"""What `navctl route` says about a request is what a real Envoy does with it: many requests, both ways."""
import base64
import collections
import http.client
import json
import random
import socket
import ssl
import subprocess
import xml.etree.ElementTree

import certs
import manifests
from backend import METHODS
from captured import Workload
from certs import certificate
from harness import BUILD, await_, free_port, get, need
from identity import Issuer, b64url

VERSIONS = ('v1', 'v2', 'v3', 'v4', 'v5')
REQUESTS = 1500

# (what stands before `route`, and the versions it goes to), in order
SHOP = '''
    - name: exact
      match: [{uri: {exact: /exact}}]
      TO v1
    - name: no-case
      match: [{uri: {prefix: /Mixed}, ignoreUriCase: true}]
      TO v2
    - name: regex
      match: [{uri: {regex: "/re/[0-9]{2,3}/.*x"}}]
      TO v3
    - name: header
      match:
        - {uri: {prefix: /h}, headers: {x-kind: {exact: one}}}
        - {uri: {prefix: /h}, headers: {x-kind: {prefix: two}, x-more: {regex: "a+b?"}}}
      TO v4
    - name: without
      match: [{uri: {prefix: /h}, headers: {x-kind: {}}, withoutHeaders: {x-more: {exact: aab}, x-none: {}}}]
      TO v5
    - name: query
      match: [{uri: {prefix: /q}, queryParams: {a: {exact: "1%202"}, b: {regex: "x*"}}}]
      TO v1
    - name: query-prefix
      match: [{uri: {prefix: /q}, queryParams: {a: {prefix: "1"}}}]
      TO v2
    - name: method
      match: [{uri: {prefix: /q}, method: {regex: "P.*"}}]
      TO v3
    - name: authority
      match: [{uri: {prefix: /auth}, authority: {prefix: shop}}]
      TO v4
    - name: rewrite
      match: [{uri: {prefix: /old/}}]
      rewrite: {uri: /new/, authority: inner.example.org}
      TO v5
    - name: rewrite-exact
      match: [{uri: {exact: /one}}]
      rewrite: {uri: /two}
      TO v1
    - name: rewrite-regex
      match: [{uri: {prefix: /user}}]
      rewrite: {uriRegexRewrite: {match: "/user/([^/]+)/?", rewrite: "/u/\\\\1-"}}
      TO v2
    - name: weights
      match: [{uri: {prefix: /split}}]
      TO v1 v2 v3
    - name: abort
      match: [{uri: {prefix: /abort}}]
      fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
      TO v1
    - name: direct
      match: [{uri: {prefix: /direct}}]
      directResponse: {status: 451, body: {string: "not here"}}
    - name: moved
      match: [{uri: {exact: /moved}}]
      redirect: {uri: /there, authority: new.example.org, redirectCode: 302}
    - name: moved-scheme
      match: [{uri: {prefix: /scheme}}]
      redirect: {scheme: https}
    - name: moved-port
      match: [{uri: {prefix: /port}}]
      redirect: {port: 8443, redirectCode: 308}
    - name: moved-uri
      match: [{uri: {prefix: /uri}}]
      redirect: {uri: "/x?own=1", redirectCode: 307}
    - name: missing
      match: [{uri: {prefix: /missing}}]
      route: [{destination: {host: nowhere.default.svc.cluster.local, port: {number: 80}}}]
    - name: cors
      match: [{uri: {exact: /cors}}]
      corsPolicy: {allowOrigins: [{exact: "https://app.test"}, {regex: "https://[a-z]+[.]friend[.]test"}]}
      TO v1
    - name: cors-ignore
      match: [{uri: {exact: /cors/ignore}}]
      corsPolicy: {allowOrigins: [{prefix: "https://app."}], unmatchedPreflights: IGNORE}
      TO v2
    - name: cors-moved
      match: [{uri: {exact: /cors/moved}}]
      corsPolicy: {allowOrigins: [{exact: "*"}]}
      redirect: {uri: /new}
    - name: abort-direct
      match: [{uri: {prefix: /gone-abort}}]
      fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
      directResponse: {status: 202}
    - name: scheme-match
      match: [{uri: {prefix: /s}, scheme: {exact: https}}]
      TO v3
'''
WILD = '''
    - match: [{uri: {prefix: /a/b}}]
      TO v2
    - match: [{uri: {prefix: /a}, headers: {":path": {prefix: "/a?"}}}]
      TO v3
    - TO v4
'''
LONGER = '''
    - TO v5
'''

HOSTS = ('shop.example.com', 'SHOP.example.com', 'shop.example.com:80', 'shop.example.com:443', 'shop.example.com:1234',
         'a.example.com', 'b.a.example.com', 'x.deep.example.com', '.example.com', 'example.com', 'xexample.com',
         'other.org', 'deep.example.com', 'shop.example.com.')
PATHS = ('/exact', '/exact/', '/Exact', '/mixed/a', '/MIXED', '/Mixe', '/re/12/ax', '/re/1/x', '/re/123/', '/re/123/x/y',
         '/h', '/h/x', '/hello', '/q', '/q/r', '/q/', '/q/s', '/auth', '/old/', '/old', '/old/a/b', '/one', '/one/',
         '/user', '/user/bob', '/user/bob/', '/user/a/user/b/c', '/split', '/abort/x', '/direct', '/moved', '/moved/', '/scheme/x', '/port',
         '/uri/x', '/missing', '/s', '/gone-abort', '/a/../exact', '/./exact', '/a/%2e%2E/exact')
MORE_PATHS = ('/a', '/a/b', '/a/bc', '/a//b', '//a', '/a%2Fb', '/%61/b', '/a\\b', '/a/b/..', '/a/b/.', '/a/%zz',
              '/a/%c3%a9', '/a/b;c=1', '/a/~b-_.', '/', '/..', '/a/"b"', '/a/{b}', '/a/|^b', '/a/%7Eb%2d', '/exact%20')
QUERIES = ('', '', '', '?', '?a=1%202', '?a=1+2&b=', '?a=1%202&b=xxx', '?b=xx&a=1%202', '?a=2&a=1%202&b=', '?a', '?a=1&b=y',
           '?%61=1&b', '?x=/../y&&a=1 2'.replace(' ', '%20'))
HEADERS = ({}, {}, {'x-kind': 'one'}, {'x-kind': 'One'}, {'x-kind': 'twofold', 'x-more': 'aab'}, {'x-kind': 'two'},
           {'x-kind': 'three', 'x-more': 'aab'}, {'x-kind': 'three', 'x-none': ''}, {'x-kind': 'three', 'x-more': 'b'},
           {'X-Kind': 'three'}, {'x-forwarded-proto': 'https'})
# who answers is what counts here; test_tls.py checks certificates
ANYBODY = ssl.create_default_context()
ANYBODY.check_hostname = False
ANYBODY.verify_mode = ssl.CERT_NONE
ORIGINS = [dict(({'origin': o} if o is not None else {}), **more)
           for o in ('https://app.test', 'https://best.friend.test', 'https://evil.test', '', None)
           for more in ({'access-control-request-method': 'PUT'}, {'access-control-request-method': ''}, {})]
NAMES = ('one.secure.test', 'two.secure.test', 'deep.two.secure.test', 'secure.test', 'ONE.secure.test', '')


def routes(text):
    """`TO v1 v2` becomes a route to these versions, with equal weights as far as possible."""
    out = []
    for line in text.strip('\n').splitlines():
        start, _, versions = line.partition('TO ')
        if not versions:
            out.append(line)
            continue
        versions = versions.split()
        share = 100 // len(versions)
        out.append(start + 'route:')
        for n, v in enumerate(versions):
            out.append('        - destination: {host: shop.default.svc.cluster.local, subset: %s}' % v)
            out.append('          weight: %d' % (100 - share * (len(versions) - 1) if n == 0 else share))
    return '\n'.join(out) + '\n'


def gateways(plain, tls_redirect, secure):
    """Three ports: plain, one that asks for TLS, and TLS with a certificate a host."""
    return '''apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: %d, name: web, protocol: HTTP}
      hosts: ["*"]
    - port: {number: %d, name: redirect, protocol: HTTP}
      hosts: ["shop.example.com"]
      tls: {httpsRedirect: true}
    - port: {number: %d, name: one, protocol: HTTPS}
      hosts: ["one.secure.test"]
      tls: {mode: SIMPLE, credentialName: one-cert}
    - port: {number: %d, name: rest, protocol: HTTPS}
      hosts: ["*.two.secure.test", "two.secure.test"]
      tls: {mode: SIMPLE, credentialName: rest-cert}
''' % (plain, tls_redirect, secure, secure)


def mesh(env, ports, backend):
    secrets = [manifests.secret(name, certificate(env.folder, name)) for name in ('one-cert', 'rest-cert')]
    return {'shop.yaml': manifests.service('shop', backend, VERSIONS),
            'subsets.yaml': manifests.subsets('shop', VERSIONS),
            'gateway.yaml': gateways(*ports),
            'secret.yaml': '---\n'.join(secrets),
            'routes.yaml': '---\n'.join([
                manifests.virtual_service('shop', routes(SHOP), hosts='shop.example.com'),
                manifests.virtual_service('wild', routes(WILD), hosts='"*.example.com"'),
                manifests.virtual_service('longer', routes(LONGER), hosts='"*.deep.example.com"'),
                manifests.virtual_service('secure', routes(SHOP + WILD),
                                          hosts='one.secure.test, two.secure.test, "*.two.secure.test"')])}


def generate(ports, rng):
    """Requests with what a client needs to send them: {port, tls, host, path, method, headers, sni}."""
    plain, tls_redirect, secure = ports
    for n in range(REQUESTS):
        kind = rng.random()
        method = rng.choice(METHODS) if rng.random() < .5 else 'GET'
        q = {'method': method, 'headers': rng.choice(HEADERS), 'tls': False}
        if kind < .75:
            # most requests to the host with most routes, so that each of its routes has many
            q.update(port=plain, host=rng.choice(HOSTS if rng.random() < .5 else HOSTS[:1]))
        elif kind < .8:
            q.update(port=tls_redirect, host=rng.choice(HOSTS[:6]))
        else:
            name = rng.choice(NAMES)
            q.update(port=secure, host=name if name and rng.random() < .7 else rng.choice(NAMES[:4]), tls=True, sni=name)
        fits = q['host'].lower().startswith('shop') or q['tls']
        q['path'] = rng.choice(PATHS if fits and rng.random() < .8 else MORE_PATHS) + rng.choice(QUERIES)
        yield q
    for path in ('/cors', '/cors/ignore', '/cors/moved'):
        for headers in ORIGINS:
            for method in ('GET', 'OPTIONS'):
                yield {'port': plain, 'host': HOSTS[0], 'path': path, 'method': method, 'headers': headers, 'tls': False}


def connect_to_gateway(q):
    return socket.create_connection(('127.0.0.1', q['port']), 10)


def send(q, backends, connect=connect_to_gateway):
    """What a client sees: (status, Location or None, the backend and the request that it got or None); status 0: closed."""
    try:
        sock = connect(q)
        if q['tls']:
            sock = ANYBODY.wrap_socket(sock, server_hostname=q['sni'] or None)
        conn = http.client.HTTPConnection('127.0.0.1', timeout=10)
        conn.sock = sock
        conn.putrequest(q['method'], q['path'], skip_host=True, skip_accept_encoding=True)
        for k, v in dict(q['headers'], Host=q['host'], Connection='close').items():
            conn.putheader(k, v)
        conn.endheaders()
        answer = conn.getresponse()
        answer.read()
        conn.close()
        backend = next((b for b in backends if b.name == answer.getheader('x-backend')), None)
        return answer.status, answer.getheader('Location'), backend and (backend.name, backend.seen[-1])
    except (OSError, http.client.HTTPException):
        return 0, None, None


def walk(config, requests, *who):
    """navctl's answer to all of them, in order."""
    listed = [{'url': '%s://%s:%d%s' % ('https' if q['tls'] else 'http', q.get('ip', '127.0.0.1'),
                                        q.get('service_port', q['port']), q['path']), 'method': q['method'],
               'headers': dict(q.get('told', q['headers']), Host=q['host']), 'clientIp': '127.0.0.1',
               **({'claims': q['claims']} if 'claims' in q else {}), **({'sni': q['sni']} if q['tls'] else {})} for q in requests]
    ran = subprocess.run([BUILD + '/navctl', 'route', '--config-dir', config, *who, '--requests', '-', '-o', 'json'], input=json.dumps(listed), capture_output=True, text=True)
    need(ran.returncode in (0, 1), 'navctl route: %s' % ran.stderr)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def version_at(address):
    return VERSIONS[int(address.rsplit(':', 1)[0].rsplit('.', 1)[1]) - 1]


def difference(said, seen, name_of=version_at):
    """'' when what navctl said is what was seen. name_of: the backend at an address."""
    status, location, backend = seen
    if said['end'] == 'refused':
        return '' if status == 0 else 'refused, but got %d' % status
    if said['end'] == 'answered':
        if status != said['status'] or backend:
            return '%d, but got %d %s' % (said['status'], status, backend or '')
        return '' if said.get('location') == location else 'location %s, but got %s' % (said.get('location'), location)
    names = {name_of(e['address']) for t in said['targets'] if t['weight'] for e in t['endpoints']}
    if status != 200 or not backend or backend[0] not in names:
        return 'one of %s, but got %d %s' % (sorted(names), status, backend)
    if 'path' not in said:
        return ''                       # bytes of TCP
    path, host = backend[1].path, backend[1].headers['Host']
    if path != said['path']:
        return 'path %s, but got %s' % (said['path'], path)
    hosts = {t['host'] for t in said['targets']}
    return '' if host in hosts else 'host %s, but got %s' % (sorted(hosts), host)


def of_gateway(env, **more):
    """Ports, backends and navarchd of a gateway that is up; more: files beside the mesh's own."""
    ports = tuple(free_port() for _ in range(3))
    backends = env.backends(*VERSIONS)
    navarchd = env.navarchd(dict(mesh(env, ports, backends[0].port), **more))
    env.gateway(navarchd)
    await_('traffic', lambda: get(ports[0], path='/exact')[0] == 200)
    await_('TLS', lambda: send({'port': ports[2], 'tls': True, 'sni': 'one.secure.test', 'host': 'one.secure.test',
                                'path': '/exact', 'method': 'GET', 'headers': {}}, backends)[0] == 200)
    return ports, backends, navarchd


def agreed(navarchd, requests, backends):
    """Sends them all; how often each route or status came, when navctl said the same of every one."""
    said = walk(navarchd.config, requests, '--from', 'gateway/public')
    need(len(said) == len(requests), '%d answers to %d requests' % (len(said), len(requests)))
    wrong, ends = [], collections.Counter()
    for q, s in zip(requests, said):
        text = difference(s, send(q, backends))
        ends[s.get('route') or str(s.get('status', s['end']))] += 1
        if text:
            wrong.append('%s\n      navctl: %s (%s, route %s)' % (q, text, s['why'], s.get('route')))
    need(not wrong, '%d of %d differ:\n    %s' % (len(wrong), len(requests), '\n    '.join(wrong[:25])))
    return ends


def test_walk_is_what_envoy_does(env):
    ports, backends, navarchd = of_gateway(env)
    requests = list(generate(ports, random.Random(1)))
    ends = agreed(navarchd, requests, backends)
    need(len(ends) >= 24 and min(ends.values()) > 2 and ends['404'] < len(requests) / 2,
         'the requests reach too little: %s' % ends)
    return '%d requests, %d routes and statuses' % (len(requests), len(ends))


POLICIES = '''apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  action: DENY
  rules:
    - to: [{operation: {paths: ["/user/{*}/user/{**}", "*.x", "/a/{*}"], notMethods: [DELETE]}}]
    - to: [{operation: {hosts: ["*.deep.example.com", "XEXAMPLE.com"], methods: [GET, "P*"]}}]
    - from: [{source: {remoteIpBlocks: [127.0.0.0/8], notIpBlocks: ["::1"]}}]
      to: [{operation: {paths: ["/q*"], notPaths: [/q/r]}}, {operation: {paths: [/auth]}}]
      when: [{key: "request.headers[x-kind]", values: [one, "t*"], notValues: [two]}]
    - from: [{source: {ipBlocks: [10.0.0.0/8]}}, {source: {principals: ["*"]}}, {source: {requestPrincipals: ["*"]}}]
    - when: [{key: connection.sni, values: ["*.two.secure.test"]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: allow, namespace: istio-system}
spec:
  rules:
    - to: [{operation: {notPaths: ["/exact", "/h/*"]}}]
    - when: [{key: "request.headers[x-more]", values: ["*"]}]
    - to: [{operation: {ports: ["%d"]}}]
'''


def test_walk_of_policies(env):
    """What AuthorizationPolicies deny: navctl says what the gateway does."""
    ports, backends, navarchd = of_gateway(env)
    navarchd.write('policies.yaml', POLICIES % ports[2])
    denied = {'port': ports[0], 'host': HOSTS[0], 'path': '/exact', 'method': 'GET', 'headers': {}, 'tls': False}
    await_('the policies', lambda: send(denied, backends)[0] == 403)
    requests = list(generate(ports, random.Random(2)))[:900]
    ends = agreed(navarchd, requests, backends)
    need(ends['403'] > 90 and sum(ends.values()) - ends['403'] > 400, 'the policies reach too little: %s' % ends)
    return '%d requests, %d denied' % (len(requests), ends['403'])


TOKENS = '''apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: istio-system}
spec:
  jwtRules:
    - issuer: one
      audiences: [shop, stock]
      jwks: '%(jwks)s'
      fromHeaders: [{name: authorization, prefix: "Bearer "}, {name: x-token}]
      fromParams: [token]
      fromCookies: [session]
      outputClaimToHeaders: [{header: x-kind, claim: kind}, {header: x-more, claim: deep.more}, {header: x-count, claim: count}]
    - {issuer: two, jwks: '%(jwks)s', forwardOriginalToken: true}
    - {issuer: three}
'''
TOKEN_POLICIES = '''apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: tokens, namespace: istio-system}
spec:
  action: DENY
  rules:
    - to: [{operation: {paths: [/q]}}]
      from: [{source: {notRequestPrincipals: ["one/*", "two/jo"]}}]
    - to: [{operation: {paths: ["/h*"]}}]
      when: [{key: request.auth.audiences, values: [stock]}]
    - to: [{operation: {paths: [/auth]}}]
      when: [{key: "request.auth.claims[deep][more]", notValues: ["a*"]}]
    - to: [{operation: {paths: [/one]}}]
      when: [{key: "request.auth.claims[scope]", values: [write]}]
'''
CLAIMS = '''
    - name: scope
      match: [{headers: {"@request.auth.claims.scope": {exact: read}}}]
      TO v1
    - name: deep
      match: [{headers: {"@request.auth.claims.deep.more": {prefix: a}}}]
      TO v2
    - name: no-kind
      match: [{withoutHeaders: {"@request.auth.claims.kind": {exact: one}}}]
      TO v3
    - name: copied
      match: [{headers: {x-kind: {exact: one}, x-count: {exact: "3"}}}]
      TO v4
    - name: rest
      TO v5
'''


def tokens_of(issuer):
    """Tokens whose signatures and times are good, and what is none."""
    token = lambda **claims: issuer.token('n', 's', **claims)
    for claims in ({}, {'kind': 'one', 'count': 3}, {'kind': 'two', 'deep': {'more': 'aab'}, 'scope': 'write'}, {'scope': 'read write'},
                   {'scope': 'a read'}, {'kind': ['one'], 'deep': {'more': 'b'}}, {'kind': True, 'scope': ['read']}):
        for who in ({'iss': 'one', 'aud': 'shop'}, {'iss': 'one', 'aud': ['a', 'stock']}, {'iss': 'two', 'sub': 'jo', 'aud': []}):
            yield token(**dict(claims, **who))
    yield from (token(iss='one'), token(iss='two', sub='max'), token(iss='three'), token(iss='four'), token(iss=1), 'abc', 'a.b.c', '.', '..')
    head, payload, signature = token(iss='one', aud='shop').split('.')
    none = b64url(b'{"alg":"none"}')
    yield from ('%s.%s.' % (none, payload), '%s.%s.%s' % (none, payload, signature), '%s.%s.' % (head, payload), '%s.%s' % (head, payload),
                '%s.%s.%s' % (head, b64url(b'[]'), signature), '%s.%s.%s' % (b64url(b'{}'), payload, signature))


def is_signed(token):
    """It is one of an Issuer as it stands."""
    parts = token.split('.')
    return len(parts) == 3 and all(part.startswith('eyJ') for part in parts[:2]) and len(parts[0]) > 40 and len(parts[2]) > 80


def claims_of(token):
    return base64.urlsafe_b64decode(token.split('.')[1] + '===') if len(token) > 100 else b''


def with_tokens(ports, tokens, rng):
    """Requests with none, one or two tokens, where they are looked for and where not."""
    places = [lambda t, q: q['headers'].update(authorization='Bearer ' + t), lambda t, q: q['headers'].update({'x-token': t}),
              lambda t, q: q.update(path=q['path'] + ('&' if '?' in q['path'] else '?') + 'token=' + t),
              lambda t, q: q['headers'].update(cookie='a=b; session=' + t), lambda t, q: q['headers'].update(authorization='bearer ' + t),
              lambda t, q: q['headers'].update(authorization='Basic x Bearer ' + t + ',y'),
              lambda t, q: q.update(path=q['path'] + ('&' if '?' in q['path'] else '?') + 'access_token=' + t)]
    for _ in range(1200):
        q = {'port': ports[0], 'tls': False, 'method': 'GET', 'headers': {}, 'host': rng.choice(('tokens.test', 'tokens.test', HOSTS[0])),
             'path': rng.choice(('/h', '/h/x', '/q', '/q?a=1', '/auth', '/one', '/exact', '/moved', '/'))}
        if rng.random() < .1:
            q['headers'].update({'x-kind': 'one'})
        if rng.random() < .05:
            q.update(method='OPTIONS')
            q['headers'].update({'origin': 'https://app.test', 'access-control-request-method': 'GET'})
        n = None
        for n in range(rng.choice((0, 1, 1, 1, 1, 1, 2))):
            # Envoy compares both values of a header that two tokens have a claim for
            rng.choice(places[:1] * 6 + places)(rng.choice([t for t in tokens if not n or b'kind' not in claims_of(t)]), q)
        token = q['headers'].get('authorization', '')[7:]
        if n == 0 and is_signed(token) and q['headers']['authorization'].startswith('Bearer ') and rng.random() < .4:
            # navctl is told the claims and not the token
            q.update(told={k: v for k, v in q['headers'].items() if k != 'authorization'}, claims=json.loads(claims_of(token)))
        yield q


def test_walk_of_tokens(env):
    """Tokens at a gateway, in all places and forms: navctl says what Envoy does, but for signatures and times."""
    issuer = Issuer(env.folder)
    ports, backends, navarchd = of_gateway(env, **{
        'claims.yaml': manifests.virtual_service('tokens', routes(CLAIMS), hosts='tokens.test')})
    navarchd.write('tokens.yaml', TOKENS % {'jwks': json.dumps(issuer.jwks)} + '---\n' + TOKEN_POLICIES)
    bad = {'port': ports[0], 'host': HOSTS[0], 'path': '/exact', 'method': 'GET', 'headers': {'authorization': 'Bearer x'}, 'tls': False}
    await_('the rules', lambda: send(bad, backends)[0] == 401)
    rng = random.Random(3)
    requests = list(with_tokens(ports, list(tokens_of(issuer)), rng))
    ends = agreed(navarchd, requests, backends)
    need(min(ends[e] for e in ('401', '403', 'scope', 'deep', 'no-kind', 'copied', 'rest')) > 8, 'the requests reach too little: %s' % ends)
    told = sum('claims' in q for q in requests)
    need(told > 80, 'only %d requests by claims' % told)
    return '%d requests, %d of them by claims, %d without a good token, %d denied' % (len(requests), told, ends['401'], ends['403'])


WORKLOAD = '''apiVersion: v1
kind: Service
metadata: {name: app, namespace: default}
spec:
  clusterIP: 10.96.0.9
  selector: {app: client}
  ports:
    - {name: http, port: 8000, targetPort: 8080}
    - {name: tcp, port: 9000, targetPort: 9090}
    - {name: unsaid, port: 7007, targetPort: 7070}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: default, labels: {app: client}}
spec: {serviceAccountName: default, containers: [{name: app, image: app}]}
status: {phase: Running, podIP: 10.244.0.1, conditions: [{type: Ready, status: "True"}]}
'''
WORKLOAD_ROUTES = '''
    - name: moved
      match: [{uri: {prefix: /b}}]
      rewrite: {uri: /c}
      route: [{destination: {host: api.test}}]
    - name: rest
      route: [{destination: {host: web.test}}]
'''
# somebody listens wherever an Envoy could send to, so that a wrong answer has a name
PLAIN = [(ip, port) for ip in ('10.1.1.1', '10.1.1.2', '10.96.0.1', '10.96.0.2', '10.9.9.9')
         for port in (80, 7000, 8000)]
APP = [('10.244.0.1', port) for port in (8080, 9090, 7070, 6060)]
SAFE = [(ip, 443) for ip in ('10.1.1.3', '10.96.0.1', '10.9.9.9')]


def leaving():
    """Requests of the workload: known and unknown addresses, ports, hosts and names."""
    for ip in ('10.96.0.1', '10.96.0.2', '10.9.9.9'):
        for host in ('web.test', 'api.test', 'web.test:80', 'unknown.test'):
            for port in (80, 7000, 8000):
                for path in ('/', '/b/x'):
                    yield {'ip': ip, 'port': port, 'host': host, 'path': path, 'tls': False}
        if ip == '10.96.0.2':
            continue
        for sni in ('one.test', 'two.test', ''):
            yield {'ip': ip, 'port': 443, 'host': 'one.test', 'path': '/', 'tls': True, 'sni': sni}


def arriving():
    """Requests to the workload: the ports of its Service by either number, one that it does not tell, the sidecar's own."""
    for port, service_port in ((8080, 8000), (8080, 8080), (9090, 9000), (7070, 7007), (6060, 6060), (15006, 15006)):
        for host in ('app', 'any.test'):
            for path in ('/', '/a/../b', '/a//b'):
                yield {'ip': '10.244.0.1', 'port': port, 'service_port': service_port, 'host': host, 'path': path,
                       'tls': False}
    yield {'ip': '10.244.0.1', 'port': 8080, 'host': 'app', 'path': '/', 'tls': True, 'sni': 'app'}


def test_walk_of_a_sidecar(env):
    """What leaves a captured workload and what arrives at it: navctl says what the sidecar does."""
    pod = Workload(env)
    tls = certs.server(certificate(env.folder, 'one.test'))
    backends = [pod.inside(env.backend, '%s:%d' % at, *at) for at in PLAIN + APP]
    backends += [pod.inside(env.backend, '%s:%d' % at, *at, tls=tls) for at in SAFE]
    navarchd = env.navarchd({
        'app.yaml': WORKLOAD,
        'web.yaml': manifests.entry('web.test', 80, ('10.1.1.1', {}), address='10.96.0.1'),
        'api.yaml': manifests.entry('api.test', 80, ('10.1.1.2', {}), address='10.96.0.2'),
        'line.yaml': manifests.entry('line.test', 7000, ('10.1.1.1', {}), protocol='TCP', number=7000,
                                     address='10.96.0.1'),
        'one.yaml': manifests.entry('one.test', 443, ('10.1.1.3', {}), protocol='TLS', number=443),
        'routes.yaml': manifests.virtual_service('web', WORKLOAD_ROUTES.lstrip('\n'), hosts='web.test',
                                                 gateways='mesh')})
    pod.sidecar(navarchd)
    wrong, ends = [], collections.Counter()
    for who, requests in (('--from', leaving()), ('--to', arriving())):
        requests = [dict(q, method='GET', headers={}) for q in requests]
        for q, said in zip(requests, walk(navarchd.config, requests, who, 'client.default')):
            seen = send(q, backends, lambda q: pod.connect(q['ip'], q['port'], arrives=who == '--to'))
            text = difference(said, seen, name_of=str)
            ends[who, said.get('listener'), said.get('filterChain'), said.get('route')] += 1
            if text:
                wrong.append('%s %s\n      navctl: %s (%s)' % (who, q, text, said))
    need(not wrong, '%d of %d differ:\n    %s' % (len(wrong), sum(ends.values()), '\n    '.join(wrong[:25])))
    need(len(ends) >= 12, 'the requests reach too little: %s' % ends)
    return '%d requests, %d chains' % (sum(ends.values()), len(ends))


TESTS = '''
from: app=web
tests:
  - name: by path
    request: {url: "http://shop:8000/b"}
    expect: {cluster: "outbound|8000|v2|shop.*", path: /c, host: "shop:8000", endpoints: 1, status: 200, route: b}
  - name: split
    request: {url: "http://shop.default:8000/", headers: {x-number: 1}}
    expect: {weights: {"*|v1|*": 70, "*|v2|*": 30}}
  - name: unknown names pass
    request: {url: "tcp://elsewhere.example.com:5000"}
    expect: {cluster: PassthroughCluster}
  - name: no port
    from: gateway/public
    request: {url: "http://x:81/"}
    expect: {refused: true, status: 0}
  - name: no route
    from: gateway/public
    request: {url: "http://x/", method: POST}
    expect: {status: 404}
'''


def navctl(*args):
    ran = subprocess.run([BUILD + '/navctl', *args], capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


def test_navctl_test(env):
    """Routing tests of users: passed, failed, as JUnit, and with a slip in them."""
    mesh_routes = manifests.virtual_service(
        'inside', manifests.split('shop', {'v2': 100}, '/b').replace('- route', '- name: b\n      rewrite: {uri: /c}\n      route'),
        manifests.split('shop', {'v1': 70, 'v2': 30}), hosts='shop', gateways='mesh')
    for name, text in (('mesh.yaml', '---\n'.join([manifests.service('shop', 8080, ('v1', 'v2')), mesh_routes,
                                                   manifests.subsets('shop', ('v1', 'v2')), manifests.gateway(80)])),
                       ('tests', TESTS), ('failing', TESTS.replace('path: /c', 'path: /b')),
                       ('slip', TESTS.replace('path: /c', 'paht: /c'))):
        with open('%s/%s' % (env.folder, name), 'w') as f:
            f.write(text)
    config = ('--config-dir', env.folder + '/mesh.yaml')
    code, out, err = navctl('test', *config, env.folder + '/tests')
    need(code == 0 and out.endswith('5 passed, 0 failed\n'), '%d %s %s' % (code, out, err))
    code, out, err = navctl('test', *config, env.folder + '/failing')
    need(code == 1 and '/failing:4: path: expected "/b", got /c' in out and out.endswith('4 passed, 1 failed\n'), out + err)
    code, out, err = navctl('test', *config, '-o', 'junit', env.folder + '/failing')
    cases = xml.etree.ElementTree.fromstring(out.split('\n', 1)[1])
    need(code == 1 and len(cases) == 5 and len(cases.findall('.//failure')) == 1, out + err)
    code, out, err = navctl('test', *config, env.folder + '/slip')
    need(code == 2 and 'paht' in err and 'slip:4' in err, err)
    code, out, err = navctl('route', *config, '--from', 'app=web', 'http://shop:8000/b')
    need(code == 0 and '%s/mesh.yaml:' % env.folder in out and 'VirtualService default/inside' in out, out + err)
    need(navctl('route', *config, '--from', 'gateway/public', 'http://x/')[0] == 1, 'a 404 is exit code 1')
    need(navctl('route', *config, 'http://x/')[0] == 2, 'nobody sends')
