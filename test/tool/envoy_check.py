#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does a real Envoy take these resources?

usage: envoy_check.py [--envoy PATH] [--many] [-v] [FILE...]

Each FILE (or standard input) is a JSON object {"listeners": [...], "clusters": [...], "routes": [...],
"endpoints": [...], "secrets": [...]}: what one proxy gets, as the golden files hold it. All files go, one
after the other, into one serving Envoy over delta ADS, one resource a response with the resource's name in
the nonce, so that every rejection names its resource. Listeners are loaded with bind_to_port false
(those of QUIC, which must be bound, at a free port).
With --many a file is no proxy's set but resources of many, whose names repeat: each gets a name of its own,
and a listener an address of its own once its own address is taken; a secret that one wants as a certificate and
another as a CA is two.
Prints what was rejected and why, then "N passed, N failed" in resources. Exits with 1 on a rejection.

Run it with the Python of build/venv (`make deps`).
"""
import argparse
import concurrent.futures
import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time

import grpc
from google.protobuf.message import DecodeError

import envoy_bootstrap
from envoy_protos import T, Protos

# key of the file: message
TYPES = {
    'clusters': 'envoy.config.cluster.v3.Cluster',
    'endpoints': 'envoy.config.endpoint.v3.ClusterLoadAssignment',
    'listeners': 'envoy.config.listener.v3.Listener',
    'routes': 'envoy.config.route.v3.RouteConfiguration',
    'secrets': 'envoy.extensions.transport_sockets.tls.v3.Secret',
}
KIND_OF = {T + name: kind for kind, name in TYPES.items()}
HCM = T + 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
ROUTER = T + 'envoy.extensions.filters.http.router.v3.Router'
ANSWER_S = 20
ROUTE_LISTENER = 'envoy-check-routes'
API_PORTS = itertools.cycle(range(1, 65536))    # no two listeners may have one address


def name_of(kind, resource):
    return resource.get('cluster_name', resource.get('clusterName', '')) if kind == 'endpoints' \
        else resource.get('name', '')


def loadable(listener):
    """A listener as this Envoy can load it without binding: a gRPC client's api_listener becomes a chain."""
    listener = {k: v for k, v in listener.items() if k != '@type'}
    api = listener.pop('api_listener', listener.pop('apiListener', None))
    if api:
        hcm = api.get('api_listener', api.get('apiListener'))
        hcm.setdefault('stat_prefix', 'api')
        listener['address'] = {'socket_address': {'address': '127.0.0.1', 'port_value': next(API_PORTS)}}
        listener['filter_chains'] = [{'filters': [{'name': 'api', 'typed_config': hcm}]}]
    listener.pop('bindToPort', None)
    listener.pop('transparent', None)   # an option of the socket; Envoy dies of it where there is none
    listener['bind_to_port'] = False
    if 'udpListenerConfig' in listener:     # Envoy has no UDP listener that is not bound: to any free port, here
        del listener['bind_to_port']
        listener['address'] = {'socket_address': {'protocol': 'UDP', 'address': '127.0.0.1', 'port_value': 0}}
        listener.pop('additionalAddresses', None)
    return listener


def route_listener(names):
    """A listener that makes Envoy ask for every one of these route configurations."""
    return {'name': ROUTE_LISTENER, 'bind_to_port': False,
            'address': {'socket_address': {'address': '127.0.0.9', 'port_value': 1}},
            'filter_chains': [{'name': name, 'filter_chain_match': {'destination_port': port + 1}, 'filters': [
                {'name': 'hcm', 'typed_config': {
                    '@type': HCM, 'stat_prefix': 'check',
                    'rds': {'route_config_name': name,
                            'config_source': {'ads': {}, 'resource_api_version': 'V3'}},
                    'http_filters': [{'name': 'router', 'typed_config': {'@type': ROUTER}}]}}]}
                for port, name in enumerate(names)]}


def key_pair(directory):
    """(certificate, key) in PEM, made here: a stand-in for secrets that are not at hand."""
    key, cert = directory + '/key.pem', directory + '/cert.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-subj', '/CN=stand-in', '-keyout', key, '-out', cert], check=True, capture_output=True)
    return open(cert).read(), open(key).read()


