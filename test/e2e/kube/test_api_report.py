# SPDX-License-Identifier: Apache-2.0
"""What navarchd writes into a real cluster, as kubectl shows it."""
import base64
import json
import signal
import time

from cluster import NETWORKING, forbidden
from harness import await_, need
from test_api_mesh import ready

SERVICE = '''apiVersion: v1
kind: Service
metadata: {name: a}
spec:
  ports: [{name: http, port: 80}]
'''
ROUTE = '''apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s}
spec:
  hosts: [%s]
  http:
    - match: [{uri: {regex: "%s"}}]
      timeout: %ds
      route: [{destination: {host: %s}}]
'''
HOOK = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/navarchd'


class Replicas:
    """Two, with one CA."""

    def __init__(self, cluster, env):
        self.ca = env.folder + '/one/ca'
        self.all = [cluster.navarchd(name, ['--write-back', 'on', '--secure-address', '127.0.0.1:0', '--webhook-address', '127.0.0.1:0',
                                            '--state-dir', '%s/%s' % (env.folder, name)] + more)
                    for name, more in (('one', []), ('two', ['--ca-dir', self.ca]))]

    def report(self, daemon):
        return json.loads(daemon.admin('/debug/report')[1])

    def leader(self):
        return next((d for d in self.all if d.popen.poll() is None and self.report(d)['leads']), None)

    def generations(self):
        return [json.loads(d.admin('/debug/timings')[1])['generations'] for d in self.all]


def path(name):
    return '%s/namespaces/default/virtualservices/%s' % (NETWORKING, name)


def is_observed(cluster, name):
    o = cluster.get(path(name))
    return o.get('status', {}).get('observedGeneration') == o['metadata']['generation']


def check_statuses(cluster, replicas):
    """The column of kubectl; conditions of others stay; nobody compiles for a status."""
    cluster.apply(SERVICE)
    cluster.apply(ROUTE % ('good', 'a', '/a.*', 1, 'a'))
    cluster.apply(ROUTE % ('stray', 'b', '/b.*', 1, 'nowhere'))
    cluster.apply(ROUTE % ('bad', 'c', '(', 1, 'a'))
    verdicts = {'good': 'Effective', 'stray': 'Partly', 'bad': 'Quarantined'}
    column = lambda: {line.split()[0]: line.split()[-2] for line in cluster.shell('kubectl get virtualservice --no-headers').splitlines()}
    await_('the verdicts', lambda: column() == verdicts)
    cluster.shell('kubectl wait --for=condition=Reconciled virtualservice/good --timeout=10s')
    need('NAV0' in cluster.shell('kubectl get virtualservice bad -o yaml'), 'a code')

    conditions = cluster.get(path('good'))['status']['conditions']
    before = replicas.generations()
    cluster.merge(path('good') + '/status', {'status': {'conditions': [{'type': 'other/Thing', 'status': 'True'}] + conditions}})
    time.sleep(1)                       # that nothing happens
    need(replicas.generations() == before, 'it compiled for a status')
    cluster.apply(ROUTE % ('good', 'a', '/a.*', 2, 'a'))
    await_('the new generation', lambda: is_observed(cluster, 'good'))
    types = [c['type'] for c in cluster.get(path('good'))['status']['conditions']]
    need(sorted(types) == ['NavarchVerdict', 'PassedAnalysis', 'Reconciled', 'other/Thing'], types)


INGRESS = '''apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, annotations: {kubernetes.io/ingress.class: %s}}
spec:
  rules:
    - host: shop.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}
'''
ENTRANCE = '''apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec: {type: LoadBalancer, ports: [{name: http, port: 80}], externalIPs: [192.0.2.9]}
'''


