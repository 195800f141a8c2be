# SPDX-License-Identifier: Apache-2.0
"""navarchd as its Pod has it: the image that `make image` built, on a read-only root, as the Pod's user, with the Pod's
volumes, arguments and probe."""
import base64
import os
import shutil
import signal
import sys
import urllib.request

import sandbox
from harness import BUILD, ROOT, Process, await_, need

sys.path.append(ROOT + '/deploy/image')

import image                                                        # noqa: E402

ARCHIVE = BUILD + '/navarch.oci.tar'
MS_RDONLY, MS_REMOUNT = 1, 32
rootless = False                        # there is one user only


class Navarchd(Process):
    def __init__(self, pod, spec):
        self.pod, self.spec = pod, spec
        self.uid = pod.object['spec']['securityContext']['runAsUser']
        self.root = '%s/%s.root' % (pod.env.folder, pod.name)
        os.mkdir(self.root, 0o755)
        os.chmod(pod.env.folder, 0o711)         # another user has to get there
        config = image.unpack(ARCHIVE, self.root)['config']
        self.mounts = [(self.volume(m['name']), self.root + m['mountPath']) for m in spec['volumeMounts']]
        for _, target in self.mounts:
            os.makedirs(target, 0o755, exist_ok=True)
        environ = {e['name']: self.variable(e) for e in spec.get('env', ())}
        environ.update(KUBERNETES_SERVICE_HOST=sandbox.BRIDGE_IP, KUBERNETES_SERVICE_PORT=str(pod.cluster.port))
        super().__init__(pod.name, config['Entrypoint'] + spec['args'], pod.env.folder, environ, self.enter)
        self.ports = {p['name']: p['containerPort'] for p in spec['ports']}

    def enter(self):
        """In the child: its network, its own mounts, its root and its user."""
        with open('/run/netns/' + self.pod.netns) as f:
            sandbox.syscall('setns', f.fileno(), sandbox.NEWNET)
        sandbox.syscall('unshare', sandbox.NEWNS)
        sandbox.mount(self.root, self.root, None, sandbox.MS_BIND)
        for source, target in self.mounts:
            sandbox.mount(source, target, None, sandbox.MS_BIND)
        sandbox.mount('none', self.root, None, MS_REMOUNT | sandbox.MS_BIND | MS_RDONLY)
        os.chroot(self.root)
        os.chdir('/')
        if not rootless:
            os.setgroups([])
            os.setgid(self.uid)
            os.setuid(self.uid)

    def variable(self, env):
        fields = {'metadata.name': self.pod.name, 'metadata.namespace': self.pod.ns, 'status.podIP': self.pod.ip}
        return env.get('value') or fields[env['valueFrom']['fieldRef']['fieldPath']]

    # ---- volumes ----

    def volume(self, name):
        """A folder with what the Pod's volume of the name holds."""
        folder = '%s/%s.%s' % (self.pod.env.folder, self.pod.name, name)
        os.mkdir(folder)
        volume = next(v for v in self.pod.object['spec']['volumes'] if v['name'] == name)
        for file, data in self.files(volume).items():
            with open('%s/%s' % (folder, file), 'wb') as f:
                f.write(data)
            self.own(f.name, 0o440)
        self.own(folder, 0o2770)
        return folder

    def own(self, path, mode):
        """By fsGroup."""
        if not rootless:
            os.chown(path, 0, self.pod.object['spec']['securityContext']['fsGroup'])
        os.chmod(path, mode)

    def files(self, volume):
        """{name: bytes}"""
        if 'secret' in volume:
            data = self.read('secrets', volume['secret'].get('secretName') or volume['secret']['name'])['data']
            return {k: base64.b64decode(v) for k, v in data.items()}
        if 'configMap' in volume:
            data = self.read('configmaps', volume['configMap']['name'])['data']
            items = volume['configMap'].get('items') or [{'key': k, 'path': k} for k in data]
            return {i['path']: data[i['key']].encode() for i in items}
        if 'serviceAccountToken' in volume:
            source = volume['serviceAccountToken']
            token = self.pod.cluster.token(self.pod.ns, self.pod.account, source.get('audience'), self.pod.object)
            return {source['path']: token.encode()}
        if 'downwardAPI' in volume:
            need(all(i['fieldRef']['fieldPath'] == 'metadata.namespace' for i in volume['downwardAPI']['items']), 'a field: %s' % volume)
            return {i['path']: self.pod.ns.encode() for i in volume['downwardAPI']['items']}
        if 'projected' in volume:
            return {k: v for source in volume['projected']['sources'] for k, v in self.files(source).items()}
        need('emptyDir' in volume, 'a volume of an unknown kind: %s' % volume)
        return {}

    def read(self, plural, name):
        path = '/api/v1/namespaces/%s/%s/%s' % (self.pod.ns, plural, name)
        return await_('%s for %s' % (path, self.pod.name), lambda: self.pod.cluster.get(path))

    # ---- life ----

    def probe(self, kind='readinessProbe'):
        get = self.spec[kind]['httpGet']
        try:
            with urllib.request.urlopen('http://%s:%d%s' % (self.pod.ip, self.ports[get['port']], get['path']), timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def await_ready(self):
        await_('%s to be ready' % self.name, lambda: self.alive() and self.probe() and self.probe('livenessProbe'))
        return self

    def stop(self, number=signal.SIGKILL, deadline_s=30):
        took = super().stop(number, deadline_s)
        shutil.rmtree(self.root, ignore_errors=True)
        return took
