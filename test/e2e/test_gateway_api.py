# SPDX-License-Identifier: Apache-2.0
"""Traffic through a Gateway of the Gateway API, in an Envoy that was deployed by hand."""
import math

import certs
import manifests
from harness import await_, count, free_port, get, need
from test_navctl import navctl

# the Gateway and its Envoy's Service are in istio-system, the routes in default, certificates in vault
GATEWAY = '''apiVersion: v1
kind: Service
metadata: {name: edge, namespace: istio-system}
spec:
  clusterIP: 10.96.9.9
  selector: {istio: ingressgateway}
  ports:
    - {name: http, port: %(http)d, targetPort: %(http)d}
    - {name: https, port: %(https)d, targetPort: %(https)d}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: istio-system}
spec:
  gatewayClassName: %(class)s
  addresses: [{type: Hostname, value: edge.istio-system.svc.cluster.local}]
  listeners:
    - name: web
      port: %(http)d
      protocol: HTTP
      allowedRoutes: {namespaces: {from: %(from)s}}
    - name: safe
      port: %(https)d
      protocol: HTTPS
      hostname: "*.example.com"
      tls: {certificateRefs: [{name: edge-cert, namespace: vault}]}
      allowedRoutes: {namespaces: {from: All}}
'''

GRANT = '''apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: granted, namespace: %(in)s}
spec:
  from: [{group: gateway.networking.k8s.io, kind: %(from)s, namespace: %(at)s}]
  to: [{group: "", kind: %(to)s}]
'''

CERTIFICATES = GRANT % {'from': 'Gateway', 'at': 'istio-system', 'to': 'Secret', 'in': 'vault'}


def service(name, port, ip, namespace='default'):
    text = manifests.service(name, port, ('v1',)).replace('127.0.1.1', ip).replace('10.96.1.', '10.96.%s.' % ip[-1])
    return text.replace('namespace: default', 'namespace: ' + namespace)


def gateway(http, https, allow='All', gateway_class='istio'):
    return GATEWAY % {'http': http, 'https': https, 'from': allow, 'class': gateway_class}


def route(name, backends, section='', hostname='', rest=''):
    """An HTTPRoute of namespace default at the Gateway, with one rule. backends: (Service, weight, more) ..."""
    return '''apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %s, namespace: default}
spec:
  parentRefs: [{name: edge, namespace: istio-system%s}]
%s  rules:
    - backendRefs: [%s]
%s''' % (name, section and ', sectionName: ' + section, hostname and '  hostnames: [%s]\n' % hostname,
         ', '.join('{name: %s, port: 8000, weight: %d%s}' % b for b in backends), rest)


def close_to(got, total, share, what):
    need(abs(got - total * share) <= 4 * math.sqrt(total * share * (1 - share)), '%s: %d of %d' % (what, got, total))


def edge(env, routes, tls=None):
    """An Envoy that serves the Gateway, before the services one and two. (navarchd, Envoy, HTTP port, HTTPS port, CA)"""
    backend = env.backends('one', 'two', tls=tls)[0].port
    own = certs.certificate(env.folder, '*.example.com')
    http, https = free_port(), free_port()
    navarchd = env.navarchd({'one.yaml': service('one', backend, '127.0.1.1'),
                             'two.yaml': service('two', backend, '127.0.1.2'),
                             'secret.yaml': manifests.secret('edge-cert', own, namespace='vault'),
                             'certificates.yaml': CERTIFICATES,
                             'gateway.yaml': gateway(http, https), **routes})
    return navarchd, env.gateway(navarchd), http, https, own.cert


def test_gateway_api_weights(env):
    """HTTP and HTTPS through one HTTPRoute with weights; of a missing backend its share of requests is refused."""
    navarchd, envoy, http, https, ca = edge(env, {'route.yaml': route('shop', [('one', 7, ''), ('two', 3, '')])})
    await_('traffic', lambda: get(http)[0] == 200 and get(https, ca=ca)[0] == 200)
    code, out, err = navctl('route', '--config-dir', navarchd.config, '--from', 'gateway/edge', 'http://x.example.com:%d/' % http)
    need(code == 0 and ' 70.0 %  outbound|8000||one.' in out and 'Gateway istio-system/edge' in out, out + err)
    for port, requests, more in ((http, 300, {}), (https, 100, {'ca': ca})):
        got = count(port, requests, **more)
        need(set(got) == {'one', 'two'}, 'answers %s' % dict(got))
        close_to(got['two'], requests, .3, '70/30 gave two')
    navarchd.write('route.yaml', route('shop', [('one', 0, ''), ('two', 1, '')]))
    await_('all traffic to two', lambda: set(count(http, 20)) == {'two'} == set(count(https, 5, ca=ca)))
    navarchd.write('route.yaml', route('shop', [('none', 1, ''), ('two', 1, '')]))
    await_('refusals', lambda: 500 in count(http, 20))
    got = count(http, 300)
    need(set(got) == {500, 'two'}, 'answers %s' % dict(got))
    close_to(got[500], 300, .5, 'a missing backend of one half was hit')
    rejected = {k: v for k, v in envoy.admin.stats('update_rejected').items() if v}
    need(not rejected, 'rejected: %s' % rejected)


