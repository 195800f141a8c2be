# SPDX-License-Identifier: Apache-2.0
"""Bookinfo in a real cluster: applied with kubectl, its Pods run by our machines, its traffic through sidecars."""
import load
import sandbox
from cluster import NETWORKING
from harness import await_, need
from pods import Machines

MANIFESTS = 'test/e2e/kube/manifests/'
SERVICES = ('productpage', 'details', 'reviews', 'ratings')
PODS = 7
REVIEWS = NETWORKING + '/namespaces/default/virtualservices/reviews'


def route(**weights):
    """The spec of the VirtualService of reviews: by version the weight."""
    return {'hosts': ['reviews'], 'http': [{'route': [
        {'destination': {'host': 'reviews', 'subset': version}, 'weight': weight} for version, weight in weights.items()]}]}


class Bookinfo:
    def __init__(self, cluster, navarchd):
        self.cluster, self.navarchd = cluster, navarchd
        cluster.shell('kubectl apply -f %sbookinfo.yaml' % MANIFESTS)
        cluster.shell('kubectl apply -f %straffic.yaml' % MANIFESTS)
        services = {s['metadata']['name']: s['spec']['clusterIP'] for s in cluster.get('/api/v1/namespaces/default/services')['items']}
        network_names({'%s %s.default.svc.cluster.local' % (n, n): services[n] for n in SERVICES})
        self.pods = Machines(cluster, navarchd.xds).run('default', PODS)
        self.gateway = next(p for p in self.pods.values() if p.labels.get('istio') == 'ingressgateway')
        self.envoys = [p.envoy for p in self.pods.values()]
        for envoy in self.envoys:
            envoy.await_ready()
        self.client = load.Client((self.gateway.ip, 8080))
        self.await_version('v1')

    def await_version(self, version, times=3):
        got = []

        def only():
            got[:] = [self.client.version() for _ in range(times)]
            return set(got) == {version}
        await_(lambda: 'reviews %s, not %s' % (version, got), only)

    def move(self, url=None, **weights):
        self.cluster.merge(REVIEWS, {'spec': route(**weights)}, url)

    def stat(self, *names):
        """The sum of the statistics over all Envoys."""
        return sum(envoy.admin.stats(name).get(name, 0) for envoy in self.envoys for name in names)

    def withdrawn(self):
        return self.stat('cluster_manager.cluster_removed', 'listener_manager.listener_removed')

    def check_all(self):
        """Every service answers to somebody."""
        status, body = self.client.get('/api')
        need(status == 200 and [h['status'] for h in body['hops']] == [200] * len(body['hops']), 'GET /api: %s %s' % (status, body))


def network_names(names):
    sandbox.Cluster.hosts(None, names)
