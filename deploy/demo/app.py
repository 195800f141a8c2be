#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The services of the bookinfo demo, one program: app.py ROLE VERSION POD [FAULTS]

ROLE is productpage, details, reviews or ratings. Every answer is JSON and ends in "hops": which pods the
call went through, with their status. productpage also shows a page for people. A file FAULTS/POD makes this
pod fail: with the word `fail` every request, with `flaky` every second one.
"""
import html
import http.client
import http.server
import json
import os
import socketserver
import sys
import threading
import time
import urllib.parse

PORT = 9080
# what a trace and a user's identity need to survive a hop
FORWARDED = ('end-user', 'x-request-id', 'traceparent', 'tracestate', 'x-b3-traceid', 'x-b3-spanid',
             'x-b3-parentspanid', 'x-b3-sampled', 'b3', 'user-agent')
BOOK = {'id': 0, 'title': 'The Comedy of Errors', 'author': 'William Shakespeare', 'year': 1595,
        'type': 'paperback', 'pages': 200, 'publisher': 'PublisherA', 'language': 'English'}
REVIEWS = (('Reviewer1', 'An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!'),
           ('Reviewer2', 'Absolutely fun and entertaining. The play lacks thematic depth when compared to others.'))
STARS = {'Reviewer1': 5, 'Reviewer2': 4}
COLOR = {'v2': 'black', 'v3': 'red'}


class Callee:
    """Calls one service by its name, over connections that are kept, one a thread."""

    def __init__(self, host):
        self.host, self.local = host, threading.local()

    def get(self, path, headers):
        """(status, JSON or None). A kept connection that the peer closed meanwhile is opened again once."""
        for attempt in range(2):
            conn = getattr(self.local, 'conn', None)
            fresh = conn is None
            if fresh:
                conn = self.local.conn = http.client.HTTPConnection(self.host, PORT, timeout=10)
            try:
                conn.request('GET', path, headers=headers)
                answer = conn.getresponse()
                body = answer.read()
                if answer.will_close:
                    self.drop()
                try:
                    return answer.status, json.loads(body)
                except ValueError:
                    return answer.status, {'error': body.decode('utf-8', 'replace')[:200]}
            except (OSError, http.client.HTTPException) as e:
                self.drop()
                if fresh or attempt:
                    return 503, {'error': 'no answer: %r' % e}

    def drop(self):
        self.local.conn.close()
        self.local.conn = None


class App:
    def __init__(self, role, version, pod, faults):
        self.role, self.version, self.pod, self.faults = role, version, pod, faults
        self.callees = {n: Callee(n) for n in ('details', 'reviews', 'ratings')}
        self.count = 0

    def fault(self):
        try:
            with open(os.path.join(self.faults, self.pod)) as f:
                word = f.read().strip()
        except OSError:
            return False
        self.count += 1
        return word == 'fail' or (word == 'flaky' and self.count % 2 == 1)

    def call(self, name, path, headers, hops):
        """What the service answered, its hops added to ours."""
        began = time.monotonic()
        status, body = self.callees[name].get(path, headers)
        below = body.pop('hops', None)
        hops += below or [{'service': name, 'status': status, 'pod': None}]
        hops[-len(below or ' ')]['ms'] = round((time.monotonic() - began) * 1000, 1)
        return status, body

    def ratings(self, headers, hops):
        return 200, {'id': 0, 'ratings': STARS}

    def details(self, headers, hops):
        return 200, dict(BOOK)

    def reviews(self, headers, hops):
        out = {'id': 0, 'version': self.version, 'pod': self.pod,
               'reviews': [{'reviewer': who, 'text': text} for who, text in REVIEWS]}
        if self.version in COLOR:
            status, body = self.call('ratings', '/ratings/0', headers, hops)
            for review in out['reviews']:
                if status == 200:
                    review['rating'] = {'stars': body['ratings'][review['reviewer']], 'color': COLOR[self.version]}
                else:
                    review['rating'] = {'error': 'Ratings service is currently unavailable', 'status': status}
        return 200, out

    def productpage(self, headers, hops, only=None):
        out = {}
        for name in (only,) if only else ('details', 'reviews'):
            status, out[name] = self.call(name, '/%s/0' % name, headers, hops)
            out[name]['status'] = status
        if only:
            return out[only].pop('status'), out[only]
        return 200, out

    def answer(self, path, headers):
        """(status, dict) of a request."""
        hops = [{'service': self.role, 'version': self.version, 'pod': self.pod, 'status': 200}]
        if self.fault():
            status, body = 500, {'error': 'fault in %s' % self.pod}
        elif self.role == 'productpage':
            only = {'/api/reviews': 'reviews', '/api/details': 'details'}.get(path)
            status, body = self.productpage(headers, hops, only)
        elif path.startswith('/%s/' % self.role):
            status, body = getattr(self, self.role)(headers, hops)
        else:
            status, body = 404, {'error': 'no such path'}
        hops[0]['status'] = status
        return status, dict(body, hops=hops)


PAGE = '''<!doctype html><html lang="en"><meta charset="utf-8"><title>%(title)s</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{margin-bottom:0}.red{color:#b00020}.black{color:#111}blockquote{border-left:3px solid #bbb;margin:1rem 0;padding-left:1rem}
table{border-collapse:collapse}td,th{border-bottom:1px solid #ddd;padding:.2rem 1rem .2rem 0;text-align:left}
.version{background:#e8f0fe;border-radius:.3rem;padding:.1rem .5rem}.bad{color:#b00020}</style>
<form method="get" action="/login">%(user)s</form>
<h1>%(title)s</h1><p>%(details)s</p>
<h2>Reviews <span class="version">answered by reviews %(version)s</span></h2>%(reviews)s
<h2>Hops of this call</h2><table><tr><th>service<th>version<th>pod<th>status<th>ms</tr>%(hops)s</table>
<p><a href="/productpage">Load again</a> · <a href="/api">the same as JSON</a></p></html>'''


def page(answer, user):
    esc = lambda v: html.escape(str(v if v is not None else '-'))
    details, reviews = answer.get('details', {}), answer.get('reviews', {})
    quotes = []
    for r in reviews.get('reviews', []):
        rating = r.get('rating', {})
        stars = '<span class="%s">%s</span>' % (esc(rating['color']), '★' * rating['stars'] + '☆' * (5 - rating['stars'])) \
            if 'stars' in rating else '<span class="bad">%s</span>' % esc(rating['error']) if rating else ''
        quotes.append('<blockquote>%s<br>%s %s</blockquote>' % (esc(r['text']), esc(r['reviewer']), stars))
    return PAGE % {
        'title': esc(details.get('title', 'Product page')),
        'details': ' · '.join('%s: %s' % (k, esc(details[k])) for k in ('author', 'year', 'pages', 'publisher')
                              if k in details) or '<span class="bad">Details are unavailable.</span>',
        'version': esc(reviews.get('version')),
        'reviews': ''.join(quotes) or '<p class="bad">Reviews are unavailable.</p>',
        'hops': ''.join('<tr><td>%s<td>%s<td>%s<td>%s<td>%s</tr>' % tuple(
            esc(h.get(k)) for k in ('service', 'version', 'pod', 'status', 'ms')) for h in answer['hops']),
        'user': 'Signed in as <b>%s</b>. <a href="/login?user=">Sign out</a>' % esc(user) if user else
                '<label>User <input name="user" value="jason"></label> <button>Sign in</button>'}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    wbufsize = 65536
    app = None

    def reply(self, status, body, kind, **headers):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        headers = {n: self.headers[n] for n in FORWARDED if self.headers.get(n)}
        if self.app.role != 'productpage':
            return self.reply_json(url.path, headers)
        if url.path == '/':
            return self.reply(302, b'', 'text/plain', Location='/productpage')
        if url.path == '/login':
            user = urllib.parse.parse_qs(url.query).get('user', [''])[0]
            user = ''.join(c for c in user if c.isalnum())[:32]
            return self.reply(302, b'', 'text/plain', Location='/productpage',
                              Set_Cookie='user=%s; Path=/; HttpOnly; SameSite=Lax' % user)
        cookies = dict(c.strip().split('=', 1) for c in self.headers.get('cookie', '').split(';') if '=' in c)
        if cookies.get('user') and 'end-user' not in headers:
            headers['end-user'] = cookies['user']
        if url.path == '/productpage':
            status, answer = self.app.answer(url.path, headers)
            body = page(answer, headers.get('end-user')).encode()
            return self.reply(status, body, 'text/html; charset=utf-8', Cache_Control='no-store')
        if url.path in ('/api', '/api/reviews', '/api/details'):
            return self.reply_json(url.path, headers)
        self.reply(404, b'no such page\n', 'text/plain')

    def reply_json(self, path, headers):
        status, answer = self.app.answer(path, headers)
        self.reply(status, json.dumps(answer).encode() + b'\n', 'application/json')

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def server_bind(self):
        # HTTPServer's own asks a name server for our name and waits for it
        socketserver.TCPServer.server_bind(self)


def main():
    role, version, pod = sys.argv[1:4]
    Handler.app = App(role, version, pod, sys.argv[4] if len(sys.argv) > 4 else '/nonexistent')
    Server(('0.0.0.0', PORT), Handler).serve_forever()


if __name__ == '__main__':
    main()
