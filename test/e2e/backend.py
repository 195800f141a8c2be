# SPDX-License-Identifier: Apache-2.0
"""Servers that the tests put behind Envoys: they say who they are, and keep what they were asked."""
import collections
import http.server
import socketserver
import ssl
import threading

METHODS = ('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS')

# path: with leading slashes and query, as sent. headers: by any case. sni, client (the common name of the
# certificate that the client showed): None without TLS
Request = collections.namedtuple('Request', 'method path headers sni client')


class Server(socketserver.ThreadingTCPServer):
    """On one port of one address, over TLS if there is a context. Handlers read and write self.request."""
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address, handler, tls):
        self.tls = tls
        if tls:
            tls.sni_callback = lambda sock, name, context: setattr(sock, 'sni', name)
        super().__init__(address, handler)
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def finish_request(self, request, client_address):
        # here, in the connection's own thread, and not where connections are accepted
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass                            # a client that broke off; what it saw is what the test judges


def client_of(sock):
    """The common name of the certificate that a client showed, None without one."""
    subject = (isinstance(sock, ssl.SSLSocket) and sock.getpeercert() or {}).get('subject', ())
    return dict(pair for part in subject for pair in part).get('commonName')


class Backend:
    """An HTTP server that answers every request with its name, as body and as the header x-backend.

    seen: the requests, in order. answers: {host: function(Request) -> status}, for hosts that shall get another
    one than 200; the function runs in the connection's thread and may wait."""

    def __init__(self, name, ip, port=0, tls=None):
        backend, self.name = self, name
        self.seen, self.answers = [], {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True

            def answer(self):
                # not self.path, in which leading slashes are merged
                request = Request(self.command, self.requestline.split()[1], self.headers,
                                  getattr(self.connection, 'sni', None), client_of(self.connection))
                backend.seen.append(request)
                status = backend.answers.get(self.headers['Host'], lambda _: 200)(request)
                body = name.encode()
                self.send_response(status)
                self.send_header('Content-Length', str(len(body)))
                self.send_header('x-backend', name)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        for method in METHODS:
            setattr(Handler, 'do_' + method, Handler.answer)
        self.server = Server((ip, port), Handler, tls)
        self.port = self.server.server_address[1]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class LineBackend:
    """A TCP server that answers every line with its name and the line; over TLS if there is a context."""

    def __init__(self, name, ip, port=0, tls=None):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    self.wfile.write(name.encode() + b' ' + line)

        self.server = Server((ip, port), Handler, tls)
        self.port = self.server.server_address[1]

    stop = Backend.stop
