# SPDX-License-Identifier: Apache-2.0
"""Attacks on the xDS port: each is refused and counted in /metrics, costs bounded memory, and a healthy client beside
it gets a change within a second while it lasts. Frames are written by hand (RFC 9113, RFC 7541)."""
import collections
import re
import select
import socket
import struct
import threading
import time

import manifests
from harness import Failed, await_, need
from xds_client import CDS, DeltaClient, field, node, rss_mb, seconds

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 1
END_HEADERS = 4
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DELTA = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
RSS_MB = 64
HEALTHY_S = 1.0


# ---- HTTP/2 by hand ----

def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + struct.pack('>BBI', kind, flags, stream) + payload


def integer(n, prefix_bits, first=0):
    top = (1 << prefix_bits) - 1
    if n < top:
        return bytes([first | n])
    out, n = bytes([first | top]), n - top
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def literal(name, value, indexed=False):
    """A literal field, new name; indexed: into the dynamic table."""
    name, value = (v.encode() if isinstance(v, str) else v for v in (name, value))
    return bytes([0x40 if indexed else 0]) + integer(len(name), 7) + name + integer(len(value), 7) + value


def headers(path=DELTA, method='POST', kind='application/grpc', more=()):
    out = literal(':method', method) + literal(':scheme', 'http') + literal(':path', path) + literal(':authority', 'x')
    if kind:
        out += literal('content-type', kind) + literal('te', 'trailers')
    return out + b''.join(literal(k, v) for k, v in more)


def message(payload, flag=0, size=None):
    return struct.pack('>BI', flag, len(payload) if size is None else size) + payload


class H2:
    """A client connection. What it reads while it sends is kept for read()."""

    def __init__(self, address):
        self.sock = socket.create_connection(address, 10)
        self.sock.settimeout(10)
        self.over, self.unread = False, b''
        self.send(PREFACE + frame(SETTINGS, 0, 0))
        self.read(2, lambda frames: any(t == SETTINGS for t, _, _, _ in frames))
        self.send(frame(SETTINGS, ACK, 0))      # the server's windows are in force

    def send(self, data):
        """False once the peer has ended the connection. Reads on while the peer does not take more."""
        data = memoryview(data)
        while data and not self.over:
            readable, writable, _ = select.select([self.sock], [self.sock], [], 10)
            if not readable and not writable:
                raise Failed('the server neither reads nor ends the connection')
            if readable:
                self.take()
            if writable and not self.over:
                try:
                    data = data[self.sock.send(data[:65536]):]
                except OSError:
                    self.over = True
        return not self.over

    def take(self):
        try:
            got = self.sock.recv(65536)
        except OSError:
            got = b''
        self.over = self.over or not got
        self.unread += got

    def read(self, seconds_=1.0, until=None):
        """What comes until the end, until(frames), or for so long: a list of (type, flags, stream, payload)."""
        frames, end = [], time.monotonic() + seconds_
        while True:
            data = self.unread
            while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], 'big'):
                size = int.from_bytes(data[:3], 'big')
                frames.append((data[3], data[4], int.from_bytes(data[5:9], 'big'), data[9:9 + size]))
                data = data[9 + size:]
            self.unread = data
            left = end - time.monotonic()
            if self.over or left <= 0 or (until and until(frames)):
                return frames
            if select.select([self.sock], [], [], left)[0]:
                self.take()

    def await_end(self, within_s):
        """Seconds until the server ended the connection."""
        began = time.monotonic()
        while not self.over:
            self.read(0.5)
            need(time.monotonic() - began < within_s, 'not cut within %d s' % within_s)
        return time.monotonic() - began

    def call(self, stream, body=b'', end=True, **more):
        return self.send(frame(HEADERS, END_HEADERS, stream, headers(**more)) +
                         (frame(DATA, END_STREAM if end else 0, stream, body) if body or end else b''))

    def send_body(self, stream, body):
        """Within the window that the server gives at first, 1 MiB, and what it adds. Returns what came meanwhile."""
        got = []
        for at in range(0, len(body) or 1, 16384):
            if at and at % (16384 * 32) == 0:
                got += self.read(5, lambda frames: any(t == WINDOW_UPDATE and s == stream for t, _, s, _ in frames) or
                                 answered(stream)(frames))
            if answered(stream)(got):
                return got
            last = at + 16384 >= len(body)
            self.send(frame(DATA, END_STREAM if last else 0, stream, body[at:at + 16384]))
        return got

    def close(self):
        self.sock.close()