def self_contained(config, pair, files, many):
    """The configuration with every secret asked of this server, wherever it comes from (an agent's SDS
    server, files), and with stand-ins for those that it does not hold, and for files that are not here:
    Envoy acknowledges a cluster only when it has the secrets. pair: certificate and key, files: in files.
    many: the same name is another secret where a CA is wanted."""
    config = {kind: list(config.get(kind) or []) for kind in TYPES}
    for secret in config['secrets'] if many else ():
        if 'validationContext' in secret:
            secret['name'] += ' as CA'
    held = {r.get('name') for r in config['secrets']}

    def visit(value, key):
        if isinstance(value, list):
            return [visit(v, key) for v in value]
        if not isinstance(value, dict):
            return value
        if 'filename' in value and not os.path.exists(value['filename']):
            return {'filename': files[1 if 'rivate' in key else 0]}
        if 'name' not in value or not {'sdsConfig', 'sds_config'} & set(value):
            return {k: visit(v, k) for k, v in value.items()}
        is_ca = 'alidation' in key
        name = value['name'] + (' as CA' if many and is_ca else '')
        if name not in held:
            held.add(name)
            config['secrets'].append({'name': name, 'validation_context': {'trusted_ca': {'inline_string': pair[0]}}}
                                     if is_ca else {'name': name, 'tls_certificate': {
                                         'certificate_chain': {'inline_string': pair[0]},
                                         'private_key': {'inline_string': pair[1]}}})
        return {'name': name, 'sds_config': {'ads': {}, 'resource_api_version': 'V3'}}

    for kind in ('clusters', 'listeners'):
        config[kind] = visit(config[kind], '')
    return config


def distinct(config):
    """Resources of many proxies as if they were one's: every name once, every address of a listener once."""
    taken, addresses, seeds = set(), set(), config.get('seeds', {})
    for kind in TYPES:
        for number, resource in enumerate(config.get(kind) or []):
            name = name_of(kind, resource)
            if (kind, name) in taken or len(name) > 200:
                name = '%.150s seed %s resource %d' % (name, seeds.get(kind, [0] * (number + 1))[number], number)
                for key in ('cluster_name', 'clusterName') if kind == 'endpoints' else ('name',):
                    if key in resource or kind != 'endpoints':
                        resource[key] = name
                for key in ('edsClusterConfig', 'eds_cluster_config') if kind == 'clusters' else ():
                    if key in resource:
                        resource[key]['serviceName'] = name
                        resource[key].pop('service_name', None)
            taken.add((kind, name))
            for place in ([resource] + (resource.get('additionalAddresses') or [])) if kind == 'listeners' else ():
                address = json.dumps(place.get('address'), sort_keys=True)
                if address in addresses:
                    at = len(addresses)
                    place['address'] = {'socketAddress': {'address': '127.%d.%d.%d' % (
                        100 + (at >> 16), at >> 8 & 255, at & 255), 'portValue': 20000}}
                    address = json.dumps(place['address'], sort_keys=True)
                addresses.add(address)
    return config


