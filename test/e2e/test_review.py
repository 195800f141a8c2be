# SPDX-License-Identifier: Apache-2.0
"""TokenReviews: tokens that only the API server knows, and tokens bound to pods, which it may know to be gone."""
import concurrent.futures
import json
import time
import urllib.parse

import grpc

import kube_http
from harness import await_, need
from identity import Identity, Issuer, Machine
from kube_http import status_of, write_kubeconfig
from test_identity import NAMESPACE, XDS, node_of
from xds_client import field

CLUSTERS = '/%s/Fetch%s' % XDS[1][:2]
XDS_CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'


class Api(kube_http.Server):
    """An API server without objects, that reviews tokens: `knows` maps a token to (user, audiences)."""

    def __init__(self):
        self.knows, self.asked, self.fails, self.slow_s = {}, [], None, 0
        super().__init__(Handler)


class Handler(kube_http.Handler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if 'sendInitialEvents' in query:
            self.answer(422, status_of(422, 'sendInitialEvents', 'Invalid'))
        elif 'watch' in query:
            self.begin_watch()
            self.server.over.wait()
        else:
            self.answer(200, {'kind': 'List', 'apiVersion': 'v1', 'metadata': {'resourceVersion': '7'}, 'items': []})

    def do_POST(self):
        api = self.server
        body = json.loads(self.body())
        need(self.path == '/apis/authentication.k8s.io/v1/tokenreviews' and body['kind'] == 'TokenReview', self.path)
        need(body['spec']['audiences'] == ['istio-ca'], 'audiences: %s' % body['spec'])
        api.asked.append(body['spec']['token'])
        api.over.wait(api.slow_s)
        if api.fails:
            self.answer(api.fails, status_of(api.fails, 'as the test wants it'))
            return
        user, audiences = api.knows.get(body['spec']['token'], (None, None))
        body['status'] = {'authenticated': True, 'user': {'username': user}, 'audiences': audiences} if user else {}
        self.answer(201, body)


def account(ns, sa):
    return 'system:serviceaccount:%s:%s' % (ns, sa)


def start(env):
    api = env.started(Api())
    return api, Identity(env, {'a.yaml': NAMESPACE}, ['--kubeconfig', write_kubeconfig(env.folder + '/kubeconfig', api.url)])


def bound(one, ns, sa):
    return one.issuer.token(ns, sa, **{'kubernetes.io': {'namespace': ns, 'serviceaccount': {'name': sa}, 'pod': {'name': 'p'}}})


def test_review_unknown_keys(env):
    """A token by a key that is not known here is what the API server says, over REST and gRPC, streams too."""
    api, one = start(env)
    csr = Machine(env.folder, 'm').csr
    stranger = Issuer(env.folder, 'stranger')
    good, wrong_audience, user, unknown = (stranger.token('default', name) for name in 'abcd')
    api.knows = {good: (account('shop', 'cart'), ['x', 'istio-ca']), wrong_audience: (account('shop', 'cart'), ['x']),
                 user: ('admin', ['istio-ca'])}
    status, body = one.client(token=good).certificate(csr)
    need(status == 200 and json.loads(body)['identity'] == 'spiffe://cluster.local/ns/shop/sa/cart', '%s %s' % (status, body))
    need(isinstance(one.client(token=good).create(csr), list), 'CreateCertificate')
    need(one.client(token=good).ask(CLUSTERS, field(2, node_of('shop', 'cart')) + field(4, XDS_CLUSTER), 5) == grpc.StatusCode.OK, 'xDS')
    need(len(api.asked) == 1, 'asked %d times about one token' % len(api.asked))
    for token in (wrong_audience, user, unknown):
        need(one.client(token=token).certificate(csr)[0] == 401, 'a token that is none for us')
    need(one.client(token=one.issuer.token('default', 'known')).certificate(csr)[0] == 200, 'a token that is known here')
    need(one.client(token='x.y.z').certificate(csr)[0] == 401 and len(api.asked) == 4, 'what is no token was asked about')
    need(all(t not in one.navarchd.text() for t in api.asked), 'a token is in the log')


def test_review_waits(env):
    """Those who show a token while it is reviewed wait for the one answer: 40 at once, gRPC with its message before it."""
    api, one = start(env)
    csr, token = Machine(env.folder, 'm').csr, Issuer(env.folder, 'stranger').token('default', 'a')
    api.knows[token], api.slow_s = (account('default', 'a'), ['istio-ca']), 0.5

    def ask(i):
        client = one.client(token=token)
        try:
            return client.certificate(csr)[0] if i % 2 else isinstance(client.create(csr), list)
        finally:
            client.close()

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        got = list(pool.map(ask, range(40)))
    need(all(got) and got.count(200) == 20, 'answers: %s' % got)
    need(len(api.asked) == 1, 'asked %d times' % len(api.asked))
    # a client that leaves meanwhile is no trouble
    other = Issuer(env.folder, 'stranger').token('default', 'b')
    api.slow_s = 1
    leaving = one.client(token=other)
    need(leaving.ask(CLUSTERS, field(2, node_of('default', 'b')) + field(4, XDS_CLUSTER), 0.2) == grpc.StatusCode.OK, 'no deadline')
    leaving.close()
    await_('the question', lambda: len(api.asked) == 2)
    need(one.client(token=token).certificate(csr)[0] == 200, 'the server is gone')


def test_review_bound_tokens(env):
    """A token bound to a pod holds while the API server says so; while that is silent, what is known here counts."""
    api, one = start(env)
    csr = Machine(env.folder, 'm').csr
    alive, gone, silent = bound(one, 'default', 'a'), bound(one, 'default', 'b'), bound(one, 'default', 'c')
    api.knows[alive] = (account('default', 'a'), ['istio-ca'])
    need(one.client(token=alive).certificate(csr)[0] == 200, 'a pod that is there')
    need(one.client(token=gone).certificate(csr)[0] == 401, 'a pod that is gone')
    api.fails = 500
    need(one.client(token=silent).certificate(csr)[0] == 200, 'the API server is silent, and the token is good here')
    stranger = Issuer(env.folder, 'stranger').token('default', 'd')
    status, body = one.client(token=stranger).certificate(csr)
    need(status == 503 and 'cannot be reviewed' in body, 'a token that nobody knows: %s %s' % (status, body))
    need('tokens cannot be reviewed' in one.navarchd.text(), 'nothing is said')


def test_review_flood(env):
    """A flood of made-up tokens reaches the API server at a bounded rate; who has a certificate notices nothing."""
    api, one = start(env)
    csr, machine = Machine(env.folder, 'm').csr, one.machine('default', 'a')
    text = Issuer(env.folder, 'stranger').token('default', 'x')
    began, n = time.monotonic(), 0
    while time.monotonic() - began < 2:
        status = one.client(token=text[:-20] + '%05d' % n + text[-15:]).certificate(csr)[0]
        need(status in (401, 429), 'status %s' % status)
        n += 1
    took = time.monotonic() - began
    need(len(api.asked) <= 100 + 20 * took + 5, '%d reviews in %.1f s' % (len(api.asked), took))
    need(one.client(machine=machine).certificate(csr)[0] == 200, 'a certificate is held up')
    return '%d tokens, %d reviews' % (n, len(api.asked))
