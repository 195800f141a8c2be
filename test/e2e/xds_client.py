# SPDX-License-Identifier: Apache-2.0
"""A delta ADS client by grpcio that subscribes to all resources of a type and acknowledges everything: the healthy
neighbour in tests of bad input, and the agent that asks for names. Its messages are written by hand (field numbers: envoy.service.discovery.v3)."""
import queue
import threading
import time

import grpc

CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
NDS = 'type.googleapis.com/istio.networking.nds.v1.NameTable'
METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'


def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    """A length-delimited field."""
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def fields(data):
    """(number, value) of each field of a message; values are bytes or numbers."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 2:
            size = number()
            yield key >> 3, data[at:at + size]
            at += size
        else:
            yield key >> 3, number()


def node(kind='router', name='gateway', namespace='istio-system', labels=(('istio', 'ingressgateway'),), more=()):
    """A Node with metadata NAMESPACE and LABELS, and more."""
    def text(value):
        return field(3, value)

    def member(key, value):
        return field(1, field(1, key) + field(2, value))

    metadata = member('NAMESPACE', text(namespace)) + member(
        'LABELS', field(5, b''.join(member(k, text(v)) for k, v in labels))) + b''.join(member(k, text(v)) for k, v in more)
    return (field(1, '%s~127.0.0.1~%s.%s~%s.svc.cluster.local' % (kind, name, namespace, namespace)) +
            field(2, name) + field(3, metadata))


class DeltaClient:
    def __init__(self, address, type_url=CDS, **who):
        self.type_url = type_url
        self.seen = set()           # names of resources
        self.versions = {}          # of them
        self.bodies = {}            # and what the Any holds
        self.responses = 0
        self.failed = None
        self.requests = queue.Queue()
        self.requests.put(field(1, node(**who)) + field(2, type_url) + field(3, '*'))
        self.channel = grpc.insecure_channel('%s:%d' % address)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            stream = self.channel.stream_stream(METHOD)(iter(self.requests.get, None))
            for response in stream:
                nonce = b''
                for number, value in fields(response):
                    if number == 2:     # a Resource: its version is 1, its name 3
                        resource = {n: v for n, v in fields(value) if n in (1, 2, 3)}
                        self.bodies[resource[3].decode()] = dict(fields(resource.get(2, b''))).get(2, b'')
                        self.versions[resource[3].decode()] = resource.get(1, b'').decode()
                        self.seen.add(resource[3].decode())
                    elif number == 6:
                        self.seen -= {value.decode()}
                        self.versions.pop(value.decode(), None)
                    elif number == 5:
                        nonce = value
                self.responses += 1
                self.requests.put(field(2, self.type_url) + field(6, nonce))
        except grpc.RpcError as e:
            self.failed = '%s %s' % (e.code(), e.details())

    def names(self):
        """Of NDS: host -> addresses."""
        table = {}
        for number, entry in fields(self.bodies.get('NameTable', b'')):
            pair = dict(fields(entry)) if number == 1 else {}
            table[pair.get(1, b'').decode()] = [v.decode() for n, v in fields(pair.get(2, b'')) if n == 1]
        return table

    def has(self, word):
        return any(word in name for name in self.seen)

    def stop(self):
        self.requests.put(None)
        self.channel.close()
        self.thread.join(5)


def rss_mb(process):
    with open('/proc/%d/statm' % process.popen.pid) as f:
        return int(f.read().split()[1]) * 4096 / 1e6


def peak_mb(process):
    """The most that it ever had."""
    with open('/proc/%d/status' % process.popen.pid) as f:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in f if line.startswith('VmHWM:'))


def seconds(condition, limit_s):
    """How long until the condition holds, or None after limit_s."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > limit_s:
            return None
        time.sleep(0.005)
    return time.monotonic() - began
