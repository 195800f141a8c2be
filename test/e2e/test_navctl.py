# SPDX-License-Identifier: Apache-2.0
"""navctl and a cluster: analyze over the fake API server of test/kube; status, proxy-status, proxy-config, install and uninstall over
one that forwards ports and applies (api_server.py)."""
import base64
import json
import os
import re
import subprocess

import manifests
from api_server import CRDS, TOKEN, ApiServer
from harness import BUILD, ROOT, Navarchd, await_, need
from kube_http import write_kubeconfig
from test_gateway import shop

FAKE = BUILD + '/rel/test/kube/fake_main'
SYSTEM = '/api/v1/namespaces/istio-system'
DEPLOYMENT = '/apis/apps/v1/namespaces/istio-system/deployments/navarchd'
HOOK = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/navarchd'


def navctl(*args, env=None, data=None):
    """(exit code, standard output, standard error); the machine's own kubeconfig is not looked at."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith('KUBE')}
    ran = subprocess.run([BUILD + '/navctl', *args], capture_output=True, text=True, input=data, env=dict(clean, HOME='/nonexistent', **(env or {})))
    return ran.returncode, ran.stdout, ran.stderr


def fails(code, expected, out):
    need(code == expected, 'exit code %d: %s' % (code, out))


# ---- analyze ----

LIVE = '---\n'.join([
    'apiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {istio-injection: enabled}}\n',
    manifests.service('shop', 8080, ('v1',)), manifests.subsets('shop', ('v1',)),
    manifests.virtual_service('shop', manifests.split('nowhere', {'v1': 100}), gateways='mesh', hosts='shop'),
    *('apiVersion: v1\nkind: Service\nmetadata: {name: twice-%s, namespace: default}\n'
      'spec: {clusterIP: 10.0.0.%d, selector: {app: twice}, ports: [{name: %s, port: 80, protocol: %s}]}\n' % row
      for row in (('a', 1, 'http', 'TCP'), ('b', 2, 'udp', 'UDP'))),
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: twice, namespace: default}\n'
    'spec: {template: {metadata: {labels: {app: twice}}, spec: {containers: [{name: app, image: "app:1"}]}}}\n',
    'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: far, namespace: other}\n'
    'spec: {hosts: [far], gateways: [none], http: [{route: [{destination: {host: far}}]}]}\n'])


def codes(text):
    return sorted({(f['code'], f['origin']) for f in json.loads(text)})


def live(env, text=LIVE):
    """A fake API server with these objects, and its kubeconfig."""
    os.mkdir(env.folder + '/objects')
    with open(env.folder + '/objects/all.yaml', 'w') as f:
        f.write(text)
    fake = env.process('api', [FAKE, '127.0.0.1:0', env.folder + '/objects'])
    port = await_('the API server', lambda: fake.alive() and fake.text().strip())
    return fake, write_kubeconfig(env.folder + '/kubeconfig', 'http://127.0.0.1:' + port)


def test_navctl_analyze_live(env):
    """A cluster as it is, one namespace of it, and files laid over it; files alone ask nobody."""
    fake, kubeconfig = live(env)
    shop_missing, far_missing = ('IST0101', 'VirtualService default/shop'), ('IST0101', 'VirtualService other/far')
    code, out, err = navctl('analyze', '--kubeconfig', kubeconfig, '-A', '-o', 'json')
    fails(code, 1, out + err)
    need(shop_missing in codes(out) and far_missing in codes(out), out)
    need(('IST0116', 'Deployment default/twice') in codes(out), 'kinds that only analysis reads: ' + out)
    code, out, err = navctl('analyze', '-o', 'json', env={'KUBECONFIG': kubeconfig})     # the context's namespace
    need(code == 1 and shop_missing in codes(out) and far_missing not in codes(out), out + err)
    code, out, err = navctl('analyze', '-n', 'other', '-o', 'json', env={'KUBECONFIG': kubeconfig})
    need(code == 1 and shop_missing not in codes(out) and far_missing in codes(out), out + err)
    with open(env.folder + '/fix.yaml', 'w') as f:
        f.write(manifests.virtual_service('shop', manifests.split('shop', {'v1': 100}), gateways='mesh', hosts='shop'))
    code, out, err = navctl('analyze', '-f', env.folder + '/fix.yaml', '--use-kube=true', '-o', 'json', env={'KUBECONFIG': kubeconfig})
    need(shop_missing not in codes(out) and 'NAV0007' not in out, out + err)
    code, _, err = navctl('analyze', '-f', env.folder + '/fix.yaml', '--use-kube=true', '--timeout', 'soon', env={'KUBECONFIG': kubeconfig})
    fails(code, 2, err)
    fake.stop()
    code, out, err = navctl('analyze', '-f', env.folder + '/fix.yaml', '-o', 'json', env={'KUBECONFIG': kubeconfig})
    need(code in (0, 1) and not err, 'files alone: %d %s' % (code, err))
    code, out, err = navctl('analyze', env={'KUBECONFIG': kubeconfig})
    need(code == 3 and 'connect' in err and not out, 'without a server: %d %s' % (code, err))
    fails(navctl('analyze')[0], 2, 'no cluster at all')


# ---- asking daemons ----

def replicas(env, files):
    """An API server with three Pods: two navarchd of this machine, of which one has a proxy, and one that is not ready."""
    api = env.started(ApiServer(env))
    daemons = [env.navarchd(files, name) for name in ('one', 'two')]
    api.pod('navarchd-one', daemons[0].ports['admin'])
    api.pod('navarchd-two', daemons[1].ports['admin'])
    return api, daemons


def test_navctl_proxies_of_a_cluster(env):
    """proxy-status and proxy-config find the daemons and ask each through the API server; POD alone is of the context's namespace."""
    files, _ = shop(env, {'v1': 100})
    api, daemons = replicas(env, files)
    env.gateway(daemons[1])
    where = ('--kubeconfig', api.kubeconfig)
    code, out, err = navctl('proxy-status', *where)
    need(code == 0 and re.search(r'^gateway\.istio-system +router .*SYNCED', out, re.M), out + err)
    need(navctl('proxy-status', *where, 'gateway.istio-system')[1].count('gateway') == 1, 'by name')
    fails(navctl('proxy-status', *where, 'nobody')[0], 1, 'an unknown proxy')
    code, out, err = navctl('proxy-config', 'cluster', 'gateway.istio-system', *where, '-o', 'json')
    need(code == 0 and any(c['name'] == 'outbound|8000|v1|shop.default.svc.cluster.local' for c in json.loads(out)), err or out[:300])
    code, out, err = navctl('proxy-config', 'clusters', 'gateway', '--namespace', 'istio-system', *where, '-o', 'json')
    need(code == 0 and json.loads(out), err)
    fails(navctl('proxy-config', 'listeners', 'gateway', *where)[0], 1, 'the gateway is not in the namespace of the context')
    code, out, _ = navctl('proxy-status', '--server', '127.0.0.1:%d' % daemons[1].ports['admin'])
    need(code == 0 and 'gateway.istio-system' in out, 'at an address')
    api.pod('navarchd-one', None)
    code, out, err = navctl('proxy-status', *where)
    need(code == 3 and 'connection refused' in err and 'gateway.istio-system' in out, '%d %s' % (code, err))
    api.faults['GET %s/pods/navarchd-two/portforward' % SYSTEM] = 403
    code, out, err = navctl('proxy-config', 'all', 'gateway.istio-system', *where)
    need(code == 3 and '403' in err + out or 'refused' in err, '%d %s' % (code, err))


