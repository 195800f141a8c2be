# SPDX-License-Identifier: Apache-2.0
"""navarchd against the fake API server of test/kube with a cluster of 10,000 Pods: cold start, memory, resync, and the
way of one watch event to a proxy's socket. Objects have the fields and the size that a real server sends."""
import http.client
import json
import os
import selectors
import signal
import statistics
import subprocess
import time

import xds

SERVICES, PODS_EACH, SPACES, NODES = 1000, 10, 50, 20
MORE_ENDPOINTS = 90         # of each service, to weigh one
EVENTS = 60
PAUSE_S = 0.12              # between events: a storm is gathered, a single one is not


def managed_fields():
    entry = {'.': {}, 'f:name': {}, 'f:protocol': {}}
    fields = {'f:field%d' % k: {'.': {}, 'k:{"containerPort":%d,"protocol":"TCP"}' % (8080 + k): entry} for k in range(6)}
    return [{'manager': m, 'operation': 'Update', 'apiVersion': 'v1', 'time': '2026-01-02T03:04:05Z', 'fieldsType': 'FieldsV1',
             'fieldsV1': fields} for m in ('kube-controller-manager', 'kube-scheduler', 'kubelet')]


MANAGED = managed_fields()


def meta(i, name, **more):
    return {'name': name, 'namespace': 'ns-%d' % (i % SPACES), 'uid': '00000000-0000-4000-8000-%012x' % hash_of(name),
            'creationTimestamp': '2026-01-02T03:04:05Z', **more}


def hash_of(name):
    return int.from_bytes(name.encode()[-6:], 'big')


def address(i, k):
    n = i * 256 + k
    return '10.%d.%d.%d' % (n >> 16, n >> 8 & 255, n & 255)


def container(name, port):
    return {'name': name, 'image': 'registry.example.com/team/%s:1.2.3' % name,
            'ports': [{'name': 'http', 'containerPort': port, 'protocol': 'TCP'}],
            'env': [{'name': 'POD', 'valueFrom': {'fieldRef': {'apiVersion': 'v1', 'fieldPath': 'metadata.name'}}}],
            'resources': {'limits': {'cpu': '2', 'memory': '1Gi'}, 'requests': {'cpu': '100m', 'memory': '128Mi'}},
            'volumeMounts': [{'name': 'token', 'readOnly': True, 'mountPath': '/var/run/secrets'}], 'imagePullPolicy': 'IfNotPresent'}


def pod(i, k):
    labels = {'app': 's%d' % i, 'version': 'v%d' % (k % 2), 'pod-template-hash': '%08x' % i, 'security.istio.io/tlsMode': 'istio',
              'service.istio.io/canonical-name': 's%d' % i}
    return {'apiVersion': 'v1', 'kind': 'Pod',
            'metadata': meta(i, 's%d-%08x-%05x' % (i, i, k), labels=labels, managedFields=MANAGED,
                             annotations={'prometheus.io/port': '15020', 'sidecar.istio.io/status': '{"revision":"default"}'}),
            'spec': {'volumes': [{'name': 'token', 'projected': {'sources': [{'serviceAccountToken': {
                'expirationSeconds': 3607, 'path': 'token'}}], 'defaultMode': 420}}],
                'containers': [container('app', 9080), container('proxy', 9081)], 'restartPolicy': 'Always', 'dnsPolicy': 'ClusterFirst',
                'serviceAccountName': 'default', 'nodeName': 'node-%d' % (k % NODES),
                'tolerations': [{'key': 'node.kubernetes.io/not-ready', 'operator': 'Exists', 'effect': 'NoExecute', 'tolerationSeconds': 300}]},
            'status': {'phase': 'Running', 'conditions': [{'type': 'Ready', 'status': 'True', 'lastTransitionTime': '2026-01-02T03:04:09Z'}],
                       'podIP': address(i, k), 'podIPs': [{'ip': address(i, k)}], 'startTime': '2026-01-02T03:04:05Z'}}


def service(i):
    return {'apiVersion': 'v1', 'kind': 'Service', 'metadata': meta(i, 's%d' % i, labels={'app': 's%d' % i}, managedFields=MANAGED[:1]),
            'spec': {'clusterIP': '172.16.%d.%d' % (i >> 8, i & 255), 'clusterIPs': ['172.16.%d.%d' % (i >> 8, i & 255)], 'type': 'ClusterIP',
                     'selector': {'app': 's%d' % i}, 'ports': [{'name': 'http', 'port': 80, 'targetPort': 9080, 'protocol': 'TCP'}]}}


def endpoint(i, k, with_pod):
    out = {'addresses': [address(i, k)], 'conditions': {'ready': True, 'serving': True, 'terminating': False},
           'nodeName': 'node-%d' % (k % NODES)}
    if with_pod:
        out['targetRef'] = {'kind': 'Pod', 'namespace': 'ns-%d' % (i % SPACES), 'name': 's%d-%08x-%05x' % (i, i, k)}
    return out


def endpoint_slice(i, addresses=PODS_EACH, without=0):
    return {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4',
            'metadata': meta(i, 's%d-abcde' % i, labels={'kubernetes.io/service-name': 's%d' % i}, managedFields=MANAGED[:1]),
            'ports': [{'name': 'http', 'port': 9080, 'protocol': 'TCP'}],
            'endpoints': [endpoint(i, k, k < PODS_EACH) for k in range(without, addresses)]}


