# SPDX-License-Identifier: Apache-2.0
"""Manifests of the end-to-end tests, as text. Backends are on 127.0.1.1, 127.0.1.2, ... (harness.Env.backends)."""
import base64


def service(name, port, versions, protocol='http', service_port=8000):
    """A Service in namespace default whose pod N (label version: its name) is 127.0.1.N on one port."""
    out = ['''apiVersion: v1
kind: Service
metadata: {name: %(name)s, namespace: default}
spec:
  clusterIP: 10.96.1.1
  selector: {app: %(name)s}
  ports:
    - {name: %(protocol)s, port: %(service_port)d, targetPort: %(port)d, protocol: TCP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: %(name)s-1
  namespace: default
  labels: {kubernetes.io/service-name: %(name)s}
addressType: IPv4
ports:
  - {name: %(protocol)s, port: %(port)d, protocol: TCP}
endpoints:
''' % locals()]
    for n, version in enumerate(versions, 1):
        out[0] += '''  - addresses: ["127.0.1.%d"]
    conditions: {ready: true}
    targetRef: {kind: Pod, name: %s-%s, namespace: default}
''' % (n, name, version)
        out.append('''apiVersion: v1
kind: Pod
metadata:
  name: %s-%s
  namespace: default
  labels: {app: %s, version: %s}
spec:
  serviceAccountName: default
  containers:
    - name: app
      image: app
      ports: [{containerPort: %d, protocol: TCP}]
status:
  phase: Running
  podIP: 127.0.1.%d
  conditions: [{type: Ready, status: "True"}]
''' % (name, version, name, version, port, n))
    return '---\n'.join(out)


def subsets(name, versions):
    return '''apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s, namespace: default}
spec:
  host: %s.default.svc.cluster.local
  subsets:
''' % (name, name) + ''.join('    - {name: %s, labels: {version: %s}}\n' % (v, v) for v in versions)


def entry(host, port, *endpoints, protocol='HTTP', number=80, address=None):
    """A ServiceEntry, with an address of its own or without; endpoints: (address, {label: value}) or (address, {}, locality), all on one port."""
    out = '''apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %s, namespace: default}
spec:
  hosts: [%s]
  ports: [{number: %d, name: port, protocol: %s, targetPort: %d}]
  resolution: STATIC
  location: MESH_EXTERNAL
%s  endpoints:
''' % (host.replace('.', '-'), host, number, protocol, port, '  addresses: [%s]\n' % address if address else '')
    for address, labels, *locality in endpoints:
        out += '    - {address: %s, labels: {%s}%s}\n' % (
            address, ', '.join('%s: %s' % pair for pair in labels.items()),
            ', locality: %s' % locality[0] if locality else '')
    return out


def rule(host, spec):
    """A DestinationRule; spec: the rest of it, indented by two."""
    return '''apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s, namespace: default}
spec:
  host: %s
%s''' % (host.replace('.', '-'), host, spec.lstrip('\n'))


def gateway(port, tls_secret=None):
    """A Gateway on a port of the Envoys labelled istio: ingressgateway."""
    return '''apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: %d, name: web, protocol: %s}
      hosts: ["*"]
''' % (port, 'HTTPS' if tls_secret else 'HTTP') + (
        '      tls: {mode: SIMPLE, credentialName: %s}\n' % tls_secret if tls_secret else '')


def virtual_service(name, *http, hosts='"*"', gateways='public'):
    """http: the routes, as indented YAML list items (see split)."""
    return '''apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s, namespace: default}
spec:
  hosts: [%s]
  gateways: [%s]
  http:
''' % (name, hosts, gateways) + ''.join(http)


def split(host, weights, path=None):
    """One http route: {subset: weight} of a host, for a path prefix."""
    out = '    - route:\n'
    for subset, weight in weights.items():
        out += '        - destination: {host: %s.default.svc.cluster.local, subset: %s}\n          weight: %d\n' % (
            host, subset, weight)
    if path:
        out += '      match:\n        - uri: {prefix: %s}\n' % path
    return out


def secret(name, certificate, issuer=None, namespace='istio-system'):
    """A Secret of a certs.Certificate, and of the issuer that the other side's certificate must be from; with None of
    the issuer alone."""
    files = dict({'tls.crt': certificate.cert, 'tls.key': certificate.key} if certificate else {},
                 **({'ca.crt': issuer.cert} if issuer else {}))
    out = 'apiVersion: v1\nkind: Secret\ntype: Opaque\nmetadata: {name: %s, namespace: %s}\ndata:\n' % (name, namespace)
    for key, path in files.items():
        with open(path, 'rb') as f:
            out += '  %s: %s\n' % (key, base64.b64encode(f.read()).decode())
    return out
