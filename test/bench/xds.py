# SPDX-License-Identifier: Apache-2.0
"""navarchd as a process, and its clients: one by grpcio that takes everything, and a swarm of idle ones that
speak HTTP/2 by prepared bytes. Messages are written by hand (envoy.service.discovery.v3)."""
import collections
import http.client
import json
import os
import queue
import selectors
import signal
import socket
import struct
import subprocess
import threading
import time

import grpc

METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
URL = {
    'CDS': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    'EDS': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
    'LDS': 'type.googleapis.com/envoy.config.listener.v3.Listener',
    'RDS': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
}
SHORT = {url.encode(): short for short, url in URL.items()}
DEADLINE_S = 20


def await_(what, condition, poll_s=0.001):
    end = time.monotonic() + DEADLINE_S
    while not (got := condition()):
        if time.monotonic() > end:
            raise RuntimeError(what + ': not within %d s' % DEADLINE_S)
        time.sleep(poll_s)
    return got


# ---- protobuf ----

def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def fields(data):
    """(number, value) of each length-delimited field."""
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
        size = number()
        if key & 7 == 2:
            yield key >> 3, data[at:at + size]
            at += size


def node(i):
    return field(1, 'sidecar~10.99.%d.%d~p%d.one~one.svc.cluster.local' % (i // 250, i % 250, i)) + field(2, 'p')


def first_requests(i):
    """DeltaDiscoveryRequest: node 1, type_url 2, resource_names_subscribe 3, response_nonce 6."""
    return [(field(1, node(i)) if t == 'CDS' else b'') + field(2, url) + field(3, '*') for t, url in URL.items()]


def read_response(data):
    """(type_url, nonce, [(name, size of its content)]) of a DeltaDiscoveryResponse."""
    url = nonce = b''
    resources = []
    for number, value in fields(data):
        if number == 2:
            parts = dict(fields(value))
            resources.append((parts[3].decode(), len(parts[2])))
        elif number == 4:
            url = value
        elif number == 5:
            nonce = value
    return url, nonce, resources


# ---- the daemon ----

class Daemon:
    def __init__(self, program, folder, config, more=(), poll_s=0.001):
        port_file = folder + '/ports'
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.popen = subprocess.Popen(
            [program, *(['--config-dir', config] if config else []), '--xds-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0',
             '--metrics-address', '127.0.0.1:0', '--port-file', port_file, '--log-level', 'error', '--drain', '1s', *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            await_('the ports of navarchd', lambda: self.alive() and os.path.exists(port_file) and os.path.getsize(port_file))
            with open(port_file) as f:
                self.ports = json.load(f)
            self.address = ('127.0.0.1', self.ports['xds'])
            await_('/ready', lambda: self.alive() and self.get('admin', '/ready')[0] == 200, poll_s)
        except BaseException:
            self.stop()
            raise

    def alive(self):
        if self.popen.poll() is not None:
            raise RuntimeError('navarchd ended with %d' % self.popen.returncode)
        return True

    def get(self, port, path):
        conn = http.client.HTTPConnection('127.0.0.1', self.ports[port], timeout=10)
        try:
            conn.request('GET', path)
            answer = conn.getresponse()
            return answer.status, answer.read().decode()
        finally:
            conn.close()

    def metrics(self):
        """Sums over the labels."""
        out = collections.Counter()
        for line in self.get('metrics', '/metrics')[1].splitlines():
            if line and line[0] != '#':
                name, value = line.rsplit(' ', 1)
                out[name.split('{')[0]] += float(value)
        return out

    def rss_kb(self):
        with open('/proc/%d/statm' % self.popen.pid) as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') // 1024

    def stop(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


# ---- a gRPC client ----

class DeltaClient:
    def __init__(self, address):
        self.counts = collections.Counter()     # (type, name) -> how often it came
        self.got_bytes = 0                      # of resources
        self.last_s = time.monotonic()
        self.requests = queue.Queue()
        for request in first_requests(0):
            self.requests.put(request)
        self.channel = grpc.insecure_channel('%s:%d' % address, [('grpc.max_receive_message_length', -1)])
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            for response in self.channel.stream_stream(METHOD)(iter(self.requests.get, None)):
                url, nonce, resources = read_response(response)
                for name, size in resources:
                    self.counts[SHORT[url], name] += 1
                    self.got_bytes += size
                self.last_s = time.monotonic()
                self.requests.put(field(2, url) + field(6, nonce))
        except grpc.RpcError as e:
            if e.code() != grpc.StatusCode.CANCELLED:
                raise

    def count(self, short, name):
        return self.counts[short, name]

    def await_more(self, short, name, had):
        await_('%s %s' % (short, name), lambda: self.count(short, name) > had)

    def settle(self):
        """Until nothing has come for a while."""
        await_('quiet', lambda: time.monotonic() - self.last_s > 0.15)

    def stop(self):
        self.requests.put(None)
        self.channel.close()
        self.thread.join(5)


# ---- a swarm of idle clients ----

DATA, HEADERS, SETTINGS, PING, WINDOW = 0, 1, 4, 6, 8
WINDOW_SIZE = (1 << 31) - 1


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + payload


def header(name, value):
    """Literal, not indexed, without Huffman; both shorter than 127 bytes."""
    return b'\0' + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


HEAD = (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(SETTINGS, 0, 0, struct.pack('>HI', 4, WINDOW_SIZE)) +
        frame(WINDOW, 0, 0, struct.pack('>I', WINDOW_SIZE - 65535)) +
        frame(HEADERS, 4, 1, b''.join(header(*h) for h in (
            (':method', 'POST'), (':scheme', 'http'), (':path', METHOD), (':authority', 'navarch'),
            ('content-type', 'application/grpc'), ('te', 'trailers')))))


class IdleClient:
    def __init__(self, address, i):
        self.data, self.message = b'', b''
        self.types = set()
        self.socket = socket.create_connection(address)
        self.socket.sendall(HEAD + b''.join(self.request(r) for r in first_requests(i)))
        self.socket.setblocking(False)

    @staticmethod
    def request(message):
        return frame(DATA, 0, 1, b'\0' + struct.pack('>I', len(message)) + message)

    def on_readable(self):
        got = self.socket.recv(1 << 20)
        if not got:
            raise RuntimeError('the server closed a connection')
        self.data += got
        answer = b''
        while len(self.data) >= 9:
            size = int.from_bytes(self.data[:3], 'big')
            if len(self.data) < 9 + size:
                break
            kind, flags, payload = self.data[3], self.data[4], self.data[9:9 + size]
            self.data = self.data[9 + size:]
            if kind == DATA:
                answer += self.on_data(payload)
            elif kind in (SETTINGS, PING) and not flags & 1:
                answer += frame(kind, 1, 0, payload if kind == PING else b'')
        if answer:
            self.socket.sendall(answer)

    def on_data(self, payload):
        answer = b''
        self.message += payload
        while len(self.message) >= 5:
            size = int.from_bytes(self.message[1:5], 'big')
            if len(self.message) < 5 + size:
                break
            url, nonce, _ = read_response(self.message[5:5 + size])
            self.message = self.message[5 + size:]
            self.types.add(SHORT[url])
            answer += self.request(field(2, url) + field(6, nonce))
        return answer


class Swarm:
    def __init__(self, address, n):
        self.selector = selectors.DefaultSelector()
        self.clients = []
        for i in range(n):
            client = IdleClient(address, i)
            self.clients.append(client)
            self.selector.register(client.socket, selectors.EVENT_READ, client)

    def run(self):
        """Until all have everything and nothing has come for a second."""
        while True:
            events = self.selector.select(1)
            if not events:
                return
            for key, _ in events:
                key.data.on_readable()

    def in_sync(self):
        return sum(len(c.types) == len(URL) for c in self.clients)

    def stop(self):
        self.selector.close()
        for c in self.clients:
            c.socket.close()