def goaway_code(frames):
    return next((struct.unpack('>I', p[4:8])[0] for t, _, _, p in frames if t == GOAWAY), None)


def answered(stream):
    """An until(): the stream's last frame is there."""
    return lambda frames: any(s == stream and (t == RST_STREAM or (t in (DATA, HEADERS) and f & END_STREAM))
                              for t, f, s, _ in frames)


# ---- the healthy neighbour ----

class Mesh:
    def __init__(self, env):
        self.daemon = env.navarchd({'a.yaml': manifests.service('calm', 8080, ['v1'])})
        self.address = self.daemon.xds
        self.healthy = env.started(DeltaClient(self.address, kind='sidecar', name='healthy', namespace='default', labels=()))
        self.n = 0
        await_('the first clusters', lambda: self.healthy.has('calm.default'))
        self.change()
        self.base = rss_mb(self.daemon)
        self.before = self.counters()
        self.worst_mb = self.worst_s = 0

    def counters(self):
        text = self.daemon.fetch('metrics', '/metrics')[1]
        found = re.findall(r'^(navarch_http_refused_total|navarch_xds_requests_refused_total)(?:\{reason="(\w+)"\})? (\S+)$', text, re.M)
        return collections.Counter({reason or 'xds': float(value) for _, reason, value in found})

    def counted(self, *reasons):
        """Together, since the start."""
        now = self.counters()
        return sum(now[r] - self.before[r] for r in reasons)

    def change(self):
        """Seconds until a new service reaches the healthy client."""
        self.n += 1
        name = 'calm-%d' % self.n
        self.daemon.write('change.yaml', manifests.service(name, 8080, ['v1']))
        took = seconds(lambda: self.daemon.alive() and self.healthy.has(name + '.default'), 10)
        need(took is not None, 'a change did not reach the healthy client (%s)' % self.healthy.failed)
        return took

    def check(self, during=None):
        """The neighbour's state while attackers (functions) run, each in a thread until it returns."""
        threads = [threading.Thread(target=self.guarded, args=(f,), daemon=True) for f in during or ()]
        self.trouble = []
        for t in threads:
            t.start()
        while True:
            running = any(t.is_alive() for t in threads)
            took = self.change()
            self.worst_s = max(self.worst_s, took)
            self.worst_mb = max(self.worst_mb, rss_mb(self.daemon) - self.base)
            if not running:
                break
        need(not self.trouble, '; '.join(self.trouble))

    def guarded(self, function):
        try:
            function()
        except (Failed, OSError) as e:
            self.trouble.append('%s: %r' % (function.__name__, e))

    def verdict(self):
        need(not self.healthy.failed, 'the healthy client: %s' % self.healthy.failed)
        need(self.worst_s < HEALTHY_S, 'a change took %.2f s' % self.worst_s)
        need(self.worst_mb < RSS_MB, '%.0f MB more' % self.worst_mb)
        return 'a change within %.2f s, %.0f MB more' % (self.worst_s, self.worst_mb)


def h1(address, data, wait_s=5):
    """The answer to bytes sent at once."""
    with socket.create_connection(address, 10) as sock:
        sock.settimeout(wait_s)
        try:
            sock.sendall(data)
        except OSError:
            pass
        out = b''
        try:
            while True:
                got = sock.recv(65536)
                if not got:
                    return out
                out += got
        except OSError:
            return out


# ---- the attacks ----

