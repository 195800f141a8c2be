# SPDX-License-Identifier: Apache-2.0
"""Traffic through a real Envoy that is an ingress gateway."""
import math

import manifests
from certs import certificate
from harness import await_, count, free_port, get, need

VERSIONS = ('v1', 'v2')


def shop(env, weights, port=None):
    """navarchd's files for a gateway on a free port before a service with two versions; (files, port)."""
    backend = env.backends(*VERSIONS)[0].port
    port = port or free_port()
    return {'shop.yaml': manifests.service('shop', backend, VERSIONS),
            'subsets.yaml': manifests.subsets('shop', VERSIONS),
            'gateway.yaml': manifests.gateway(port),
            'routes.yaml': manifests.virtual_service('shop', manifests.split('shop', weights))}, port


def routes(weights, path=None):
    return manifests.virtual_service('shop', manifests.split('shop', weights, path))


def serves(port, **more):
    return lambda: get(port, **more)[0] == 200


def await_traffic(port, **more):
    await_(lambda: 'traffic on port %d, not %s' % (port, get(port, **more)), serves(port, **more))


def one_mode(env, mode):
    files, port = shop(env, {'v1': 70, 'v2': 30})
    navarchd = env.navarchd(files)
    envoy = env.gateway(navarchd, mode)
    await_traffic(port)
    got = count(port, 400)
    need(set(got) == {'v1', 'v2'}, 'answers %s' % dict(got))
    need(abs(got['v2'] - 120) <= 4 * math.sqrt(400 * .3 * .7), '70/30 gave %s' % dict(got))
    rejected = {k: v for k, v in envoy.admin.stats('update_rejected').items() if v}
    need(not rejected, 'rejected: %s' % rejected)
    navarchd.write('routes.yaml', routes({'v1': 0, 'v2': 100}))
    await_('all traffic on v2', lambda: set(count(port, 20)) == {'v2'})
    return 'v1 %d, v2 %d' % (got['v1'], got['v2'])


INGRESS = '''apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  clusterIP: 10.96.9.9
  selector: {istio: ingressgateway}
  ports: [{name: http, port: 80, targetPort: %(port)d}]
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: mesh}
spec: {controller: istio.io/ingress-controller}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: default}
spec:
  ingressClassName: mesh
  rules:
    - host: shop.example.com
      http:
        paths:
          - {path: /shop, pathType: Prefix, backend: {service: {name: shop, port: {name: http}}}}
          - {path: /only, pathType: Exact, backend: {service: {name: shop, port: {number: 8000}}}}
'''


def test_gateway_ingress(env):
    """The rules of an Ingress in an Envoy: whole segments of a path, exact paths, hosts; and a class that is taken away."""
    files, port = shop(env, {'v1': 100})
    navarchd = env.navarchd({'shop.yaml': files['shop.yaml'], 'ingress.yaml': INGRESS % {'port': port}})
    env.gateway(navarchd)
    ask = lambda path, host='shop.example.com': get(port, path, host=host)[0]
    await_('traffic through the Ingress', lambda: ask('/shop') == 200)
    got = {path: ask(path) for path in ('/shop', '/shop/', '/shop/a', '/shopping', '/only', '/only/', '/')}
    need(got == {'/shop': 200, '/shop/': 200, '/shop/a': 200, '/shopping': 404, '/only': 200, '/only/': 404, '/': 404},
         'answers %s' % got)
    need(ask('/shop', 'other.example.com') == 404, 'another host is served')
    navarchd.write('ingress.yaml', (INGRESS % {'port': port}).replace('istio.io/', 'example.com/'))
    await_('no listener', lambda: get(port, '/shop')[0] is None or get(port, '/shop')[0] == 0)


def test_gateway_delta(env):
    return one_mode(env, 'delta')


def test_gateway_sotw(env):
    return one_mode(env, 'sotw')


def test_gateway_rest(env):
    return one_mode(env, 'rest')


