# SPDX-License-Identifier: Apache-2.0
"""navarchd with --state-dir: killed and started again without its directory or its API server, it serves the last good
generation within a second, and nothing of it is withdrawn."""
import os
import random
import signal
import time

from harness import Navarchd, await_, count, need
from test_gateway import await_traffic, shop
from test_kube import ROUTES, cluster, route_to
from xds_client import DeltaClient

AGE = 'navarch_disk_generation_age_seconds'


def metric(navarchd, name):
    return next(float(line.split()[-1]) for line in navarchd.fetch('metrics', '/metrics')[1].splitlines() if line.startswith(name + ' '))


def await_saved(path, word=''):
    """Until the generation on disk holds the word."""
    def holds():
        try:
            with open(path) as f:
                return word in f.read()
        except OSError:
            return False
    await_('the generation on disk', holds)
    need(os.stat(path).st_mode & 0o777 == 0o600, 'others may read the generation')


def versions(env, navarchd):
    client = env.started(DeltaClient(navarchd.xds))
    await_('the clusters', lambda: client.has('shop'))
    return dict(client.versions)


def killed(navarchd):
    """A new process on the same port after a kill; the seconds from its start until it is ready."""
    navarchd.stop(signal.SIGKILL)
    navarchd.start_args = (navarchd.start_args[0], navarchd.ports['xds'])
    began = time.monotonic()
    navarchd.start()
    return time.monotonic() - began


def check_restored(env, navarchd, envoy, port, want, removed):
    took = killed(navarchd)
    began = time.monotonic()
    got = versions(env, navarchd)
    took += time.monotonic() - began
    need(got == want, 'other versions: %r, were %r' % (got, want))
    need(took < 1, 'served after %.2f s' % took)
    need(navarchd.admin('/ready') == (200, 'ready, with the generation on disk\n'), 'not said in /ready')
    need(metric(navarchd, AGE) > 0, 'the generation has no age')
    await_('Envoy again with navarchd', lambda: envoy.admin.stats('control_plane').get('control_plane.connected_state'))
    need(set(count(port, 10)) == {'v1'}, 'the traffic changed')
    need(envoy.admin.stats('cluster_manager.cluster_removed') == removed, 'clusters were withdrawn')
    return took


def test_state_directory_gone(env):
    """Without its directory; when that is back, it counts, and what it has not goes."""
    files, port = shop(env, {'v1': 100, 'v2': 0})
    state = env.folder + '/state'
    navarchd = env.navarchd(files, more=['--state-dir', state])
    envoy = env.gateway(navarchd)
    await_traffic(port)
    need(metric(navarchd, AGE) == 0, 'the generation on disk is served beside the directory')
    await_saved(state + '/files', '"shop"')
    want, removed = versions(env, navarchd), envoy.admin.stats('cluster_manager.cluster_removed')
    os.rename(navarchd.config, navarchd.config + '.away')
    took = check_restored(env, navarchd, envoy, port, want, removed)
    os.rename(navarchd.config + '.away', navarchd.config)
    await_('the directory', lambda: navarchd.admin('/ready')[1] == 'ready\n')
    need(metric(navarchd, AGE) == 0, 'the age stays')
    need(set(count(port, 10)) == {'v1'}, 'the traffic changed')
    need(versions(env, navarchd) == want, 'other versions')
    return 'in %.2f s' % took


def test_state_kube_gone(env):
    """Without its API server; when that is back, what changed meanwhile follows."""
    api, _, navarchd, port, _ = cluster(env, {'v1': 100, 'v2': 0})
    state = env.folder + '/state'
    navarchd.more += ['--state-dir', state]
    env.started(navarchd.start())
    envoy = env.gateway(navarchd)
    await_traffic(port)
    await_saved(state + '/generation', '"shop"')
    want, removed = versions(env, navarchd), envoy.admin.stats('cluster_manager.cluster_removed')
    api.process.stop()
    took = check_restored(env, navarchd, envoy, port, want, removed)
    api.start(2000)
    await_('the API server', lambda: navarchd.admin('/ready')[1] == 'ready\n')
    need(set(count(port, 10)) == {'v1'}, 'the traffic changed')
    api.write(ROUTES, 'PUT', route_to({'v2': 100}))
    await_('the change', lambda: set(count(port, 3)) == {'v2'})
    return 'in %.2f s' % took


def test_state_invalid(env):
    """What is invalid at the restart has the form of before, although only the disk knows it."""
    files, port = shop(env, {'v1': 100, 'v2': 0})
    state = env.folder + '/state'
    navarchd = env.navarchd(files, more=['--state-dir', state])
    env.gateway(navarchd)
    await_traffic(port)
    await_saved(state + '/files', '"shop"')
    for name, text in files.items():
        navarchd.write(name, text.replace('weight: 100', 'weight: [100'))
    await_('the finding', lambda: metric(navarchd, 'navarch_config_errors') > 0)
    killed(navarchd)
    need(metric(navarchd, 'navarch_config_errors') > 0, 'the file is well')
    need(set(count(port, 10)) == {'v1'}, 'the traffic changed')
    need(any(n.startswith('outbound|') for n in versions(env, navarchd)), 'nothing is served')


def test_state_kills(env):
    """Killed at any moment of a storm of changes, it starts without its directory with a generation that once was."""
    files, port = shop(env, {'v1': 100, 'v2': 0})
    state, rng = env.folder + '/state', random.Random(1)
    navarchd = env.navarchd(files, more=['--state-dir', state])
    await_saved(state + '/files', '"shop"')
    service = 'apiVersion: v1\nkind: Service\nmetadata: {name: n%d, namespace: default}\nspec: {ports: [{name: http, port: %d}]}\n'
    slowest = 0
    for turn in range(8):
        end = time.monotonic() + rng.uniform(0.1, 1.2)
        number = 0
        while time.monotonic() < end:
            number += 1
            navarchd.write('storm.yaml', '---\n'.join(service % (n, 1000 * turn + number) for n in range(20)))
            time.sleep(0.005)
        os.rename(navarchd.config, navarchd.config + '.away')
        slowest = max(slowest, killed(navarchd))
        clusters = [name for name in versions(env, navarchd) if '|n' in name]
        ports = {name.split('|')[1] for name in clusters}
        need(len(clusters) in (0, 20) and len(ports) < 2, 'half a generation: %r' % clusters)
        os.rename(navarchd.config + '.away', navarchd.config)
        await_('the directory', lambda: navarchd.admin('/ready')[1] == 'ready\n')
    return '8 kills, ready in %.2f s at most' % slowest
