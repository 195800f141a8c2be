#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the roles of deploy/kubernetes against what navarchd asks an API server for.

usage: rbac.py NAVARCHD RBAC.yaml

The API server here knows every kind, refuses what the roles do not allow, as RBAC does, and remembers what was
asked. Two kinds of objects make navarchd follow names: a Gateway and a DestinationRule with credentials of other
namespaces. Of each kind of Istio's there is an object, so that each status is written; one is invalid twice, for an Event
and its count; an Ingress has a gateway with an address; of the Gateway API each kind that is told something has an object; one namespace has the mesh's root, an old one, and one has none.
Every request must be allowed, and each part of each rule be used. That it would notice is tried with roles that lack one
rule, or have one too many.
"""
import base64
import collections
import copy
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import yaml

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../e2e'))

import kube_http                                                    # noqa: E402
from kube_http import status_of, write_kubeconfig                   # noqa: E402

ACCOUNT = {'kind': 'ServiceAccount', 'name': 'navarchd', 'namespace': 'istio-system'}
DEADLINE_S = 20

Request = collections.namedtuple('Request', 'group resource verb ns name')
# one thing that a rule allows, in one namespace or ('') in all
Grant = collections.namedtuple('Grant', 'group resource verb ns name role')

GATEWAY = {'apiVersion': 'networking.istio.io/v1', 'kind': 'Gateway', 'metadata': {'name': 'shop', 'namespace': 'edge'},
           'spec': {'selector': {'app': 'edge'}, 'servers': [
               {'port': {'number': 443, 'name': 'https', 'protocol': 'HTTPS'}, 'hosts': ['*'],
                'tls': {'mode': 'SIMPLE', 'credentialName': 'shop-certificate'}}]}}
RULE = {'apiVersion': 'networking.istio.io/v1', 'kind': 'DestinationRule',
        'metadata': {'name': 'bank', 'namespace': 'edge'},
        'spec': {'host': 'bank.example.com', 'trafficPolicy': {
            'tls': {'mode': 'SIMPLE', 'credentialName': 'configmap://bank-authority'}}}}
INVALID = {'apiVersion': 'networking.istio.io/v1', 'kind': 'VirtualService',
           'metadata': {'name': 'broken', 'namespace': 'edge'}, 'spec': {'hosts': 7}}
INGRESS = {'metadata': {'name': 'shop', 'namespace': 'edge', 'annotations': {'kubernetes.io/ingress.class': 'istio'}},
           'spec': {'defaultBackend': {'service': {'name': 'shop', 'port': {'number': 80}}}}}
ENTRANCE = {'metadata': {'name': 'istio-ingressgateway', 'namespace': 'istio-system'},
            'spec': {'ports': [{'name': 'http', 'port': 80}], 'externalIPs': ['192.0.2.1']}}
API = 'gateway.networking.k8s.io'
AT_ENTRY = {'parentRefs': [{'name': 'entry'}]}
# each is told something; what it says is little
TOLD = {
    'gatewayclasses': {'controllerName': 'istio.io/gateway-controller'},
    'gateways': {'gatewayClassName': 'istio', 'listeners': [{'name': 'http', 'port': 80, 'protocol': 'HTTP'}]},
    'listenersets': {'parentRef': {'name': 'entry'}, 'listeners': [{'name': 'more', 'port': 81, 'protocol': 'HTTP'}]},
    'httproutes': AT_ENTRY, 'grpcroutes': AT_ENTRY,
    'tcproutes': dict(AT_ENTRY, rules=[{'backendRefs': [{'name': 'shop', 'port': 80}]}]),
    'tlsroutes': dict(AT_ENTRY, hostnames=['shop.example.com'], rules=[{'backendRefs': [{'name': 'shop', 'port': 80}]}]),
    'backendtlspolicies': {'targetRefs': [{'group': '', 'kind': 'Service', 'name': 'shop'}],
                           'validation': {'hostname': 'shop.example.com', 'wellKnownCACertificates': 'System'}},
}
OBJECTS = {'gateways.networking.istio.io': [GATEWAY], 'destinationrules.networking.istio.io': [RULE],
           'ingresses.networking.k8s.io': [INGRESS], 'services.': [ENTRANCE],
           'namespaces.': [{'metadata': {'name': name}} for name in ('edge', 'new')],
           **{'%s.%s' % (plural, API): [{'metadata': {'name': 'entry', 'namespace': 'edge'}, 'spec': spec}]
              for plural, spec in TOLD.items()}}
HOOK = {'metadata': {'name': 'navarchd', 'resourceVersion': '7'}, 'webhooks': [
    {'name': 'a.b.c', 'clientConfig': {'service': {'name': 'istiod', 'namespace': 'istio-system', 'path': '/validate'}}}]}
LEASE_OF = {'resourceVersion': '7', 'name': 'navarchd', 'namespace': 'istio-system'}


def istio_objects(grants):
    """One of each kind of Istio's, as lists have it; what it says is of no matter."""
    out = {}
    for group, plural in {(g.group, g.resource) for g in grants if g.group.endswith('.istio.io') and g.verb == 'list'}:
        out['%s.%s' % (plural, group)] = [{'metadata': {'name': 'x', 'namespace': 'edge'}, 'spec': {}}]
    return dict(out, **OBJECTS, **{'virtualservices.networking.istio.io': [INVALID]})


