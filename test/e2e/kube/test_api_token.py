# SPDX-License-Identifier: Apache-2.0
"""Tokens of service accounts, signed by a real API server, become certificates, and those configuration."""
import base64
import json
import os

import manifests
from cluster import Cluster, forbidden
from harness import BUILD, ENVOY, await_, free_port, get, need
from identity import Machine, Secure

TRAFFIC = '%s---\n%s---\n%s'


def prepared(cluster):
    """Options by which navarchd has what install.sh --prepare made: the CA, and the keys of the API server's tokens."""
    cluster.shell('deploy/kubernetes/install.sh --prepare')
    folders = {}
    for plural, name in (('secrets', 'cacerts'), ('configmaps', 'navarchd-tokens')):
        folders[name] = '%s/%s' % (cluster.env.folder, name)
        os.mkdir(folders[name])
        for file, text in cluster.get('/api/v1/namespaces/istio-system/%s/%s' % (plural, name))['data'].items():
            with open('%s/%s' % (folders[name], file), 'wb') as f:
                f.write(base64.b64decode(text) if plural == 'secrets' else text.encode())
    return ['--ca-dir', folders['cacerts'], '--token-rules', folders['navarchd-tokens'] + '/rules.json'], folders['cacerts'] + '/root-cert.pem'


def account(cluster, name):
    """A service account and a Pod of it; the Pod."""
    cluster.write('POST', '/api/v1/namespaces/default/serviceaccounts', {'metadata': {'name': name}})
    return cluster.write('POST', '/api/v1/namespaces/default/pods', {
        'metadata': {'name': name, 'labels': {'app': name}},
        'spec': {'serviceAccountName': name, 'containers': [{'name': 'app', 'image': 'example.com/app'}]}})


def agent(cluster, navarchd, ca, name, token, own):
    """navagent of a gateway, with an Envoy; `own` is who it says it is."""
    folder, ports = cluster.env.folder + '/' + name, '%s/%s.ports' % (cluster.env.folder, name)
    path = folder + '.token'
    with open(path, 'w') as f:
        f.write(token)
    return cluster.env.process(name, [
        BUILD + '/navagent', '--xds-address', 'localhost:%d' % navarchd.ports['secure'], '--ca-file', ca, '--token-file', path,
        '--type', 'router', '--ip', '127.0.0.1', '--name', own, '--service-account', own, '--label', 'app=' + own, '--envoy', ENVOY,
        '--admin-address', '127.0.0.1:0', '--status-address', '127.0.0.1:0', '--ready-address', '127.0.0.1:0', '--concurrency', '1',
        '--port-file', ports, '--run-dir', folder])


def test_api_token(env):
    """A Pod's token: a certificate, xDS over 15012 and traffic by it. Other audiences and other accounts get nothing."""
    cluster = Cluster(env)
    options, ca = prepared(cluster)
    cluster.await_crds()
    navarchd = cluster.navarchd(more=['--secure-address', '127.0.0.1:0', '--state-dir', env.folder + '/state', *options])
    web, port = account(cluster, 'web'), free_port()
    backend = env.backend('backend', '127.0.1.1')
    cluster.apply(TRAFFIC % (manifests.gateway(port).replace('istio: ingressgateway', 'app: web'),
                             manifests.virtual_service('web', '    - route: [{destination: {host: web.test}}]\n'),
                             manifests.entry('web.test', backend.port, ('127.0.1.1', {}))))
    client = lambda token: Secure(navarchd.ports['secure'], ca, token=token)
    csr = Machine(env.folder, 'csr').csr
    token = cluster.token('default', 'web', 'istio-ca', web)
    status, body = client(token).certificate(csr)
    need(status == 200, 'a Pod\'s token: %s %s' % (status, body))
    for what, bad in (('the API server\'s audience', cluster.token('default', 'web', pod=web)),
                      ('another audience', cluster.token('default', 'web', 'vault', web)),
                      ('no signature', token.rpartition('.')[0] + '.'),
                      ('another signature', token.rpartition('.')[0] + '.' + client_signature(token))):
        status, body = client(bad).certificate(csr)
        need(status == 401, '%s: %s %s' % (what, status, body))

    late = account(cluster, 'late')
    token_of_late = cluster.token('default', 'late', 'istio-ca', late)
    cluster.shell('kubectl delete pod late --force --grace-period=0')
    status, body = client(token_of_late).certificate(csr)
    need(status == 401, 'the token of a Pod that is gone: %s %s' % (status, body))
    other = cluster.navarchd('other', ['--secure-address', '127.0.0.1:0', '--state-dir', env.folder + '/other-state', *options[:2]])
    for what, its, want in (('a token', token, 200), ('of a Pod that is gone', token_of_late, 401)):
        status, body = Secure(other.ports['secure'], ca, token=its).certificate(csr)
        need(status == want, '%s, without rules, by the API server\'s word: %s %s' % (what, status, body))
    need(not forbidden(navarchd) + forbidden(other), 'refused: %s' % (forbidden(navarchd) + forbidden(other)))

    good = agent(cluster, navarchd, ca, 'good', token, 'web')
    await_('traffic', lambda: good.alive() and get(port) == (200, 'backend'), 40)
    thief = agent(cluster, navarchd, ca, 'thief', token, 'other')
    await_('the refusal', lambda: thief.alive() and 'does not match' in navarchd.text() or 'other' in refusals(navarchd))
    return json.loads(base64.urlsafe_b64decode(token.split('.')[1] + '=='))['iss']


def client_signature(token):
    """The signature with one bit of it changed."""
    text = token.rpartition('.')[2]
    return ('B' if text[0] == 'A' else 'A') + text[1:]


def refusals(navarchd):
    return '\n'.join(line for line in navarchd.text().splitlines() if 'refus' in line or 'denied' in line)
