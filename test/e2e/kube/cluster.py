# SPDX-License-Identifier: Apache-2.0
"""A real API server with its etcd and controllers, and ways to speak with it."""
import json
import os
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import pods
from certs import certificate
from harness import BUILD, ROOT, Failed, Navarchd, await_, free_port, need

KUBE = BUILD + '/bin/kube'
CONTROLLERS = ('endpointslice', 'endpointslice-mirroring', 'serviceaccount', 'serviceaccount-token', 'root-ca-certificate-publisher',
               'namespace', 'garbage-collector', 'deployment', 'replicaset')
ADMIN = 'admin-token'
READY_S = 60
NETWORKING = '/apis/networking.istio.io/v1'

KUBECONFIG = '''apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster: {server: "%s", certificate-authority: "%s"}
users:
- name: user
  user: {token: "%s"}
contexts:
- {name: test, context: {cluster: test, user: user}}
'''


class Cluster:
    """flags: further ones of kube-apiserver."""

    def __init__(self, env, flags=(), controllers=True):
        self.env, self.folder, self.flags = env, env.folder + '/cluster', flags
        self.checkout = self.folder + '/checkout'
        os.makedirs(self.checkout)
        for name in os.listdir(ROOT):           # so that what a command leaves where it is run is ours
            os.symlink('%s/%s' % (ROOT, name), '%s/%s' % (self.checkout, name))
        self.authority = certificate(self.folder, 'kubernetes-authority')
        self.own = certificate(self.folder, 'kubernetes', 'localhost', 'kubernetes.default.svc', '127.0.0.1', pods.OUTSIDE,
                               issuer=self.authority)
        self.key = self.folder + '/accounts.key'
        subprocess.run(['openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', self.key], check=True)
        with open(self.folder + '/tokens.csv', 'w') as f:
            f.write('%s,admin,1,"system:masters"\n' % ADMIN)
        self.tls = ssl.create_default_context(cafile=self.authority.cert)
        self.start_etcd()
        self.start()
        if controllers:
            self.start_controllers()

    def process(self, name, *args):
        return self.env.process(name, [KUBE, name, *args])

    def start_etcd(self):
        self.etcd, peer = ('http://127.0.0.1:%d' % free_port() for _ in range(2))
        self.process('etcd', '--data-dir', self.folder + '/etcd', '--unsafe-no-fsync', '--log-level', 'warn',
                     '--listen-client-urls', self.etcd, '--advertise-client-urls', self.etcd, '--listen-peer-urls', peer,
                     '--initial-advertise-peer-urls', peer, '--initial-cluster', 'default=' + peer)

    def start(self, port=None):
        """The API server, again on its port after a stop()."""
        self.port = port or getattr(self, 'port', None) or free_port()
        self.server = self.launch(self.port)
        self.url = 'https://127.0.0.1:%d' % self.port
        self.kubeconfig = self.kubeconfig_of(ADMIN, 'admin')
        self.await_ready(self.server, self.url)

    def launch(self, port):
        return self.process(
            'kube-apiserver', '--etcd-servers', self.etcd, '--secure-port', str(port), '--bind-address', '0.0.0.0',
            '--advertise-address', pods.OUTSIDE, '--tls-cert-file', self.own.cert, '--tls-private-key-file', self.own.key,
            '--client-ca-file', self.authority.cert, '--token-auth-file', self.folder + '/tokens.csv', '--authorization-mode', 'RBAC',
            '--service-account-issuer', 'https://kubernetes.default.svc.cluster.local', '--service-account-signing-key-file', self.key,
            '--service-account-key-file', self.key, '--service-cluster-ip-range', '10.96.0.0/12', '--endpoint-reconciler-type', 'none',
            # without kube-proxy Services are reached by their endpoints
            '--enable-aggregator-routing', '--shutdown-send-retry-after', *self.flags)

    def await_ready(self, process, url):
        await_('the API server', lambda: process.alive() and self.request('GET', '/readyz', url=url)[0] == 200, READY_S)

    def stop(self):
        return self.server.stop(deadline_s=30)

    def start_controllers(self):
        self.controllers = self.process(
            'kube-controller-manager', '--kubeconfig', self.kubeconfig, '--leader-elect=false', '--secure-port', '0',
            '--service-account-private-key-file', self.key, '--root-ca-file', self.authority.cert, '--use-service-account-credentials=false',
            '--controllers', ','.join(name + '-controller' for name in CONTROLLERS))
        await_('the default service account', lambda: self.controllers.alive() and self.get(
            '/api/v1/namespaces/default/serviceaccounts/default'), READY_S)

    def compact(self):
        """Forgets all versions before now."""
        version = int(self.get('/api/v1/namespaces?limit=1')['metadata']['resourceVersion'])
        self.compact_to(version)

    def compact_to(self, version):
        body = json.dumps({'revision': version, 'physical': True}).encode()
        urllib.request.urlopen(self.etcd + '/v3/kv/compaction', body, timeout=10).read()

    def kubeconfig_of(self, token, name):
        path = '%s/kubeconfig-%s' % (self.folder, name)
        with open(path, 'w') as f:
            f.write(KUBECONFIG % (self.url, self.authority.cert, token))
        return path

    # ---- speaking with it ----

    def request(self, method, path, body=None, kind='application/json', token=ADMIN, url=None):
        """(status, JSON or text); 0 when there was no answer."""
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body.encode() if body is not None else None
        request = urllib.request.Request((url or self.url) + path, data, {
            'Authorization': 'Bearer ' + token, 'Content-Type': kind, 'Accept': 'application/json'}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20, context=self.tls) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            status, text = e.code, e.read()
        except OSError as e:
            return 0, repr(e)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode('utf-8', 'replace')

    def get(self, path):
        """The object or list, None when it is not there."""
        status, body = self.request('GET', path)
        return body if status == 200 else None

    def write(self, method, path, body, kind='application/json', url=None):
        status, answer = self.request(method, path, body, kind, url=url)
        need(status in (200, 201), '%s %s: %s %s' % (method, path, status, answer))
        return answer

    def merge(self, path, body, url=None):
        return self.write('PATCH', path, body, 'application/merge-patch+json', url)

    def environ(self):
        """Of commands that an operator types: kubectl is ours, and all files are of the test."""
        return dict(os.environ, KUBECONFIG=self.kubeconfig, HOME=self.folder, PATH='%s/bin:%s:%s' % (BUILD, BUILD, os.environ['PATH']))

    def shell(self, line, data=None, ok=True):
        """What the line printed, run by a shell in the top folder. With ok=None both outcomes are right: (code, text)."""
        done = subprocess.run(['bash', '-c', line], input=data, text=True, cwd=self.checkout, env=self.environ(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if ok is None:
            return done.returncode, done.stdout
        need((done.returncode == 0) == ok, '%s: exit code %d\n%s' % (line, done.returncode, done.stdout[-1500:]))
        return done.stdout

    def apply(self, text, ok=True):
        return self.shell('kubectl apply -f -', text, ok)

    def token(self, ns, account, audience=None, pod=None):
        spec = {'expirationSeconds': 3600}
        if audience:
            spec['audiences'] = [audience]
        if pod:
            spec['boundObjectRef'] = {'kind': 'Pod', 'apiVersion': 'v1', 'name': pod['metadata']['name'], 'uid': pod['metadata']['uid']}
        return self.write('POST', '/api/v1/namespaces/%s/serviceaccounts/%s/token' % (ns, account), {
            'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': spec})['status']['token']

    # ---- the mesh in it ----

    def install_crds(self):
        """As install.sh has them, and until the API server serves each."""
        self.shell('kubectl create -f api/crd')
        self.await_crds()

    def await_crds(self):
        def established():
            crds = self.get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions')['items']
            return [c for c in crds if ('Established', 'True') in [
                (x['type'], x['status']) for x in c.get('status', {}).get('conditions') or ()]]
        want = len(os.listdir(ROOT + '/api/crd'))
        await_('%d kinds' % want, lambda: len(established()) == want)
        return want

    def daemon(self):
        """The kubeconfig of an account with the roles of deploy/kubernetes, and no others."""
        if not self.get('/api/v1/namespaces/istio-system'):
            self.shell('kubectl create -f deploy/kubernetes/base/namespace.yaml')
        self.shell('kubectl apply -f deploy/kubernetes/base/rbac.yaml')
        return self.kubeconfig_of(self.token('istio-system', 'navarchd'), 'navarchd')

    def navarchd(self, name='navarchd', more=()):
        """One that Pods can reach, with the roles of deploy/kubernetes."""
        return self.env.started(Navarchd(self.env.folder, name, source=['--kubeconfig', self.daemon()], address=pods.OUTSIDE, more=more,
                                         environ={'POD_NAME': name}).start())


def forbidden(process):
    """Lines of a navarchd that was refused something."""
    return [line for line in process.text().splitlines() if re.search(r'orbidden|\b403\b', line)]
