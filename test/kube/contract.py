#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an API server does when it is listed, watched and written, as far as navarchd counts on it: one set of checks, for
the fake server here and for a real one (test/e2e/kube).

usage: contract.py FAKE_SERVER      starts it, and checks it
"""
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse

NS = 'contract'
NETWORKING = 'networking.istio.io/v1'
END_MARK = 'k8s.io/initial-events-end'
STREAM = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
WAIT_S = 20
MERGE, JSON_PATCH = 'application/merge-patch+json', 'application/json-patch+json'


class Wrong(AssertionError):
    pass


def need(claim, what, got):
    if not claim:
        raise Wrong('%s: %s' % (what, str(got)[:500]))


class Api:
    """host, port of a server; tls: an SSLContext. restart() ends it and starts it on the same port. bookmarks: it has some,
    beside the mark that ends a list."""

    def __init__(self, host, port, restart, tls=None, token=None, bookmarks=True):
        self.address, self.restart, self.tls, self.bookmarks = (host, port), restart, tls, bookmarks
        self.headers = {'User-Agent': 'navarch-contract/1', 'Content-Type': 'application/json', 'Accept': 'application/json'}
        if token:
            self.headers['Authorization'] = 'Bearer ' + token

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection(*self.address, timeout=WAIT_S, context=self.tls)
        return http.client.HTTPConnection(*self.address, timeout=WAIT_S)

    def call(self, method, path, body=None, kind='application/json'):
        """(status, JSON or text)"""
        conn = self.connect()
        conn.request(method, path, body and json.dumps(body), dict(self.headers, **{'Content-Type': kind}))
        answer = conn.getresponse()
        text = answer.read().decode()
        conn.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def ok(self, method, path, body=None):
        status, answer = self.call(method, path, body)
        need(status in (200, 201), '%s %s' % (method, path), (status, answer))
        return answer

    def patch(self, path, body, kind=MERGE):
        return self.call('PATCH', path, body, kind)

    def watch(self, path, query=''):
        return Watch(self, '%s?watch=1&%s' % (path, query))


class Watch:
    """The events of a watch, in order."""

    def __init__(self, api, target):
        self.conn = api.connect()
        self.conn.request('GET', target, None, api.headers)
        self.answer = self.conn.getresponse()
        self.status, self.target = self.answer.status, target
        if self.status != 200:
            self.text = self.answer.read().decode()

    def next(self):
        """(type, object); None at a clean end."""
        line = self.answer.readline()
        if not line:
            return None
        event = json.loads(line)
        return event['type'], event['object']

    def take(self, n):
        return [self.next() for _ in range(n)]

    def close(self):
        self.conn.close()


# ---- a kind of Kubernetes' own and one of a CRD ----

class Kind:
    def __init__(self, name, api_version, plural, spec):
        self.name, self.api_version, self.spec = name, api_version, spec
        prefix = '/api/v1' if api_version == 'v1' else '/apis/' + api_version
        self.all, self.path = '%s/%s' % (prefix, plural), '%s/namespaces/%s/%s' % (prefix, NS, plural)

    def object(self, name, more=0):
        return {'apiVersion': self.api_version, 'kind': self.name, 'metadata': {'name': name, 'namespace': NS,
                                                                               'annotations': {'more': str(more)}}, 'spec': self.spec}


SERVICE = Kind('Service', 'v1', 'services', {'ports': [{'name': 'http', 'port': 80, 'protocol': 'TCP'}]})
ROUTE = Kind('VirtualService', NETWORKING, 'virtualservices', {'hosts': ['a'], 'http': [{'route': [{'destination': {'host': 'a'}}]}]})
KINDS = (SERVICE, ROUTE)
INGRESS = Kind('Ingress', 'networking.k8s.io/v1', 'ingresses', {'defaultBackend': {'service': {'name': 'a', 'port': {'number': 80}}}})


def change(api, kind, name, more):
    """Replaces the object; what is there now."""
    obj = api.ok('GET', '%s/%s' % (kind.path, name))
    obj['metadata']['annotations'] = {'more': str(more)}
    return api.ok('PUT', '%s/%s' % (kind.path, name), obj)


def version_of(obj):
    return int(obj['metadata']['resourceVersion'])


def names(items):
    return [i['metadata']['name'] for i in items]


def fill(api, kind, which='abcde'):
    for name in which:
        api.ok('POST', kind.path, kind.object(name))


# ---- the checks: each is a function (api, kind) ----

def lists(api, kind):
    """A list says its kind and version, and is in order; elements of Kubernetes' own kinds say neither."""
    fill(api, kind)
    got = api.ok('GET', kind.path)
    need((got['kind'], got['apiVersion']) == (kind.name + 'List', kind.api_version), 'what it is', got)
    need(names(got['items']) == list('abcde'), 'elements', names(got['items']))
    need(got['metadata'].get('continue', '') == '', 'a continue token', got['metadata'])
    for item in got['items']:
        need(version_of(got) >= version_of(item) > 0, 'versions', item['metadata'])
        need(item['metadata']['uid'] and item['metadata']['creationTimestamp'], 'uid and time', item['metadata'])
        need(('kind' in item) == (kind is not SERVICE) == ('apiVersion' in item), 'kind of an element', item)
    one = api.ok('GET', kind.path + '/c')
    need((one['kind'], one['apiVersion']) == (kind.name, kind.api_version), 'one object', one)
    everywhere = api.ok('GET', kind.all)
    need(set('abcde') <= {i['metadata']['name'] for i in everywhere['items'] if i['metadata']['namespace'] == NS}, 'all namespaces', '')


