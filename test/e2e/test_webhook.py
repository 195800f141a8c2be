# SPDX-License-Identifier: Apache-2.0
"""The validating webhook, asked over HTTPS as an API server asks it."""
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import time

from harness import await_, need
from test_identity import dev_ca

NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n'

SERVICE = {'apiVersion': 'networking.istio.io/v1', 'kind': 'VirtualService', 'metadata': {'name': 'a', 'namespace': 'shop'},
           'spec': {'hosts': ['a'], 'http': [{'route': [{'destination': {'host': 'a'}}]}]}}


def changed(**route):
    """The VirtualService with more in its route."""
    copy = json.loads(json.dumps(SERVICE))
    copy['spec']['http'][0].update(route)
    return copy


def review(obj, operation='CREATE', kind=None, **more):
    group, _, version = (kind or obj)['apiVersion'].rpartition('/')
    return dict({'kind': 'AdmissionReview', 'apiVersion': 'admission.k8s.io/v1', 'request': dict({
        'uid': 'uid-1', 'kind': {'group': group, 'version': version, 'kind': (kind or obj)['kind']}, 'operation': operation,
        'userInfo': {'username': 'some-user'}, 'object': obj, 'oldObject': obj if operation == 'UPDATE' else None, 'dryRun': False}, **more)})


class Hook:
    """One connection of HTTP/1.1, verified against our root; it is kept as an API server keeps it."""

    def __init__(self, env, name='localhost', ca_dir=None):
        self.state = env.folder + '/state'
        self.navarchd = env.navarchd({'a.yaml': NAMESPACE}, more=[
            '--webhook-address', '127.0.0.1:0', '--state-dir', self.state, *(['--ca-dir', ca_dir] if ca_dir else [])])
        self.port, self.ca, self.name = self.navarchd.ports['webhook'], (ca_dir or self.state + '/ca') + '/root-cert.pem', name
        self.tls = ssl.create_default_context(cafile=self.ca)
        self.tls.set_alpn_protocols(['http/1.1'])
        self.conn = self.connect()

    def connect(self):
        return http.client.HTTPSConnection(self.name, self.port, timeout=10, context=self.tls)

    def ask(self, method, path, body=None, kind='application/json', conn=None):
        conn = conn or self.conn
        conn.request(method, path, body, {'Content-Type': kind} if body is not None else {})
        answer = conn.getresponse()
        return answer.status, answer.read().decode()

    def validate(self, obj, *args, **more):
        status, body = self.ask('POST', '/validate?timeout=10s', json.dumps(review(obj, *args, **more)))
        need(status == 200, 'HTTP %d: %s' % (status, body))
        answer = json.loads(body)
        need((answer['apiVersion'], answer['kind'], answer['response']['uid']) == ('admission.k8s.io/v1', 'AdmissionReview', 'uid-1'),
             'envelope: %s' % body)
        return answer['response']

    def metric(self, name, label):
        found = re.search(r'^%s\{%s\} (\d+)$' % (name, label), self.navarchd.fetch('metrics', '/metrics')[1], re.M)
        return int(found.group(1)) if found else 0


def test_webhook_verdicts(env):
    """What is right passes, what is wrong is refused with place, cause and fix, what is old is warned of."""
    hook = Hook(env)
    for operation in ('CREATE', 'UPDATE'):
        got = hook.validate(SERVICE, operation)
        need(got == {'uid': 'uid-1', 'allowed': True}, 'a good object: %s' % got)
    got = hook.validate(changed(timeuot='1s'), 'UPDATE')
    need(not got['allowed'] and got['status']['code'] == 422 and got['status']['reason'] == 'Invalid', 'refused: %s' % got)
    for word in ('NAV0101', 'spec.http[0].timeuot', 'misspelled', 'Fix: '):
        need(word in got['status']['message'], 'no %s in: %s' % (word, got['status']['message']))
    got = hook.validate(changed(mirror={'host': 'b'}, mirrorPercent=5))
    need(got['allowed'] and 'mirrorPercent' in got['warnings'][0], 'warnings: %s' % got)
    bad = changed(timeuot='1s', fault={'secret-text': 1})
    need(hook.validate(bad, dryRun=True)['allowed'] is False, 'a dry run passed')
    need(hook.validate(None, 'DELETE', SERVICE)['allowed'], 'a deletion was held up')
    need(hook.validate(bad, 'UPDATE', subResource='status')['allowed'], 'a status was held up')
    need(hook.validate({'apiVersion': 'batch/v1', 'kind': 'Job'})['allowed'], 'a kind that is not ours was held up')
    counted = [hook.metric('galley_validation_' + verdict, 'resource="virtualservices"') for verdict in ('passed', 'failed')]
    need(counted == [3, 2], 'passed and failed: %s' % counted)
    log = hook.navarchd.text()
    need('VirtualService shop/a refused: NAV0101 spec.http[0].timeuot' in log, 'no line of the refusal')
    need('some-user' not in log and 'secret-text' not in log, 'the log tells of the review')