def complete(o, generation):
    """As a server gives it out."""
    meta = dict(o['metadata'], resourceVersion=str(100 + generation), generation=generation, uid='u-' + o['metadata']['name'])
    return dict(o, metadata=meta)


# ---- roles ----

def granted(documents):
    """All that the bindings give to the account, in single grants."""
    rules = {(d['kind'], d['metadata']['name']): d['rules'] for d in documents if d['kind'].endswith('Role')}
    out = []
    for d in documents:
        if not d['kind'].endswith('RoleBinding') or ACCOUNT not in d['subjects']:
            continue
        ns = d['metadata'].get('namespace', '')
        role = (d['roleRef']['kind'], d['roleRef']['name'])
        for rule in rules[role]:
            out += [Grant(group, resource, verb, ns, name, '%s %s' % role)
                    for group in rule['apiGroups'] for resource in rule['resources'] for verb in rule['verbs']
                    for name in rule.get('resourceNames', [''])]
    return out


def allows(grant, r):
    """Names count as the name of the request: of lists and watches that is their selector metadata.name."""
    return (grant.group, grant.resource, grant.verb) == (r.group, r.resource, r.verb) and \
        grant.ns in ('', r.ns) and grant.name in ('', r.name)


# ---- the server ----

def parse(method, target):
    """What RBAC sees of a request."""
    url = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(url.query))
    path = url.path.strip('/').split('/')
    group, path = ('', path[2:]) if path[0] == 'api' else (path[1], path[3:])
    ns = ''
    if path[0] == 'namespaces' and len(path) > 2:
        ns, path = path[1], path[2:]
    name = path[1] if len(path) > 1 else ''
    resource = path[0] + ('/' + path[2] if len(path) > 2 else '')
    verb = 'get' if name else 'watch' if query.get('watch') == '1' else 'list'
    verb = {'POST': 'create', 'PATCH': 'patch', 'PUT': 'update', 'DELETE': 'delete'}.get(method, verb)
    selector = query.get('fieldSelector', '')
    if selector.startswith('metadata.name='):
        name = selector[len('metadata.name='):]
    return Request(group, resource, verb, ns, name), query