def test_navctl_status(env):
    """Verdicts with their reasons, of a directory, an address and a cluster; replicas, proxies, refused objects; exit codes."""
    files, _ = shop(env, {'v1': 100})
    api, daemons = replicas(env, files)
    where = ('--kubeconfig', api.kubeconfig)
    code, out, err = navctl('status', *where)
    need(code == 0 and out.count(' ready ') == 2 and 'Effective' in out and 'VirtualService' not in out, '%d %s %s' % (code, out, err))
    code, out, _ = navctl('status', 'virtualservice', 'shop', *where)
    need(code == 0 and re.search(r'Effective +VirtualService default/shop', out), out)
    daemons[0].write('bad.yaml', 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: bad}\nspec: {hosts: [a], http: [{timeout: soon}]}\n')
    await_('the finding', lambda: 'NAV0' in daemons[0].admin('/debug/push_status')[1])
    code, out, _ = navctl('status', '-s', '127.0.0.1:%d' % daemons[0].ports['admin'])
    need(code == 1 and re.search(r'Refused +VirtualService default/bad\n +(NAV|IST)\d+ spec.http\[0\].timeout', out), out)
    code, out, _ = navctl('status', '-c', daemons[0].config, '-o', 'json')
    got = json.loads(out)
    need(code == 1 and any(o['name'] == 'bad' and o['verdict'] == 'Refused' for o in got['objects']) and not got['controlPlane'], out)
    api.pod('navarchd-three', None, ready=False)
    code, out, _ = navctl('status', *where)
    need(code == 1 and re.search(r'navarchd-three +not ready', out), out)
    api.objects.clear()
    code, _, err = navctl('status', *where)
    need(code == 3 and 'no navarchd' in err, err)