def test_webhook_hostile(env):
    """Garbage, wrong paths and types, what is too large: each is answered, and the next review too."""
    hook = Hook(env)
    for body in ('', 'x', '{}', '[]', '{"kind":"AdmissionReview"', '{"kind":"AdmissionReview"}'):
        need(hook.ask('POST', '/validate', body)[0] == 400, 'garbage %r' % body)
    need(hook.ask('POST', '/validate', '{}', 'text/plain')[0] == 415, 'a type that is not JSON')
    for method, path, status in (('GET', '/validate', 405), ('POST', '/nothing', 404), ('GET', '/metrics', 404), ('GET', '/debug', 404),
                                 ('POST', '/v1/certificates', 404), ('GET', '/readyz', 200)):
        got = hook.ask(method, path, '{}' if method == 'POST' else None)[0]
        need(got == status, '%s %s: %s' % (method, path, got))
    large = changed(name='x' * (2 << 20))
    need(hook.validate(large, 'UPDATE')['allowed'] is not None, 'four megabytes')
    conn = hook.connect()
    try:
        got = hook.ask('POST', '/validate', b'x' * (7 << 20), conn=conn)[0]
    except OSError:                     # refused by its length before all of it was sent
        got = 413
    need(got == 413, 'seven megabytes: %s' % got)
    need(hook.metric('galley_validation_http_error', 'status="400"') == 6, '400s')
    deep = '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":' + '[' * 100000 + ']' * 100000 + '}'
    need(hook.ask('POST', '/validate', deep)[0] == 400, 'a deep one')
    need(hook.validate(SERVICE)['allowed'], 'and after it')


def test_webhook_protocols(env):
    """HTTP/2 and HTTP/1.1 by ALPN without a certificate of the client; names of the certificate; many at once."""
    hook = Hook(env, '127.0.0.1')
    need(hook.validate(SERVICE)['allowed'], 'by address')
    path = env.folder + '/review.json'
    with open(path, 'w') as f:
        json.dump(review(changed(timeuot='1s')), f)
    for protocol in ('--http2', '--http1.1'):
        out = subprocess.run(['curl', '-sS', protocol, '--cacert', hook.ca, '--resolve', 'istiod.istio-system.svc:%d:127.0.0.1' % hook.port,
                              '-H', 'Content-Type: application/json', '--data-binary', '@' + path, '-w', ' %{http_version}',
                              'https://istiod.istio-system.svc:%d/validate?timeout=10s' % hook.port], stdout=subprocess.PIPE).stdout.decode()
        need('"allowed":false' in out and out.endswith(' 2' if protocol == '--http2' else ' 1.1'), '%s: %s' % (protocol, out))
    out = subprocess.run(['curl', '-sS', 'http://127.0.0.1:%d/readyz' % hook.port], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    need(out.returncode != 0, 'plain HTTP was answered')
    done, began = [], time.monotonic()

    def client():
        conn = hook.connect()
        for _ in range(50):
            done.append(hook.ask('POST', '/validate', json.dumps(review(SERVICE)), conn=conn)[0])
        conn.close()

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    need(done == [200] * 400, 'answers: %s' % sorted(set(done)))
    await_('the connections of eight clients to go', lambda: 'navarch_connections{port="webhook"} 1\n' in
           hook.navarchd.fetch('metrics', '/metrics')[1])
    return '%.0f a second' % (len(done) / (time.monotonic() - began))


def test_webhook_renewal(env):
    """Another certificate of the same root is shown to new connections; the open one stays."""
    first, live = dev_ca(env.folder + '/first'), env.folder + '/live'
    shutil.copytree(first, live)
    hook = Hook(env, ca_dir=live)
    need(hook.validate(SERVICE)['allowed'], 'before')

    def serial():
        conn = hook.connect()
        conn.connect()
        found = conn.sock.getpeercert()['serialNumber']
        conn.close()
        return found

    before = serial()
    need(serial() == before, 'another certificate without a reason')
    os.unlink(first + '/ca-key.pem')        # a new intermediate of the same root
    dev_ca(first)
    for name in ('ca-key.pem', 'ca-cert.pem', 'cert-chain.pem', 'root-cert.pem'):
        shutil.copy(first + '/' + name, live)
    await_('a new certificate', lambda: serial() != before)
    need(hook.conn.sock and hook.validate(SERVICE)['allowed'], 'the open connection ended')