def pages(api, kind):
    """Pages give the whole list in order, once each, at one version."""
    whole, got, token, versions, n = api.ok('GET', kind.path), [], '', set(), 0
    while True:
        page = api.ok('GET', '%s?limit=2%s' % (kind.path, token and '&continue=' + urllib.parse.quote(token)))
        got, n = got + page['items'], n + 1
        versions.add(page['metadata']['resourceVersion'])
        token = page['metadata'].get('continue', '')
        if not token:
            break
        need(len(page['items']) == 2, 'a page that is not the last', names(page['items']))
    need(names(got) == names(whole['items']) and n == 3, 'pages', (names(got), n))
    need(len(versions) == 1, 'versions of pages', versions)


def watches(api, kind):
    """From the version of a list: what changed since, in order, each with its kind and a greater version."""
    since = api.ok('GET', kind.path)['metadata']['resourceVersion']
    watch = api.watch(kind.path, 'resourceVersion=' + since)
    api.ok('POST', kind.path, kind.object('w'))
    change(api, kind, 'w', 1)
    api.ok('DELETE', kind.path + '/w')
    got = watch.take(3)
    watch.close()
    need([t for t, _ in got] == ['ADDED', 'MODIFIED', 'DELETED'], 'events', [t for t, _ in got])
    at = int(since)
    for _, obj in got:
        need((obj['kind'], obj['apiVersion'], obj['metadata']['name']) == (kind.name, kind.api_version, 'w'), 'an object', obj)
        need(obj['spec'] and version_of(obj) > at, 'its version after %d' % at, obj)
        at = version_of(obj)
    again = api.watch(kind.path, 'resourceVersion=%s' % got[0][1]['metadata']['resourceVersion'])
    need([t for t, _ in again.take(2)] == ['MODIFIED', 'DELETED'], 'resumed within', '')
    again.close()


def watches_from_nothing(api, kind):
    """Without a version what stands comes first, as added."""
    for query in ('', 'resourceVersion=0'):
        watch = api.watch(kind.path, query)
        got = watch.take(5)
        need([t for t, _ in got] == ['ADDED'] * 5 and sorted(names(o for _, o in got)) == list('abcde'), 'the beginning', got)
        change(api, kind, 'a', query)
        need(watch.next()[0] == 'MODIFIED', 'what came then', '')
        watch.close()


def streamed_list(api, kind):
    """A list by stream: what stands, a bookmark that says so, and what comes then."""
    watch = api.watch(kind.path, STREAM)
    need(watch.status == 200, 'status', watch.status)
    got = watch.take(6)
    need([t for t, _ in got] == ['ADDED'] * 5 + ['BOOKMARK'], 'events', [t for t, _ in got])
    mark = got[5][1]
    need(mark['metadata']['annotations'].get(END_MARK) == 'true' and mark['kind'] == kind.name, 'the mark', mark)
    need(version_of(mark) >= max(version_of(o) for _, o in got[:5]), 'its version', mark)
    change(api, kind, 'b', 'streamed')
    event, obj = watch.next()
    need((event, obj['metadata']['name']) == ('MODIFIED', 'b') and version_of(obj) > version_of(mark), 'what came then', obj)
    watch.close()
    bad = api.watch(kind.path, STREAM.replace('resourceVersionMatch=NotOlderThan&', ''))
    need(bad.status == 422 and json.loads(bad.text)['reason'] == 'Invalid', 'without resourceVersionMatch', bad.status)
    bad.close()