class Server:
    """The control plane: holds the open stream, what Envoy subscribed to and what it answered."""

    def __init__(self, protos):
        self.protos = protos
        self.request = protos.message('envoy.service.discovery.v3.DeltaDiscoveryRequest')
        self.response = protos.message('envoy.service.discovery.v3.DeltaDiscoveryResponse')
        self.changed = threading.Condition()
        self.wanted = {kind: set() for kind in TYPES}
        self.offers = {kind: {} for kind in TYPES}   # sent at once when Envoy asks for the name
        self.sent = {}                               # (kind, name): nonce
        self.answers = {}                            # nonce: error, or ''
        self.asked = set()
        self.out = queue.Queue()
        self.serial = 0
        handler = grpc.stream_stream_rpc_method_handler(
            self.stream, request_deserializer=self.parse,
            response_serializer=lambda m: m.SerializeToString())
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4),
                                  options=[('grpc.max_receive_message_length', 64 << 20), ('grpc.http2.bdp_probe', 0)])
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            'envoy.service.discovery.v3.AggregatedDiscoveryService', {'DeltaAggregatedResources': handler}),))
        self.port = self.server.add_insecure_port('127.0.0.1:0')
        self.server.start()

    def parse(self, data):
        """A request; Envoy cuts the text of an error in the middle of a character, which no parser takes."""
        try:
            return self.request.FromString(data)
        except DecodeError:
            at = 0
        while True:     # error_detail is field 7, a Status whose field 2 is the text
            number = data.index(b'\x3a', at)
            try:
                request = self.request.FromString(data[:number])
            except DecodeError:
                at = number + 1
                continue
            if request.response_nonce:
                request.error_detail.message = data[number:].decode('utf-8', 'replace')[3:]
                return request
            at = number + 1

    def stream(self, requests, context):
        context.add_callback(lambda: self.out.put(None))
        threading.Thread(target=self.read, args=(requests,), daemon=True).start()
        while True:
            response = self.out.get()
            if response is None:
                return
            yield response

    def read(self, requests):
        try:
            for request in requests:
                kind = KIND_OF.get(request.type_url)
                with self.changed:
                    self.asked.add(kind)
                    if kind:
                        self.wanted[kind] |= set(request.resource_names_subscribe)
                        self.wanted[kind] -= set(request.resource_names_unsubscribe)
                        for name in request.resource_names_subscribe:
                            if name in self.offers[kind]:
                                refused = self.sent.get((kind, name))
                                self.send(kind, self.offers[kind][name], name)
                                if self.answers.get(refused):
                                    self.sent[kind, name] = refused
                    if request.response_nonce:
                        self.answers[request.response_nonce] = request.error_detail.message
                        if request.error_detail.message and kind == 'endpoints':
                            self.replace(request.response_nonce)
                    self.changed.notify_all()
        except grpc.RpcError:
            pass

    def await_(self, condition):
        """Waits until the condition holds; False after ANSWER_S seconds."""
        with self.changed:
            return self.changed.wait_for(condition, ANSWER_S)

    def send(self, kind, resource=None, name=None, removed=()):
        """Sends one resource (a message) or removals; returns the nonce."""
        self.serial += 1
        nonce = '%d %s' % (self.serial, name or 'removal')
        response = self.response(type_url=T + TYPES[kind], nonce=nonce, system_version_info=nonce,
                                 removed_resources=removed)
        if resource is not None:
            one = response.resources.add(name=name, version=nonce)
            one.resource.type_url = T + TYPES[kind]
            one.resource.value = resource.SerializeToString()
        self.sent[kind, name] = nonce
        self.out.put(response)
        return nonce

    def replace(self, nonce):
        """Endpoints that Envoy refused: an empty set in their place, or the cluster would hold up all others."""
        name = nonce.split(' ', 1)[1]
        if self.sent.get(('endpoints', name)) == nonce:
            self.offers['endpoints'][name] = self.protos.from_json(TYPES['endpoints'], {'cluster_name': name})
            self.send('endpoints', self.offers['endpoints'][name], name)
            self.sent['endpoints', name] = nonce

    def offer(self, kind, messages):
        """Has {name: message} sent as soon as Envoy asks for them; now, where it still holds a subscription."""
        with self.changed:
            self.offers[kind] = messages
            for name in messages:
                self.sent.pop((kind, name), None)
                if name in self.wanted[kind]:
                    self.send(kind, messages[name], name)

    def answered(self, kind, names):
        return all(self.sent.get((kind, name)) in self.answers for name in names)


