# SPDX-License-Identifier: Apache-2.0
"""Bad manifests: the last good state is served on, what is wrong is told with place and code, in bounded time and
memory; the command line tells the same."""
import json
import os
import re
import subprocess
import time

import manifests
from harness import NAVARCHD, await_, need
from xds_client import DeltaClient, peak_mb, rss_mb, seconds

NAVCTL = os.path.join(os.path.dirname(NAVARCHD), 'navctl')
TOLD_S = 5
RSS_MB = 300

HEAD = '''apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: victim, namespace: default}
spec:
  hosts: [victim.example.com]
  gateways: [public]
'''


def victim(marker):
    return HEAD + '  http:\n    - redirect: {uri: /%s}\n' % marker


def neighbour(marker):
    return victim(marker).replace('victim', 'neighbour')


def http(text):
    return HEAD + '  http:\n' + text


def weights(word):
    return http('    - fault: {abort: {httpStatus: 503, percentage: {value: %s}}}\n      redirect: {uri: /x}\n' % word)


def destination(port):
    return http('    - route: [{destination: {host: a.default.svc.cluster.local, port: {number: %s}}}]\n' % port)


def alias_bomb():
    lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    lines += ['a%d: &a%d [%s]' % (i, i, ', '.join(['*a%d' % (i - 1)] * 9)) for i in range(1, 12)]
    return HEAD + 'bomb:\n' + ''.join('  %s\n' % line for line in lines)