def one_name(api, kind):
    """By field selector: one object only, listed and watched."""
    selector = 'fieldSelector=metadata.name%3Dc'
    need(names(api.ok('GET', '%s?%s' % (kind.path, selector))['items']) == ['c'], 'the list', '')
    watch = api.watch(kind.path, '%s&%s' % (selector, STREAM))
    need([(t, o['metadata'].get('name')) for t, o in watch.take(2)] == [('ADDED', 'c'), ('BOOKMARK', None)], 'the watch', '')
    change(api, kind, 'a', 'other')
    change(api, kind, 'c', 'this')
    need(watch.next()[1]['metadata']['name'] == 'c', 'another name', '')
    watch.close()
    need(api.ok('GET', '%s?fieldSelector=metadata.name%%3Dnone' % kind.path)['items'] == [], 'no such name', '')


def ends(api, kind):
    """A watch ends cleanly when its time is up. If it had something to say, a bookmark comes before: it may be resumed there."""
    since, began = api.ok('GET', kind.path)['metadata']['resourceVersion'], time.monotonic()
    watch = api.watch(kind.path, 'resourceVersion=%s&allowWatchBookmarks=true&timeoutSeconds=4' % since)
    changed = change(api, kind, 'a', 'ends')
    got = list(iter(watch.next, None))
    took = time.monotonic() - began
    watch.close()
    need(3.5 < took < 7, 'seconds', took)
    need([t for t, _ in got[:2]] == ['MODIFIED', 'BOOKMARK'] or not api.bookmarks and len(got) == 1, 'events', got)
    need(all(t == 'BOOKMARK' for t, _ in got[1:]) and version_of(got[-1][1]) >= version_of(changed), 'bookmarks', got)


def refusals(api, kind):
    """What is not there, and versions that are none."""
    status, got = api.call('GET', kind.path + '/none')
    need((status, got['kind'], got['reason'], got['code']) == (404, 'Status', 'NotFound', 404), 'no such object', got)
    need(api.call('DELETE', kind.path + '/none')[0] == 404, 'its deletion', '')
    need(api.call('GET', kind.all + 'x')[0] == 404, 'no such kind', '')
    nowhere = kind.path.replace(NS, 'nowhere')
    need(api.ok('GET', nowhere)['items'] == [], 'a namespace that is not there', '')
    watch = api.watch(nowhere, 'timeoutSeconds=1')
    need(watch.status == 200 and watch.next() is None, 'its watch', watch.status)
    watch.close()
    bad = api.watch(kind.path, 'resourceVersion=abc')
    need(bad.status >= 400, 'a version that is no number', bad.status)
    bad.close()


def versions_to_come(api, kind):
    """A list at a version to come is refused with the cause; a watch from there waits."""
    later = version_of(api.ok('GET', kind.path)) + 1000000
    status, got = api.call('GET', '%s?resourceVersion=%d' % (kind.path, later))
    causes = [c.get('reason') for c in got.get('details', {}).get('causes', [])]
    need((status, got['reason'], causes) == (504, 'Timeout', ['ResourceVersionTooLarge']), 'the list', got)
    watch = api.watch(kind.path, 'resourceVersion=%d&timeoutSeconds=1' % later)
    need(watch.status == 200, 'the watch', watch.status)
    change(api, kind, 'a', 'unseen')
    need(watch.next() is None, 'an event from before', '')
    watch.close()


def conflicts(api, kind):
    """A version in a patch is its condition; what is there is not made again; what changes nothing is no event."""
    old = api.ok('GET', kind.path + '/d')
    status, got = api.call('POST', kind.path, kind.object('d'))
    need((status, got['reason']) == (409, 'AlreadyExists'), 'made again', got)
    body = lambda obj, more: {'metadata': {'resourceVersion': obj['metadata']['resourceVersion'], 'annotations': {'more': more}}}
    status, new = api.patch(kind.path + '/d', body(old, 'first'))
    need(status == 200 and version_of(new) > version_of(old), 'the version that was read', new)
    status, got = api.patch(kind.path + '/d', body(old, 'second'))
    need((status, got['reason']) == (409, 'Conflict'), 'an older version', got)
    status, same = api.patch(kind.path + '/d', body(new, 'first'))
    need(status == 200 and version_of(same) == version_of(new), 'nothing new', same)
    need(api.patch(kind.path + '/none', {'metadata': {}})[0] == 404, 'of none', '')


