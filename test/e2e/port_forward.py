# SPDX-License-Identifier: Apache-2.0
"""The kubelet's end of a port-forward by WebSocket (v4.channel.k8s.io), over a request of http.server."""
import base64
import hashlib
import struct
import threading

PROTOCOL = 'v4.channel.k8s.io'
GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


def frame(opcode, data):
    n = len(data)
    size = bytes([n]) if n < 126 else b'\x7e' + struct.pack('>H', n) if n < 65536 else b'\x7f' + struct.pack('>Q', n)
    return bytes([0x80 | opcode]) + size + data


def read_frame(stream):
    """(opcode, data) of a client's frame; None at the end. What is not masked is an error."""
    head = stream.read(2)
    if len(head) < 2:
        return None
    n = head[1] & 127
    if n > 125:
        n = struct.unpack('>H', stream.read(2))[0] if n == 126 else struct.unpack('>Q', stream.read(8))[0]
    assert head[1] & 0x80, 'a client has to mask'
    mask = stream.read(4)
    return head[0] & 15, bytes(b ^ mask[i % 4] for i, b in enumerate(stream.read(n)))


def accept(handler):
    """Answers the upgrade; false and a 400 when it is none."""
    offered = [p.strip() for p in handler.headers.get('Sec-WebSocket-Protocol', '').split(',')]
    if handler.headers.get('Upgrade', '').lower() != 'websocket' or PROTOCOL not in offered:
        handler.send_error(400)
        return False
    key = hashlib.sha1((handler.headers['Sec-WebSocket-Key'] + GUID).encode()).digest()
    handler.send_response(101)
    for name, value in (('Upgrade', 'websocket'), ('Connection', 'Upgrade'), ('Sec-WebSocket-Protocol', PROTOCOL),
                        ('Sec-WebSocket-Accept', base64.b64encode(key).decode())):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.flush()
    handler.close_connection = True
    return True


def serve(handler, port, connect):
    """Bridges the request to what connect() gives; connect None: nobody listens there, as the kubelet tells it."""
    if not accept(handler):
        return
    out, lock = handler.wfile, threading.Lock()

    def send(channel, data, opcode=2):
        with lock:
            out.write(frame(opcode, bytes([channel]) + data))
            out.flush()

    for channel in (0, 1):
        send(channel, struct.pack('<H', port))
    if not connect:
        send(1, b'error forwarding port: connection refused')
        return
    with lock:
        out.write(frame(9, b'are you there'))       # a ping amid it all
    backend = connect()

    def pump():
        try:
            while data := backend.recv(50000):
                send(0, data)
        except (OSError, ValueError):
            pass            # the client has what it wanted

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    try:
        while (got := read_frame(handler.rfile)) and got[0] != 8:
            if got[0] == 2 and got[1][:1] == b'\0':
                backend.sendall(got[1][1:])
    finally:
        backend.close()