class Server(kube_http.Server):
    def __init__(self, grants):
        self.grants = grants
        self.objects, self.lease, self.told = istio_objects(grants), None, threading.Event()
        self.lock, self.asked, self.refused = threading.Lock(), set(), set()
        super().__init__(Handler)

    def judge(self, r):
        ok = any(allows(g, r) for g in self.grants)
        with self.lock:
            (self.asked if ok else self.refused).add(r)
        return ok

    def uses(self, verb, resource):
        """Once it was asked for, allowed or not."""
        with self.lock:
            return any(r.verb == verb and r.resource == resource for r in self.asked | self.refused)

    def counts(self):
        with self.lock:
            return len(self.asked), len(self.refused)


class Handler(kube_http.Handler):
    def admits(self, r):
        ok = self.server.judge(r)
        if not ok:
            self.answer(403, status_of(403, 'no rule: %s' % (r,), 'Forbidden'))
        return ok

    def do_GET(self):
        r, query = parse('GET', self.path)
        if not self.admits(r):
            return
        if 'sendInitialEvents' in query:
            # as a server without lists by stream, so that both ways are seen
            self.answer(422, status_of(422, 'sendInitialEvents', 'Invalid'))
        elif r.verb == 'watch':
            self.begin_watch()
            if r.resource == 'virtualservices':
                self.change_later()
            self.server.over.wait()
        elif r.verb == 'get':
            self.answer_one(r)
        else:
            self.answer(200, {'kind': 'List', 'apiVersion': 'v1', 'metadata': {'resourceVersion': '7'},
                              'items': [complete(o, 1) for o in self.server.objects.get('%s.%s' % (r.resource, r.group), [])]})

    def change_later(self):
        """The same invalid object once more, after it was told of: that is the same Event, twice."""
        while not self.server.told.wait(0.05):
            if self.server.over.is_set():
                return
        self.write_event('MODIFIED', complete(INVALID, 2))

    def answer_one(self, r):
        """What is there before it is patched: never what should be."""
        if r.resource == 'leases':
            found = self.server.lease
        elif r.resource == 'validatingwebhookconfigurations':
            found = HOOK
        elif r.resource == 'configmaps':
            found = {'metadata': {'resourceVersion': '7'}, 'data': {'ca-crl.pem': 'OLD'}} if r.ns == 'edge' else None
        else:
            key = '%s.%s' % (r.resource.split('/')[0], r.group)
            found = next((o for o in self.server.objects.get(key, []) if o['metadata']['name'] == r.name), None)
            found = found and complete(found, 2 if found is INVALID and self.server.told.is_set() else 1)
        self.answer(200 if found else 404, found or status_of(404, 'not found', 'NotFound'))

    def do_write(self):
        r, _ = parse(self.command, self.path)
        body = json.loads(self.body() or '{}')
        if not self.admits(r):
            return
        if r.resource == 'tokenreviews':
            body = {'kind': 'TokenReview', 'status': {}}
        if r.resource == 'leases':
            self.server.lease = body = {'metadata': LEASE_OF, 'spec': dict((self.server.lease or {}).get('spec', {}), **body['spec'])}
        if r.resource == 'events' and r.verb == 'create':
            self.server.told.set()
        self.answer(201 if r.verb == 'create' else 200, body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_write


# ---- the daemon ----

def is_ready(port_file):
    try:
        with open(port_file) as f:
            port = json.load(f)['metrics']
        with urllib.request.urlopen('http://127.0.0.1:%d/ready' % port, timeout=1) as answer:
            return answer.status == 200
    except (OSError, ValueError):
        return False


def show_token(port_file):
    """A token by a key that nobody has told navarchd: it asks the API server."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b'=').decode()

    token = '.'.join([part(b'{"alg":"ES256","kid":"k"}'), part(b'{"iss":"x","exp":4000000000}'), part(bytes(64))])
    with open(port_file) as f:
        port = json.load(f)['secure']
    conn = http.client.HTTPSConnection('127.0.0.1', port, timeout=5, context=ssl._create_unverified_context())
    conn.request('POST', '/v1/certificates', b'{}', {'Authorization': 'Bearer ' + token})
    conn.getresponse().read()
    conn.close()
    return True


def run(navarchd, server, folder):
    """Until it is ready, has had every name that it follows, and asks for nothing new. What went wrong, or None."""
    kubeconfig, ports = write_kubeconfig(folder + '/kubeconfig', server.url), folder + '/ports'
    with open(folder + '/log', 'w') as log:
        child = subprocess.Popen([navarchd, '--kubeconfig', kubeconfig, '--xds-address', '127.0.0.1:0', '--admin-address',
                                  '127.0.0.1:0', '--metrics-address', '127.0.0.1:0', '--secure-address', '127.0.0.1:0',
                                  '--webhook-address', '127.0.0.1:0', '--state-dir', folder + '/state', '--write-back', 'on',
                                  '--port-file', ports, '--drain', '0s'], stdout=log, stderr=log,
                                 env=dict(os.environ, POD_NAME='navarchd-0'))
    end, last, quiet, shown = time.monotonic() + DEADLINE_S, None, 0, False
    try:
        while quiet < 20 and time.monotonic() < end and child.poll() is None:
            shown = shown or (is_ready(ports) and show_token(ports))
            now = server.counts()
            # a refusal that it gets over takes longer than is of use here
            done = is_ready(ports) and server.uses('patch', 'leases') and server.uses('patch', 'events')
            quiet = quiet + 1 if now == last and (now[1] or done) else 0
            last = now
            time.sleep(0.05)
        return None if quiet else 'navarchd is not ready:\n' + open(folder + '/log').read()[-1000:]
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(10)


def examine(navarchd, documents):
    """(what was asked for and refused, what is granted and was not used, trouble)"""
    grants = granted(documents)
    server = Server(grants)
    folder = tempfile.mkdtemp(prefix='navarch-rbac-')
    try:
        trouble = run(navarchd, server, folder)
    finally:
        server.stop()
        shutil.rmtree(folder)
    unused = [g for g in grants if not any(allows(g, r) for r in server.asked)]
    return sorted(server.refused), unused, trouble


# ---- cases ----

def without_credentials(documents):
    return [d for d in documents if not (d['kind'] == 'ClusterRoleBinding' and 'credentials' in d['metadata']['name'])]


def planted(documents):
    """A rule that lacks a verb, and one that nobody uses."""
    out = copy.deepcopy(documents)
    rules = next(d for d in out if d['kind'] == 'ClusterRole')['rules']
    rules[0]['verbs'] = ['list']
    rules[1]['resources'].append('serviceaccounts')
    return out


def cases(navarchd, documents):
    refused, unused, trouble = examine(navarchd, documents)
    yield 'navarchd gets ready with its roles', trouble
    yield 'every request is allowed', refused
    yield 'every part of every rule is used', unused

    refused, _, _ = examine(navarchd, without_credentials(documents))
    other = [r for r in refused if r.resource not in ('secrets', 'configmaps') or r.name in ('', 'istio', 'istio-ca-root-cert', 'istio-ca-crl')]
    yield 'without the role for credentials only those are refused', other or (not refused and 'nothing was refused')

    refused, unused, _ = examine(navarchd, planted(documents))
    noticed = any(r.group == 'networking.istio.io' and r.verb == 'watch' for r in refused)
    yield 'a verb that is missing is noticed', None if noticed else 'it was not'
    noticed = any(g.resource == 'serviceaccounts' for g in unused)
    yield 'a rule too many is noticed', None if noticed else 'it was not'


def main():
    documents = [d for d in yaml.safe_load_all(open(sys.argv[2])) if d]
    failed = passed = 0
    for name, wrong in cases(os.path.abspath(sys.argv[1]), documents):
        print('%s %s' % ('FAIL' if wrong else 'ok  ', name))
        for line in [wrong] if isinstance(wrong, str) else wrong or []:
            print('     %s' % (line,))
        failed, passed = failed + bool(wrong), passed + (not wrong)
    print('%d passed, %d failed' % (passed, failed))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
