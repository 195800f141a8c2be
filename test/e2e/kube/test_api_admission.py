# SPDX-License-Identifier: Apache-2.0
"""The validating webhook, asked by a real API server."""
import base64
import json

from cluster import NETWORKING
from harness import await_, need
from test_api_mesh import ready

# what the CRDs let through and navarchd does not
BAD = {
    'VirtualService': ('''apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s, namespace: default}
spec:
  hosts: [a]
  http:
    - match: [{uri: {regex: "("}}]
      route: [{destination: {host: a}}]
''', 'spec.http[0].match[0].uri.regex'),
    'Gateway': ('''apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: %s, namespace: default}
spec:
  selector: {a: b}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: ["*"]
''', 'spec.servers[0]'),
    'AuthorizationPolicy': ('''apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: %s, namespace: default}
spec:
  rules:
    - from: [{source: {ipBlocks: ["10.0.0.0/40"]}}]
''', 'spec.rules[0].from[0].source.ipBlocks[0]'),
}
GOOD = BAD['VirtualService'][0].replace('"("', '"/a.*"')


def register(cluster, navarchd, ca, policy='Fail'):
    """The webhook of deploy/kubernetes by URL, as one outside of the cluster has it."""
    with open(ca, 'rb') as f:
        bundle = base64.b64encode(f.read()).decode()
    hook = json.loads(cluster.shell('kubectl create --dry-run=client -o json -f deploy/kubernetes/base/webhook.yaml'))
    hook['webhooks'][0]['clientConfig'] = {'url': 'https://127.0.0.1:%d/validate' % navarchd.ports['webhook'], 'caBundle': bundle}
    hook['webhooks'][0]['failurePolicy'] = policy
    cluster.write('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', hook)


def check_refusals(cluster, kinds=BAD):
    """Once it is in force, bad objects are refused with place and cause, good ones are not."""
    text, place = BAD['VirtualService']
    await_('the webhook', lambda: cluster.apply(text % 'probe', ok=None)[0])
    for kind in kinds:
        text, place = BAD[kind]
        got = cluster.apply(text % 'bad', ok=False)
        need('denied the request' in got and 'NAV0' in got and place in got and 'Fix: ' in got, '%s: %s' % (kind, got))
    cluster.apply(GOOD % 'good')
    need(cluster.get(NETWORKING + '/namespaces/default/virtualservices/good'), 'the good one is not there')
    got = cluster.apply(BAD['VirtualService'][0] % 'good', ok=False)
    need('denied the request' in got, 'an update: %s' % got)
    got = cluster.apply((GOOD % 'warned') + '      mirror: {host: b}\n      mirrorPercent: 5\n')
    need('Warning: ' in got and 'mirrorPercent' in got, 'warnings: %s' % got)


def test_api_webhook(env):
    """kubectl apply of invalid objects is refused with code, place and fix; with nobody there, objects pass or not as the
    configuration says."""
    cluster, state = ready(env), env.folder + '/state'
    navarchd = cluster.navarchd(more=['--webhook-address', '127.0.0.1:0', '--state-dir', state])
    register(cluster, navarchd, state + '/ca/root-cert.pem')
    check_refusals(cluster)
    navarchd.stop()
    got = cluster.apply(GOOD % 'other', ok=False)
    need('failed calling webhook' in got, 'failurePolicy Fail: %s' % got)
    cluster.merge('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/navarchd', {
        'webhooks': [dict(hook, failurePolicy='Ignore') for hook in cluster.get(
            '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/navarchd')['webhooks']]})
    await_('failurePolicy Ignore', lambda: cluster.apply(BAD['VirtualService'][0] % 'bad', ok=None)[0] == 0)
    navarchd.restart()
    await_('a word about the bad one', lambda: 'default/bad' in navarchd.text() and 'regex' in navarchd.text())