def virtual_service(i):
    host = 's%d.ns-%d.svc.cluster.local' % (i, i % SPACES)
    return {'apiVersion': 'networking.istio.io/v1', 'kind': 'VirtualService', 'metadata': meta(i, 's%d' % i, managedFields=MANAGED[:1]),
            'spec': {'hosts': [host], 'http': [
                {'match': [{'headers': {'x-user': {'exact': 'jason'}}}], 'route': [{'destination': {'host': host, 'subset': 'v1'}}]},
                {'route': [{'destination': {'host': host, 'subset': 'v0'}, 'weight': 90}, {'destination': {'host': host, 'subset': 'v1'}, 'weight': 10}],
                 'timeout': '5s'}]}}


def destination_rule(i):
    return {'apiVersion': 'networking.istio.io/v1', 'kind': 'DestinationRule', 'metadata': meta(i, 's%d' % i, managedFields=MANAGED[:1]),
            'spec': {'host': 's%d.ns-%d.svc.cluster.local' % (i, i % SPACES), 'trafficPolicy': {'connectionPool': {'tcp': {'maxConnections': 100}}},
                     'subsets': [{'name': 'v%d' % k, 'labels': {'version': 'v%d' % k}} for k in range(2)]}}


def node(k):
    labels = {'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-%d' % (k % 3)}
    return {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'node-%d' % k, 'labels': labels}}


def write_cluster(folder, endpoints=PODS_EACH):
    """Lists of manifests; returns their bytes."""
    os.mkdir(folder)
    size = 0
    lists = {'nodes': [node(k) for k in range(NODES)]}
    for kind, make in (('services', service), ('virtualservices', virtual_service), ('destinationrules', destination_rule)):
        lists[kind] = [make(i) for i in range(SERVICES)]
    for part in range(10):
        services = range(part * SERVICES // 10, (part + 1) * SERVICES // 10)
        lists['pods-%d' % part] = [pod(i, k) for i in services for k in range(PODS_EACH)]
        lists['slices-%d' % part] = [endpoint_slice(i, endpoints) for i in services]
    for name, items in lists.items():
        with open('%s/%s.json' % (folder, name), 'w') as f:
            json.dump({'apiVersion': 'v1', 'kind': 'List', 'items': items}, f, separators=(',', ':'))
            size += f.tell()
    return size


class Fake:
    def __init__(self, program, config):
        self.popen = subprocess.Popen([program, '127.0.0.1:0', config], stdout=subprocess.PIPE, text=True)
        self.port = int(self.popen.stdout.readline())
        self.conn = http.client.HTTPConnection('127.0.0.1', self.port)

    def put(self, i, obj):
        path = '/apis/discovery.k8s.io/v1/namespaces/ns-%d/endpointslices/%s' % (i % SPACES, obj['metadata']['name'])
        self.conn.request('PUT', path, json.dumps(obj), {'Content-Type': 'application/json'})

    def answer(self):
        answer = self.conn.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError('the fake server answers %d: %s' % (answer.status, text[:200]))

    def stop(self):
        self.conn.close()
        self.popen.terminate()
        self.popen.wait()


class Start:
    """navarchd from nothing to ready, without being asked so often that it shows."""
    def __init__(self, objdir, folder, fake):
        config = folder + '/kubeconfig'
        with open(config, 'w') as f:
            json.dump({'current-context': 'c', 'contexts': [{'name': 'c', 'context': {'cluster': 'c', 'user': 'u'}}], 'users': [{'name': 'u', 'user': {}}],
                       'clusters': [{'name': 'c', 'cluster': {'server': 'http://127.0.0.1:%d' % fake.port}}]}, f)
        began = time.monotonic()
        self.daemon = xds.Daemon(objdir + '/navarchd', folder, None, ['--kubeconfig', config], poll_s=0.02)
        self.seconds = time.monotonic() - began
        self.loop_s, self.cpu_s = (ms / 1000 for ms in processor_ms(self.daemon.popen.pid))
        self.kb = self.daemon.rss_kb()


def processor_ms(pid):
    """Of the first thread, which is the loop's, and of all threads so far."""
    ms = {}
    for task in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/schedstat' % (pid, task)) as f:
            ms[int(task)] = int(f.read().split()[0]) / 1e6
    return ms[pid], sum(ms.values())


class Proxy(xds.IdleClient):
    """Takes everything, and tells when bytes of a type come."""
    def settle(self, quiet_s=0.5):
        selector = selectors.DefaultSelector()
        selector.register(self.socket, selectors.EVENT_READ)
        while selector.select(quiet_s):
            self.on_readable()
        selector.close()

    def await_bytes(self, selector):
        """Until the first byte is there: the moment."""
        if not selector.select(xds.DEADLINE_S):
            raise RuntimeError('nothing comes')
        return time.monotonic()


def event_ms(fake, proxy):
    """Of each change of an EndpointSlice: from before the write to the API server to the first byte on the proxy's socket."""
    selector, out = selectors.DefaultSelector(), []
    selector.register(proxy.socket, selectors.EVENT_READ)
    for n in range(EVENTS):
        i = 7 * n % SERVICES
        time.sleep(PAUSE_S)
        began = time.monotonic()
        fake.put(i, endpoint_slice(i, without=1 + n // SERVICES))
        out.append((proxy.await_bytes(selector) - began) * 1000)
        fake.answer()
        proxy.settle(0.05)
    return statistics.median(out), sorted(out)[len(out) * 9 // 10]


def resync(daemon):
    """All lists again; what that pushed and built, and how long the loop and all threads worked."""
    before, cpu = daemon.metrics(), processor_ms(daemon.popen.pid)
    daemon.popen.send_signal(signal.SIGHUP)
    time.sleep(3)
    after, cpu_then = daemon.metrics(), processor_ms(daemon.popen.pid)
    more = {name: after[name] - before[name] for name in after}
    return more['navarch_xds_push_bytes_total'], more['navarch_snapshots_total'], (cpu_then[1] - cpu[1]) / 1000