class Check:
    def __init__(self, envoy, cache):
        self.protos = Protos(envoy, cache)
        self.server = Server(self.protos)
        self.dir = tempfile.TemporaryDirectory(prefix='envoy-check-')
        self.pair = key_pair(self.dir.name)
        admin = self.dir.name + '/admin'
        node = envoy_bootstrap.node('sidecar', '127.0.0.1', 'check', 'default', {})
        config = envoy_bootstrap.bootstrap(node, ('127.0.0.1', self.server.port), admin)
        # thousands of small answers are no attack
        for options in config['static_resources']['clusters'][0]['typed_extension_protocol_options'].values():
            options['explicit_http_config']['http2_protocol_options'].update(
                max_inbound_window_update_frames_per_data_frame_sent=100000,
                max_inbound_priority_frames_per_stream=100000, max_consecutive_inbound_frames_with_empty_payload=100000)
        with open(self.dir.name + '/envoy.json', 'w') as f:
            json.dump(config, f)
        self.log = open(self.dir.name + '/envoy.log', 'w+')
        self.envoy = subprocess.Popen(
            [envoy, '-c', f.name, '--disable-hot-restart', '--concurrency', '1', '-l', 'warning',
             '--drain-time-s', '1', '--drain-strategy', 'immediate'], stdout=self.log, stderr=self.log)
        if not self.server.await_(lambda: 'clusters' in self.server.asked):
            self.close()
            raise SystemExit('envoy_check: Envoy did not come up:\n' + open(self.log.name, errors="replace").read()[-2000:])

    def close(self):
        self.envoy.kill()
        self.envoy.wait()
        self.server.server.stop(0)
        self.log.close()
        self.dir.cleanup()

    def collect(self, kind, names, problems):
        """Waits for Envoy's answers about the names; the names that it took."""
        self.server.await_(lambda: self.envoy.poll() is not None or self.server.answered(kind, names))
        if self.envoy.poll() is not None:
            raise SystemExit('envoy_check: Envoy ended (%d) while it loaded %s:\n%s' % (
                self.envoy.returncode, kind, open(self.log.name, errors="replace").read()[-2000:]))
        taken = []
        for name in names:
            nonce = self.server.sent.get((kind, name))
            error = 'Envoy never asked for it' if not nonce else \
                self.server.answers.get(nonce, 'no answer within %d s' % ANSWER_S)
            if error:
                problems.append((kind, name, error.strip()))
            else:
                taken.append(name)
        return taken

    def push(self, kind, messages, problems):
        """Sends {name: message} of a type that Envoy takes whole, waits for the answers."""
        for name, message in messages.items():
            self.server.send(kind, message, name)
        return self.collect(kind, list(messages), problems)

    def load(self, config, many=False):
        """Loads one proxy's configuration (many: resources of many proxies), then empties Envoy. Returns [(kind, name, reason)], count."""
        problems, parsed, total = [], {kind: {} for kind in TYPES}, 0
        config = self_contained(distinct(config) if many else config, self.pair,
                                (self.dir.name + '/cert.pem', self.dir.name + '/key.pem'), many)
        for kind, message in TYPES.items():
            for resource in config.get(kind) or []:
                total += 1
                name = name_of(kind, resource)
                resource = loadable(resource) if kind == 'listeners' else \
                    {k: v for k, v in resource.items() if k != '@type'}
                try:
                    if name in parsed[kind]:
                        raise ValueError('the name is there twice')
                    parsed[kind][name] = self.protos.from_json(message, resource)
                except Exception as e:
                    # the parser's second line lists every field there is
                    problems.append((kind, name, 'not a %s: %s' % (message, str(e).split('\n')[0])))
        eds = {}
        for name, cluster in parsed['clusters'].items():
            if cluster.HasField('eds_cluster_config'):
                eds.setdefault(cluster.eds_cluster_config.service_name or name, name)
        for name in set(parsed['endpoints']) - set(eds):
            eds[name] = 'envoy-check ' + name
            parsed['clusters'][eds[name]] = self.protos.from_json(TYPES['clusters'], {
                'name': eds[name], 'type': 'EDS', 'eds_cluster_config': {
                    'service_name': name, 'eds_config': {'ads': {}, 'resource_api_version': 'V3'}}})
        if parsed['routes']:
            parsed['listeners'][ROUTE_LISTENER] = self.protos.from_json(
                TYPES['listeners'], route_listener(sorted(parsed['routes'])))

        # Envoy acknowledges a cluster only when it has the endpoints: offer them first, an empty set if need be
        offers = {name: parsed['endpoints'].get(name) or
                  self.protos.from_json(TYPES['endpoints'], {'cluster_name': name}) for name in eds}
        for kind, messages in (('endpoints', offers), ('routes', parsed['routes']), ('secrets', parsed['secrets'])):
            self.server.offer(kind, messages)
        taken = self.push('clusters', parsed['clusters'], problems)
        self.collect('endpoints', [n for n, c in eds.items() if c in taken], problems)
        self.server.await_(lambda: 'listeners' in self.server.asked)
        self.push('listeners', parsed['listeners'], problems)
        self.collect('routes', list(parsed['routes']), problems)
        self.collect('secrets', [n for n in parsed['secrets'] if n in self.server.wanted['secrets']], problems)
        for kind in ('listeners', 'clusters'):
            gone = self.server.send(kind, removed=list(parsed[kind]))
            self.server.await_(lambda: gone in self.server.answers)
        return problems, total


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    build = os.environ.get('B') or here + '/../../build'
    p = argparse.ArgumentParser(usage=__doc__.split('usage: ')[1].split('\n')[0])
    p.add_argument('--envoy', default=build + '/bin/envoy')
    p.add_argument('--many', action='store_true', help='resources of many proxies')
    p.add_argument('-v', action='store_true', help='name every file')
    p.add_argument('files', nargs='*')
    args = p.parse_args()

    began = time.monotonic()
    check = Check(args.envoy, build)
    total = failed = 0
    try:
        for path in args.files or ['-']:
            with sys.stdin if path == '-' else open(path) as f:
                config = json.load(f)
            problems, count = check.load(config, args.many)
            total += count
            failed += len(problems)
            if args.v:
                print('%s: %d resources' % (path, count), flush=True)
            for kind, name, reason in problems:
                print('%s: %s %s: %s' % (path, kind, name, reason), flush=True)
    finally:
        check.close()
    print('%d files into Envoy in %.1f s' % (len(args.files) or 1, time.monotonic() - began))
    print('%d passed, %d failed' % (max(total - failed, 0), failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
