# SPDX-License-Identifier: Apache-2.0
"""An API server for command lines: objects in memory, server-side apply with owners of fields, port-forward to real addresses.
What must be true of the real one is tested with the real one (test/e2e/kube); this one can be made to fail."""
import copy
import json
import re
import socket
import threading
import urllib.parse

import kube_http
import port_forward
from kube_http import status_of

JWKS = {'keys': [{'kty': 'EC', 'kid': 'a', 'crv': 'P-256', 'x': 'x', 'y': 'y'}]}
FIXED = {'/version': {'gitVersion': 'v1.34.0'}, '/openid/v1/jwks': JWKS,
         '/.well-known/openid-configuration': {'issuer': 'https://kubernetes.default.svc.cluster.local'}}
TOKEN = 'admin-token'
CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/'


def leaves(value, path=()):
    """(path, value) of all that is no map; a list counts as one value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, path + (key,))
    else:
        yield path, value


def merge(old, new):
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            merge(old[key], value)
        else:
            old[key] = copy.deepcopy(value)


class ApiServer:
    """objects: by path. owners: {(path, leaf): manager}. faults: {'METHOD path': status}, for all requests that begin so."""

    def __init__(self, env):
        self.objects, self.owners, self.faults, self.requests = {}, {}, {}, []
        self.ports, self.version, self.lock = {}, 100, threading.RLock()
        self.ready = True                               # Deployments get ready
        server = self

        class Handler(kube_http.Handler):
            def serve(self):
                server.serve(self)

            do_GET = do_PATCH = do_POST = do_DELETE = serve

        self.http = kube_http.Server(Handler)
        self.url = self.http.url
        self.kubeconfig = kube_http.write_kubeconfig(env.folder + '/api.kubeconfig', self.url, TOKEN)

    def stop(self):
        self.http.stop()

    # ---- requests ----

    def serve(self, h):
        url = urllib.parse.urlsplit(h.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        body = h.body()
        with self.lock:
            self.requests.append((h.command, h.path))
            fault = next((s for rule, s in self.faults.items() if ('%s %s' % (h.command, url.path)).startswith(rule)), None)
        if h.headers.get('Authorization') != 'Bearer ' + TOKEN:
            return h.answer(401, status_of(401, 'Unauthorized'))
        if fault:
            return h.answer(fault, status_of(fault, 'no'))
        if url.path.endswith('/portforward'):
            port = int(query['ports'])
            address = self.ports.get((url.path.split('/')[-2], port))
            return port_forward.serve(h, port, address and (lambda: socket.create_connection(address, 10)))
        if url.path == '/openid/v1/jwks' and '*/*' not in h.headers['Accept']:
            return h.answer(406, status_of(406, 'Available representations: application/jwk-set+json'))
        if url.path in FIXED:
            return h.answer(200, FIXED[url.path])
        with self.lock:
            return h.answer(*getattr(self, 'on_' + h.command.lower())(url.path, query, body))

    def on_get(self, path, query, _):
        if path in self.objects:
            return 200, self.objects[path]
        name, _, value = query.get('labelSelector', '').partition('=')
        items = [o for p, o in sorted(self.objects.items()) if p.rpartition('/')[0] == path and
                 (not name or o['metadata'].get('labels', {}).get(name) == value)]
        kind = re.match(r'/apis/([^/]+)/[^/]+/([a-z]+)$', path)
        known = kind and '%s%s.%s' % (CRDS, kind.group(2), kind.group(1)) in self.objects
        return (200, {'kind': 'List', 'items': items}) if items or known or 'labelSelector' in query else (404, status_of(404, 'not found: ' + path))

    def on_patch(self, path, query, body):
        new, manager = json.loads(body), query['fieldManager']
        old = self.objects.get(path)
        parts = path.split('/')
        if 'namespaces' in parts[:-2] and '/api/v1/namespaces/' + parts[parts.index('namespaces') + 1] not in self.objects:
            return 404, status_of(404, 'namespaces "%s" not found' % parts[parts.index('namespaces') + 1])
        for leaf, value in leaves(new):
            owner = self.owners.get((path, leaf), manager)
            if owner != manager and value != at(old, leaf) and 'force' not in query:
                return 409, status_of(409, 'Apply failed with 1 conflict: conflict with "%s": .%s' % (owner, '.'.join(leaf)))
        result = copy.deepcopy(old) if old else {}
        merge(result, new)
        if result != old:
            self.version += 1
            result['metadata'].update(resourceVersion=str(self.version), uid='u', managedFields=[
                {'manager': manager, 'operation': 'Apply'}] if not old else old['metadata']['managedFields'])
            if new['kind'] == 'Deployment':
                n = new['spec']['replicas'] if self.ready else 0
                result['metadata']['generation'] = 1
                result['status'] = {'observedGeneration': 1, 'replicas': n, 'updatedReplicas': n, 'availableReplicas': n}
        if 'dryRun' not in query:
            self.objects[path] = result
            self.owners.update({(path, leaf): manager for leaf, _ in leaves(new)})
        return 200 if old else 201, result

    def on_delete(self, path, query, _):
        return (200, status_of(200, '')) if self.objects.pop(path, None) else (404, status_of(404, 'not found'))

    # ---- what tests put ----

    def put(self, path, obj, manager='another'):
        self.version += 1
        obj.setdefault('metadata', {}).update(name=path.rpartition('/')[2], resourceVersion=str(self.version), managedFields=[
            {'manager': manager, 'operation': 'Update'}])
        self.objects[path] = obj
        self.owners.update({(path, leaf): manager for leaf, _ in leaves(obj)})

    def pod(self, name, port=None, ready=True):
        """A replica of navarchd whose debug port is at a port of this machine; None: nobody listens."""
        self.put('/api/v1/namespaces/istio-system/pods/' + name, {
            'metadata': {'namespace': 'istio-system', 'labels': {'app.kubernetes.io/name': 'navarchd'}},
            'status': {'phase': 'Running', 'conditions': [{'type': 'Ready', 'status': str(ready)}]}})
        self.ports[name, 8080] = ('127.0.0.1', port) if port else None


def at(obj, leaf):
    for key in leaf:
        obj = obj.get(key, {}) if isinstance(obj, dict) else {}
    return obj