def test_hostile_net_rest_bodies(env):
    """Over 4 MiB, by Content-Length, chunked, and over HTTP/2: 413; deep and invalid JSON: 400."""
    mesh = Mesh(env)
    head = b'POST /v3/discovery:clusters HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n'

    def by_length():
        for n in (5 << 20, 1 << 40, (1 << 63) - 1):
            answer = h1(mesh.address, head + b'Content-Length: %d\r\n\r\n' % n)
            need(b' 413 ' in answer.split(b'\r\n')[0], 'Content-Length %d: %r' % (n, answer[:80]))

    def chunked():
        answer = h1(mesh.address, head + b'Transfer-Encoding: chunked\r\n\r\n' + (b'10000\r\n' + b'x' * 65536 + b'\r\n') * 80 + b'0\r\n\r\n')
        need(b' 413 ' in answer.split(b'\r\n')[0], 'chunked: %r' % answer[:80])

    def over_h2():
        c = H2(mesh.address)
        c.call(1, path='/v3/discovery:clusters', kind=None, end=False, more=[('content-length', str(5 << 20))])
        got = c.read(5, answered(1))
        need(any(t == HEADERS and b'413' in p for t, _, _, p in got), 'HTTP/2: %s' % got[:6])
        c.close()

    def bad_json():
        for body in (b'[' * 100000, b'{"node":' * 10000, b'\xff' * 1000, b'{"resource_names":[' + b'"x",' * 300000 + b'"y"]}',
                     b'{"node":{"metadata":{"a":' + b'[' * 90 + b']' * 90 + b'}}}', b'{"resource_names":["' + b'x' * 5000 + b'"],"node":{}}'):
            answer = h1(mesh.address, head + b'Content-Length: %d\r\n\r\n' % len(body) + body)
            need(b' 400 ' in answer.split(b'\r\n')[0], '%r: %r' % (body[:20], answer[:80]))

    def many_subscriptions():
        """One client, ever new names: 4096 are kept, the rest refused."""
        answers = collections.Counter()
        sock = socket.create_connection(mesh.address, 10)
        stream = sock.makefile('rb')
        for i in range(4200):
            body = b'{"version_info":"%d","node":{"id":"sidecar~10.9.9.9~many.default~default.svc.cluster.local"},"resource_names":["n%d"]}' % (i, i)
            sock.sendall(b'POST /v3/discovery:endpoints HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
            status, length = int(stream.readline().split()[1]), 0
            for line in iter(stream.readline, b'\r\n'):
                if line.lower().startswith(b'content-length:'):
                    length = int(line.split(b':')[1])
            stream.read(length)
            answers[status] += 1
        sock.close()
        need(answers == {200: 4096, 429: 104}, 'answers: %s' % answers)

    def ambiguous():
        for more in (b'Content-Length: 1\r\nContent-Length: 2\r\n', b'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
                     b'X: ' + b'y' * 200000 + b'\r\n', b'X: y\r\n' * 200):
            answer = h1(mesh.address, head + more + b'\r\n0\r\n\r\n')
            need(not answer or b' 4' in answer.split(b'\r\n')[0], '%r: %r' % (more[:20], answer[:80]))

    mesh.check((by_length, chunked, over_h2, bad_json, many_subscriptions, ambiguous))
    need(mesh.counted('request') >= 6 and mesh.counted('xds') >= 6, 'counted: %s' % mesh.counters())
    return mesh.verdict()


def test_hostile_net_slow(env):
    """Who sends too slowly is cut by a deadline: nothing at all, headers or a body byte by byte, HTTP/1.1 and 2."""
    mesh = Mesh(env)
    ended = {}

    def drip(name, first, byte, end_s=24, every_s=0.5):
        sock = socket.create_connection(mesh.address, 10)
        sock.sendall(first)
        began = time.monotonic()
        while time.monotonic() - began < end_s:
            readable = select.select([sock], [], [], every_s)[0]
            try:
                if readable and not sock.recv(65536):
                    ended[name] = time.monotonic() - began
                    break
                if byte:
                    sock.sendall(byte)
            except OSError:
                ended[name] = time.monotonic() - began
                break
        sock.close()

    preface = PREFACE + frame(SETTINGS, 0, 0)
    block = headers()
    slow = {
        'nothing': (b'', b''),
        'two bytes': (b'PR', b''),
        'half a preface': (b'PRI * HT', b''),
        'request line': (b'GET /', b'x'),
        'headers': (b'GET / HTTP/1.1\r\nHost: x\r\nX: ', b'y'),
        'body': (b'POST /v3/discovery:clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{', b' '),
        'no request after the preface': (preface, b''),
        'frame header': (preface + b'\0\0', b''),
        'header block': (preface + frame(HEADERS, 0, 1, block[:20]), frame(CONTINUATION, 0, 1, b'')),
        'a frame of headers': (preface + frame(HEADERS, END_HEADERS, 1, block)[:-40], b'x'),
        'body over HTTP/2': (preface + frame(HEADERS, END_HEADERS, 1, headers(path='/v3/discovery:clusters', kind=None)),
                             frame(DATA, 0, 1, b' ')),
        'message': (preface + frame(HEADERS, END_HEADERS, 1, block) + frame(DATA, 0, 1, message(b'', size=100000)), frame(DATA, 0, 1, b'x')),
        'no message': (preface + frame(HEADERS, END_HEADERS, 1, block), b''),
    }
    # costs a socket and nothing else, as an idle connection does: the keepalive's business
    patient = {'no request after the preface', 'frame header'}
    whole = {'body over HTTP/2', 'message', 'no message'}    # the stream is ended, not the connection

    def stream_end(name):
        c = H2(mesh.address)
        began = time.monotonic()
        c.send(slow[name][0][len(preface):])
        while time.monotonic() - began < 30:
            if answered(1)(c.read(0.5, answered(1))) or c.over:
                ended[name] = time.monotonic() - began
                break
            c.send(slow[name][1])
        c.close()

    attacks = [lambda n=n, v=v: drip(n, *v) for n, v in slow.items() if n not in whole]
    attacks += [lambda n=n: stream_end(n) for n in whole]
    mesh.check(attacks)
    missing = [n for n in slow if n not in ended and n not in patient]
    need(not missing, 'never cut: %s; others: %s' % (', '.join(missing), {n: round(s) for n, s in ended.items()}))
    need(max(ended.values()) < 25, 'cut late: %s' % ended)
    need(mesh.counted('slow', 'slow_headers') >= 9, 'counted: %s' % mesh.counters())
    return mesh.verdict()


def test_hostile_net_half_open(env):
    """2,000 connections that say nothing, or only the preface, or half a request."""
    mesh = Mesh(env)
    socks = []

    def open_many():
        for i in range(2000):
            sock = socket.create_connection(mesh.address, 10)
            sock.sendall((b'', PREFACE, PREFACE + frame(SETTINGS, 0, 0), b'POST / HTTP/1.1\r\n')[i % 4])
            socks.append(sock)

    mesh.check((open_many,))
    mesh.check()
    await_('the silent ones to be cut', lambda: mesh.counted('slow') >= 1000, 20)
    for sock in socks:
        sock.close()
    mesh.check()
    return mesh.verdict()


def test_hostile_net_grpc_frames(env):
    """Compressed, oversized, malformed, cut messages; unknown methods and types; what is no protobuf."""
    mesh = Mesh(env)
    request = field(1, node('sidecar', 'bad', 'default', ())) + field(2, CDS)

    def deep(levels):
        value = field(3, 'x')
        for _ in range(levels):
            value = field(6, field(1, value))
        return field(1, field(1, 'sidecar~127.0.0.1~a.b~c') + field(3, field(1, field(1, 'k') + field(2, value)))) + field(2, CDS)

    cases = {
        'compressed flag': message(request, flag=1),
        'unknown flag': message(request, flag=77),
        '4 GB': message(b'x' * 100, size=0xffffffff),
        '5 MiB': message(b'', size=5 << 20),
        'cut message': message(request, size=len(request) + 10),
        'cut prefix': b'\0\0\0',
        'garbage': message(b'\xff' * 1000),
        'no node': message(field(2, CDS)),
        'bad node': message(field(1, field(1, 'nobody')) + field(2, CDS)),
        'group': message(b'\x0b\x0c'),
        'long varint': message(b'\x0a' + b'\xff' * 11),
        'bad utf-8 in a name': message(request + field(3, b'\xff\xfe')),
        'bad utf-8 in the node': message(field(1, field(1, b'sidecar~1.1.1.1~\xff.b~c')) + field(2, CDS)),
        'long name': message(request + field(3, 'x' * 5000)),
        'names': message(request + field(3, 'x') * 250000),
        'missing names': message(request + b''.join(field(3, 'missing-%d' % i) for i in range(150000))),
        'versions': message(request + field(5, field(1, 'x') + field(2, 'y')) * 210000),
        'deep metadata': message(deep(200)),
        'deeper metadata': message(deep(20000)),
        'type without a slash': message(field(1, node('sidecar', 'bad', 'default', ())) + field(2, 'nonsense')),
    }
    refusals = {
        'unknown method': dict(path='/nothing.Here/Now'),
        'encoded method': dict(path=DELTA.replace('Delta', '%44elta')),
        'doubled slash': dict(path='/' + DELTA),
        'a dot segment': dict(path='/x/..' + DELTA),
        'compressed': dict(more=[('grpc-encoding', 'gzip')]),
        'bad timeout': dict(more=[('grpc-timeout', '99999999999999999999S')]),
        'no te': dict(kind=None, more=[('content-type', 'application/grpc')]),
        'another type': dict(kind='application/grpc-bogus'),
        'GET': dict(method='GET'),
    }
    wrong = []

    def run():
        for name, body in cases.items():
            c = H2(mesh.address)
            c.send(frame(HEADERS, END_HEADERS, 1, headers()))
            got = c.send_body(1, body) + c.read(5, answered(1))
            if not answered(1)(got):
                wrong.append('%s: not ended: %s' % (name, got[-3:]))
            c.close()
        for name, more in refusals.items():
            c = H2(mesh.address)
            c.call(1, body=message(request), **more)
            got = c.read(5, answered(1))
            if not answered(1)(got):
                wrong.append('%s: not refused: %s' % (name, got[-3:]))
            c.close()

    mesh.check((run,))
    need(not wrong, '\n    '.join(wrong))
    need(mesh.counted('request', 'xds', 'message') >= len(cases) + len(refusals) - 2, 'counted %d of %d: %s' % (
        mesh.counted('request', 'xds', 'message'), len(cases) + len(refusals), mesh.counters()))
    return mesh.verdict()


def test_hostile_net_headers(env):
    """HPACK bombs, CONTINUATION floods, header lists without end, invalid HPACK."""
    mesh = Mesh(env)

    def bomb():
        """One large field in the dynamic table, named again and again."""
        c = H2(mesh.address)
        big = literal('x', 'y' * 3900, indexed=True)
        for i in range(200):
            stream = 2 * i + 1
            block = headers() + (big if not i else b'') + b'\xbe' * 16000
            if not c.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block)):
                break
        c.read(1)
        c.close()

    def continuations():
        c = H2(mesh.address)
        c.send(frame(HEADERS, 0, 1, headers()))
        for _ in range(100000):
            if not c.send(frame(CONTINUATION, 0, 1, literal('x', 'y' * 100))):
                break
        c.await_end(5)

    def empty_continuations():
        c = H2(mesh.address)
        c.send(frame(HEADERS, 0, 1, headers()))
        c.send(frame(CONTINUATION, 0, 1) * 100000)
        c.await_end(5)

    def many_fields():
        c = H2(mesh.address)
        block = headers() + literal('a', '') * 5000
        c.send(frame(HEADERS, 0, 1, block[:16000]) + frame(CONTINUATION, END_HEADERS, 1, block[16000:]))
        got = c.read(3, answered(1))
        need(any(t == HEADERS and b'431' in p for t, _, _, p in got) or c.over, 'many fields: %s' % got)
        c.close()

    def bad_hpack():
        for block in (b'\xff\xff\xff\xff\xff\xff\xff', b'\x80', b'\x00\x7f\xff\xff\xff\xff\x0f', b'\x3f\xff\xff\xff\x7f',
                      literal(':path', '/') * 2, literal('X', 'y') + headers(), headers() + literal(':late', 'x'),
                      headers(more=[('x', 'a\0b')]), headers(more=[('connection', 'close')])):
            c = H2(mesh.address)
            c.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
            got = c.read(3, lambda f: answered(1)(f) or goaway_code(f) is not None)
            need(c.over or answered(1)(got) or goaway_code(got), 'HPACK %r: %s' % (block[:8], got))
            c.close()

    mesh.check((bomb, continuations, empty_continuations, many_fields, bad_hpack))
    need(mesh.counted('headers_too_large') >= 1, 'counted: %s' % mesh.counters())
    need(mesh.counted('control_flood') >= 2 and mesh.counted('protocol_error') >= 3, 'counted: %s' % mesh.counters())
    return mesh.verdict()


