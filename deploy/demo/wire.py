# SPDX-License-Identifier: Apache-2.0
"""What is seen on the wire between pods, and what pods answer to who is not of the mesh."""
import http.client
import math
import re
import socket
import ssl
import struct
import threading
import time

LATE_S = 0.2            # a frame may be read so long after it passed
ALL_FRAMES, IPV4, TCP, SYN = 3, 0x0800, 6, 2
URI_NAME = re.compile(rb'\x86(.)(?=spiffe://)', re.DOTALL)      # its tag in DER, and its length


class Wire:
    """All TCP on the bridge to and from one port of pods, from now on until stop()."""

    def __init__(self, port):
        self.port, self.flows, self.end = port, {}, math.inf
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while time.monotonic() < self.end:
            try:
                self.take(self.socket.recv(1 << 17))
            except socket.timeout:
                pass

    def take(self, frame):
        """A frame is seen twice, where it comes onto the bridge and where it leaves it."""
        if len(frame) < 54 or struct.unpack_from('!H', frame, 12)[0] != IPV4 or frame[23] != TCP:
            return
        at = 14 + (frame[14] & 15) * 4
        end = 14 + struct.unpack_from('!H', frame, 16)[0]
        ports = struct.unpack_from('!HH', frame, at)
        if self.port not in ports:
            return
        flow = self.flows.setdefault((socket.inet_ntoa(frame[26:30]), ports[0], socket.inet_ntoa(frame[30:34]), ports[1]), Flow())
        seq, payload = struct.unpack_from('!I', frame, at + 4)[0], frame[at + (frame[at + 12] >> 4) * 4:end]
        flow.begun |= bool(frame[at + 13] & SYN)
        if payload:
            flow.segments[seq] = max(flow.segments.get(seq, b''), payload, key=len)

    def stop(self):
        self.end = time.monotonic() + LATE_S
        self.thread.join()
        self.socket.close()
        return self.flows


class Flow:
    """One direction of a connection. begun: its first byte is here too."""

    def __init__(self):
        self.begun, self.segments = False, {}

    def text(self):
        return b''.join(self.segments[seq] for seq in sorted(self.segments))

    def is_tls(self):
        """No word of HTTP/1; and, where it begins, a handshake."""
        text = self.text()
        return b'HTTP/1.' not in text and (not self.begun or not text or text[:2] == b'\x16\x03')


def names(certificates):
    """The SPIFFE ids in certificates, or in what was seen on the wire."""
    return {certificates[m.end():m.end() + m[1][0]].decode('ascii', 'replace') for m in URI_NAME.finditer(certificates)}


def asked_by_tls(ip, port, cert=None):
    """(the certificate that a pod shows to a client of our own, None or how it ended); `cert`: its chain and key, files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    shown = b''
    if cert:
        context.load_cert_chain(*cert)
    try:
        with socket.create_connection((ip, port), 5) as sock, context.wrap_socket(sock) as tls:
            shown = tls.getpeercert(True)
            return shown, None if http_status(tls) else 'no answer'
    except (OSError, http.client.HTTPException) as e:
        return shown, repr(e)


def asked_plainly(ip, port):
    """The status that a pod answers to who speaks no TLS, 0 for none."""
    try:
        with socket.create_connection((ip, port), 5) as sock:
            return http_status(sock)
    except (OSError, http.client.HTTPException):
        return 0


def http_status(sock):
    sock.sendall(b'GET / HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n')
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    return answer.status