def attacks():
    """(name, file that the text is written to, codes of which one must be told, text)."""
    deep = 10000
    yield 'syntax', 'victim.yaml', 'NAV0002', HEAD + '  http: [}\n'
    yield 'tabs', 'victim.yaml', 'NAV0002', HEAD + '\thttp: []\n'
    yield 'wrong-type', 'victim.yaml', 'NAV0102', HEAD + '  http: {a: 1}\n'
    yield 'wrong-scalar', 'victim.yaml', 'NAV0102', destination('[80]')
    yield 'spec-is-text', 'victim.yaml', 'NAV0102', HEAD.split('spec:')[0] + 'spec: text\n'
    yield 'duplicate-key', 'victim.yaml', 'NAV0003', victim('one') + '  http:\n    - redirect: {uri: /two}\n'
    yield 'not-utf8', 'victim.yaml', 'NAV0004', victim('x').encode().replace(b'/x', b'/\xff\xfe\xc0\xaf')
    yield 'nul', 'victim.yaml', 'NAV0004', victim('x').encode().replace(b'/x', b'/\0')
    yield 'binary', 'victim.yaml', 'NAV0004 NAV0002', bytes(range(256)) * 1000
    yield '100-mb', 'victim.yaml', 'NAV0501', http('    - redirect: {uri: /x}\n') + '# padding\n' * (10 * 1024 * 1024)
    yield '60-mb', 'victim.yaml', 'NAV0501 NAV0502 NAV0504 NAV0505', http(
        '    - {redirect: {uri: /%s}}\n' % ('x' * 60 * 1024 * 1024))
    yield 'alias-bomb', 'victim.yaml', 'NAV0503', alias_bomb()
    yield 'deep-flow', 'victim.yaml', 'NAV0502', HEAD + '  http: ' + '[' * deep + ']' * deep + '\n'
    yield 'deep-map', 'victim.yaml', 'NAV0502', HEAD + '  http: ' + '{a: ' * deep + '1' + '}' * deep + '\n'
    yield 'deep-block', 'victim.yaml', 'NAV0502', HEAD + '  http:\n' + ''.join(
        ' ' * (i + 4) + '-\n' for i in range(deep // 10))
    yield 'million-routes', 'victim.yaml', 'NAV0501 NAV0504 NAV0505', http(
        '    - redirect: {uri: /x}\n' * 1000000)
    yield 'million-hosts', 'victim.yaml', 'NAV0501 NAV0504 NAV0505', HEAD.replace(
        '[victim.example.com]', '[%s]' % ', '.join('h%d.example.com' % i for i in range(1000000)))
    yield 'regex', 'victim.yaml', 'NAV0216', http('    - match: [{uri: {regex: "(?=x)y"}}]\n      redirect: {uri: /x}\n')
    yield 'regex-back-reference', 'victim.yaml', 'NAV0216', http('    - match: [{uri: {regex: "(a)\\\\1"}}]\n      redirect: {uri: /x}\n')
    yield 'regex-huge', 'victim.yaml', 'NAV0216', http(
        '    - match: [{uri: {regex: "((((a{100}){100}){100}){100}){100}"}}]\n      redirect: {uri: /x}\n')
    yield 'port-0', 'victim.yaml', 'NAV0208 NAV0103', destination(0)
    yield 'port-65536', 'victim.yaml', 'NAV0208 NAV0103', destination(65536)
    yield 'port-huge', 'victim.yaml', 'NAV0208 NAV0103 NAV0102', destination('99999999999999999999')
    yield 'port-negative', 'victim.yaml', 'NAV0208 NAV0103', destination(-1)
    yield 'percent-101', 'victim.yaml', 'NAV0213', weights(101)
    yield 'percent-negative', 'victim.yaml', 'NAV0213', weights(-1)
    yield 'percent-nan', 'victim.yaml', 'NAV0002', weights('.nan')
    yield 'percent-1e400', 'victim.yaml', 'NAV0213 NAV0102', weights('1e400')
    yield 'json-cut', 'victim.json', 'NAV0002', '{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {'
    yield 'json-deep', 'victim.json', 'NAV0502', '{"a": ' + '[' * deep + ']' * deep + '}'
    yield 'json-trailing', 'victim.json', 'NAV0002', '{"a": 1} trailing'


def write(daemon, name, text):
    path = os.path.join(daemon.config, name)
    with open(path + '.new', 'wb') as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    os.rename(path + '.new', path)


class Mesh:
    """navarchd with a gateway that a delta client stands for, a victim and a neighbour."""

    def __init__(self, env):
        self.daemon = env.navarchd({'gateway.yaml': manifests.gateway(8080), 'neighbour.yaml': neighbour('n-0'),
                                    'victim.yaml': victim('v-0')})
        self.client = env.started(DeltaClient(self.daemon.xds))
        self.await_served('n-0')
        self.await_served('v-0')

    def served(self, marker):
        status, text = self.daemon.admin('/debug/config_dump?proxyID=gateway.istio-system')
        return status == 200 and '"/%s"' % marker in text

    def await_served(self, marker):
        return await_('/%s in the routes' % marker, lambda: self.daemon.alive() and self.served(marker), TOLD_S)

    def findings(self):
        return json.loads(self.daemon.admin('/debug/push_status')[1])['findings']

    def told(self, file, codes):
        for finding in self.findings():
            if finding['code'] in codes and file in finding.get('place', '') and finding['severity'] == 'error':
                return finding
        return None


def test_hostile_config_daemon(env):
    """Each attack takes the place of a good object's file."""
    mesh = Mesh(env)
    daemon = mesh.daemon
    base, worst_s, worst_mb, bad = rss_mb(daemon), 0, 0, []
    for n, (name, file, codes, text) in enumerate(attacks(), 1):
        before = 'v-%d' % (n - 1)
        write(daemon, file, text)
        took = seconds(lambda: daemon.alive() and mesh.told(file, codes.split()), TOLD_S)
        if took is None:
            bad.append('%s: none of %s told, but %s' % (name, codes, [(f['code'], f.get('place')) for f in mesh.findings()][:4]))
        elif not re.search(r':\d+:\d+$', mesh.told(file, codes.split())['place']):
            bad.append('%s: without a place' % name)
        if not mesh.served(before):
            bad.append('%s: the last good form is not served' % name)
        daemon.write('neighbour.yaml', neighbour('n-%d' % n))
        changed = seconds(lambda: daemon.alive() and mesh.served('n-%d' % n), TOLD_S)
        if changed is None:
            bad.append('%s: a neighbour\'s change is not served' % name)
        worst_s, worst_mb = max(worst_s, took or TOLD_S), max(worst_mb, peak_mb(daemon) - base)
        if file != 'victim.yaml':
            daemon.remove(file)
        daemon.write('victim.yaml', victim('v-%d' % n))
        mesh.await_served('v-%d' % n)
        if any(f['severity'] == 'error' for f in mesh.findings()):
            bad.append('%s: findings stay after the repair' % name)
    need(not bad, '\n    '.join(bad))
    need(worst_mb < RSS_MB, '%.0f MB more' % worst_mb)
    left = seconds(lambda: rss_mb(daemon) - base < 60, 5)
    need(left is not None, '%.0f MB stay in use' % (rss_mb(daemon) - base))
    need(not mesh.client.failed, 'the client: %s' % mesh.client.failed)
    return 'told within %.1f s, %.0f MB more at most, %.0f MB after' % (worst_s, worst_mb, rss_mb(daemon) - base)


def test_hostile_config_unknown_field(env):
    """The daemon keeps the object and warns; the command line refuses it."""
    mesh = Mesh(env)
    mesh.daemon.write('victim.yaml', victim('v-1').replace('- redirect', '- nmae: typo\n      redirect'))
    mesh.await_served('v-1')
    found = [f for f in mesh.findings() if f['code'] == 'NAV0111']
    need(found and 'victim.yaml:8' in found[0]['place'], 'warnings: %s' % mesh.findings())
    path = os.path.join(mesh.daemon.config, 'victim.yaml')
    out = subprocess.run([NAVCTL, 'validate', '-f', path], capture_output=True, text=True, timeout=TOLD_S)
    need(out.returncode == 1 and 'NAV0101' in out.stdout, 'navctl: %d %s' % (out.returncode, out.stdout))


def test_hostile_config_many_unknown_fields(env):
    """A million of them: the object is in force, the warnings are bounded."""
    mesh = Mesh(env)
    base = rss_mb(mesh.daemon)
    write(mesh.daemon, 'victim.yaml', victim('v-1') + ''.join('  x%d: y\n' % i for i in range(300000)))
    mesh.await_served('v-1')
    need(0 < len(mesh.findings()) <= 1000, '%d findings' % len(mesh.findings()))
    need(peak_mb(mesh.daemon) - base < RSS_MB, '%.0f MB more' % (peak_mb(mesh.daemon) - base))
    mesh.daemon.write('victim.yaml', victim('v-2'))
    mesh.await_served('v-2')
    need(not mesh.findings(), 'findings: %s' % mesh.findings()[:2])


def test_hostile_config_navctl(env):
    """navctl validate: exit code 1, a finding with place and code, soon."""
    bad, worst = [], 0
    for name, file, codes, text in attacks():
        path = '%s/%s-%s' % (env.folder, name, file)
        with open(path, 'wb') as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        began = time.monotonic()
        try:
            out = subprocess.run([NAVCTL, 'validate', '-f', path], capture_output=True, timeout=30)
        except subprocess.TimeoutExpired:
            bad.append('%s: not within 30 s' % name)
            continue
        took, text = time.monotonic() - began, out.stdout.decode('utf-8', 'replace')
        worst = max(worst, took)
        if out.returncode != 1 or not any(c in text for c in codes.split()):
            bad.append('%s: exit code %d, %s %s' % (name, out.returncode, text[:300], out.stderr[:300]))
        elif os.path.basename(path) not in text:
            bad.append('%s: without a place: %s' % (name, text[:200]))
        elif took > TOLD_S:
            bad.append('%s: %.1f s' % (name, took))
        elif len(text) > 1 << 20:
            bad.append('%s: %d bytes of findings' % (name, len(text)))
        os.unlink(path)
    need(not bad, '\n    '.join(bad))
    return 'within %.1f s' % worst


def test_hostile_config_start(env):
    """A daemon that starts over bad files serves what is good."""
    files = {'gateway.yaml': manifests.gateway(8080), 'neighbour.yaml': neighbour('n-0')}
    for name, _, _, text in attacks():
        if isinstance(text, str) and len(text) < 1 << 20:
            files['bad-%s.yaml' % name] = text
    daemon = env.navarchd(files)
    client = env.started(DeltaClient(daemon.xds))
    await_('the neighbour', lambda: '"/n-0"' in daemon.admin('/debug/config_dump?proxyID=gateway.istio-system')[1], TOLD_S)
    need(not client.failed, 'the client: %s' % client.failed)