def test_all_modes_hold_the_same(env):
    """Delta, SotW and REST give one Envoy the same listeners, clusters and routes, but for the config sources."""
    files, _ = shop(env, {'v1': 70, 'v2': 30})
    navarchd = env.navarchd(files)

    def holdings(mode):
        envoy = env.gateway(navarchd, mode, 'gateway-' + mode)
        dump = envoy.admin.config_dump()['configs']
        out = set()
        for section in dump:
            for cluster in section.get('dynamic_active_clusters', []):
                out.add('cluster ' + cluster['cluster']['name'])
            for listener in section.get('dynamic_listeners', []):
                out.add('listener ' + listener['name'])
            for route in section.get('dynamic_route_configs', []):
                out.add('routes %s' % route['route_config']['name'])
        envoy.stop()
        return out

    held = {mode: holdings(mode) for mode in ('delta', 'sotw', 'rest')}
    need(held['delta'] == held['sotw'] == held['rest'], 'not the same: %s' % held)
    need({'cluster', 'listener', 'routes'} == {h.split()[0] for h in held['delta']}, 'too little: %s' % held['delta'])
    return '%d resources' % len(held['delta'])


def test_route_removed(env):
    files, port = shop(env, {'v1': 100})
    navarchd = env.navarchd(files)
    env.gateway(navarchd)
    await_traffic(port)
    navarchd.remove('routes.yaml')
    await_('404 without a route', lambda: get(port)[0] == 404)
    navarchd.write('routes.yaml', routes({'v2': 100}, path='/only'))
    await_('the new route', serves(port, path='/only/x'))
    need(get(port)[0] == 404, 'a path without a route gives %s' % (get(port),))


def test_endpoint_change(env):
    files, port = shop(env, {'v1': 100})
    navarchd = env.navarchd(files)
    env.gateway(navarchd)
    await_traffic(port)
    backend = env.running[0].port
    navarchd.write('shop.yaml', manifests.service('shop', backend, ('v2', 'v1')))
    await_('v1 is the other address now', lambda: set(count(port, 10)) == {'v2'})


def test_broken_file_keeps_the_last_state(env):
    files, port = shop(env, {'v1': 100})
    navarchd = env.navarchd(files)
    env.gateway(navarchd)
    await_traffic(port)
    for broken, line in ((files['routes.yaml'].replace('weight: 100', 'weight: ninety'), 9),
                         (files['routes.yaml'].replace('hosts: ["*"]', 'hosts: ["*"'), 6)):
        at = len(navarchd.text())
        navarchd.write('routes.yaml', broken)
        await_('navarchd names the place', lambda: any(
            'routes.yaml:%d:' % n in navarchd.text(at) for n in (line - 1, line, line + 1)))
        need(set(count(port, 30)) == {'v1'}, 'traffic after a broken edit: %s' % dict(count(port, 30)))
    navarchd.write('routes.yaml', routes({'v2': 100}))
    await_('the repaired file', lambda: set(count(port, 10)) == {'v2'})


def received(envoy):
    return envoy.admin.stats('cluster.xds-grpc.upstream_cx_rx_bytes_total')['cluster.xds-grpc.upstream_cx_rx_bytes_total']


def test_reconnect_costs_nothing(env):
    """After a restart of navarchd a delta Envoy tells what it has, and gets only what changed."""
    files, port = shop(env, {'v1': 100})
    for n in range(40):
        files['more-%d.yaml' % n] = manifests.service('more-%d' % n, 1, ('v1',))
    navarchd = env.navarchd(files)
    envoy = env.gateway(navarchd)
    await_traffic(port)
    first = received(envoy)
    connected = lambda n: lambda: envoy.admin.stats('control_plane.connected_state').get('control_plane.connected_state') == n
    await_('connected', connected(1))
    navarchd.stop()
    await_('Envoy notices', connected(0))
    need(get(port)[0] == 200, 'no traffic without a control plane')
    navarchd.restart()
    await_('connected again', connected(1))
    navarchd.write('routes.yaml', routes({'v2': 100}))
    await_('the change', lambda: set(count(port, 10)) == {'v2'})
    again = received(envoy) - first
    need(again < first / 4, 'the reconnect and one change cost %d bytes, the first load %d' % (again, first))
    return 'first load %d bytes; reconnect and one change %d' % (first, again)


def test_https_gateway(env):
    """TLS with the certificate of a Secret; a new one in the file takes over."""
    files, _ = shop(env, {'v1': 100})
    port = free_port()
    old, new = (certificate(env.folder, 'shop.example.com') for _ in range(2))
    files['gateway.yaml'] = manifests.gateway(port, 'shop-cert')
    files['secret.yaml'] = manifests.secret('shop-cert', old)
    navarchd = env.navarchd(files)
    env.gateway(navarchd)
    await_traffic(port, ca=old.cert)
    need(get(port)[0] != 200, 'plain HTTP is answered too')
    navarchd.write('secret.yaml', manifests.secret('shop-cert', new))
    await_('the new certificate', serves(port, ca=new.cert))
