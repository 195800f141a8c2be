# SPDX-License-Identifier: Apache-2.0
"""The API server goes and comes back, and the mesh does not notice until there is something to notice."""
import collections
import os
import time

import load
from bookinfo import Bookinfo
from harness import await_, free_port, need
from test_api_mesh import ready

OUTAGE_S = float(os.environ.get('OUTAGE_S', 60))
EXTRA = '''apiVersion: v1
kind: Service
metadata: {name: %s}
spec:
  ports: [{name: http, port: 9080}]
'''


def change_unseen(cluster, book):
    """By another API server over the same etcd, of which navarchd knows nothing: a route, a new Service, one that goes."""
    port = free_port()
    other, url = cluster.launch(port), 'https://127.0.0.1:%d' % port
    cluster.await_ready(other, url)
    book.move(url, v2=100)
    cluster.write('DELETE', '/api/v1/namespaces/default/services/early', {}, url=url)
    late = cluster.write('POST', '/api/v1/namespaces/default/services', {
        'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'late'},
        'spec': {'ports': [{'name': 'http', 'port': 9080}]}}, url=url)
    other.stop(deadline_s=30)
    return int(late['metadata']['resourceVersion'])


def test_api_outage(env):
    """Stopped for a minute, the cluster changed and compacted meanwhile, and started: no stream ends, nothing is withdrawn
    before the API server says so, no request fails; then all is caught up with."""
    cluster = ready(env)
    cluster.apply(EXTRA % 'early')
    navarchd = cluster.navarchd()
    book = Bookinfo(cluster, navarchd)
    has = lambda name: '||%s.default.svc' % name in book.gateway.envoy.admin.get('/clusters')[1]
    await_('the Service', lambda: has('early'))
    streams = book.stat('cluster.xds-grpc.upstream_rq_total')
    need(streams == len(book.envoys), '%d streams of %d Envoys' % (streams, len(book.envoys)))
    withdrawn = book.withdrawn()
    requests = load.Load((book.gateway.ip, 8080), threads=2, pause_s=0.02)

    cluster.stop()
    began = time.monotonic()
    cluster.compact_to(change_unseen(cluster, book))
    while time.monotonic() - began < OUTAGE_S:
        need(navarchd.alive() and navarchd.admin('/ready')[0] == 200, 'not ready without its API server')
        need(book.withdrawn() == withdrawn, 'resources were withdrawn')
        need(book.client.version() == 'v1', 'the traffic changed')
        time.sleep(0.5)                 # the time is what is tested
    need(has('early') and not has('late'), 'it knows what it cannot know')
    cluster.start()
    up = time.monotonic()
    book.await_version('v2')
    await_('the rest', lambda: has('late') and not has('early'))
    took = time.monotonic() - up
    need(book.withdrawn() > withdrawn, 'what went is not counted')

    seen = collections.Counter(version for _, version in requests.stop())
    need(set(seen) == {'v1', 'v2'}, 'requests got: %s' % seen)
    need(book.stat('cluster.xds-grpc.upstream_rq_total') == streams, 'streams were opened anew')
    need(book.stat('control_plane.connected_state') == len(book.envoys), 'an Envoy is not connected')
    return '%.0f s; %d streams, %d requests; caught up after %.1f s' % (
        up - began, streams, sum(seen.values()), took)

