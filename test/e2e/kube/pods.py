# SPDX-License-Identifier: Apache-2.0
"""The machines of a cluster that has none: what scheduler and kubelet do, as far as a test needs them.

A Pod becomes a network namespace with an address on a bridge, and processes that its containers stand for: by their
image an app of the demo, an Envoy, or navarchd itself (container.py). Its status then says so, and by that the
controllers make endpoints. All of it is within the runner's own namespaces.
"""
import itertools
import sys

import container
import sandbox
from envoy_bootstrap import node
from harness import ROOT, Envoy, Process, await_

OUTSIDE = sandbox.BRIDGE_IP             # what runs in no Pod, by its address for Pods
ZONES = {'node-a': 'zone-a', 'node-b': 'zone-b'}
PODS = '/api/v1/namespaces/%s/pods'
network = None                          # the Network


class Network:
    """Of all tests; names and addresses come once each. Envoys are known to the firewall by the mark of their sockets."""

    def __init__(self, folder):
        self.cluster = sandbox.Cluster(True, {}, folder)
        self.names, self.addresses = itertools.count(1), itertools.count(10)

    def add(self, captured):
        """(name of a new namespace, its address)"""
        name, ip = 'pod-%d' % next(self.names), '10.244.0.%d' % next(self.addresses)
        self.cluster.pod(name, ip, captured)
        return name, ip


def enter(netns):
    """To call in a child before it becomes its program."""
    def call():
        with open('/run/netns/' + netns) as f:
            sandbox.syscall('setns', f.fileno(), sandbox.NEWNET)
    return call


class Pod:
    """One that runs."""

    def __init__(self, machines, obj):
        self.env, self.cluster, self.object = machines.env, machines.cluster, obj
        self.name, self.ns = obj['metadata']['name'], obj['metadata']['namespace']
        self.labels, self.account = obj['metadata'].get('labels', {}), obj['spec'].get('serviceAccountName', 'default')
        self.containers = {c['image'].rpartition('/')[2].partition(':')[0]: c for c in obj['spec']['containers']}
        self.sidecar = 'envoy' in self.containers and len(self.containers) > 1
        self.netns, self.ip = network.add(captured=self.sidecar)
        self.env.started(self)          # before its processes, so that it ends after them
        self.processes, self.envoy = [], None
        for image, spec in self.containers.items():
            if image == 'envoy':
                self.start_envoy(machines.xds)
            elif image == 'navarchd':
                self.navarchd = self.started(container.Navarchd(self, spec))
            else:
                self.process('app', [sys.executable, ROOT + '/deploy/demo/app.py', *spec['args'], self.name, self.env.folder])

    def end(self):
        """All but its namespace."""
        for process in reversed(self.processes):
            process.stop()

    def started(self, process):
        self.processes.append(process)
        return self.env.started(process)

    def process(self, name, command):
        return self.started(Process('%s.%s' % (self.name, name), command, self.env.folder, enter=enter(self.netns)))

    def start_envoy(self, xds):
        """The proxy: of an app beside it the sidecar, else a gateway."""
        labels = {k: v for k, v in self.labels.items() if k != 'pod-template-hash'}
        self.who = node('sidecar' if self.sidecar else 'router', self.ip, self.name, self.ns, labels, self.account,
                        ('demo', ZONES[self.object['spec']['nodeName']]))
        self.envoy = self.started(Envoy(self.env.folder, self.name, self.who, xds, 'delta', sandbox.ENVOY_UID, enter=enter(self.netns)))

    def set_ready(self, ready=True):
        self.cluster.merge('%s/%s/status' % (PODS % self.ns, self.name), {'status': {
            'phase': 'Running', 'podIP': self.ip, 'podIPs': [{'ip': self.ip}],
            'conditions': [{'type': 'Ready', 'status': str(ready)}]}})

    def stop(self):
        sandbox.run('ip', 'netns', 'del', self.netns)


class Machines:
    """Two machines in two zones. xds: where Envoys get their configuration."""

    def __init__(self, cluster, xds=None):
        self.cluster, self.env, self.xds, self.running = cluster, cluster.env, xds, {}
        for name, zone in ZONES.items():
            cluster.write('POST', '/api/v1/nodes', {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': name, 'labels': {
                'topology.kubernetes.io/region': 'demo', 'topology.kubernetes.io/zone': zone}}})

    def run(self, ns, count, ready=True):
        """Waits until the namespace has so many Pods, and runs those that do not run yet. All that run there, by name."""
        def there():
            items = self.cluster.get(PODS % ns)['items']
            return items if len(items) >= count else None

        for obj in await_('%d Pods in %s' % (count, ns), there, 60):
            key = (ns, obj['metadata']['name'])
            if key in self.running:
                continue
            if 'nodeName' not in obj['spec']:
                obj = self.bind(obj)
            pod = self.running[key] = Pod(self, obj)
            if ready:
                pod.set_ready()
        return {name: pod for (its, name), pod in self.running.items() if its == ns}

    def reap(self, ns):
        """Ends the Pods of the namespace that are to go, as kubelet does it."""
        for obj in (self.cluster.get(PODS % ns) or {}).get('items', ()):
            name = obj['metadata']['name']
            if 'deletionTimestamp' in obj['metadata']:
                pod = self.running.pop((ns, name), None)
                if pod:
                    pod.end()
                self.cluster.request('DELETE', '%s/%s?gracePeriodSeconds=0' % (PODS % ns, name))

    def bind(self, obj):
        """As the scheduler does it: each machine in turn."""
        path = '%s/%s' % (PODS % obj['metadata']['namespace'], obj['metadata']['name'])
        target = sorted(ZONES)[len(self.running) % len(ZONES)]
        self.cluster.write('POST', path + '/binding', {'apiVersion': 'v1', 'kind': 'Binding', 'metadata': {'name': obj['metadata']['name']},
                                                       'target': {'apiVersion': 'v1', 'kind': 'Node', 'name': target}})
        return self.cluster.get(path)