def test_navctl_status_watches(env):
    """What is watched of an API server stands on /debug/statusz, in the metrics, and in `navctl status`."""
    _, kubeconfig = live(env)
    daemon = env.started(Navarchd(env.folder, source=['--kubeconfig', kubeconfig]).start())
    rows = {w['kind']: w for w in json.loads(daemon.admin('/debug/statusz')[1])['watches']}
    need(rows['virtualservices']['state'] == 'synced' and rows['virtualservices']['objects'] == 2, str(rows['virtualservices']))
    metrics = daemon.fetch('metrics', '/metrics')[1]
    need('navarch_kube_objects{kind="virtualservices"} 2\n' in metrics and 'navarch_kube_watches{state="forbidden"} 0\n' in metrics, metrics[-1500:])
    code, out, _ = navctl('status', '-s', '127.0.0.1:%d' % daemon.ports['admin'])
    need('0 forbidden' in out, out)


# ---- install ----

def install(api, env, *more):
    return navctl('install', '--image', 'registry.example.com/navarchd:1', '--kubeconfig', api.kubeconfig, '--ca-dir', env.folder + '/ca', *more)


def test_navctl_install(env):
    """A dry run changes nothing and shows each object; then everything is made, is unchanged the second time, and an upgrade is one line."""
    api = env.started(ApiServer(env))
    code, out, err = install(api, env, '--dry-run')
    fails(code, 0, out + err)
    need(not api.objects and not os.path.exists(env.folder + '/ca'), 'the dry run made %s' % list(api.objects))
    need(re.search(r'^\+ +image: "?registry.example.com/navarchd:1', out, re.M) and 'would be created' in out, out[-2000:])
    need('x-kubernetes' not in out, 'thousands of lines of CRDs')
    code, out, err = install(api, env)
    fails(code, 0, out + err)
    need('Deployment istio-system/navarchd' in out and '2 of 2 replicas new, 2 ready' in out, out)
    secret = api.objects[SYSTEM + '/secrets/cacerts']['data']
    need(sorted(secret) == ['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'root-cert.pem'], str(sorted(secret)))
    need(api.objects[HOOK]['webhooks'][0]['clientConfig']['caBundle'] == secret['root-cert.pem'], 'the root of the webhook')
    rules = json.loads(api.objects[SYSTEM + '/configmaps/navarchd-tokens']['data']['rules.json'])
    need(rules[0]['issuer'] == 'https://kubernetes.default.svc.cluster.local', str(rules))
    need(sum(p.startswith(CRDS) for p in api.objects) == len(os.listdir(ROOT + '/api/crd')), 'the CRDs')
    need(os.stat(env.folder + '/ca/ca-key.pem').st_mode & 0o077 == 0, 'the key may be read by others')
    before = json.dumps(api.objects, sort_keys=True)
    code, out, err = install(api, env)
    need(code == 0 and json.dumps(api.objects, sort_keys=True) == before and 'configured' not in out, out + err)
    api.objects[SYSTEM + '/configmaps/istio']['data']['mesh'] = 'accessLogFile: ""\n'
    code, out, err = install(api, env, '--replicas', '3', '--dry-run')
    need(code == 0 and '\n-  replicas: 2\n+  replicas: 3\n' in out and out.count('\n@@') == 1, out + err)
    need(secret['ca-key.pem'] not in out, 'a key is shown')
    code, out, _ = install(api, env, '--replicas', '3')
    need(code == 0 and re.search('Deployment.*configured', out) and out.count('configured') == 1, out)
    need(api.objects[SYSTEM + '/configmaps/istio']['data']['mesh'] == 'accessLogFile: ""\n', 'the settings of the mesh were taken')


def test_navctl_install_among_others(env):
    """What others made stays: Istio's CRDs and CA; a Service with an owner is told and nothing is changed, unless forced."""
    api = env.started(ApiServer(env))
    api.put(SYSTEM, {'kind': 'Namespace'})
    api.put(SYSTEM + '/secrets/cacerts', {'kind': 'Secret', 'data': {'root-cert.pem': 'cm9vdA=='}})
    api.put(CRDS + 'virtualservices.networking.istio.io', {'kind': 'CustomResourceDefinition', 'spec': {'group': 'theirs'}})
    api.put(CRDS + 'gateways.networking.istio.io', {'kind': 'CustomResourceDefinition', 'spec': {'scope': 'Cluster'}, 'metadata': {
        'labels': {'app.kubernetes.io/part-of': 'navarch'}}}, 'kubectl-create')
    api.put(SYSTEM + '/services/istiod', {'kind': 'Service', 'apiVersion': 'v1', 'spec': {'selector': {'app.kubernetes.io/name': 'istiod'}}}, 'helm')
    before = json.dumps(api.objects, sort_keys=True)
    code, out, _ = install(api, env)
    need(code == 1 and 'Service istio-system/istiod' in out and 'helm' in out and 'nothing was changed' in out, out)
    need(json.dumps(api.objects, sort_keys=True) == before, 'something was changed')
    code, out, _ = install(api, env, '--force')
    fails(code, 0, out)
    need(api.objects[CRDS + 'virtualservices.networking.istio.io']['spec'] == {'group': 'theirs'}, 'a CRD of others was taken')
    need(api.objects[CRDS + 'gateways.networking.istio.io']['spec']['scope'] == 'Namespaced', 'a CRD of ours stays old')
    need(not os.path.exists(env.folder + '/ca') and api.objects[HOOK]['webhooks'][0]['clientConfig']['caBundle'] == 'cm9vdA==', 'the CA')


def test_navctl_install_ca(env):
    """A CA of one's own: a root that stays elsewhere, and an intermediate, as certs/dev.sh makes them; half a CA is refused."""
    api = env.started(ApiServer(env))
    subprocess.run([ROOT + '/certs/dev.sh', env.folder + '/ca'], check=True, capture_output=True)
    with open(env.folder + '/ca/ca-crl.pem', 'w') as f:         # which is carried, not read
        f.write('lists\n')
    with open(env.folder + '/ca/ca-key.pem', 'rb') as f:
        key = base64.b64encode(f.read()).decode()
    code, out, _ = install(api, env, '--dry-run')
    need(code == 0 and 'ca-key.pem: "(not shown; ' in out and key not in out and not api.objects, out[:1500])
    fails(install(api, env)[0], 0, 'install')
    data = {k: base64.b64decode(v).decode() for k, v in api.objects[SYSTEM + '/secrets/cacerts']['data'].items()}
    for name, text in data.items():
        with open('%s/ca/%s' % (env.folder, name)) as f:
            need(f.read() == text, name)
    need(len(data) == 5 and data['cert-chain.pem'].count('BEGIN') == 2, str(sorted(data)))
    del api.objects[SYSTEM + '/secrets/cacerts']
    os.unlink(env.folder + '/ca/ca-key.pem')
    code, out, _ = install(api, env)
    need(code == 1 and re.search('CA +Secret istio-system/cacerts +failed: ', out), out)
    need(SYSTEM + '/secrets/cacerts' not in api.objects, 'half a CA')


def test_navctl_install_fails(env):
    """Each step that fails is told with the server's words; replicas that do not come end the wait; usage."""
    api = env.started(ApiServer(env))
    for rule in ('GET /openid', 'PATCH /apis/rbac', 'GET ' + CRDS, 'GET %s/secrets' % SYSTEM):
        api.put(SYSTEM, {'kind': 'Namespace'})
        api.faults = {rule: 403}
        code, out, err = install(api, env)
        need(code == 1 and 'failed: ' in out and 'nothing was changed' in out, '%s: %d %s %s' % (rule, code, out[-500:], err))
        need(list(api.objects) == [SYSTEM], '%s: something was made' % rule)
    api.faults, api.ready = {}, False
    code, out, _ = install(api, env, '--timeout', '1s')
    need(code == 1 and re.search('ready .*failed: after 1 s: 0 of 2 replicas new', out), out)
    fails(navctl('install', '--kubeconfig', api.kubeconfig)[0], 2, 'without an image')
    fails(navctl('install', '--image', 'a', '--kubeconfig', env.folder + '/none')[0], 2, 'without a kubeconfig')
    api.stop()
    code, _, err = install(api, env)
    need(code == 3 and 'connect' in err, err)
    env.running.remove(api)


def test_navctl_uninstall(env):
    """Only what bears the label goes; CRDs, CA and namespace when they were made by us and --purge says so."""
    api = env.started(ApiServer(env))
    theirs = CRDS + 'gateways.networking.istio.io'
    api.put(theirs, {'kind': 'CustomResourceDefinition', 'spec': {}})
    code, out, _ = navctl('install', '--prepare', '--kubeconfig', api.kubeconfig, '--ca-dir', env.folder + '/ca')
    need(code == 0 and DEPLOYMENT not in api.objects and SYSTEM + '/secrets/cacerts' in api.objects, out)
    fails(install(api, env)[0], 0, 'install')
    where = ('--kubeconfig', api.kubeconfig)
    before = sorted(api.objects)
    code, out, _ = navctl('uninstall', *where, '--dry-run')
    need(code == 0 and 'would be deleted' in out and sorted(api.objects) == before, out)
    code, out, _ = navctl('uninstall', *where)
    left = sorted(p for p in api.objects if not p.startswith(CRDS))
    need(code == 0 and left == [SYSTEM, SYSTEM + '/secrets/cacerts'], '%s %s' % (left, out))
    need(out.index('validatingwebhook') < out.index('deployments'), 'the webhook goes first')
    need(navctl('uninstall', *where)[1].endswith("there is nothing of navarchd's\n"), 'twice')
    fails(navctl('uninstall', *where, '--purge', data='')[0], 2, '--purge without --yes')
    code, out, _ = navctl('uninstall', *where, '--purge', '--yes')
    need(code == 0 and sorted(api.objects) == [theirs], '%s %s' % (sorted(api.objects), out))
    need(TOKEN not in out, 'a token is shown')
