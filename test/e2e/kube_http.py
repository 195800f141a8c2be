# SPDX-License-Identifier: Apache-2.0
"""What the API servers of these tests have in common: JSON over HTTP/1.1, watches that say nothing, statuses, a kubeconfig."""
import http.server
import json
import threading


def status_of(code, message, reason=''):
    return {'kind': 'Status', 'apiVersion': 'v1', 'status': 'Success' if code < 300 else 'Failure', 'reason': reason, 'message': message,
            'code': code}


def write_kubeconfig(path, url, token=None):
    with open(path, 'w') as f:
        json.dump({'apiVersion': 'v1', 'kind': 'Config', 'current-context': 't', 'clusters': [{'name': 'c', 'cluster': {'server': url}}],
                   'users': [{'name': 'u', 'user': {'token': token} if token else {}}],
                   'contexts': [{'name': 't', 'context': {'cluster': 'c', 'user': 'u', 'namespace': 'default'}}]}, f)
    return path


class Server(http.server.ThreadingHTTPServer):
    """Serves from its making until stop(). over: it has ended, and so have its watches."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler):
        super().__init__(('127.0.0.1', 0), handler)
        self.url, self.over = 'http://127.0.0.1:%d' % self.server_port, threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.over.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True        # the client has ended

    def body(self):
        return self.rfile.read(int(self.headers.get('Content-Length', 0)))

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin_watch(self):
        self.send_response(200)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()

    def write_event(self, event, obj):
        line = json.dumps({'type': event, 'object': obj}).encode() + b'\n'
        self.wfile.write(b'%x\r\n%s\r\n' % (len(line), line))
        self.wfile.flush()