def test_hostile_net_resets(env):
    """Rapid reset, streams that make us reset them, 100,000 streams on one connection and over many."""
    mesh = Mesh(env)
    block = headers()

    def rapid_reset():
        c = H2(mesh.address)
        sent = 0
        for i in range(10000):
            stream = 2 * i + 1
            if not c.send(frame(HEADERS, END_HEADERS, stream, block) + frame(RST_STREAM, 0, stream, struct.pack('>I', 8))):
                break
            sent = i
        need(c.over or goaway_code(c.read(2)) is not None, 'rapid reset: %d were taken' % sent)
        c.close()

    def made_you_reset():
        """WINDOW_UPDATE of 0 makes the server reset."""
        c = H2(mesh.address)
        for i in range(10000):
            stream = 2 * i + 1
            if not c.send(frame(HEADERS, END_HEADERS, stream, block) + frame(WINDOW_UPDATE, 0, stream, b'\0\0\0\0')):
                break
        need(c.over or goaway_code(c.read(2)) is not None, 'made-you-reset was taken')
        c.close()

    def streams():
        """More at once than are allowed, 100,000 in all."""
        opened = 0
        while opened < 100000:
            c = H2(mesh.address)
            for n in range(25):
                batch = b''.join(frame(HEADERS, END_HEADERS, 2 * i + 1, block) for i in range(n * 100, n * 100 + 100))
                opened += 100
                if not c.send(batch):
                    break
            c.read(0.1)
            c.close()

    mesh.check((rapid_reset, made_you_reset, streams))
    need(mesh.counted('reset_flood') >= 1, 'counted: %s' % mesh.counters())
    need(mesh.counted('too_many_streams', 'protocol_error') >= 40, 'counted: %s' % mesh.counters())
    return mesh.verdict()


