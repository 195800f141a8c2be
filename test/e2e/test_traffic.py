# SPDX-License-Identifier: Apache-2.0
"""What VirtualServices and DestinationRules promise, shown with HTTP requests through an ingress gateway."""
import collections
import concurrent.futures
import threading
import time

import manifests
from harness import ask, await_, free_port, need

HOST = 'shop.test'
VERSIONS = {'v1': '127.0.1.1', 'v2': '127.0.1.2', 'v3': '127.0.1.3'}
SUBSETS = '''
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
    - {name: v3, labels: {version: v3}}
'''
PLAIN = '''
    - route: [{destination: {host: shop.test}}]
'''


class Shop:
    """A gateway before shop.test with three backends v1, v2, v3. `http`: routes of its VirtualService; `rule`: the spec
    of its DestinationRule; `entry`: another ServiceEntry, made of the port of the backends."""

    def __init__(self, env, http=PLAIN, rule=SUBSETS, entry=None, more=(), locality=None):
        self.backends, self.pool = env.backends(*VERSIONS), concurrent.futures.ThreadPoolExecutor()
        self.backend_port, self.port = self.backends[0].port, free_port()
        self.navarchd = env.navarchd({
            'gateway.yaml': manifests.gateway(self.port),
            'entry.yaml': (entry or all_versions)(self.backend_port),
            'rule.yaml': manifests.rule(HOST, rule),
            'routes.yaml': '---\n'.join((manifests.virtual_service('shop', http.lstrip('\n'), hosts=HOST), *more))})
        self.envoy = env.gateway(self.navarchd, locality=locality)

    def ask(self, path='/', host=HOST, **more):
        return ask(self.port, path, host, **more)

    def who(self, requests=1, **more):
        """Counter of who answered, or of the statuses that are not 200."""
        answers = [self.ask(**more) for _ in range(requests)]
        return collections.Counter(a.body if a.status == 200 else a.status for a in answers)

    def begin(self):
        """A Future of the Answer to a request that is under way."""
        return self.pool.submit(self.ask)

    def answer(self, version, function):
        """What a backend answers from now on: a status, or a function of the request that returns one."""
        self.backends[list(VERSIONS).index(version)].answers[HOST] = (
            function if callable(function) else lambda _: function)

    def seen(self, version=None):
        """The requests that backends got."""
        return [r for b in self.backends if version in (None, b.name) for r in b.seen]

    def stat(self, name, host=HOST):
        """A counter or gauge of the host's clusters."""
        return sum(v for k, v in self.envoy.admin.stats(host).items() if k.endswith('.' + name))


def all_versions(port):
    return manifests.entry(HOST, port, *((ip, {'version': v}) for v, ip in VERSIONS.items()))


def one_version(port):
    return manifests.entry(HOST, port, (VERSIONS['v1'], {}))


def test_traffic_hash_by_header(env):
    """consistentHash by a header: equal values go to one endpoint, all values together to all."""
    shop = Shop(env, rule='''
  trafficPolicy:
    loadBalancer:
      consistentHash: {httpHeaderName: x-user}
''')
    users = [shop.who(6, headers={'x-user': 'user-%d' % n}) for n in range(20)]
    need(all(len(u) == 1 for u in users), 'a user met several: %s' % users)
    met = sum(users, collections.Counter())
    need(set(met) == set(VERSIONS), 'all users together met %s' % dict(met))


def test_traffic_hash_by_cookie(env):
    """consistentHash by a cookie: who has none gets one with the path and the life asked for, and stays where he was."""
    shop = Shop(env, rule='''
  trafficPolicy:
    loadBalancer:
      consistentHash:
        httpCookie: {name: basket, path: /buy, ttl: 90s}
''')
    met = set()
    for n in range(15):
        first = shop.ask()
        cookie, *attributes = first.headers.get('set-cookie', '').split('; ')
        need(cookie.startswith('basket="') and {'Max-Age=90', 'Path=/buy'} <= set(attributes),
             'the answer: %s' % first.headers)
        again = shop.who(5, headers={'cookie': cookie})
        need(set(again) == {first.body}, 'after %s: %s' % (first.body, dict(again)))
        met.add(first.body)
    need(len(met) > 1, 'everybody met %s' % met)


