# SPDX-License-Identifier: Apache-2.0
"""Secrets that are planted everywhere, and searched for where none belongs: logs, debug pages, metrics, what navctl and
Envoy show, memory that a core file would hold, core files, goldens. Tokens of callers: test_identity_canary."""
import base64
import glob
import os
import queue
import random
import re
import resource
import signal
import subprocess

import grpc
from certs import certificate
from harness import ROOT, Skip, await_, free_port, need
from identity import NAVCTL, Identity, openssl
from test_agent import INGRESS, SHORT, Agent, chain_of, envoy_of
from test_gateway import shop
from test_identity import DEBUG, NAMESPACE, dev_ca
from xds_client import field, fields, node

SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'
DELTA = '/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets'
USED, UNUSED, OPAQUE = 20, 290, 100


def pem_lines(text):
    return [line for line in text.splitlines() if line and not line.startswith('-')]


def secret(name, more):
    return 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: istio-system}\n%s' % (name, more)


def b64(text):
    return base64.b64encode(text.encode()).decode()


def random_line(n):
    return b64(random.randbytes(48).decode('latin-1'))[:n]


def fake_key():
    """The form of a key: more than a thousand would take long to make."""
    return '-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n' % '\n'.join(random_line(64) for _ in range(3))


def plant(env):
    """(files, canaries, pair names): Secrets that gateways name, that nobody names, that are no good."""
    files, _ = shop(env, {'v1': 100})
    canaries, servers, out = [], [], []
    for i in range(USED):
        cert = certificate(env.folder, 'host%d.test' % i)
        key = open(cert.key).read()
        canaries += pem_lines(key) + [b64(key)[60:120]]
        out.append(secret('used%d' % i, 'type: kubernetes.io/tls\ndata: {tls.crt: %s, tls.key: %s}\n' % (b64(open(cert.cert).read()), b64(key))))
        servers.append('    - port: {number: %d, name: https-%d, protocol: HTTPS}\n      tls: {mode: SIMPLE, credentialName: used%d}\n'
                       '      hosts: [host%d.test]\n' % (free_port(), i, i, i))
    chain = open(cert.cert).read()
    for i in range(UNUSED):
        key = fake_key()
        canaries += pem_lines(key)
        cut = ('', key[:-30], b64(key)[:-3] + '!', key.replace('-----END', '----END'))[i % 4]
        out.append(secret('unused%d' % i, 'type: kubernetes.io/tls\nstringData:\n  tls.crt: |\n%s  tls.key: |\n%s' % (
            indent(chain), indent(cut or key))))
    for i in range(OPAQUE):
        canaries.append(random_line(40))
        out.append(secret('opaque%d' % i, '%s: {password: "%s"%s}\n' % (
            ('data', 'stringData')[i % 2], canaries[-1], ', password: "twice"' if i % 10 == 9 else '')))
    files['gateway.yaml'] = ('apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: many, namespace: istio-system}\nspec:\n'
                             '  selector: {istio: ingressgateway}\n  servers:\n' + ''.join(servers))
    files['secrets.yaml'] = '---\n'.join(out)
    return files, canaries


def indent(text):
    return ''.join('    %s\n' % line for line in text.splitlines())


def quote_secrets(one, names):
    """A proxy that refuses each secret and quotes it, as Envoy may; how many it got."""
    client, requests, n = one.client(one.machine('istio-system', 'gateway')), queue.Queue(), 0
    requests.put(field(1, node()) + field(2, SECRET) + b''.join(field(3, name) for name in names))
    try:
        for answer in client.grpc().stream_stream(DELTA)(iter(requests.get, None), timeout=3):
            bodies = [dict(fields(dict(fields(v))[2]))[2] for number, v in fields(answer) if number == 2]
            nonce = next(v for number, v in fields(answer) if number == 5)
            n += len(bodies)
            why = 'Failed to load private key: ' + ' '.join(chain_of(body)[1] for body in bodies)
            requests.put(field(2, SECRET) + field(6, nonce) + field(7, b'\x08\x0d' + field(2, why)))
            if n == len(names):
                requests.put(field(2, SECRET) + field(3, 'kubernetes://used0'))
    except grpc.RpcError as e:
        need(e.code() == grpc.StatusCode.DEADLINE_EXCEEDED, 'SDS: %s' % e)
    return n