def statuses(api, kind):
    """By the subresource the status changes and nothing else does; by the object everything else. generation is the spec's."""
    old = api.ok('GET', kind.path + '/e')
    said = {'conditions': [{'type': 'Told', 'status': 'True', 'reason': 'x', 'message': '', 'lastTransitionTime': '2026-01-02T03:04:05Z'}]}
    status, got = api.patch(kind.path + '/e/status', {'spec': {}, 'status': said})
    need(status == 200 and got['status']['conditions'][0]['type'] == 'Told', 'by the subresource', got)
    need(got['spec'] == old['spec'] and version_of(got) > version_of(old), 'the spec', got)
    need(got['metadata'].get('generation') == old['metadata'].get('generation'), 'the generation', got['metadata'])
    if kind is ROUTE:
        status, got = api.patch(kind.path + '/e', {'spec': {'hosts': ['b']}, 'status': {'conditions': None}})
        need(status == 200 and got['spec']['hosts'] == ['b'] and got['status'] == api.ok('GET', kind.path + '/e')['status'], 'by the object', got)
        need(got['status']['conditions'][0]['type'] == 'Told', 'its status', got)
        need(got['metadata']['generation'] == old['metadata']['generation'] + 1, 'the next generation', got['metadata'])
        test = [{'op': 'test', 'path': '/spec/hosts/0', 'value': 'other'}, {'op': 'replace', 'path': '/spec/hosts/0', 'value': 'c'}]
        need(api.patch(kind.path + '/e', test, JSON_PATCH)[0] == 422, 'a test that fails', '')
        test[0]['value'] = 'b'
        status, got = api.patch(kind.path + '/e', test, JSON_PATCH)
        need(status == 200 and got['spec']['hosts'] == ['c'], 'one that does not', got)


def owners(api, _):
    """metadata.managedFields says who wrote the addresses of an Ingress last, by the name that came with the patch."""
    api.ok('POST', INGRESS.path, INGRESS.object('i'))
    status = INGRESS.path + '/i/status'

    def write(who, addresses):
        code, got = api.patch('%s?fieldManager=%s' % (status, who), {'status': {'loadBalancer': {'ingress': addresses}}})
        need(code == 200, 'a write', got)
        return [e['manager'] for e in got['metadata'].get('managedFields', []) if e.get('subresource') == 'status' and
                'f:ingress' in e['fieldsV1'].get('f:status', {}).get('f:loadBalancer', {})]

    need(write('one', [{'ip': '192.0.2.1'}]) == ['one'], 'the first', '')
    need(write('two', [{'ip': '192.0.2.1'}]) == ['one'], 'the same by another one', '')
    need(write('two', [{'ip': '192.0.2.2'}]) == ['two'], 'another by another one', '')
    need(write('one', None) == [], 'taken back', '')


def gone(api, _):
    """After a restart versions from before it are gone: one event that says so, and the end."""
    since = {k: api.ok('GET', k.path)['metadata']['resourceVersion'] for k in KINDS}
    for k in KINDS:
        change(api, k, 'a', 'before')
    api.restart()
    for k in KINDS:
        watch = api.watch(k.path, 'resourceVersion=' + since[k])
        need(watch.status == 200, 'status', watch.status)
        event, obj = watch.next()
        need((event, obj['kind'], obj['code'], obj['reason']) == ('ERROR', 'Status', 410, 'Expired'), 'the event', obj)
        need(watch.next() is None, 'after it', '')
        watch.close()


CHECKS = (lists, pages, watches, watches_from_nothing, streamed_list, one_name, ends, refusals, versions_to_come, conflicts, statuses)
LAST = (owners, gone)                   # once


def run(api):
    """(name, None or what is wrong) of each check, with each kind."""
    api.call('POST', '/api/v1/namespaces', {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': NS}})
    for check, kind in [(c, k) for c in CHECKS for k in KINDS] + [(c, None) for c in LAST]:
        wrong = None
        try:
            check(api, kind)
        except (Wrong, OSError, http.client.HTTPException, KeyError, ValueError, TypeError) as e:
            wrong = e if isinstance(e, Wrong) else repr(e)
        yield check.__name__.replace('_', ' ') + (' of ' + kind.name if kind else ''), wrong


# ---- the fake server ----

class Fake:
    def __init__(self, program, folder):
        self.program, self.folder, self.version, self.port = program, folder, 1000, 0
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.program, '127.0.0.1:%d' % self.port, self.folder, str(self.version)], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def restart(self):
        self.stop()
        self.version += 100000
        self.start()


def main():
    with tempfile.TemporaryDirectory(prefix='navarch-contract-') as folder:
        fake = Fake(os.path.abspath(sys.argv[1]), folder)
        try:
            failed = passed = 0
            for name, wrong in run(Api('127.0.0.1', fake.port, fake.restart)):
                print('%s %s' % ('FAIL' if wrong else 'ok  ', name) + ('\n     %s' % wrong if wrong else ''), flush=True)
                failed, passed = failed + bool(wrong), passed + (not wrong)
        finally:
            fake.stop()
    print('%d passed, %d failed' % (passed, failed))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
