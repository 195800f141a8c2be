# SPDX-License-Identifier: Apache-2.0
"""deploy/kubernetes/README.md followed to the letter: its commands are taken from the page and run in a shell. navarchd is
the image, in Pods of the Deployment, run by our machines with what they get of arguments, volumes and accounts."""
import json
import os
import re

from cluster import NETWORKING, Cluster, forbidden
from harness import ROOT, await_, need
from identity import Machine, Secure
from pods import Machines
from test_api_admission import check_refusals

PAGE = ROOT + '/deploy/kubernetes/README.md'
IMAGE = 'registry.example.com/navarchd:TAG'
SYSTEM = 'istio-system'
ROUTES = NETWORKING + '/namespaces/default/virtualservices'
WEBHOOK = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/navarchd'


def commands():
    """The lines of the page that stand for a shell, in order, without their remarks."""
    with open(PAGE) as f:
        lines = [line[4:].split('  #')[0].strip() for line in f if re.match(r'    \S', line)]
    return lines + ['deploy/kubernetes/' + c for c in re.findall(r'^`(install\.sh [^`]*)`', open(PAGE).read(), re.M)]


def command(start):
    """The one line of the page that starts so."""
    found = [c for c in commands() if c.startswith(start)]
    need(len(found) == 1, 'the page has %s for %r: %s' % (found, start, commands()))
    return found[0]


class Meanwhile:
    """A command that ends when Pods run."""

    def __init__(self, cluster, line):
        self.line = line
        self.process = cluster.env.process('command', ['bash', '-c', 'cd %s && %s' % (ROOT, line)], cluster.environ())

    def wait(self):
        code = self.process.popen.wait(120)
        need(code == 0, '%s: %d\n%s' % (self.line, code, self.process.text()))


def run_replicas(cluster, machines):
    """Runs the Deployment's Pods; returns those, when they and the Service's endpoints are ready, and they were
    refused nothing."""
    pods = machines.run(SYSTEM, 2, ready=False)
    for pod in pods.values():
        pod.navarchd.await_ready()
        pod.set_ready()
    slices = '/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices' % SYSTEM
    await_('endpoints of the Service', lambda: sorted(
        a for s in cluster.get(slices)['items'] for e in s['endpoints'] or () for a in e['addresses'] if e['conditions']['ready'])
        == sorted(p.ip for p in pods.values()))
    for pod in pods.values():
        need(not forbidden(pod.navarchd), 'refused: %s' % forbidden(pod.navarchd))
    return pods


def check_serves(cluster, pods):
    """The webhook by its Service, certificates for accounts."""
    check_refusals(cluster, ['Gateway'])
    root = cluster.shell("kubectl -n istio-system get secret cacerts -o 'go-template={{index .data \"root-cert.pem\" | base64decode}}'")
    with open(cluster.folder + '/root.pem', 'w') as f:
        f.write(root)
    token = cluster.token('default', 'default', 'istio-ca')
    for pod in pods.values():
        machine = Machine(cluster.folder, pod.name)
        status, body = Secure(15012, cluster.folder + '/root.pem', token=token, ip=pod.ip).certificate(machine.csr)
        need(status == 200, '%s: %s %s' % (pod.name, status, body))
        machine.take(json.loads(body)['chain'])
        need('spiffe://cluster.local/ns/default/sa/default' in machine.text(), machine.text())
    need(open('/proc/%d/status' % pod.navarchd.popen.pid).read().split('Uid:')[1].split()[0] == '65532', 'the user')


def left(cluster):
    """What install.sh --uninstall leaves, as the page says."""
    for path in ('/api/v1/namespaces/' + SYSTEM, '/api/v1/namespaces/%s/secrets/cacerts' % SYSTEM,
                 ROUTES + '/good'):
        need(cluster.get(path), 'it took away ' + path)
    got = cluster.shell("kubectl get deploy,svc,cm,sa,role,rolebinding,pdb,netpol -n istio-system -o name; kubectl get "
                        "clusterrole,clusterrolebinding,validatingwebhookconfiguration -o name")
    rest = [line for line in got.split() if re.search('navarch|istiod|configmap/istio$', line)]
    need(not rest, 'left: %s' % rest)


def test_api_install(env):
    """install.sh, again (an upgrade), the narrower rights, and --uninstall."""
    cluster = Cluster(env)
    machines = Machines(cluster)
    need(command('make image') == 'make image', 'the first line')
    line = command('deploy/kubernetes/install.sh registry')
    need(line.endswith(IMAGE), line)
    installing = Meanwhile(cluster, line)
    pods = run_replicas(cluster, machines)
    installing.wait()
    cluster.await_crds()
    check_serves(cluster, pods)

    cluster.shell(line)                         # the same image: nothing changes
    need(set(machines.run(SYSTEM, 2, ready=False)) == set(pods), 'it replaced Pods')
    for line in (command('kubectl delete clusterrolebinding'), command('kubectl -n NS create').replace('NS', SYSTEM)):
        cluster.shell(line)
    need(cluster.shell('kubectl auth can-i list secrets -n istio-system --as system:serviceaccount:istio-system:navarchd') == 'yes\n', 'here')
    cluster.shell('kubectl auth can-i list secrets -n default --as system:serviceaccount:istio-system:navarchd', ok=False)

    cluster.shell('kubectl -n istio-system delete rolebinding navarchd-credentials')
    cluster.shell(command('deploy/kubernetes/install.sh --uninstall'))
    left(cluster)
    line = 'kubectl delete -f api/crd'
    need('`%s`' % line in open(PAGE).read(), 'the page has no ' + line)
    cluster.shell(line)
    need(cluster.request('GET', ROUTES)[0] == 404, 'the kind is there')


def test_api_install_kustomize(env):
    """install.sh --prepare, then an overlay of the base."""
    cluster = Cluster(env)
    machines = Machines(cluster)
    cluster.shell('deploy/kubernetes/install.sh --prepare')
    overlay = env.folder + '/overlay'
    os.mkdir(overlay)
    with open(overlay + '/kustomization.yaml', 'w') as f:
        f.write('resources: [%s]\nimages: [{name: navarchd, newName: registry.example.com/navarchd, newTag: TAG}]\n' %
                os.path.relpath(ROOT + '/deploy/kubernetes/base', os.path.realpath(overlay)))
    cluster.shell(command('kubectl apply -k').replace('OVERLAY', overlay))
    run_replicas(cluster, machines)
    cluster.shell('kubectl -n istio-system rollout status deployment/navarchd --timeout=20s')


def test_api_install_helm(env):
    """install.sh --prepare, then the chart: installed, upgraded, taken away."""
    cluster = Cluster(env)
    machines = Machines(cluster)
    cluster.shell('deploy/kubernetes/install.sh --prepare')
    cluster.shell(command('helm install'))
    pods = run_replicas(cluster, machines)
    need(cluster.get(WEBHOOK)['webhooks'][0]['clientConfig']['caBundle'], 'no root in the webhook')
    check_serves(cluster, pods)
    cluster.shell('helm upgrade navarch deploy/kubernetes/chart -n istio-system --reuse-values --set replicas=1')
    await_('one replica', lambda: cluster.get('/apis/apps/v1/namespaces/%s/deployments/navarchd' % SYSTEM)['spec']['replicas'] == 1)
    cluster.shell('helm uninstall navarch -n istio-system')
    need(not cluster.get('/apis/apps/v1/namespaces/%s/deployments/navarchd' % SYSTEM), 'the Deployment is there')
