# SPDX-License-Identifier: Apache-2.0
"""What a real API server says is what the mesh does."""
import http.client
import json
import os
import statistics
import time

from bookinfo import Bookinfo, route
from cluster import Cluster, forbidden
from harness import await_, need


def ready(env, flags=()):
    cluster = Cluster(env, flags)
    cluster.install_crds()
    return cluster


def test_api_crds(env):
    """All kinds are established, by their short names too, served in three versions; what the schema forbids is refused."""
    cluster = Cluster(env, controllers=False)
    n = cluster.shell('kubectl create -f api/crd').count(' created')
    need(n == cluster.await_crds(), '%d created' % n)
    spec = route(v1=100)
    for version in ('v1alpha3', 'v1beta1', 'v1'):
        cluster.apply(json.dumps({'apiVersion': 'networking.istio.io/' + version, 'kind': 'VirtualService',
                                  'metadata': {'name': version, 'namespace': 'default'}, 'spec': spec}))
    got = cluster.shell('kubectl get vs -o wide')
    need(all(version in got for version in ('v1alpha3', 'v1beta1')), got)
    need({'HOSTS', 'AGE'} <= set(got.split('\n')[0].split()), got)
    need('weight' in cluster.shell('kubectl explain virtualservice.spec.http.route'), 'kubectl explain')
    spec['http'][0]['route'][0]['weight'] = 'ninety'
    got = cluster.apply(json.dumps({'apiVersion': 'networking.istio.io/v1', 'kind': 'VirtualService',
                                    'metadata': {'name': 'bad', 'namespace': 'default'}, 'spec': spec}), ok=False)
    need('spec.http[0].route[0].weight' in got, got)
    return '%d kinds' % n


def test_api_bookinfo(env):
    """Applied with kubectl; all sidecars follow a change of weights within a second. The daemon has its roles only."""
    cluster = ready(env)
    navarchd = cluster.navarchd()
    book = Bookinfo(cluster, navarchd)
    book.check_all()
    took = []
    for version in ('v3', 'v2', 'v3', 'v1', 'v2'):
        began = time.monotonic()
        book.move(**{version: 100})
        book.await_version(version)
        took.append(time.monotonic() - began)
    cluster.apply(json.dumps({'apiVersion': 'networking.istio.io/v1', 'kind': 'VirtualService',
                              'metadata': {'name': 'reviews', 'namespace': 'default'}, 'spec': route(v3=100)}))
    book.await_version('v3')
    need(max(took) < 1, 'changes took %s s' % took)
    need(not forbidden(navarchd), 'refused: %s' % forbidden(navarchd))
    return 'median %.0f ms, at most %.0f ms' % (statistics.median(took) * 1000, max(took) * 1000)


def post(navarchd, plural, who, names=()):
    """The answer to a proxy that fetches by REST, the same for the same resources."""
    conn = http.client.HTTPConnection(*navarchd.xds, timeout=10)
    conn.request('POST', '/v3/discovery:' + plural, json.dumps({'node': who, 'resource_names': list(names)}),
                 {'Content-Type': 'application/json', 'Host': 'xds-grpc'})      # where to poll is a part of it
    answer = conn.getresponse()
    text = answer.read().decode()
    conn.close()
    need(answer.status == 200, '%s: %d %s' % (plural, answer.status, text))
    return text


def named(value, key):
    """All texts that stand at a key, at any depth."""
    if isinstance(value, dict):
        return {v for k, v in value.items() if k == key and isinstance(v, str)}.union(*(named(v, key) for v in value.values()))
    return set().union(*(named(v, key) for v in value)) if isinstance(value, list) else set()


def everything(navarchd, who):
    """{type: text} of all that a proxy gets."""
    out = {plural: post(navarchd, plural, who) for plural in ('clusters', 'listeners')}
    clusters = json.loads(out['clusters'])['resources']
    out['endpoints'] = post(navarchd, 'endpoints', who, sorted(c['name'] for c in clusters if c.get('type') == 'EDS'))
    out['routes'] = post(navarchd, 'routes', who, sorted(named(json.loads(out['listeners']), 'route_config_name')))
    return out


def difference(a, b):
    """The first one in the resources, with what is around; the versions are hashes of those."""
    a, b = (json.dumps(json.loads(text)['resources']) for text in (a, b))
    at = len(os.path.commonprefix([a, b]))
    return '%r and %r' % (a[max(at - 60, 0):at + 60], b[max(at - 60, 0):at + 60])


def test_api_equals_directory(env):
    """What kubectl prints of bookinfo, as files, gives every proxy the same bytes as the API server."""
    cluster = ready(env)
    live = cluster.navarchd()
    book = Bookinfo(cluster, live)
    # ends with a change, so that nothing is compared from before it
    book.move(v2=50, v3=50)
    await_('the change', lambda: {book.client.version() for _ in range(8)} == {'v2', 'v3'})
    kinds = 'namespaces nodes services endpointslices pods gateways.networking.istio.io virtualservices destinationrules'.split()
    files = {kind + '.yaml': cluster.shell('kubectl get -A -o yaml ' + kind) for kind in kinds}
    offline, sizes = env.navarchd(files, 'offline'), {}
    for pod in book.pods.values():
        theirs = everything(offline, pod.who)
        for plural, text in everything(live, pod.who).items():
            sizes[plural] = sizes.get(plural, 0) + len(text)
            need(text == theirs[plural], '%s of %s differ: %s' % (plural, pod.name, difference(text, theirs[plural])))
    need(min(sizes.values()) > 1000, 'little was compared: %s' % sizes)
    return '%d proxies, %s bytes' % (len(book.pods), sizes)