def check_ingress(cluster):
    """The addresses of the gateway's Service, as long as the Ingress is ours."""
    cluster.apply(ENTRANCE)
    cluster.apply(INGRESS % 'istio')
    column = lambda: cluster.shell('kubectl get ingress shop --no-headers').split()[3]
    await_('the address', lambda: column() == '192.0.2.9')
    cluster.merge('/api/v1/namespaces/istio-system/services/istio-ingressgateway/status',
                  {'status': {'loadBalancer': {'ingress': [{'hostname': 'lb.example.com'}]}}})
    await_('that of the load balancer', lambda: column() == '192.0.2.9,lb.example.com')
    cluster.apply(INGRESS % 'another')
    await_('its end', lambda: column() == '80')         # the next column


def check_events(cluster):
    """kubectl describe says what is wrong, and how often it was."""
    described = lambda: cluster.shell('kubectl describe virtualservice bad')
    await_('an Event', lambda: 'Quarantined' in described() and 'navarchd' in described())
    for what in ('last good form', '(x2 over'):     # at first there was none
        cluster.apply(ROUTE % ('bad', 'c', '/c', 1, 'a'))
        await_('it to be well', lambda: 'Quarantined' not in cluster.shell('kubectl get virtualservice bad'))
        cluster.apply(ROUTE % ('bad', 'c', '(', 1, 'a'))
        await_(what, lambda: what in described().partition('Events:')[2])


def check_root(cluster, replicas):
    with open(replicas.ca + '/root-cert.pem') as f:
        root = f.read()
    cluster.shell('kubectl create namespace late')
    for ns in ('default', 'late'):
        await_('the root in ' + ns, lambda: (cluster.get('/api/v1/namespaces/%s/configmaps/istio-ca-root-cert' % ns) or {}).get(
            'data') == {'root-cert.pem': root})
    need(not cluster.get('/api/v1/namespaces/kube-system/configmaps/istio-ca-root-cert'), 'in kube-system too')
    bundle = lambda: base64.b64decode(cluster.get(HOOK)['webhooks'][0]['clientConfig'].get('caBundle', '')).decode()
    await_('caBundle', lambda: bundle() == root)
    cluster.shell('kubectl apply --server-side --force-conflicts -f deploy/kubernetes/base/webhook.yaml')
    await_('caBundle, which was taken back', lambda: bundle() == root)


def check_succession(cluster, replicas):
    """The leader is killed: the other one writes on. It comes back, and the new leader goes cleanly: that takes no time."""
    first = await_('a leader', replicas.leader)
    second = next(d for d in replicas.all if d is not first)
    written = replicas.report(second)['written']['statuses']
    first.stop(signal.SIGKILL)
    began = time.monotonic()
    cluster.apply(ROUTE % ('good', 'a', '/a.*', 3, 'a'))
    await_('the other one', lambda: is_observed(cluster, 'good'), 25)
    took = time.monotonic() - began
    need(took < 15, 'it took %.1f s' % took)
    need(replicas.leader() is second, 'who leads?')
    await_('its first pass', lambda: replicas.report(second)['pending'] == {'waiting': 0, 'underWay': 0, 'paused': False})
    need(replicas.report(second)['written']['statuses'] == written + 1, 'it wrote more than what changed: %s' % replicas.report(second))
    first.start()
    await_('the first to know', lambda: replicas.report(first)['holder'] == replicas.report(second)['identity'])
    second.stop(signal.SIGTERM)
    began = time.monotonic()
    await_('the first again', lambda: replicas.report(first)['leads'])
    need(time.monotonic() - began < 5, 'after a clean stop it took %.1f s' % (time.monotonic() - began))
    return 'written on %.1f s after the leader was killed' % took


def test_api_report(env):
    """Two replicas, their roles, kubectl: verdicts, addresses of Ingresses, Events, the root of the mesh; one writes, and when it dies the other."""
    cluster = ready(env)
    cluster.shell('kubectl create -f deploy/kubernetes/base/webhook.yaml')
    replicas = Replicas(cluster, env)
    check_statuses(cluster, replicas)
    check_ingress(cluster)
    check_events(cluster)
    check_root(cluster, replicas)
    word = check_succession(cluster, replicas)
    for daemon in replicas.all:
        need(not forbidden(daemon), 'refused: %s' % forbidden(daemon))
    return word
