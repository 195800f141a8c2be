# SPDX-License-Identifier: Apache-2.0
"""What a sidecar does with its workload's traffic: captured, on ports of its own, and without interception."""
import certs
import manifests
from backend import LineBackend
from captured import Workload
from harness import ask, await_, free_port, need, say

SIDECAR = '''apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: client, namespace: default}
spec:
  workloadSelector: {labels: {app: client}}
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
'''
MESH = '''apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    outboundTrafficPolicy: {mode: %s}
'''


def test_sidecar_capture_none(env):
    """captureMode NONE: a captured workload calls ports of its loopback, and there gets no further than `hosts`."""
    pod = Workload(env)
    web = pod.inside(env.backend, 'web', '10.1.1.1')
    line = pod.inside(env.backend, 'line', '10.1.1.1', kind=LineBackend)
    pod.sidecar(env.navarchd({
        'sidecar.yaml': SIDECAR + '''  egress:
    - port: {number: 7001, name: http, protocol: HTTP}
      bind: 127.0.0.1
      captureMode: NONE
      hosts: [default/web.test]
    - port: {number: 7002, name: tcp, protocol: TCP}
      bind: 127.0.0.1
      captureMode: NONE
      hosts: [default/line.test]
''',
        'web.yaml': manifests.entry('web.test', web.port, ('10.1.1.1', {}), number=7001),
        'hidden.yaml': manifests.entry('hidden.test', web.port, ('10.1.1.1', {}), number=7001),
        'line.yaml': manifests.entry('line.test', line.port, ('10.1.1.1', {}), protocol='TCP', number=7002)}))
    for host, status in (('web.test', 200), ('hidden.test', 502), ('unknown.test', 502)):
        answer = pod.inside(ask, 7001, host=host)
        need(answer.status == status, '%s: %s' % (host, answer))
    answer = pod.inside(say, 7002)
    need(answer == 'line hello', 'TCP: %r' % answer)


def test_sidecar_ingress_without_interception(env):
    """INTERCEPTION_MODE NONE: the sidecar listens where others call, and hands on to the workload's own port."""
    app = env.backend('app', '127.0.0.1')
    port = free_port()
    env.sidecar(env.navarchd({'sidecar.yaml': SIDECAR + '''  ingress:
    - port: {number: %d, name: http, protocol: HTTP}
      bind: 127.0.0.1
      defaultEndpoint: 127.0.0.1:%d
''' % (port, app.port)}), '127.0.0.1', INTERCEPTION_MODE='NONE')
    answer = ask(port, host='any.test')
    need((answer.status, answer.body) == (200, 'app'), '%s' % (answer,))


def test_sidecar_registry_only(env):
    """REGISTRY_ONLY: what the mesh does not know gets nowhere, HTTP or not, and is counted; ALLOW_ANY lets it out."""
    pod = Workload(env)
    known = pod.inside(env.backend, 'known', '10.1.1.1', kind=LineBackend)
    line = pod.inside(env.backend, 'line', '10.9.9.9', 9000, kind=LineBackend)
    web = pod.inside(env.backend, 'web', '10.9.9.9', 80)
    navarchd = env.navarchd({
        'mesh.yaml': MESH % 'REGISTRY_ONLY',
        'known.yaml': manifests.entry('known.test', known.port, ('10.1.1.1', {}), protocol='TCP', number=7000,
                                      address='10.96.0.1'),
        'web.yaml': manifests.entry('web.test', 80, ('10.1.1.1', {}))})
    envoy = pod.sidecar(navarchd)
    tcp = lambda ip, port: pod.inside(say, port, ip=ip)
    http = lambda: pod.inside(ask, 80, host='unknown.test', ip='10.9.9.9')
    black = lambda: sum(v for k, v in envoy.admin.stats('BlackHole').items() if k.endswith('.upstream_cx_none_healthy'))

    answer = tcp('10.96.0.1', 7000)
    need(answer == 'known hello', 'the known service: %r' % answer)
    answer = tcp('10.9.9.9', 9000)
    need(answer == '', 'unknown TCP: %r' % answer)
    need(black() == 1, 'the black hole counted %d' % black())
    answer = http()
    need(answer.status == 502 and not web.seen, 'unknown HTTP: %s' % (answer,))

    navarchd.write('mesh.yaml', MESH % 'ALLOW_ANY')
    await_('ALLOW_ANY for TCP', lambda: tcp('10.9.9.9', 9000) == 'line hello')
    await_('ALLOW_ANY for HTTP', lambda: http().body == 'web')


def test_sidecar_tcp_by_address(env):
    """TCP services that share a port are told apart by the address that the workload calls."""
    pod = Workload(env)
    files = {}
    for n, name in enumerate(('one', 'two'), 1):
        backend = pod.inside(env.backend, name, '10.1.1.%d' % n, kind=LineBackend)
        files[name + '.yaml'] = manifests.entry(name + '.test', backend.port, ('10.1.1.%d' % n, {}), protocol='TCP',
                                                number=7000, address='10.96.0.%d' % n)
    pod.sidecar(env.navarchd(files))
    got = [pod.inside(say, 7000, ip='10.96.0.%d' % n) for n in (1, 2)]
    need(got == ['one hello', 'two hello'], 'got %s' % got)


def test_sidecar_sni(env):
    """TLS services are told apart by the SNI, whatever the address; a tls route sends another name elsewhere."""
    pod = Workload(env)
    issuer = certs.certificate(env.folder, 'issuer')
    files = {'routes.yaml': '''apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: moved, namespace: default}
spec:
  hosts: [moved.test]
  tls:
    - match: [{sniHosts: [moved.test], port: 443}]
      route: [{destination: {host: two.test}}]
'''}
    for n, name in enumerate(('one', 'two', 'moved'), 1):
        own = certs.certificate(env.folder, name + '.test', 'moved.test', issuer=issuer)
        backend = pod.inside(env.backend, name, '10.1.1.%d' % n, tls=certs.server(own))
        files[name + '.yaml'] = manifests.entry(name + '.test', backend.port, ('10.1.1.%d' % n, {}), protocol='TLS',
                                                number=443)
    pod.sidecar(env.navarchd(files))
    trusting = certs.client(issuer)
    for host, want in (('one.test', 'one'), ('two.test', 'two'), ('moved.test', 'two')):
        answer = pod.inside(ask, 443, host=host, tls=trusting, ip='10.7.7.7')
        need((answer.status, answer.body) == (200, want), '%s: %s' % (host, answer))