def test_traffic_locality_failover(env):
    """Traffic stays in its region; when that fails it goes where the rule says, and only then elsewhere."""
    shop = Shop(env, locality=('here', 'a'), rule='''
  trafficPolicy:
    loadBalancer:
      localityLbSetting:
        failover: [{from: here, to: there}]
    outlierDetection: {consecutive5xxErrors: 1, baseEjectionTime: 60s, maxEjectionPercent: 100}
''', entry=lambda port: manifests.entry(
        HOST, port, (VERSIONS['v1'], {}, 'here/a'), (VERSIONS['v2'], {}, 'elsewhere/b'), (VERSIONS['v3'], {}, 'there/c')))
    for version, following in (('v1', 'v3'), ('v3', 'v2')):
        got = shop.who(20)
        need(set(got) == {version}, 'not %s: %s' % (version, dict(got)))
        shop.answer(version, 503)
        # Envoy holds back what it learns of a cluster's health within a second of the last (update_merge_window)
        await_('after %s %s' % (version, following), lambda: set(shop.who(3)) == {following})


def test_traffic_locality_distribute(env):
    """distribute: weights of localities, whatever the number of endpoints in them."""
    shop = Shop(env, locality=('here', 'a'), rule='''
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
      localityLbSetting:
        distribute:
          - from: here/*
            to: {here/*: 80, there/*: 20}
''', entry=lambda port: manifests.entry(
        HOST, port, (VERSIONS['v1'], {}, 'here/a'), (VERSIONS['v2'], {}, 'there/b'), (VERSIONS['v3'], {}, 'there/b')))
    got = shop.who(100)
    need(abs(got['v1'] - 80) <= 2 and abs(got['v2'] - 10) <= 2, '80/20 over 1 and 2 endpoints gave %s' % dict(got))


def test_traffic_warm_up(env):
    """warmup: an endpoint that comes later starts with little, and has its full share when the time is over."""
    warmup_s = 3
    shop = Shop(env, rule='''
  trafficPolicy:
    loadBalancer:
      simple: ROUND_ROBIN
      warmup: {duration: %ds, minimumPercent: 10}
''' % warmup_s, entry=one_version)
    began = time.monotonic()
    await_('v1 is warm', lambda: set(shop.who()) == {'v1'} and time.monotonic() > began + warmup_s)
    shop.navarchd.write('entry.yaml', manifests.entry(HOST, shop.backend_port, ('127.0.1.1', {}), ('127.0.1.2', {})))
    await_('v2 is there', lambda: shop.stat('membership_total') == 2)
    cold = shop.who(24)
    need(1 <= cold['v2'] <= 8, 'while v2 is cold: %s' % dict(cold))
    await_('equal shares', lambda: abs(shop.who(20)['v2'] - 10) <= 1)
    need(time.monotonic() > began + 1.5 * warmup_s, 'equal too early')
    return 'cold %d of 24' % cold['v2']


def test_traffic_circuit_breaker(env):
    """connectionPool: what is beyond the connection and the waiting request gets 503 at once, and is counted."""
    shop = Shop(env, entry=one_version, rule='''
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 1}
      http: {http1MaxPendingRequests: 1}
''')
    gate = threading.Event()
    shop.answer('v1', lambda _: gate.wait(10) and 200)
    served = shop.begin()
    await_('one is served', shop.seen)
    waiting = shop.begin()
    await_('one waits', lambda: shop.stat('upstream_rq_pending_active') == 1)
    over = [shop.ask() for _ in range(5)]
    need(all(a.status == 503 and a.headers['x-envoy-overloaded'] for a in over), 'beyond the limit: %s' % over)
    need(shop.stat('upstream_rq_pending_overflow') == 5, '%d counted' % shop.stat('upstream_rq_pending_overflow'))
    gate.set()
    need([f.result().status for f in (served, waiting)] == [200, 200], 'within the limit they failed')


def test_traffic_delegate(env):
    """delegate: a prefix is another team's; what they match is within it, and the rest stays with the root."""
    team = '''apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: team, namespace: team}
spec:
  http:
    - match: [{uri: {prefix: /team/new}}]
      route: [{destination: {host: shop.test, subset: v2}}]
    - match: [{uri: {prefix: /else}}]
      route: [{destination: {host: shop.test, subset: v2}}]
    - route: [{destination: {host: shop.test, subset: v3}}]
'''
    shop = Shop(env, '''
    - match: [{uri: {prefix: /team}}]
      delegate: {name: team, namespace: team}
      headers: {request: {set: {x-by: root}}}
    - route: [{destination: {host: shop.test, subset: v1}}]
''', more=[team])
    for path, version in (('/team/new/x', 'v2'), ('/team/old', 'v3'), ('/else', 'v1'), ('/', 'v1')):
        got = shop.who(3, path=path)
        need(set(got) == {version}, '%s goes to %s' % (path, dict(got)))
    by = {r.headers['x-by'] for r in shop.seen() if r.path.startswith('/team')}
    need(by == {'root'}, "the root's headers: %s" % by)