def said_by_navctl(one, folder):
    server, files = ['--server', '127.0.0.1:%d' % one.navarchd.ports['admin']], one.navarchd.config
    with open(folder + '/node.json', 'w') as f:
        f.write('{"type": "router", "id": "gateway.istio-system", "namespace": "istio-system", "ips": ["127.0.0.1"],'
                ' "labels": {"istio": "ingressgateway"}, "metadata": {}}')
    commands = [['validate', '-f', files + '/secrets.yaml'], ['analyze', files], ['proxy-status', *server],
                ['proxy-config', 'all', '-c', files, '-n', folder + '/node.json', '-o', 'json'],
                ['proxy-config', 'secrets', *server, '-p', 'gateway.istio-system', '-o', 'json'], ['certs', *server]]
    out = [subprocess.run([NAVCTL, *c], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode(errors='replace') for c in commands]
    need('"kubernetes://used0"' in out[3], 'navctl proxy-config does not know of secrets: %s' % out[3][:300])
    return '\n'.join(out)


def search(canaries, seen):
    found = [(where, c) for where, text in seen.items() for c in canaries if c in text]
    need(not found, '%d canaries were seen; %s in %s' % (len(found), found[:1], {where for where, _ in found}))


def test_canary_secrets(env):
    """Keys of gateways and other Secrets, good, damaged and refused by a proxy that quotes them."""
    files, canaries = plant(env)
    need(len(set(canaries)) >= 1000, 'only %d canaries' % len(canaries))
    one = Identity(env, files, ['--log-level', 'debug'])
    names = ['kubernetes://used%d' % i for i in range(USED)]
    got = quote_secrets(one, names)
    need(got >= USED, '%d secrets were served' % got)
    await_('the refusal', lambda: 'refused' in one.navarchd.text())
    seen = {'log': one.navarchd.text(), 'navctl': said_by_navctl(one, env.folder), 'metrics': one.navarchd.fetch('metrics', '/metrics')[1]}
    for path in [*DEBUG, '/debug/configz?kind=Secret', '/debug/config_dump?proxyID=gateway.istio-system',
                 *('/debug/resource?type=secrets&name=%s' % n for n in names)]:
        seen[path] = one.navarchd.admin(path)[1]
    need('used0' in seen['/debug/configz'], 'configz does not know of Secrets')
    one.navarchd.write('secrets.yaml', files['secrets.yaml'].replace('kind: Secret', 'kind: Secret\nbad: [', 1))
    await_('the complaint', lambda: 'secrets.yaml' in one.navarchd.text())
    seen['log of an error'] = one.navarchd.text()
    search(canaries, seen)
    return '%d canaries, %d places' % (len(canaries), len(seen))


def test_canary_agent(env):
    """The agent's key and token: not in its log, nor Envoy's, nor in what either shows, nor in the bootstrap."""
    backend, port = env.backend('app', '127.0.0.1'), free_port()
    one = Identity(env, {'a.yaml': NAMESPACE, 'app.yaml': INGRESS % (port, backend.port)}, ['--log-level', 'debug'])
    agent = env.started(Agent(one, 'app', *SHORT, '--drain', '0s', '--log-level', 'debug', '--envoy-log-level', 'debug')).await_ready()
    canaries, seen = [open(agent.token).read().strip()], {}
    for _ in range(3):
        _, key = chain_of(agent.secrets('default')[-1]['default'])
        canaries += pem_lines(key)
        before = agent.certificates()
        await_('a renewal', lambda: agent.certificates() > before)
    for path in ('/stats/prometheus', '/healthz/ready', '/'):
        seen[path] = agent.fetch(path)[1]
    admin = open(agent.run + '/admin').read().strip()
    for path in ('config_dump?include_eds', 'certs', 'clusters', 'server_info', 'stats'):
        seen[path] = subprocess.run(['curl', '-s', 'http://%s/%s' % (admin, path)], stdout=subprocess.PIPE).stdout.decode()
    need('spiffe' in seen['certs'], 'Envoy has no certificate: %s' % seen['certs'])
    seen['bootstrap'], seen['log'], seen['navarchd'] = open(agent.run + '/envoy.json').read(), agent.text(), one.navarchd.text()
    seen['command line'] = ''.join(open('/proc/%d/%s' % (p, f)).read() for p in (agent.popen.pid, envoy_of(agent)) for f in ('cmdline', 'environ'))
    search(canaries, seen)


def mappings(pid):
    """(begin, end, flags) of what a process can write to."""
    head = None
    for line in open('/proc/%d/smaps' % pid):
        begins = re.match(r'([0-9a-f]+)-([0-9a-f]+) rw', line)
        if re.match(r'[0-9a-f]+-[0-9a-f]+ ', line):
            head = begins
        elif line.startswith('VmFlags:') and head:
            yield int(head[1], 16), int(head[2], 16), line.split()[1:]


def where_in_memory(pid, needles):
    """[(name of the needle, whether a core file would have it)] for each place."""
    found = []
    with open('/proc/%d/mem' % pid, 'rb') as memory:
        for begin, end, flags in mappings(pid):
            try:
                memory.seek(begin)
                text = memory.read(end - begin)
            except OSError:
                continue
            found += [(name, 'dd' not in flags) for name, needle in needles.items() for _ in re.finditer(re.escape(needle), text)]
    return found


def forms_of(path):
    """What a key of P-256 may look like in memory."""
    number = re.search(rb'priv:\n((?:\s+[0-9a-f:]+\n)+)', openssl('pkey', '-in', path, '-noout', '-text'))[1]
    scalar = bytes.fromhex(re.sub(rb'[\s:]', b'', number).decode())[-32:]
    needles = {'number': scalar, 'number, the other way round': scalar[::-1]}
    needles.update(('line %d of the file' % i, line.encode()) for i, line in enumerate(pem_lines(open(path).read())))
    return needles


def test_canary_memory(env):
    """The CA's key lies in memory that no core file has, and nowhere else: not what it was read from, no copy of it."""
    if os.geteuid():
        raise Skip('to read the memory of a process needs root')
    one = Identity(env, {'a.yaml': NAMESPACE})
    needles = forms_of(one.state + '/ca/ca-key.pem')
    for _ in range(3):
        one.machine('default', 'a')
    found = where_in_memory(one.navarchd.popen.pid, needles)
    open_to_all = [name for name, dumped in found if dumped]
    need(found, 'the key was not found at all: the search is blind')
    need(not open_to_all, 'where a core file would have it: %s' % open_to_all)
    return '%d places, all kept out of core files' % len(found)


def test_canary_memory_of_an_old_key(env):
    """Of a key that another one has replaced nothing is left."""
    if os.geteuid():
        raise Skip('to read the memory of a process needs root')
    live = dev_ca(env.folder + '/live')
    one = Identity(env, {'a.yaml': NAMESPACE}, ['--ca-dir', live])
    old, pid = forms_of(live + '/ca-key.pem'), one.navarchd.popen.pid
    need(where_in_memory(pid, old), 'the key was not found at all: the search is blind')
    os.unlink(live + '/ca-key.pem')         # another intermediate of the same root
    dev_ca(live)
    new = forms_of(live + '/ca-key.pem')
    await_('the new key', lambda: where_in_memory(pid, new))
    await_(lambda: 'the end of the old one: %s' % where_in_memory(pid, old), lambda: not where_in_memory(pid, old))


def dumps_core(process):
    """Whether a process that is aborted leaves a core file, with no limit in the way."""
    try:
        resource.prlimit(process.popen.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except PermissionError:
        pass                            # it gave up the right to; we may not lift it either
    process.popen.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.popen.pid, 0)
    process.popen.returncode = os.waitstatus_to_exitcode(status)
    return os.WCOREDUMP(status)


def test_canary_core(env):
    """navarchd and navagent leave no core file, even if the limit is lifted from outside."""
    control = env.process('control', ['sh', '-c', 'cd %s && exec sleep 60' % env.folder])
    await_('its directory', lambda: os.readlink('/proc/%d/cwd' % control.popen.pid) == env.folder)
    if not dumps_core(control):
        raise Skip('this machine writes no core files at all')
    one = Identity(env, {'a.yaml': NAMESPACE})
    agent = env.started(Agent(one, 'db', envoy='none')).await_ready()
    need(not dumps_core(agent), 'navagent left a core file')
    need(not dumps_core(one.navarchd), 'navarchd left a core file')


def test_canary_goldens(env):
    """What the goldens want holds no key: as text, and as base64 from each of its three places."""
    key, shown = 'PRIVATE KEY-----', 0
    words = [key] + [b64('x' * i + key)[:-4][4 if i else 0:] for i in range(3)]
    for path in glob.glob(ROOT + '/test/golden/**/want/*', recursive=True):
        text = open(path).read()
        shown += 'hash of the key' in text
        need(not [w for w in words if w in text], '%s holds a private key' % path)
    need(shown, 'no golden has a key at all')