def test_hostile_net_floods(env):
    """SETTINGS, PING, PRIORITY, WINDOW_UPDATE and empty DATA without end; garbage; who does not read."""
    mesh = Mesh(env)

    def flood(data, first=b'', times=300):
        c = H2(mesh.address)
        c.send(first)
        for _ in range(times):
            if not c.send(data * 1000):
                break
        c.await_end(5)

    def floods():
        call = frame(HEADERS, END_HEADERS, 1, headers())
        flood(frame(SETTINGS, 0, 0))
        flood(frame(SETTINGS, 0, 0, struct.pack('>HI', 4, 65535) * 5))
        flood(frame(PING, 0, 0, b'12345678'))
        flood(frame(PRIORITY, 0, 1, b'\0\0\0\0\1'))
        flood(frame(WINDOW_UPDATE, 0, 0, b'\0\0\0\1'))
        flood(frame(DATA, 0, 1), first=call)
        flood(frame(99, 0, 0))

    def window_overflow():
        c = H2(mesh.address)
        c.send(frame(WINDOW_UPDATE, 0, 0, b'\x7f\xff\xff\xff') * 2)
        c.await_end(5)

    def large_frame():
        c = H2(mesh.address)
        c.send(frame(DATA, 0, 1, b'x' * 100000))
        c.await_end(5)

    garbage = [lambda text=text: h1(mesh.address, text, wait_s=15) for text in (b'\x16\x03\x01\x02\x00' + b'x' * 600, b'\0' * 1000, b'\xff' * 100000, b'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n' + b'x' * 100,
        PREFACE + b'\xff' * 1000, b'GET / HTTP/9.9\r\n\r\n', b'\r\n' * 10000, b'A' * 1000000)]

    def no_reading():
        """Asks for everything and reads nothing: costs its buffers."""
        socks = []
        for i in range(50):
            sock = socket.create_connection(mesh.address, 10)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            request = message(field(1, node('sidecar', 'deaf-%d' % i, 'default', ())) + field(2, CDS) + field(3, '*'))
            sock.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, headers()) + frame(DATA, 0, 1, request))
            socks.append(sock)
        time.sleep(2)
        for sock in socks:
            sock.close()

    mesh.check([floods, window_overflow, large_frame, no_reading] + garbage)
    need(mesh.counted('control_flood') >= 6, 'counted: %s' % mesh.counters())
    need(mesh.counted('bad_preface') >= 1 and mesh.counted('protocol_error') >= 2, 'counted: %s' % mesh.counters())
    return mesh.verdict()


def test_hostile_net_unfinished(env):
    """Large requests that never end, on many streams and connections: what is held for them is bounded."""
    mesh = Mesh(env)
    conns = []

    def messages():
        for _ in range(10):
            c = H2(mesh.address)
            conns.append(c)
            for i in range(50):
                stream = 2 * i + 1
                c.send(frame(HEADERS, END_HEADERS, stream, headers()))
                if not c.send(b''.join(frame(DATA, 0, stream, (message(b'', size=4 << 20) if not k else b'') + b'x' * 16000)
                                       for k in range(60))):
                    break

    def bodies():
        for _ in range(100):
            sock = socket.create_connection(mesh.address, 10)
            sock.settimeout(2)
            conns.append(sock)
            try:
                sock.sendall(b'POST /v3/discovery:clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n' + b' ' * 3000000)
            except OSError:
                pass

    mesh.check((messages, bodies))
    need(mesh.counted('memory') >= 10, 'counted: %s' % mesh.counters())
    for c in conns:
        c.close()
    return mesh.verdict()