def test_gateway_api_grants(env):
    """What is another namespace's takes its grant: a backend without one is a 500, a certificate without one no listener."""
    navarchd, _, http, https, ca = edge(env, {})
    grant = GRANT % {'from': 'HTTPRoute', 'at': 'default', 'to': 'Service', 'in': 'team'}
    navarchd.write('three.yaml', service('three', env.running[0].port, '127.0.1.1', 'team'))
    navarchd.write('route.yaml', route('shop', [('three', 1, ', namespace: team')]))
    await_('no grant, no backend', lambda: get(http)[0] == 500 and get(https, ca=ca)[0] == 500)
    navarchd.write('grant.yaml', grant)
    await_('a granted backend', lambda: get(http)[0] == 200 and get(https, ca=ca)[0] == 200)
    navarchd.write('grant.yaml', grant.replace('to: [{', 'to: [{name: other, '))
    await_('a grant of another Service', lambda: get(http)[0] == 500)
    navarchd.write('grant.yaml', grant)
    await_('the backend again', lambda: get(http)[0] == 200)
    navarchd.remove('certificates.yaml')
    await_('no certificate', lambda: get(https, ca=ca)[0] == 0)
    need(get(http)[0] == 200, 'the other listener answers %s' % (get(http),))
    navarchd.write('certificates.yaml', CERTIFICATES)
    await_('HTTPS again', lambda: get(https, ca=ca)[0] == 200)


def test_gateway_api_attachment(env):
    """A route is served by the listeners that it names, and that let it: name, hostname, namespaces; and by no Gateway of another class."""
    navarchd, _, http, https, ca = edge(env, {'route.yaml': route('shop', [('one', 1, '')], 'safe', 'shop.example.com')})
    ask_both = lambda host='shop.example.com': (get(http, host=host)[0], get(https, host=host, ca=ca)[0])
    await_('the listener that is named', lambda: ask_both() == (404, 200))
    need(ask_both('other.example.com') == (404, 404), 'another host: %s' % (ask_both('other.example.com'),))
    navarchd.write('route.yaml', route('shop', [('one', 1, '')]))
    await_('every listener', lambda: ask_both() == (200, 200) == ask_both('other.example.com'))
    navarchd.write('route.yaml', route('shop', [('one', 1, '')], '', 'shop.test'))
    await_('a host that one listener has', lambda: ask_both('shop.test')[0] == 200 and ask_both() == (404, 404))
    navarchd.write('route.yaml', route('shop', [('one', 1, '')]))
    await_('every listener again', lambda: ask_both() == (200, 200))
    navarchd.write('gateway.yaml', gateway(http, https, 'Same'))
    await_('a listener for its own namespace', lambda: ask_both() == (404, 200))
    navarchd.write('gateway.yaml', gateway(http, https, gateway_class='other'))
    await_('another class', lambda: ask_both() == (0, 0))


POLICY = '''apiVersion: v1
kind: ConfigMap
metadata: {name: trusted, namespace: default}
data:
  ca.crt: |
%s
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: one, namespace: default}
spec:
  targetRefs: [{group: "", kind: Service, name: one}]
  validation:
    hostname: %s
    caCertificateRefs: [{group: "", kind: ConfigMap, name: trusted}]
'''


def policy(hostname, issuer):
    with open(issuer.cert) as f:
        return POLICY % (f.read().strip().replace('-----BEGIN', '    -----BEGIN').replace('\n', '\n    '), hostname)


def test_gateway_api_backend_tls(env):
    """BackendTLSPolicy: TLS to the backends of its Service, whose issuer and name are checked."""
    issuer, other = (certs.certificate(env.folder, 'issuer') for _ in range(2))
    own = certs.server(certs.certificate(env.folder, 'inner.test', issuer=issuer))
    # a connection for each request: what is asked of a new one is what is tested
    single = manifests.rule('one.default.svc.cluster.local',
                            '  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}\n')
    navarchd, envoy, http, https, ca = edge(env, {'route.yaml': route('shop', [('one', 1, '')]), 'single.yaml': single,
                                                  'policy.yaml': policy('inner.test', issuer)}, own)
    await_('TLS to the backend', lambda: get(http) == (200, 'one') == get(https, ca=ca))
    need(env.running[0].seen[-1].sni == 'inner.test', 'the backend got the SNI %s' % env.running[0].seen[-1].sni)
    for why, text in (('another name', policy('other.test', issuer)), ('another issuer', policy('inner.test', other)),
                      ('no certificate to trust', policy('inner.test', issuer).replace('name: trusted}]', 'name: none}]'))):
        seen = len(env.running[0].seen)
        navarchd.write('policy.yaml', text)
        await_(why, lambda: get(http)[0] in (500, 503))
        navarchd.write('policy.yaml', policy('inner.test', issuer))
        await_('TLS again after ' + why, lambda: get(http)[0] == 200)
    rejected = {k: v for k, v in envoy.admin.stats('update_rejected').items() if v}
    need(not rejected, 'rejected: %s' % rejected)
