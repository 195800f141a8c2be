# SPDX-License-Identifier: Apache-2.0
"""The Gateway API in a real cluster, by its own CustomResourceDefinitions: what kubectl shows of Gateways and routes."""
import json
import os
import time

from cluster import forbidden
from harness import BUILD, await_, need
from test_api_mesh import ready

CRDS = BUILD + '/bin/gateway-api'
GROUP = 'gateway.networking.k8s.io'
MESH = '''apiVersion: v1
kind: Service
metadata: {name: a}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-istio}
spec: {type: LoadBalancer, ports: [{name: http, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: istio}
spec: {controllerName: istio.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: istio
  listeners:
    - {name: http, port: 80, protocol: HTTP}
    - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: none}]}}
    - {name: tcp, port: 7000, protocol: TCP}
  allowedListeners: {namespaces: {from: Same}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: more}
spec:
  parentRef: {name: web}
  listeners: [{name: more, port: 81, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web, sectionName: http}, {name: web, sectionName: nowhere}, {group: "", kind: Service, name: a}]
  rules: [{backendRefs: [{name: a, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: calls}
spec:
  parentRefs: [{kind: ListenerSet, name: more}]
  rules: [{backendRefs: [{name: missing, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: lines}
spec:
  parentRefs: [{name: web, port: 7000}]
  rules: [{backendRefs: [{name: a, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: tls}
spec:
  targetRefs: [{group: "", kind: Service, name: a}]
  validation: {hostname: a.example.com, wellKnownCACertificates: System}
'''


def conditions(c):
    return {x['type']: (x['status'], x['reason']) for x in c}


class Kinds:
    def __init__(self, cluster):
        self.cluster = cluster

    def status(self, kind, name):
        return json.loads(self.cluster.shell('kubectl get %s.%s %s -o json' % (kind, GROUP, name))).get('status', {})

    def whole(self, kind, name):
        return conditions(self.status(kind, name).get('conditions', ()))

    def parents(self, kind, name):
        """By section or name of the parent, what our entries say."""
        return {p['parentRef'].get('sectionName') or p['parentRef']['name']: conditions(p['conditions'])
                for p in self.status(kind, name).get('parents', ()) if p['controllerName'] == 'istio.io/gateway-controller'}


def install(cluster):
    cluster.shell('kubectl apply --server-side -f %s' % CRDS)
    cluster.shell('kubectl wait --for=condition=Established --timeout=30s %s' % ' '.join(
        'crd/%s.%s' % (f.split('_')[1].split('.')[0], GROUP) for f in os.listdir(CRDS)))


def check_told(cluster, kinds):
    good = ('True', 'Accepted')
    await_('the route', lambda: kinds.parents('httproutes', 'shop').get('http', {}).get('Accepted') == good)
    need(kinds.parents('httproutes', 'shop')['nowhere']['Accepted'] == ('False', 'NoMatchingParent'), 'of a section that is not there')
    need(kinds.parents('httproutes', 'shop')['a']['Accepted'] == good, 'of a Service')
    await_('a backend that is missed', lambda: kinds.parents('grpcroutes', 'calls').get('more', {}).get('ResolvedRefs') == ('False', 'BackendNotFound'))
    await_('the TCPRoute', lambda: kinds.parents('tcproutes', 'lines').get('web', {}).get('Accepted') == good)
    await_('the class', lambda: kinds.whole('gatewayclasses', 'istio').get('Accepted') == good)
    await_('the ListenerSet', lambda: kinds.whole('listenersets', 'more').get('Accepted') == good)
    await_('the policy', lambda: [a for a in kinds.status('backendtlspolicies', 'tls').get('ancestors', ())
                                  if conditions(a['conditions']).get('Accepted') == good])
    need(kinds.whole('gateways', 'web')['Programmed'] == ('False', 'AddressNotAssigned'), kinds.whole('gateways', 'web'))
    cluster.merge('/api/v1/namespaces/default/services/web-istio/status', {'status': {'loadBalancer': {'ingress': [{'ip': '192.0.2.7'}]}}})
    row = lambda: cluster.shell('kubectl get gateways.%s web --no-headers' % GROUP).split()
    await_('the address', lambda: row()[2:4] == ['192.0.2.7', 'True'])
    listeners = {x['name']: x for x in kinds.status('gateways', 'web')['listeners']}
    need({n: x['attachedRoutes'] for n, x in listeners.items()} == {'http': 1, 'https': 0, 'tcp': 1}, listeners)
    need(conditions(listeners['https']['conditions'])['ResolvedRefs'] == ('False', 'InvalidCertificateRef'), listeners['https'])


def check_quiet(daemon):
    """What we wrote comes back, and is not written again."""
    report = lambda: json.loads(daemon.admin('/debug/report')[1])
    await_('the end of its errands', lambda: report()['pending'] == {'waiting': 0, 'underWay': 0, 'paused': False})
    before = report()['written']
    time.sleep(1)                       # that nothing happens
    need(report()['written'] == before, 'it writes on: %s, %s' % (before, report()['written']))
    return before['gatewayApi']


def check_leaves(cluster, kinds):
    """A route that goes elsewhere loses our entries."""
    cluster.shell('kubectl patch httproutes.%s shop --type=merge -p \'{"spec":{"parentRefs":[{"name":"theirs"}]}}\'' % GROUP)
    await_('the end of our entries', lambda: not kinds.parents('httproutes', 'shop'))
    await_('one route less', lambda: kinds.status('gateways', 'web')['listeners'][0]['attachedRoutes'] == 0)


def test_api_gateway(env):
    """Its CRDs come while the daemon runs; classes, Gateways, ListenerSets, routes and policies have their conditions, each written once."""
    cluster = ready(env)
    daemon = cluster.navarchd(more=['--write-back', 'on', '--state-dir', env.folder + '/state'])
    install(cluster)
    kinds = Kinds(cluster)
    cluster.apply(MESH)
    check_told(cluster, kinds)
    written = check_quiet(daemon)
    check_leaves(cluster, kinds)
    need(not forbidden(daemon), 'refused: %s' % forbidden(daemon))
    return '%d statuses' % written
