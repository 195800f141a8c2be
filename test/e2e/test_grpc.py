# SPDX-License-Identifier: Apache-2.0
"""gRPC's own xDS clients (no Envoy): they resolve xds:///service and follow our routes."""
import concurrent.futures
import json
import math
import os
import shutil
import sys

import manifests
from harness import BUILD, HERE, Skip, await_, need

CALLS = 300
TARGET = 'xds:///shop.default.svc.cluster.local:8000'


class GrpcBackend:
    """A gRPC server that answers every call with its name."""

    def __init__(self, name, address):
        import grpc
        handler = grpc.unary_unary_rpc_method_handler(lambda request, context: name.encode())
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler('e2e.Echo', {'Who': handler}),))
        self.port = self.server.add_insecure_port(address)
        self.server.start()

    def stop(self):
        self.server.stop(0)


def follows_the_routes(env, name, command, more_env=None):
    port = 0
    for n, version in enumerate(('v1', 'v2'), 1):
        port = env.started(GrpcBackend(version, '127.0.1.%d:%d' % (n, port))).port
    navarchd = env.navarchd({
        'shop.yaml': manifests.service('shop', port, ('v1', 'v2'), 'grpc'),
        'subsets.yaml': manifests.subsets('shop', ('v1', 'v2')),
        'routes.yaml': manifests.virtual_service('shop', manifests.split('shop', {'v1': 80, 'v2': 20}),
                                                 hosts='shop.default.svc.cluster.local', gateways='mesh')})
    bootstrap = {
        'xds_servers': [{'server_uri': '127.0.0.1:%d' % navarchd.ports['xds'],
                         'channel_creds': [{'type': 'insecure'}], 'server_features': ['xds_v3']}],
        'node': {'id': 'sidecar~127.0.0.1~%s.default~default.svc.cluster.local' % name,
                 'locality': {'region': 'e2e'},     # grpc-js refuses a node without one
                 'metadata': {'GENERATOR': 'grpc', 'NAMESPACE': 'default', 'CLUSTER_ID': 'Kubernetes',
                              'INSTANCE_IPS': '127.0.0.1', 'LABELS': {'app': name}}}}
    path = env.folder + '/bootstrap.json'
    with open(path, 'w') as f:
        json.dump(bootstrap, f)
    client = env.process(name, command + [TARGET, str(CALLS)], dict(more_env or {}, GRPC_XDS_BOOTSTRAP=path))
    await_(lambda: 'the client to end: ' + client.text()[-1500:], lambda: client.popen.poll() is not None, 60)
    need(client.popen.returncode == 0, 'the client failed: %s' % client.text()[-1500:])
    got = json.loads(client.text().strip().splitlines()[-1])
    need(set(got) == {'v1', 'v2'}, 'answers: %s' % got)
    need(abs(got['v2'] - CALLS * .2) <= 4 * math.sqrt(CALLS * .2 * .8), '80/20 gave %s' % got)
    return 'v1 %d, v2 %d' % (got['v1'], got['v2'])


def test_grpc_python(env):
    return follows_the_routes(env, 'grpc-python', [sys.executable, HERE + '/grpc_client.py'])


def test_grpc_node(env):
    node = shutil.which('node')
    if not node or not os.path.isdir(BUILD + '/node/node_modules'):
        raise Skip('node or its modules are not there (make deps)')
    return follows_the_routes(env, 'grpc-node', [node, HERE + '/node/client.js'],
                              {'NODE_PATH': BUILD + '/node/node_modules'})
