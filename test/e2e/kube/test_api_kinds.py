# SPDX-License-Identifier: Apache-2.0
"""Kinds and rights that come and go while navarchd runs."""
import json

import manifests
from cluster import Cluster
from harness import await_, free_port, get, need

VIRTUAL = 'virtualservices.networking.istio.io'
CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/' + VIRTUAL
ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles/navarchd'


class Shop:
    """A gateway before two versions of a service, as objects of Istio's kinds only."""

    def __init__(self, env, cluster):
        self.cluster, self.port = cluster, free_port()
        self.backends = env.backends('v1', 'v2')
        self.entry = manifests.entry('shop.test', self.backends[0].port, ('127.0.1.1', {'version': 'v1'}), ('127.0.1.2', {'version': 'v2'}))

    def objects(self):
        subsets = manifests.rule('shop.test', '  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]\n')
        self.cluster.apply('---\n'.join((manifests.gateway(self.port), self.entry, subsets)))

    def route(self, version):
        self.cluster.apply(manifests.virtual_service(
            'shop', '    - route: [{destination: {host: shop.test, subset: %s}}]\n' % version))

    def answers(self, what):
        await_(lambda: 'the answer %s, not %s' % (what, get(self.port)), lambda: what in get(self.port), 60)


def test_api_kinds_later(env):
    """CRDs that come when navarchd runs, go with all their objects, and come again; other kinds go on."""
    cluster = Cluster(env)
    navarchd = cluster.navarchd()
    shop = Shop(env, cluster)
    cluster.install_crds()
    shop.objects()
    shop.route('v1')
    env.gateway(navarchd)
    shop.answers('v1')
    cluster.shell('kubectl delete crd ' + VIRTUAL)
    shop.answers(404)
    cluster.shell('kubectl create -f api/crd/%s.yaml' % VIRTUAL)
    cluster.await_crds()
    shop.route('v2')
    shop.answers('v2')
    need(navarchd.text().count('in sync') == 1, 'it was out of sync')


def test_api_rights_go_and_come(env):
    """A right that is taken away: said, and what is known stays; given again, all is caught up with."""
    cluster = Cluster(env)
    cluster.install_crds()
    navarchd = cluster.navarchd()
    shop = Shop(env, cluster)
    shop.objects()
    shop.route('v1')
    env.gateway(navarchd)
    shop.answers('v1')
    rules = cluster.get(ROLE)['rules']
    less = [dict(r, resources=[x for x in r['resources'] if x != 'virtualservices']) for r in rules]
    cluster.merge(ROLE, {'rules': less})
    cluster.stop()                      # a watch that is open is not ended by that
    cluster.start()
    await_('a word about it', lambda: 'virtualservices: status 403' in navarchd.text(), 60)
    shop.route('v2')
    cluster.apply(shop.entry.replace('127.0.1.1', '127.0.1.2'))         # a kind that is allowed
    shop.answers('v2')
    need(set(cluster_routes(navarchd)) == {'v1'}, 'the route changed: %s' % cluster_routes(navarchd))
    cluster.merge(ROLE, {'rules': rules})
    await_('the route', lambda: set(cluster_routes(navarchd)) == {'v2'}, 60)


def cluster_routes(navarchd):
    """The subsets that the gateway's routes lead to."""
    status, text = navarchd.admin('/debug/configz')
    need(status == 200, 'configz: %d' % status)
    return [o['spec']['http'][0]['route'][0]['destination']['subset'] for o in json.loads(text) if o.get('kind') == 'VirtualService']
