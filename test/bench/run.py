#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks and prints each figure beside its goal; the last line is "N passed, N failed".

usage: run.py OBJDIR     (navarchd, navctl, test/kube/fake_main and test/bench/*_bench are built there)

Goals that are times hold for a machine with little else to do; ratios, bytes and counts hold anywhere.
"""
import functools
import http.client
import json
import os
import resource
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import generation
import kube
import xds

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import identity                                                     # noqa: E402

OBJDIR = os.path.abspath(sys.argv[1])
SERVICES = 1000
MANY = 10000                # objects
ANSWERS = 200               # of navctl route
IDLE = 1000                 # clients
CHANGES = 20
STORM = 2000                # clients that come at once
ASKING = 500                # identities that want certificates
AGENT_WINDOWS = 3
failures = passes = 0


def row(figure, value, goal, ok):
    global failures, passes
    passes, failures = passes + bool(ok), failures + (not ok)
    print('%-66s %12s   %-16s %s' % (figure, value, goal, 'ok' if ok else 'FAIL'), flush=True)


def at_most(figure, value, goal, unit='', digits=2):
    form = '%%.%df%%s' % digits
    row(figure, form % (value, unit), '<= %g%s' % (goal, unit), value <= goal)


def note(figure, value, why):
    print('%-66s %12s   %s' % (figure, value, why), flush=True)


def at_least(figure, value, goal, unit=''):
    row(figure, '%.1f%s' % (value, unit), '>= %g%s' % (goal, unit), value >= goal)


# ---- manifests ----

def service(i, last_octet=1, timeout=5, connections=100, more=''):
    """A ServiceEntry with ten endpoints (more: what each has beside its address), a VirtualService and a
    DestinationRule for it."""
    eps = ''.join('  - {address: 10.%d.%d.%d%s}\n' % (i // 250, i % 250, last_octet + k, more) for k in range(10))
    head = 'apiVersion: networking.istio.io/v1\nkind: %s\nmetadata: {name: s%d, namespace: one}\nspec:\n'
    return (head % ('ServiceEntry', i) + '  hosts: [s%d.example.com]\n  resolution: STATIC\n'
            '  ports: [{number: 80, name: http, protocol: HTTP}]\n  endpoints:\n' % i + eps + '---\n' +
            head % ('VirtualService', i) + '  hosts: [s%d.example.com]\n  http:\n  - timeout: %ds\n'
            '    route: [{destination: {host: s%d.example.com}}]\n---\n' % (i, timeout, i) +
            head % ('DestinationRule', i) + '  host: s%d.example.com\n  trafficPolicy:\n'
            '    connectionPool: {tcp: {maxConnections: %d}}\n' % (i, connections))


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path + '.new', 'w') as f:
        f.write(text)
    os.rename(path + '.new', path)


# ---- processes ----

def figures(program, *args):
    out = subprocess.run([OBJDIR + '/test/bench/' + program, *args], check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


# A process of its own, since a child's peak counts what its parent had when it was made.
LAUNCHER = """
import os, sys, time
began = time.monotonic()
null = os.open(os.devnull, os.O_WRONLY)
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ,
                      file_actions=[(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), time.monotonic() - began, usage.ru_maxrss)
"""


def timed(*command):
    """Seconds and peak MB of the program; its findings do not matter here."""
    out = subprocess.run([sys.executable, '-I', '-S', '-c', LAUNCHER, *command], check=True, capture_output=True, text=True).stdout
    code, seconds, kb = map(float, out.split())
    if code not in (0, 1):
        raise RuntimeError('%s ended with %d' % (' '.join(command), code))
    return seconds, kb / 1024


def best(n, *command):
    return min(timed(*command) for _ in range(n))


# ---- the suites ----

def bench_encoder():
    f = figures('eds_bench')
    at_most('assignment of 1,000 endpoints, one in a job, to the floor', f['one_ratio'], 3, 'x')
    at_most('assignment of 1,000 endpoints, 20 in a job, to the floor', f['many_ratio'], 3, 'x')


def bench_reload():
    f = figures('reload_bench')
    at_most('resident growth over %d reloads' % f['reloads'], f['rss_growth_kb'], 1024, ' kB', 0)
    at_most('resources more after %d reloads' % f['reloads'], f['resource_growth'], 0, '', 0)
    at_most('one reload of 300 objects, snapshot to bytes', f['reload_ms'], 5, ' ms')


def bench_ca():
    f = figures('ca_bench')
    at_least('certificates, P-256, request in to chain out, one thread', f['ec_per_s'], 8000, '/s')
    at_least('  to OpenSSL\'s ordinary interface', f['ec_ratio'], 3, 'x')
    at_least('certificates, RSA-2048 key and CA', f['rsa_per_s'], 3000, '/s')


def bench_files(folder):
    path = folder + '/many.yaml'
    more = ', ports: {http: 8080}, labels: {app: shop, version: v1}, locality: eu/east/a'
    write(folder, 'many.yaml', '---\n'.join(service(i, more=more) for i in range(MANY // 3 + 1)))
    for command in ('validate', 'analyze'):
        seconds, mb = best(3, OBJDIR + '/navctl', command, '-f', path)
        at_most('navctl %s, %d objects, %.1f MB' % (command, MANY, os.path.getsize(path) / 1e6), seconds, 0.6, ' s')
        at_most('  its memory', mb, 150, ' MB', 0)
    f = figures('yaml_bench', path)
    at_least('YAML to nodes', f['parse_mb_s'], 10, ' MB/s')
    at_least('YAML to checked objects', f['load_mb_s'], 10, ' MB/s')


def bench_generation(folder):
    sets, rebuilds = [], []
    for name, ours, istiod, rebuild, push_context in generation.run(OBJDIR + '/test/bench/shapes_bench', folder):
        sets.append(ours / istiod)
        at_most('cold sets, %s: %.2f ms, istiod %.2f ms' % (name, ours / 1000, istiod / 1000), sets[-1], 0.333, 'x')
        if push_context:
            rebuilds.append(rebuild / push_context)
            note('  snapshot from nothing: %.2f ms, istiod %.2f ms' % (rebuild / 1000, push_context / 1000),
                 '%.2fx' % rebuilds[-1], 'no goal')
    for name, why in generation.SKIPPED.items():
        note('cold sets, %s' % name, 'SKIPPED', why)
    at_most('cold sets, geometric mean of %d inputs' % len(sets), generation.geometric_mean(sets), 0.1, 'x', 3)
    note('  snapshots, geometric mean', '%.2fx' % generation.geometric_mean(rebuilds), 'no goal')


def bench_route(folder, config):
    """One answer more or less of many, asked at once."""
    ask = [{'url': 'http://s%d.example.com/a' % (i * 7 % SERVICES), 'headers': {'x-user': 'jason'}} for i in range(ANSWERS + 1)]
    seconds = []
    for n in (1, ANSWERS + 1):
        write(folder, 'ask.json', json.dumps(ask[:n]))
        seconds.append(best(3, OBJDIR + '/navctl', 'route', '-c', config, '-n', folder + '/node.json', '--requests',
                            folder + '/ask.json')[0])
    at_most('navctl route, an answer after load, %d objects' % (3 * SERVICES), (seconds[1] - seconds[0]) * 1000 / ANSWERS, 5, ' ms')


def bench_json():
    f = figures('json_bench')
    at_least('list of pods to nodes', f['nodes_mb_s'], 300, ' MB/s')
    at_least('  to jansson in the same run', f['nodes_mb_s'] / f['jansson_mb_s'], 4, 'x')
    at_least('list of pods to checked objects', f['objects_mb_s'], 200, ' MB/s')


def bench_webhook():
    f = figures('admission_bench')
    at_least('reviews of objects of %d bytes validated, one thread' % f['review_bytes'], f['reviews_per_s'], 4000, '/s')
    at_most('  99th percentile', f['p99_ms'], 5, ' ms', 3)


def bench_proxy_config(folder, config):
    write(folder, 'node.json', json.dumps({'type': 'sidecar', 'id': 'p.one', 'namespace': 'one', 'ips': ['10.99.0.1'],
                                           'labels': {'app': 'p'}, 'metadata': {}}))
    seconds, _ = best(5, OBJDIR + '/navctl', 'proxy-config', 'all', '-c', config, '-n', folder + '/node.json', '-o', 'json')
    at_most('navctl proxy-config, one sidecar, %d objects, process and all' % (3 * SERVICES), seconds, 0.3, ' s')


def change(daemon, client, config, text, touches):
    """Writes a file; ms until the client has the resource (type, name), resources built and sent, bytes per byte."""
    before = daemon.metrics()
    had, began = client.count(*touches), time.monotonic()
    client.got_bytes = 0
    write(config, 's7.yaml', text)
    client.await_more(*touches, had)
    ms = (time.monotonic() - began) * 1000
    client.settle()
    after = daemon.metrics()
    built = after['navarch_resources_built_total'] - before['navarch_resources_built_total']
    sent = after['navarch_xds_push_bytes_total'] - before['navarch_xds_push_bytes_total']
    return ms, built, sent / max(client.got_bytes, 1)


def bench_touched(daemon, client, config):
    eds = ('EDS', 'outbound|80||s7.example.com')
    waits = []
    for i in range(CHANGES):
        ms, built, ratio = change(daemon, client, config, service(7, last_octet=2 + i), eds)
        waits.append(ms)
    at_most('an endpoint changed: write to receipt, median', statistics.median(waits), 100, ' ms', 1)
    at_most('  resources built', built, 1, '', 0)
    at_most('  bytes sent to bytes of what changed', ratio, 1.5, 'x')
    ms, built, ratio = change(daemon, client, config, service(7, CHANGES + 1, connections=7), ('CDS', eds[1]))
    at_most('a DestinationRule changed: resources built (of CDS, EDS)', built, 2, '', 0)
    at_most('  bytes sent to bytes of what changed', ratio, 1.5, 'x')
    ms, built, ratio = change(daemon, client, config, service(7, CHANGES + 1, 9, 7), ('RDS', '80'))
    at_most('a VirtualService changed: resources built', built, 1, '', 0)
    at_most('  write to receipt of routes for %d hosts' % SERVICES, ms, 200, ' ms', 1)


def bench_rewrite(daemon, client, config):
    """All files again with equal content; then one change shows that they have been read."""
    before = daemon.metrics()
    client.got_bytes = 0
    for i in range(SERVICES):
        if i != 7:
            write(config, 's%d.yaml' % i, service(i))
    time.sleep(2)
    after = daemon.metrics()
    at_most('%d files rewritten as they were: bytes sent' % (SERVICES - 1),
            after['navarch_xds_push_bytes_total'] - before['navarch_xds_push_bytes_total'], 0, '', 0)
    at_most('  resources built', after['navarch_resources_built_total'] - before['navarch_resources_built_total'], 0, '', 0)
    _, built, _ = change(daemon, client, config, service(7, 77, 9, 7), ('EDS', 'outbound|80||s7.example.com'))
    at_most('  and resources built for one change behind it', built, 1, '', 0)


def bench_daemon(folder, config):
    began = time.monotonic()
    daemon = xds.Daemon(OBJDIR + '/navarchd', folder, config)
    try:
        at_most('navarchd: start to ready, %d objects' % (3 * SERVICES), time.monotonic() - began, 1, ' s')
        began = time.monotonic()
        client = xds.DeltaClient(daemon.address)
        client.await_more('CDS', 'outbound|80||s7.example.com', 0)
        client.await_more('RDS', '80', 0)
        client.settle()
        at_most('  first client has all of it', time.monotonic() - began, 1, ' s')
        at_most('  its memory', daemon.rss_kb() / 1024, 173, ' MB', 0)
        bench_touched(daemon, client, config)
        bench_rewrite(daemon, client, config)
        client.stop()
    finally:
        daemon.stop()


def bench_idle(folder):
    daemon = xds.Daemon(OBJDIR + '/navarchd', folder, small(folder, 'small', 10))
    try:
        warm = xds.Swarm(daemon.address, 20)
        warm.run()
        before = daemon.rss_kb()
        swarm = xds.Swarm(daemon.address, IDLE)
        swarm.run()
        at_most('an idle delta client, memory of %d connections' % IDLE, (daemon.rss_kb() - before) / IDLE, 56, ' kB', 1)
        row('  in sync', swarm.in_sync(), IDLE, swarm.in_sync() == IDLE)
        swarm.stop()
        warm.stop()
    finally:
        daemon.stop()


def machine(folder, state, port):
    """A key and a certificate got with a join token: their paths."""
    key, cert = folder + '/m.key', folder + '/m.pem'
    run = functools.partial(subprocess.run, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    run(['openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key])
    csr = run(['openssl', 'req', '-new', '-key', key, '-subj', '/CN=x']).stdout.decode()
    token = run([OBJDIR + '/navctl', 'token', 'create', '--identity', 'one/p', '--state-dir', state]).stdout.decode().strip()
    conn = http.client.HTTPSConnection('localhost', port, context=ssl.create_default_context(cafile=state + '/ca/root-cert.pem'))
    conn.request('POST', '/v1/certificates', json.dumps({'csr': csr}), {'Authorization': 'Bearer ' + token})
    write(folder, 'm.pem', ''.join(json.load(conn.getresponse())['chain']))
    conn.close()
    return key, cert


def waits(daemon, client, config, octets):
    eds = ('EDS', 'outbound|80||s7.example.com')
    return sorted(change(daemon, client, config, service(7, last_octet=i), eds)[0] for i in octets)


def small(folder, name, services):
    config = '%s/%s' % (folder, name)
    os.mkdir(config)
    for i in range(services):
        write(config, 's%d.yaml' % i, service(i))
    return config


def bench_certificates(folder):
    """Requests for certificates at half of what the daemon can do, while it pushes."""
    config, state = small(folder, 'certificates', 100), folder + '/certificates.state'
    issuer = identity.Issuer(folder)
    daemon = xds.Daemon(OBJDIR + '/navarchd', folder, config, [
        '--secure-address', '127.0.0.1:0', '--state-dir', state, '--token-rules', issuer.rules(folder)])
    try:
        write(folder, 'tokens', ''.join(issuer.token('one', 'a%d' % i) + '\n' for i in range(ASKING)))
        write(folder, 'body', json.dumps({'csr': identity.Machine(folder, 'asks').csr}))
        client = xds.DeltaClient(daemon.address)
        client.await_more('EDS', 'outbound|80||s7.example.com', 0)
        target = [str(daemon.ports['secure']), state + '/ca/root-cert.pem', folder + '/tokens', folder + '/body']
        most = figures('csr_bench', *target, '100000', '1')
        note('certificates over HTTPS with a token, all that client and daemon can do', '%.0f/s' % most['per_s'], 'no goal')
        load = subprocess.Popen([OBJDIR + '/test/bench/csr_bench', *target, '%d' % (most['per_s'] / 2), '3'], stdout=subprocess.PIPE, text=True)
        pushes = 0
        while load.poll() is None:
            change(daemon, client, config, service(7, 2 + pushes % 200), ('EDS', 'outbound|80||s7.example.com'))
            pushes += 1
        f = {name: float(value) for name, value in (line.split() for line in load.communicate()[0].splitlines())}
        at_most('  99th percentile at half of it, %d pushes meanwhile' % pushes, f['p99_ms'], 5, ' ms')
        note('    the same with the waits of the client for a processor', '%.2f ms' % f['seen_p99_ms'], 'no goal')
        at_most('  failed', most['failed'] + f['failed'], 0, '', 0)
        client.stop()
    finally:
        daemon.stop()


def bench_storm(folder):
    """Many proxies come at once by mutual TLS; how long that takes without configuration is the floor."""
    config, state = small(folder, 'storm', 100), folder + '/storm.state'
    daemon = xds.Daemon(OBJDIR + '/navarchd', folder, config, ['--secure-address', '127.0.0.1:0', '--state-dir', state])
    try:
        key, cert = machine(folder, state, daemon.ports['secure'])
        hellos = (xds.HEAD + b''.join(xds.IdleClient.request(r) for r in xds.first_requests(i)) for i in range(STORM))
        with open(folder + '/clients', 'wb') as f:
            f.write(b''.join(len(h).to_bytes(4, 'big') + h for h in hellos))
        f = figures('sync_bench', str(daemon.ports['secure']), state + '/ca/root-cert.pem', cert, key, folder + '/clients')
        note('%d proxies come at once: their handshakes alone' % STORM, '%.2f s' % f['floor_s'], 'the floor')
        at_most('  in sync, mutual TLS, 100 services, above the floor', f['sync_s'] - f['floor_s'], 2, ' s')
        row('  in sync', '%d' % f['in_sync'], STORM, f['in_sync'] == STORM)
    finally:
        daemon.stop()


def status_of(port, path):
    try:
        conn = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
        conn.request('GET', path)
        return conn.getresponse().status
    except OSError:
        return 0


def agent_ports(path):
    return os.path.exists(path) and json.load(open(path))


def bench_agent(folder):
    """navagent with an Envoy that it probes: what ps says of it while nothing happens."""
    config, state, ports = small(folder, 'agent', 10), folder + '/agent.state', folder + '/agent.ports'
    daemon = xds.Daemon(OBJDIR + '/navarchd', folder, config, ['--secure-address', '127.0.0.1:0', '--state-dir', state])
    token = subprocess.run([OBJDIR + '/navctl', 'token', 'create', '--identity', 'one/p', '--state-dir', state], check=True,
                           stdout=subprocess.PIPE).stdout.decode()
    write(folder, 'agent.token', token)
    envoy = os.path.abspath(os.path.join(os.environ.get('B') or 'build', 'bin/envoy'))
    agent = subprocess.Popen([
        OBJDIR + '/navagent', '--xds-address', 'localhost:%d' % daemon.ports['secure'], '--ca-file', state + '/ca/root-cert.pem',
        '--join-token-file', folder + '/agent.token', '--ip', '127.0.0.1', '--namespace', 'one', '--service-account', 'p', '--envoy', envoy,
        '--concurrency', '1', '--admin-address', '127.0.0.1:0', '--status-address', '127.0.0.1:0', '--ready-address', '127.0.0.1:0',
        '--drain', '0s', '--port-file', ports, '--run-dir', folder + '/agent.run'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = xds.await_('the ports of navagent', lambda: agent_ports(ports))[0]
        xds.await_('navagent', lambda: status_of(port, '/healthz/ready') == 200)
        time.sleep(3)
        used, kb = [kube.processor_ms(agent.pid)[1]], []
        for _ in range(AGENT_WINDOWS):          # a probe of Envoy in each
            for _ in range(20):
                time.sleep(0.5)
                with open('/proc/%d/statm' % agent.pid) as f:
                    kb.append(int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1024)
            used.append(kube.processor_ms(agent.pid)[1])
        per_s = sorted((b - a) / 10 for a, b in zip(used, used[1:]))
        at_most('navagent beside an idle Envoy: memory (RSS, median of %d s)' % (10 * AGENT_WINDOWS), statistics.median(kb) / 1024, 6, ' MB')
        at_most('  its processor time, median of %d times 10 s' % AGENT_WINDOWS, statistics.median(per_s), 0.5, ' ms/s')
        note('    the most of them', '%.2f ms/s' % per_s[-1], 'no goal')
    finally:
        agent.terminate()
        agent.wait()
        daemon.stop()


def bench_kube(folder):
    config = folder + '/cluster'
    mb = kube.write_cluster(config) / 1e6
    fake = kube.Fake(OBJDIR + '/test/kube/fake_main', config)
    try:
        start = kube.Start(OBJDIR, folder, fake)
        daemon = start.daemon
        try:
            at_most('API server with %d services, %d Pods, %.0f MB: CPU to ready' % (kube.SERVICES, kube.SERVICES * kube.PODS_EACH, mb),
                    start.cpu_s, 0.4, ' s')
            note('  of this the loop thread; clock time', '%.2f s' % start.loop_s, '%.2f s' % start.seconds)
            note('  bytes of lists in that CPU time', '%.0f MB/s' % (mb / start.cpu_s), 'no goal')
            at_most('  resident memory', start.kb / 1024, 60, ' MB', 1)
            pushed, snapshots, cpu_s = kube.resync(daemon)
            at_most('  all lists again, the same: bytes pushed', pushed, 0, '', 0)
            at_most('  snapshots made', snapshots, 0, '', 0)
            note('  CPU', '%.2f s' % cpu_s, 'no goal')
            proxy = kube.Proxy(daemon.address, 0)
            proxy.settle(1)
            median, high = kube.event_ms(fake, proxy)
            at_most('a write to the API server to bytes on the proxy\'s socket, median', median, 2, ' ms')
            note('  90th percentile', '%.2f ms' % high, 'no goal')
            proxy.socket.close()
        finally:
            daemon.stop()
    finally:
        fake.stop()
    bench_endpoints(folder, start.kb)


def bench_endpoints(folder, kb):
    """What one more endpoint weighs: the same cluster, with more of them in each slice."""
    config = folder + '/endpoints'
    kube.write_cluster(config, kube.PODS_EACH + kube.MORE_ENDPOINTS)
    fake = kube.Fake(OBJDIR + '/test/kube/fake_main', config)
    try:
        start = kube.Start(OBJDIR, folder, fake)
        start.daemon.stop()
        n = kube.SERVICES * kube.MORE_ENDPOINTS
        at_most('an endpoint more (of %d): resident memory' % n, (start.kb - kb) * 1024 / n, 600, ' B', 0)
    finally:
        fake.stop()


def bench_handshakes(folder):
    """Pushes while 500 clients a second come by mutual TLS, and without them."""
    config, state = small(folder, 'handshakes', 10), folder + '/state'
    daemon = xds.Daemon(OBJDIR + '/navarchd', folder, config, ['--secure-address', '127.0.0.1:0', '--state-dir', state])
    try:
        key, cert = machine(folder, state, daemon.ports['secure'])
        client = xds.DeltaClient(daemon.address)
        client.await_more('EDS', 'outbound|80||s7.example.com', 0)
        client.settle()
        quiet = waits(daemon, client, config, range(2, 2 + 2 * CHANGES))
        target = [str(daemon.ports['secure']), state + '/ca/root-cert.pem', cert, key]
        load = subprocess.Popen([OBJDIR + '/test/bench/handshake_bench', *target, '500', '12'], stdout=subprocess.PIPE, text=True)
        busy = waits(daemon, client, config, range(100, 100 + 2 * CHANGES))
        f = {name: float(value) for name, value in (line.split() for line in load.communicate()[0].splitlines())}
        before = kube.processor_ms(daemon.popen.pid)
        figures('handshake_bench', *target, '100', '4')
        after = kube.processor_ms(daemon.popen.pid)
        at_most('a mutual TLS handshake: share of the loop in its processor time', (after[0] - before[0]) / (after[1] - before[1]), 0.35)
        at_least('mutual TLS handshakes beside pushes', f['per_s'], 490, '/s')
        at_most('  failed', f['failed'], 0, '', 0)
        at_most('  longest wait of %d pushes, to that without them' % len(busy), busy[-1] / quiet[-1], 1.5, 'x')
        client.stop()
    finally:
        daemon.stop()


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    folder = tempfile.mkdtemp(prefix='navarch-bench-')
    config = folder + '/config'
    os.mkdir(config)
    for i in range(SERVICES):
        write(config, 's%d.yaml' % i, service(i))
    print('%-66s %12s   %-16s %s' % ('figure', 'value', 'goal', 'ok'))
    try:
        bench_kube(folder)
        bench_encoder()
        bench_reload()
        bench_ca()
        bench_files(folder)
        bench_generation(folder)
        bench_json()
        bench_webhook()
        bench_proxy_config(folder, config)
        bench_route(folder, config)
        bench_daemon(folder, config)
        bench_idle(folder)
        bench_handshakes(folder)
        bench_certificates(folder)
        bench_storm(folder)
        bench_agent(folder)
    finally:
        shutil.rmtree(folder)
    print('%d passed, %d failed' % (passes, failures))
    return failures != 0


if __name__ == '__main__':
    sys.exit(main())
