# SPDX-License-Identifier: Apache-2.0
"""Asks the demo's reviews through the gateway and counts who answered."""
import collections
import http.client
import json
import threading
import time


class Client:
    """One kept connection to the gateway."""

    def __init__(self, target, user=None):
        self.target, self.headers, self.conn = target, {'end-user': user} if user else {}, None

    def get(self, path):
        """(status, JSON); status 0 if there was no answer. No request is tried twice, but one that a kept
        connection could not take any more because the gateway had closed it."""
        for fresh in (self.conn is None, True):
            try:
                if self.conn is None:
                    self.conn = http.client.HTTPConnection(*self.target, timeout=15)
                self.conn.request('GET', path, headers=self.headers)
                answer = self.conn.getresponse()
                body = answer.read()
                if answer.will_close:
                    self.close()
                try:
                    return answer.status, json.loads(body)
                except ValueError:
                    return answer.status, {'error': body.decode('utf-8', 'replace')}
            except (OSError, http.client.HTTPException) as e:
                self.close()
                if fresh or not isinstance(e, (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)):
                    return 0, {'error': repr(e)}

    def close(self):
        if self.conn:
            self.conn.close()
        self.conn = None

    def version(self):
        """Which version of reviews answered: v1, v2, v3, or the failure as text."""
        status, body = self.get('/api/reviews')
        return body['version'] if status == 200 else '%d %s' % (status, str(body.get('error', ''))[:60])


def count(target, requests, user=None, threads=4):
    """Counter of what `requests` requests got, sent over a few connections."""
    total, lock, left = collections.Counter(), threading.Lock(), iter(range(requests))

    def work():
        client, mine = Client(target, user), collections.Counter()
        while True:
            with lock:
                if next(left, None) is None:
                    break
            mine[client.version()] += 1
        client.close()
        with lock:
            total.update(mine)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return total


class Load:
    """Requests without end from a few threads; `seen` holds (when it began, what it got) of the latest."""

    def __init__(self, target, threads=4, pause_s=0.0, keep=100000):
        self.seen = collections.deque(maxlen=keep)
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(target, pause_s), daemon=True) for _ in range(threads)]
        for t in self.threads:
            t.start()

    def work(self, target, pause_s):
        client = Client(target)
        while not self.stopping.is_set():
            began = time.monotonic()
            self.seen.append((began, client.version()))
            if pause_s:
                self.stopping.wait(pause_s)
        client.close()

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join()
        return sorted(self.seen)
