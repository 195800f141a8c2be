# SPDX-License-Identifier: Apache-2.0
"""deploy/kubernetes/README.md followed to the letter: its commands are taken from the page and run in a shell. navarchd is
the image, in Pods of the Deployment, run by our machines with what they get of arguments, volumes and accounts."""
import json
import os
import re

from cluster import NETWORKING, Cluster, forbidden
from harness import ROOT, await_, need
from identity import Machine, Secure
from kubelet import Kubelet
from pods import Machines
from test_api_admission import check_refusals

PAGE = ROOT + '/deploy/kubernetes/README.md'
IMAGE = 'registry.example.com/navarchd:TAG'
SYSTEM = 'istio-system'
ROUTES = NETWORKING + '/namespaces/default/virtualservices'
WEBHOOK = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/navarchd'


def commands():
    """What of the page stands for a shell: its indented lines without their remarks, and what is set as code in its text."""
    with open(PAGE) as f:
        page = f.read()
    lines = [line.split('  #')[0].strip() for line in re.findall(r'^    (\S.*)', page, re.M)]
    inline = [' '.join(c.split()) for c in re.findall(r'`((?:navctl|install\.sh|helm|kubectl) [^`]*)`', page)]
    return lines + [re.sub(r'^install\.sh', 'deploy/kubernetes/install.sh', c) for c in inline]


def command(start):
    """The one command of the page that starts so."""
    found = {c for c in commands() if c.startswith(start)}
    need(len(found) == 1, 'the page has %s for %r: %s' % (found, start, commands()))
    return found.pop()


class Meanwhile:
    """A command that ends when something else is done."""

    def __init__(self, cluster, line):
        self.line = line
        self.process = cluster.env.process('command', ['bash', '-c', 'cd %s && %s' % (cluster.checkout, line)], cluster.environ())

    def wait(self, also=lambda: None):
        await_('the end of ' + self.line, lambda: also() or self.process.popen.poll() is not None, 120)
        text = self.process.text()
        need(self.process.popen.returncode == 0, '%s: %d\n%s' % (self.line, self.process.popen.returncode, text))
        return text


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


def check_again(cluster, machines, line):
    """The same image: nothing is replaced."""
    before = set(machines.run(SYSTEM, 2, ready=False))
    cluster.shell(line)
    need(set(machines.run(SYSTEM, 2, ready=False)) == before, 'it replaced Pods')


def left(cluster, *more):
    """What is left without navarchd, as the page says, and more."""
    for path in ('/api/v1/namespaces/' + SYSTEM, '/api/v1/namespaces/%s/secrets/cacerts' % SYSTEM, ROUTES + '/good'):
        need(cluster.get(path), 'it took away ' + path)
    got = cluster.shell('kubectl get deploy,svc,cm,sa,role,rolebinding,pdb,netpol -n istio-system -o name; kubectl get '
                        'clusterrole,clusterrolebinding,validatingwebhookconfiguration -o name')
    rest = [line for line in got.split() if re.search('navarch|istiod|configmap/istio$', line)]
    need(rest == list(more), 'left: %s' % rest)


def test_api_install(env):
    """By navctl: shown first, then installed, again (an upgrade), looked at, taken away, and the rest of it too."""
    cluster = Cluster(env)
    machines = Machines(cluster)
    env.started(Kubelet(machines))
    need(command('make image') == 'make image', 'the first line')
    line = command('navctl install --image registry')
    need(line.endswith(IMAGE), line)
    shown = cluster.shell(line + ' --dry-run')
    need('navarchd' in shown and not cluster.get('/api/v1/namespaces/' + SYSTEM), 'a dry run: %s' % shown)
    installing = Meanwhile(cluster, line)
    pods = run_replicas(cluster, machines)
    installing.wait()
    cluster.await_crds()
    check_serves(cluster, pods)
    check_again(cluster, machines, line)
    got = cluster.shell(command('navctl analyze'), ok=False)
    need('IST0101' in got and 'default/good' in got, got)
    need('warned' in await_('what became of objects', lambda: cluster.shell(command('navctl status'), ok=None)[1]), 'navctl status')
    need(cluster.shell(command('navctl proxy-status')).startswith('PROXY'), 'navctl proxy-status')

    line = command('navctl uninstall --purge')
    Meanwhile(cluster, line.replace(' --purge', ' --yes')).wait(lambda: machines.reap(SYSTEM))
    left(cluster)
    Meanwhile(cluster, line + ' --yes').wait(lambda: machines.reap(SYSTEM))
    await_('the end of the namespace', lambda: machines.reap(SYSTEM) or not cluster.get('/api/v1/namespaces/' + SYSTEM))
    need(cluster.request('GET', ROUTES)[0] == 404, 'the kinds are there')


def test_api_install_sh(env):
    """By install.sh, again, with the narrower rights, and --uninstall."""
    cluster = Cluster(env)
    machines = Machines(cluster)
    line = command('deploy/kubernetes/install.sh registry')
    installing = Meanwhile(cluster, line)
    pods = run_replicas(cluster, machines)
    installing.wait()
    cluster.await_crds()
    check_serves(cluster, pods)
    check_again(cluster, machines, line)
    for line in (command('kubectl delete clusterrolebinding navarchd-credentials'), command('kubectl -n NS create').replace('NS', SYSTEM)):
        cluster.shell(line)
    can = 'kubectl auth can-i list secrets -n %s --as system:serviceaccount:istio-system:navarchd'
    need(cluster.shell(can % SYSTEM) == 'yes\n', 'it may not here')
    cluster.shell(can % 'default', ok=False)

    cluster.shell('kubectl -n istio-system delete rolebinding navarchd-credentials')
    cluster.shell(command('deploy/kubernetes/install.sh --uninstall'))
    machines.reap(SYSTEM)
    left(cluster)


def test_api_install_kustomize(env):
    """What the rest needs by navctl, then an overlay of the base."""
    cluster = Cluster(env)
    machines = Machines(cluster)
    cluster.shell(command('navctl install --prepare'))
    overlay = env.folder + '/overlay'
    os.mkdir(overlay)
    with open(overlay + '/kustomization.yaml', 'w') as f:
        f.write('resources: [%s]\nimages: [{name: navarchd, newName: registry.example.com/navarchd, newTag: TAG}]\n' %
                os.path.relpath(ROOT + '/deploy/kubernetes/base', os.path.realpath(overlay)))
    cluster.shell(command('kubectl apply -k').replace('OVERLAY', overlay))
    run_replicas(cluster, machines)
    cluster.shell('kubectl -n istio-system rollout status deployment/navarchd --timeout=20s')


def test_api_install_helm(env):
    """The same, then the chart: installed, upgraded, taken away."""
    cluster = Cluster(env)
    machines = Machines(cluster)
    cluster.shell(command('navctl install --prepare'))
    cluster.shell(command('helm install'))
    pods = run_replicas(cluster, machines)
    need(cluster.get(WEBHOOK)['webhooks'][0]['clientConfig']['caBundle'], 'no root in the webhook')
    check_serves(cluster, pods)
    cluster.shell('helm upgrade navarch deploy/kubernetes/chart -n istio-system --reuse-values --set replicas=1')
    await_('one replica', lambda: cluster.get('/apis/apps/v1/namespaces/%s/deployments/navarchd' % SYSTEM)['spec']['replicas'] == 1)
    cluster.shell(command('helm uninstall'))
    machines.reap(SYSTEM)
    left(cluster, 'configmap/navarchd-tokens')          # was not made by Helm
