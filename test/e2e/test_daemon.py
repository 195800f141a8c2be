# SPDX-License-Identifier: Apache-2.0
"""navarchd as a process: start, ports, signals."""
import signal

import manifests
from harness import NAVARCHD, Process, await_, count, get, need
from test_gateway import await_traffic, shop
from xds_client import NDS, DeltaClient

ENTRY = '''apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: names, namespace: default}
spec:
  hosts: [names.example.com]
  addresses: [240.1.2.3]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
'''


def test_two_do_not_collide(env):
    """Two navarchds on one machine, each with its own folder and Envoy."""
    ports = []
    for n, version in enumerate(('v1', 'v2')):
        files, port = shop(env, {version: 100})
        navarchd = env.navarchd(files, 'navarchd-%d' % n)
        env.gateway(navarchd, name='gateway-%d' % n)
        ports.append((port, version))
    for port, version in ports:
        await_traffic(port)
        need(set(count(port, 10)) == {version}, 'port %d: %s' % (port, dict(count(port, 10))))


def test_sigterm(env):
    """Ends by itself within the deadline, with an Envoy connected, and exits with 0."""
    files, port = shop(env, {'v1': 100})
    navarchd = env.navarchd(files)
    env.gateway(navarchd)
    await_traffic(port)
    took = Process.stop(navarchd, signal.SIGTERM, deadline_s=10)
    need(navarchd.popen.returncode == 0, 'exit code %d' % navarchd.popen.returncode)
    need(get(port)[0] == 200, 'the traffic stopped with the control plane')
    return 'after %.2f s' % took


def test_sighup_reads_again(env):
    """SIGHUP does no harm and the next state is right."""
    files, port = shop(env, {'v1': 100})
    navarchd = env.navarchd(files)
    env.gateway(navarchd)
    await_traffic(port)
    navarchd.write('routes.yaml', manifests.virtual_service('shop', manifests.split('shop', {'v2': 100})))
    navarchd.popen.send_signal(signal.SIGHUP)
    await_('the change', lambda: set(count(port, 10)) == {'v2'})
    navarchd.alive()


def test_bad_start(env):
    """A folder that is not there and a port in use are said in a sentence, with a non-zero exit."""
    navarchd = env.navarchd({'gateway.yaml': manifests.gateway(8000)})
    cases = {
        'no-folder': ['--config-dir', env.folder + '/nothing', '--xds-address', '127.0.0.1:0'],
        'port-in-use': ['--config-dir', navarchd.config, '--xds-address', '127.0.0.1:%d' % navarchd.ports['xds']],
    }
    for name, args in cases.items():
        one = env.process(name, [NAVARCHD, '--admin-address', '127.0.0.1:0', '--metrics-address', '127.0.0.1:0'] + args)
        code = one.popen.wait(10)
        need(code > 0, '%s: exit code %d' % (name, code))
        need(one.text().strip(), '%s: ended without a word' % name)


def test_envoy_before_navarchd(env):
    """An Envoy that was started first gets its configuration once navarchd comes."""
    files, port = shop(env, {'v1': 100})
    first = env.navarchd(files)
    first.stop()
    envoy = env.gateway(first, wait=False)
    await_('Envoy tried', lambda: envoy.alive() and _tries(envoy) > 0)
    first.restart()
    envoy.await_ready()
    await_traffic(port)


def _tries(envoy):
    try:
        return envoy.admin.stats('cluster.xds-grpc.upstream_cx_connect_fail').get('cluster.xds-grpc.upstream_cx_connect_fail', 0)
    except OSError:
        return 0


def test_names(env):
    """An agent that answers DNS gets the table of names, and the next one when a host comes; one that does not gets none."""
    service = manifests.service('shop', 8000, ['v1'])
    navarchd = env.navarchd({'shop.yaml': service})
    who = {'kind': 'sidecar', 'namespace': 'default', 'labels': ()}
    agent = env.started(DeltaClient(navarchd.xds, NDS, name='agent', more=(('DNS_CAPTURE', 'true'),), **who))
    other = env.started(DeltaClient(navarchd.xds, NDS, name='other', **who))
    await_('the table', lambda: 'shop.default.svc.cluster.local' in agent.names())
    navarchd.write('entry.yaml', ENTRY)
    await_('the next table', lambda: agent.names().get('names.example.com') == ['240.1.2.3'])
    await_('an empty answer', lambda: other.responses and not other.seen)
    need(not agent.failed and not other.failed, '%s, %s' % (agent.failed, other.failed))
