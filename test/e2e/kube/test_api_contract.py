# SPDX-License-Identifier: Apache-2.0
"""The contract that test/kube's fake API server is held to, against a real one."""
import sys

from cluster import ADMIN, Cluster
from harness import ROOT, need

sys.path.append(ROOT + '/test/kube')

import contract                                                     # noqa: E402


def check(env, flags=(), bookmarks=True):
    cluster = Cluster(env, flags, controllers=False)
    cluster.install_crds()

    def restart():
        cluster.compact()
        cluster.stop()
        cluster.start()

    passed = 0
    for name, wrong in contract.run(contract.Api('127.0.0.1', cluster.port, restart, cluster.tls, ADMIN, bookmarks)):
        need(not wrong, '%s: %s' % (name, wrong))
        passed += 1
    return '%d checks' % passed


def test_api_contract(env):
    """With all that is usual in kube-apiserver."""
    return check(env)


def test_api_contract_uncached(env):
    """Without its watch cache all comes from etcd."""
    return check(env, ('--watch-cache=false',), bookmarks=False)