def test_traffic_mirror(env):
    """mirrors: every request goes a second time, as it is, to a version whose answers nobody sees."""
    shop = Shop(env, '''
    - route: [{destination: {host: shop.test, subset: v1}}]
      mirrors:
        - destination: {host: shop.test, subset: v2}
        - destination: {host: shop.test, subset: v3}
          percentage: {value: 0}
''')
    shop.answer('v2', 500)
    got = shop.who(20, path='/order?n=1', headers={'x-user': 'jane'})
    need(dict(got) == {'v1': 20}, 'the client got %s' % dict(got))
    await_(lambda: '20 mirrored, not %d' % len(shop.seen('v2')), lambda: len(shop.seen('v2')) >= 20)
    need({(r.path, r.headers['host'], r.headers['x-user']) for r in shop.seen('v2')} ==
         {('/order?n=1', HOST, 'jane')}, 'mirrored: %s' % shop.seen('v2')[0].headers)
    need(not shop.seen('v3'), '0%% mirrored %d' % len(shop.seen('v3')))


def test_traffic_cors(env):
    """corsPolicy: Envoy answers the preflight of an allowed origin itself, and marks answers for that origin only."""
    shop = Shop(env, '''
    - route: [{destination: {host: shop.test}}]
      corsPolicy:
        allowOrigins: [{exact: "https://app.test"}, {regex: "https://[a-z]+[.]friend[.]test"}]
        allowMethods: [GET, PUT]
        allowHeaders: [x-token]
        exposeHeaders: [x-backend]
        allowCredentials: true
        maxAge: 10m
''')
    preflight = {'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-token'}
    for origin in ('https://app.test', 'https://best.friend.test'):
        got = shop.ask(method='OPTIONS', headers=dict(preflight, origin=origin))
        allow = {k: got.headers['access-control-' + k] for k in (
            'allow-origin', 'allow-methods', 'allow-headers', 'allow-credentials', 'max-age')}
        need(got.status == 200 and allow == {'allow-origin': origin, 'allow-methods': 'GET,PUT', 'allow-headers': 'x-token',
                                             'allow-credentials': 'true', 'max-age': '600'}, '%s: %s' % (origin, allow))
        need(not shop.seen(), 'the preflight reached a backend')
    got = shop.ask(headers={'origin': 'https://app.test'}).headers
    need((got['access-control-allow-origin'], got['access-control-expose-headers']) == ('https://app.test', 'x-backend'),
         'the answer: %s' % got)
    got = shop.ask(headers={'origin': 'https://evil.test'})
    need(got.status == 200 and 'access-control-allow-origin' not in got.headers, 'another origin: %s' % got.headers)


def test_traffic_fault_abort(env):
    """fault.abort: for the matched requests only, without a request to the backend."""
    shop = Shop(env, '''
    - match: [{headers: {x-user: {exact: tester}}}]
      fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
      route: [{destination: {host: shop.test}}]
    - fault: {abort: {httpStatus: 418, percentage: {value: 0}}}
      route: [{destination: {host: shop.test}}]
''')
    need(dict(shop.who(10, headers={'x-user': 'tester'})) == {418: 10} and not shop.seen(), 'the tester is not aborted')
    need(418 not in shop.who(10), 'others are aborted')


def test_traffic_fault_delay(env):
    """fault.delay: the matched requests wait that long and then get their answer."""
    shop = Shop(env, '''
    - match: [{uri: {prefix: /slow}}]
      fault: {delay: {fixedDelay: 0.4s, percentage: {value: 100}}}
      route: [{destination: {host: shop.test}}]
    - route: [{destination: {host: shop.test}}]
''')

    def fastest(path):
        took = []
        for _ in range(3):
            began = time.monotonic()
            need(shop.ask(path).status == 200, '%s fails' % path)
            took.append(time.monotonic() - began)
        return min(took)

    slow, fast = fastest('/slow'), fastest('/')
    need(slow >= 0.38 and fast < 0.2, 'with the delay %.2f s, without %.2f s' % (slow, fast))


def test_traffic_retry_status(env):
    """retries: as often as said when the status is one of those named, else never."""
    shop = Shop(env, '''
    - retries: {attempts: 2, retryOn: "retriable-status-codes,503"}
      route: [{destination: {host: shop.test}}]
''')
    for status, requests in ((503, 3), (500, 1)):
        for version in VERSIONS:
            shop.answer(version, status)
        before = len(shop.seen())
        need(shop.ask().status == status, 'every backend says %d, the client gets another' % status)
        need(len(shop.seen()) - before == requests, '%d: %d requests' % (status, len(shop.seen()) - before))
    shop.answer('v1', 503)
    shop.answer('v2', 200)
    shop.answer('v3', 200)
    got = shop.who(30)
    need(set(got) == {'v2', 'v3'}, 'with one failing backend: %s' % dict(got))


