#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes one input of the generation benchmark as manifests: our own re-creation, from their description, of the
inputs that Istio's benchmarks of xDS generation have (README.md).

usage: shapes.py SHAPE CERTIFICATE KEY      (PEM files, for the shapes that have secrets)
"""
import base64
import sys

ISTIO = 'apiVersion: networking.istio.io/v1\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec:\n'
HTTP = '80 http HTTP'
FOUR = ['80 http HTTP', '8080 http-alt HTTP', '443 tls TLS', '90 tcp TCP']


def ports(list_of):
    return '  ports:\n' + ''.join('  - {number: %s, name: %s%s}\n' % (n, name, protocol and ', protocol: ' + protocol)
                                  for n, name, protocol in (p.split(' ') for p in list_of))


def entry(name, host, list_of, rest, ns='default'):
    return ISTIO % ('ServiceEntry', name, ns) + '  hosts: [%s]\n' % host + ports(list_of) + rest


def own(list_of):
    """The service of the proxy itself, which is at 1.1.1.1."""
    return entry('proxy', 'proxy.example.com', list_of, '  resolution: STATIC\n  location: MESH_INTERNAL\n'
                 '  endpoints: [{address: 1.1.1.1, labels: {app: proxy}}]\n')


def addressed(n, list_of):
    """n services with an address and an endpoint each, and the proxy's."""
    return [entry('random-%d' % i, 'random-%d.host.example' % i, list_of,
                  '  addresses: [240.240.%d.%d]\n  resolution: STATIC\n  location: MESH_INTERNAL\n'
                  '  endpoints: [{address: 1.2.%d.%d, labels: {security.istio.io/tlsMode: istio}, serviceAccount: random-%d}]\n'
                  % (i // 256, i % 256, i // 256, i % 256, i)) for i in range(n)] + [own(list_of)]


# ---- gateways ----

def server(port, hosts, credential=None, number=None):
    tls = ', tls: {mode: SIMPLE, credentialName: %s}' % credential if credential else ''
    protocol = 'HTTPS' if credential else 'HTTP'
    return '  - {port: {number: %d, name: %s-%s, protocol: %s}, hosts: [%s]%s}\n' % (
        port, protocol.lower(), number or 0, protocol, ', '.join(hosts), tls)


def gateway(name, servers):
    return ISTIO % ('Gateway', name, 'default') + '  selector: {istio: ingressgateway}\n  servers:\n' + servers


def backend(n):
    return [entry('backend-%d' % i, 'backend-%d.example.com' % i, [HTTP],
                  '  resolution: STATIC\n  endpoints: [{address: 1.2.%d.%d}]\n' % (i // 256, i % 256)) for i in range(n)]


def gateways():
    out = []
    for i in range(1000):
        hosts = ['%s-%d.example.com' % (h, i) for h in ('www', 'api', 'shop')]
        out.append(gateway('gateway-%d' % i, server(80, hosts) + server(443, hosts, 'cred', i)))
        out.append(ISTIO % ('VirtualService', 'route-%d' % i, 'default') +
                   '  hosts: [%s]\n  gateways: [gateway-%d]\n  http:\n  - match: [{uri: {prefix: /api}}]\n'
                   '    route: [{destination: {host: backend-%d.example.com, port: {number: 80}}}]\n' % (', '.join(hosts), i, i))
    return out + backend(1000) + [own([HTTP])]


def gateways_shared():
    hosts = ['"*.example.com"']
    out = [gateway('gateway', server(80, hosts) + server(443, hosts, 'cred'))]
    for i in range(1000):
        match = ', '.join('{uri: {prefix: /path-%d-%d}}' % (i, k) for k in range(6))
        out.append(ISTIO % ('VirtualService', 'route-%d' % i, 'default') +
                   '  hosts: [www-%d.example.com]\n  gateways: [gateway]\n  http:\n  - match: [%s]\n'
                   '    rewrite: {uri: /}\n    retries: {attempts: 3, perTryTimeout: 5s}\n'
                   '    route: [{destination: {host: backend-%d.example.com, port: {number: 80}}}]\n' % (i, match, i))
    return out + backend(1000) + [own([HTTP])]


def knative_gateway():
    """One VirtualService a revision: names of every length, matched by authority at two gateways."""
    out = [gateway('public', server(80, ['"*"']) + server(443, ['"*"'], 'cred')), gateway('local', server(8081, ['"*"']))]
    for i in range(101):
        names = ['hello-%d.default%s' % (i, end) for end in ('', '.svc', '.svc.cluster.local', '.example.com')]
        text = ISTIO % ('VirtualService', 'hello-%d' % i, 'default')
        text += '  hosts: [%s]\n  gateways: [public, local]\n  http:\n' % ', '.join(names)
        for at, some in (('local', names[:3]), ('public', names[3:])):
            match = ''.join('    - {authority: {prefix: %s}, gateways: [%s]}\n' % (n, at) for n in some)
            text += ('  - match:\n%s    retries: {}\n    headers: {request: {set: {K-Network-Hash: "%d"}}}\n    route:\n'
                     '    - destination: {host: backend-0.example.com, port: {number: 80}}\n      weight: 100\n'
                     '      headers: {request: {set: {Knative-Serving-Namespace: default, Knative-Serving-Revision: hello-%d}}}\n'
                     % (match, i, i))
        out.append(text)
    return out + backend(1) + [own([HTTP])]


def secrets(n):
    """n Secrets, all asked for: by a server each."""
    pem = [base64.b64encode(open(p, 'rb').read()).decode() for p in sys.argv[2:4]]
    servers = ''.join(server(443, ['www-%d.example.com' % i], 'secret-%d' % i, i + 1) for i in range(n))
    return [gateway('gateway', servers)] + [
        'apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: secret-%d, namespace: default}\n'
        'data: {tls.crt: %s, tls.key: %s}\n' % (i, *pem) for i in range(n)]


# ---- sidecars ----

def externalname():
    return ['apiVersion: v1\nkind: Service\nmetadata: {name: random-%d, namespace: default}\n'
            'spec: {type: ExternalName, externalName: random-%d.host.example, ports: [{name: http, port: 80}]}\n' % (i, i)
            for i in range(100)] + [own([HTTP])]


def virtualservice():
    routes = [ISTIO % ('VirtualService', 'random-%d' % i, 'default') +
              '  hosts: [random-%d.host.example]\n  http:\n'
              '  - name: prefix\n    match: [{uri: {prefix: /prefix}}]\n    rewrite: {uri: /new}\n'
              '    route: [{destination: {host: random-%d.host.example}}]\n'
              '  - name: regex\n    match: [{uri: {regex: "/a/[0-9]+/.*"}}]\n    rewrite: {uri: /new}\n'
              '    route: [{destination: {host: random-%d.host.example}}]\n'
              '  - name: rest\n    route: [{destination: {host: random-%d.host.example}}]\n' % (i, i, i, i) for i in range(100)]
    # no address: all are 0.0.0.0, of one listener
    return routes + [entry('random-%d' % i, 'random-%d.host.example' % i, [HTTP],
                           '  resolution: STATIC\n  endpoints: [{address: 1.2.0.%d}]\n' % i) for i in range(100)] + [own([HTTP])]


def workloads():
    """Services that select workloads, ten each."""
    out = [entry('random-%d' % i, 'random-%d.host.example' % i, FOUR,
                 '  resolution: STATIC\n  location: MESH_INTERNAL\n  workloadSelector: {labels: {app: random-%d}}\n' % i)
           for i in range(100)] + [own(FOUR)]
    return out + [ISTIO % ('WorkloadEntry', 'workload-%d' % i, 'default') +
                  '  address: 1.3.%d.%d\n  labels: {app: random-%d, security.istio.io/tlsMode: istio}\n  serviceAccount: account-%d\n'
                  % (i // 250, i % 250, i % 100, i) for i in range(1000)]


def peer_authentication(mode):
    """The proxy's own service with a port of each protocol, under one mode of mutual TLS."""
    return [own(['80 http HTTP', '81 tcp TCP', '82 tls TLS', '83 auto ']),
            'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\n'
            'spec: {mtls: {mode: %s}}\n' % mode]


def authorization():
    return [own([HTTP])] + ['apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n'
                            'metadata: {name: random-%d, namespace: default}\nspec:\n  action: DENY\n  rules:\n'
                            '  - from: [{source: {principals: [cluster.local/ns/default/sa/random-%d]}}]\n'
                            '    to: [{operation: {methods: [GET], paths: [/random-%d]}}]\n' % (i, i, i) for i in range(100)]


SHAPES = {
    'gateways': gateways,
    'gateways-shared': gateways_shared,
    'knative-gateway': knative_gateway,
    'http': lambda: addressed(100, [HTTP]),
    'tcp': lambda: addressed(100, ['80 tcp TCP']),
    'tls': lambda: addressed(100, ['80 tls TLS']),
    'auto': lambda: addressed(100, ['80 auto ']),
    'externalname': externalname,
    'virtualservice': virtualservice,
    'serviceentry-workloadentry': workloads,
    'strict': lambda: peer_authentication('STRICT'),
    'disabled': lambda: peer_authentication('DISABLE'),
    'authorizationpolicy': authorization,
    'secrets-10': lambda: secrets(10),
    'secrets-1000': lambda: secrets(1000),
}


if __name__ == '__main__':
    print('---\n'.join(SHAPES[sys.argv[1]]()))
