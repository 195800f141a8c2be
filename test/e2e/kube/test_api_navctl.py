# SPDX-License-Identifier: Apache-2.0
"""navctl with a real API server and no kubectl: installs, asks the daemons in their Pods, analyzes, takes away."""
import json
import os
import re
import subprocess

from cluster import Cluster
from harness import BUILD, ROOT, await_, need
from kubelet import Kubelet
from pods import Machines
from test_api_install import IMAGE, ROUTES, SYSTEM, WEBHOOK, Meanwhile, check_serves, left, run_replicas

DEPLOYMENT = '/apis/apps/v1/namespaces/%s/deployments/navarchd' % SYSTEM
CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

WRONG = '''apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s, namespace: default}
spec: {hosts: [shop], http: [{route: [{destination: {host: %s}}]}]}
'''


def test_api_navctl(env):
    """install (dry, real, again), status through port-forwards, analyze live and with a file laid over, uninstall and --purge."""
    cluster = Cluster(env)
    machines = Machines(cluster)
    env.started(Kubelet(machines))
    install = '%s/navctl install --image %s --ca-dir %s/ca' % (BUILD, IMAGE, env.folder)

    def navctl(line, code=0, data=None):
        done = subprocess.run([BUILD + '/navctl', *line.split()], input=data, text=True, env=cluster.environ(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        need(done.returncode == code, 'navctl %s: exit code %d\n%s' % (line, done.returncode, done.stdout[-3000:]))
        return done.stdout

    out = cluster.shell(install + ' --dry-run')
    need('would be created' in out and not cluster.get('/api/v1/namespaces/' + SYSTEM) and not cluster.get(CRDS)['items'], out)
    installing = Meanwhile(cluster, install)
    pods = run_replicas(cluster, machines)
    installing.wait()
    cluster.await_crds()
    check_serves(cluster, pods)
    need(cluster.get(WEBHOOK)['webhooks'][0]['clientConfig']['caBundle'], 'no root in the webhook')

    out = cluster.shell(install)
    need(' created' not in out and 'configured' not in out and '2 of 2 replicas new, 2 ready' in out, out)
    need(set(machines.run(SYSTEM, 2, ready=False)) == set(pods), 'it replaced Pods')
    out = cluster.shell(install + ' --replicas 3 --dry-run')
    need('\n-  replicas: 2\n+  replicas: 3\n' in out and out.count('\n@@') == 1, out)

    cluster.apply(WRONG % ('astray', 'nowhere'))
    out = await_('the verdict', lambda: (lambda o: o if 'astray' in o else None)(cluster.shell('%s/navctl status -o json' % BUILD, ok=None)[1]))
    got = json.loads(out)
    need([r['ready'] for r in got['controlPlane']] == [True, True], out[:800])
    need(any(o['name'] == 'astray' and o['verdict'] == 'Partly' for o in got['objects']), str(got['objects']))
    states = {w['kind']: w['state'] for w in got['watches']}
    need(states['virtualservices'] == 'synced' and 'forbidden' not in states.values() and 'reading' not in states.values(), str(states))
    need('astray' in navctl('status virtualservice astray'), 'by name')
    need(navctl('proxy-status').startswith('PROXY'), 'proxy-status')

    missing = ('IST0101', 'VirtualService default/astray')
    out = navctl('analyze -o json', 1)
    need(missing in codes(out), out)
    out = navctl('analyze --use-kube=true -f - -o json', 1, data=WRONG % ('astray', 'kubernetes'))
    need(missing not in codes(out) and '"file":"-"' in out, out)    # of what check_serves left there is more to say

    nobody = cluster.kubeconfig_of(cluster.token('default', 'default'), 'nobody')
    out = navctl('analyze -A --kubeconfig ' + nobody)
    need('not read: virtualservices: ' in out and 'forbidden' in out and '0 errors' in out, out)

    with open(env.folder + '/mine.json', 'w') as f:
        json.dump({'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'istiod', 'namespace': SYSTEM},
                   'spec': {'selector': {'app': 'istiod'}}}, f)
    cluster.shell('kubectl apply --server-side --force-conflicts --field-manager=another -f %s/mine.json' % env.folder)
    before = cluster.get(DEPLOYMENT)['metadata']['resourceVersion']
    out = navctl('install --image other:1 --no-wait --ca-dir %s/ca' % env.folder, 1)
    need('Service istio-system/istiod' in out and '"another"' in out and 'nothing was changed' in out, out)
    need(cluster.get(DEPLOYMENT)['metadata']['resourceVersion'] == before, 'something was changed')
    out = navctl('install --image other:1 --no-wait --force --ca-dir %s/ca' % env.folder)
    need(re.search('Deployment.*configured', out), out)

    need('deleted' in navctl('uninstall') and os.path.exists(env.folder + '/ca/ca-key.pem'), 'uninstall')
    left(cluster)
    navctl('uninstall --purge', 2, data='')
    out = navctl('uninstall --purge --yes')
    need(out.count(' deleted\n') == len(os.listdir(ROOT + '/api/crd')) + 2, 'CRDs, CA, namespace: ' + out)
    await_('the kinds to go', lambda: cluster.request('GET', ROUTES)[0] == 404)


def codes(text):
    return {(f['code'], f['origin']) for f in json.loads(text)}