def test_traffic_retry_connect(env):
    """An endpoint that refuses connections is retried elsewhere without being asked to, but not with 0 attempts."""
    shop = Shop(env, '''
    - match: [{uri: {prefix: /never}}]
      retries: {attempts: 0}
      route: [{destination: {host: shop.test}}]
    - route: [{destination: {host: shop.test}}]
''', entry=lambda port: manifests.entry(HOST, port, (VERSIONS['v1'], {}), ('127.0.1.99', {})))
    got = shop.who(30)
    need(dict(got) == {'v1': 30}, 'by default: %s' % dict(got))
    got = shop.who(30, path='/never')
    need(set(got) == {'v1', 503}, 'with 0 attempts: %s' % dict(got))


def test_traffic_outlier(env):
    """outlierDetection: an endpoint that fails so often in a row is left out, the others serve on."""
    shop = Shop(env, rule='''
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN}
    outlierDetection: {consecutive5xxErrors: 3, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 50}
''')
    shop.answer('v2', 500)
    await_('v2 is ejected', lambda: shop.who() and shop.stat('outlier_detection.ejections_active') == 1)
    need(len(shop.seen('v2')) == 3, 'ejected after %d failures' % len(shop.seen('v2')))
    got = shop.who(30)
    need(set(got) == {'v1', 'v3'}, 'after the ejection: %s' % dict(got))


def test_traffic_timeout(env):
    """timeout: 504 when the answer takes longer; perTryTimeout: the next try begins then."""
    shop = Shop(env, '''
    - match: [{uri: {prefix: /tries}}]
      retries: {attempts: 2, perTryTimeout: 0.1s, retryOn: gateway-error}
      route: [{destination: {host: shop.test}}]
    - timeout: 0.3s
      route: [{destination: {host: shop.test}}]
''', entry=one_version)
    gate = threading.Event()
    shop.answer('v1', lambda _: gate.wait(10) and 200)
    for path, requests in (('/', 1), ('/tries', 3)):
        began, before = time.monotonic(), len(shop.seen())
        need(shop.ask(path).status == 504, '%s gets another status' % path)
        took = time.monotonic() - began
        need(0.28 <= took < 3, '%s: 504 after %.2f s' % (path, took))      # its clock ticks in milliseconds
        need(len(shop.seen()) - before == requests, '%s: %d requests' % (path, len(shop.seen()) - before))
    gate.set()


def test_traffic_headers(env):
    """headers: set, add and remove, of requests and answers, for the route and for one destination."""
    shop = Shop(env, '''
    - headers:
        request: {set: {x-set: new}, add: {x-add: more}, remove: [x-gone]}
        response: {set: {x-answer: "yes"}, remove: [x-backend]}
      route:
        - destination: {host: shop.test, subset: v1}
          headers: {request: {set: {x-for: v1}}, response: {add: {x-from: v1}}}
''')
    answer = shop.ask(headers={'x-set': 'old', 'x-add': 'one', 'x-gone': '1', 'x-stays': '1'}).headers
    got = shop.seen('v1')[0].headers
    need((got.get_all('x-set'), got.get_all('x-add'), got['x-gone'], got['x-stays'], got['x-for']) ==
         (['new'], ['one', 'more'], None, '1', 'v1'), 'the backend got %s' % got)
    need((answer['x-answer'], answer['x-backend'], answer['x-from']) == ('yes', None, 'v1'), 'the client got %s' % answer)


def test_traffic_rewrite(env):
    """rewrite: prefix, whole path by expression, and authority, as the backend sees them."""
    shop = Shop(env, '''
    - match: [{uri: {prefix: /old/}}]
      rewrite: {uri: /new/, authority: inner.test}
      route: [{destination: {host: shop.test}}]
    - rewrite: {uriRegexRewrite: {match: "/user/([^/]+)/(.*)", rewrite: '/\\2/of/\\1'}}
      route: [{destination: {host: shop.test}}]
''')
    for path, want in (('/old/a?b=1', ('/new/a?b=1', 'inner.test')), ('/user/jane/cart', ('/cart/of/jane', HOST))):
        need(shop.ask(path).status == 200, '%s fails' % path)
        got = [(r.path, r.headers['host']) for r in shop.seen()]
        need(want in got, '%s: the backend got %s' % (path, got))


def test_traffic_redirect(env):
    """redirect: code, authority, path, scheme and port of the answer; the backend is not asked."""
    shop = Shop(env, '''
    - match: [{uri: {exact: /moved}}]
      redirect: {uri: /new, authority: other.test, redirectCode: 308}
    - redirect: {scheme: https, port: 8443}
''')
    got = [(a.status, a.headers['location']) for a in (shop.ask('/moved?a=1'), shop.ask('/safe'))]
    need(got == [(308, 'http://other.test/new?a=1'), (301, 'https://shop.test:8443/safe')], 'got %s' % got)
    need(not shop.seen(), 'a backend was asked')
