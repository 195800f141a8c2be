# SPDX-License-Identifier: Apache-2.0
"""What the demo promises, as checks on a running one. Each is a function (demo) -> a remark; it raises Wrong."""
import http.client
import math
import os
import time

import load
import wire

PORT = 9080                             # of all services
DEADLINE_S = 15

ROUTE = '''apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: %s
  namespace: default
spec:
  hosts:
    - %s
  http:
%s'''


class Wrong(Exception):
    pass


def need(claim, text):
    if not claim:
        raise Wrong(text)


def edit(demo, name, text):
    """Replaces (or with None removes) one manifest, whole, as an editor does it."""
    path = os.path.join(demo.config, name)
    if text is None:
        os.unlink(path)
        return
    with open(path + '.new', 'w') as f:
        f.write(text)
    os.rename(path + '.new', path)


def reviews(demo, *http_routes):
    edit(demo, 'reviews.yaml', ROUTE % ('reviews', 'reviews', ''.join(http_routes)))


def to(*weights, extra=''):
    """An http route of the VirtualService: to('v1', 90, 'v2', 10)."""
    out = '    - route:\n'
    for subset, weight in zip(weights[::2], weights[1::2]):
        out += '        - destination:\n            host: reviews\n            subset: %s\n          weight: %d\n' % (subset, weight)
    return out + extra


def await_(what, condition, deadline_s=DEADLINE_S):
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise Wrong('%s: not within %d s' % (what() if callable(what) else what, deadline_s))
        time.sleep(0.02)


def await_only(demo, version, user=None):
    """Until 20 requests in a row got this."""
    client = load.Client(demo.gateway, user)
    await_('only %s' % version, lambda: all(client.version() == version for _ in range(20)))
    client.close()


def within(count, total, share):
    """Whether a share lies within 3 standard deviations."""
    return abs(count - total * share) <= 3 * math.sqrt(total * share * (1 - share))


def moved_after(outcomes, before, after):
    """The index at which a row of booleans changed its share most likely from `before` to `after`."""
    gain = [math.log(after / before), math.log((1 - after) / (1 - before))]
    best = at = total = 0
    for i in range(len(outcomes) - 1, -1, -1):
        total += gain[0 if outcomes[i] else 1]
        if total > best:
            best, at = total, i
    return at


def six_services(demo):
    pods = set()
    guest, jason = load.Client(demo.gateway), load.Client(demo.gateway, 'jason')

    def all_seen():
        for client in (guest, jason):
            status, body = client.get('/api')
            need(status == 200, '/api: %d %s' % (status, body))
            pods.update(h['pod'] for h in body['hops'] if h['status'] == 200)
        return len(pods) == 6

    await_(lambda: 'six pods, not only %s' % sorted(pods), all_seen)
    return ', '.join(sorted(pods))


def printed_address(demo):
    demo.outside.settimeout(10)
    demo.outside.connect(demo.page)
    conn = http.client.HTTPConnection('127.0.0.1')
    conn.sock = demo.outside
    conn.request('GET', '/productpage', headers={'Connection': 'close'})
    answer = conn.getresponse()
    body = answer.read().decode()
    need(answer.status == 200 and 'answered by reviews v' in body, 'the page: %d %s' % (answer.status, body[:200]))
    return 'http://127.0.0.1:%d' % demo.page[1]


def split(demo):
    got = load.count(demo.gateway, 2000)
    need(set(got) == {'v1', 'v2'}, 'answers: %s' % dict(got))
    need(within(got['v2'], 2000, 0.1), '90/10 over 2,000 gave %s' % dict(got))
    return 'v1 %d, v2 %d' % (got['v1'], got['v2'])


def header_match(demo):
    got = load.count(demo.gateway, 100, user='jason')
    need(set(got) == {'v3'}, 'jason got %s' % dict(got))
    got = load.count(demo.gateway, 100, user='jasons')
    need('v3' not in got and set(got) <= {'v1', 'v2'}, 'another user got %s' % dict(got))


def mutual_tls(demo):
    seen = wire.Wire(PORT)
    load.count(demo.gateway, 100)
    flows = seen.stop()
    total = sum(len(flow.text()) for flow in flows.values())
    plain = [name for name, flow in flows.items() if not flow.is_tls()]
    need(total > 100 * 1000, 'only %d bytes were seen between pods' % total)
    need(not plain, 'not TLS: %s' % plain)
    for pod, (app, _, ip, _) in sorted(demo.pods.items()):
        status, (shown, end) = wire.asked_plainly(ip, PORT), wire.asked_by_tls(ip, PORT)
        need(status == 0, '%s answers %d to who speaks no TLS' % (pod, status))
        need(wire.names(shown) == {demo.identity(app)}, '%s shows %s' % (pod, wire.names(shown) or end))
        need(end, '%s answers to who shows no certificate' % pod)
    return '%d kB in %d flows, all TLS; each pod shows its own identity and asks for one' % (total / 1000, len(flows))


def edit_moves(demo):
    stream = load.Load(demo.gateway)
    await_('load', lambda: len(stream.seen) > 200)
    edited = time.monotonic()
    reviews(demo, to('v1', 50, 'v2', 50))
    # enough requests that began more than a second after the edit to judge the new share by
    await_('800 requests', lambda: sum(1 for began, _ in list(stream.seen) if began > edited + 1) >= 800)
    seen = stream.stop()
    bad = [what for _, what in seen if what not in ('v1', 'v2')]
    need(not bad, '%d of %d requests failed: %s' % (len(bad), len(seen), bad[:3]))
    late = [what == 'v2' for began, what in seen if began > edited + 1]
    need(within(sum(late), len(late), 0.5), 'a second after the edit v2 had %d of %d' % (sum(late), len(late)))
    at = seen[moved_after([what == 'v2' for _, what in seen], 0.1, 0.5)][0] - edited
    need(at < 1, 'the traffic moved %.1f s after the edit' % at)
    return '0 of %d failed; moved about %.0f ms after the edit; then v2 %d of %d' % (
        len(seen), max(at, 0) * 1000, sum(late), len(late))


def abort(demo):
    match = ('    - match:\n        - headers:\n            end-user:\n              exact: jason\n'
             '      fault:\n        abort:\n          httpStatus: 555\n          percentage:\n            value: 100\n'
             '      route:\n        - destination:\n            host: ratings\n')
    reviews(demo, to('v3', 100))
    await_only(demo, 'v3', 'jason')

    def status(user):
        code, body = load.Client(demo.gateway, user).get('/api/reviews')
        need(code == 200, 'reviews: %d %s' % (code, body))
        return {r['rating'].get('status', 200) for r in body['reviews']}

    edit(demo, 'ratings.yaml', ROUTE % ('ratings', 'ratings', match + '    - route:\n        - destination:\n            host: ratings\n'))
    await_('jason gets 555', lambda: status('jason') == {555})
    need(status(None) == {200}, 'the abort hit others: %s' % status(None))
    edit(demo, 'ratings.yaml', None)
    await_('jason gets ratings again', lambda: status('jason') == {200})


def fault(demo, pod, word):
    path = os.path.join(demo.faults, pod)
    if word is None:
        os.unlink(path)
        return
    with open(path, 'w') as f:
        f.write(word)


def retry(demo):
    reviews(demo, to('v1', 100))
    await_only(demo, 'v1')
    fault(demo, 'reviews-v1', 'flaky')
    try:
        got = load.count(demo.gateway, 100, threads=1)
        need(30 <= got['v1'] <= 70, 'without a retry: %s' % dict(got))
        reviews(demo, to('v1', 100, extra='      retries:\n        attempts: 3\n        perTryTimeout: 2s\n        retryOn: 5xx\n'))
        await_only(demo, 'v1')
        after = load.count(demo.gateway, 200, threads=1)
        need(after['v1'] == 200, 'with retries: %s' % dict(after))
    finally:
        fault(demo, 'reviews-v1', None)
    return 'without: %d of 100 failed; with: 0 of 200' % (100 - got['v1'])


def ejection(demo):
    with open(os.path.join(demo.config, 'reviews-subsets.yaml')) as f:
        before = f.read()
    edit(demo, 'reviews-subsets.yaml', before.replace('  subsets:\n', (
        '  trafficPolicy:\n    outlierDetection:\n      consecutive5xxErrors: 3\n      interval: 1s\n'
        '      baseEjectionTime: 60s\n      maxEjectionPercent: 100\n  subsets:\n')))
    reviews(demo, '    - route:\n        - destination:\n            host: reviews\n')
    client = load.Client(demo.gateway)
    await_('all three versions answer', lambda: {client.version() for _ in range(30)} == {'v1', 'v2', 'v3'})
    ejected = lambda: sum(v for k, v in demo.admins['productpage-v1'].stats('outlier_detection.ejections_active').items()
                          if 'reviews' in k)
    need(ejected() == 0, 'an endpoint is ejected already')
    fault(demo, 'reviews-v3', 'fail')
    try:
        failed = 0

        def gone():
            nonlocal failed
            failed += sum(not client.version().startswith('v') for _ in range(10))
            return ejected() == 1

        await_('the failing endpoint is ejected', gone)
        need(failed >= 3, 'ejected after %d failures' % failed)
        got = load.count(demo.gateway, 200)
        need(set(got) == {'v1', 'v2'}, 'after the ejection: %s' % dict(got))
    finally:
        fault(demo, 'reviews-v3', None)
        edit(demo, 'reviews-subsets.yaml', before)
    return 'after %d failures; then 0 of 200' % failed


def broken_edit(demo):
    good = to('v3', 100)
    reviews(demo, good)
    await_only(demo, 'v3')
    text = ROUTE % ('reviews', 'reviews', good)
    remarks = []
    for broken in (text.replace('weight: 100', 'weight: ninety'), text.replace('    - route:\n', '    - route:\n  bad [indent\n')):
        line = next(n for n, (a, b) in enumerate(zip(broken.splitlines(), text.splitlines()), 1) if a != b)
        with open(demo.log_dir + '/navarchd.log') as f:
            at = f.seek(0, 2)
        edit(demo, 'reviews.yaml', broken)

        def reported():
            with open(demo.log_dir + '/navarchd.log') as f:
                f.seek(at)
                # a parser may see a broken indentation one line later
                return [s for s in f if any('reviews.yaml:%d:' % n in s for n in (line, line + 1))]

        await_('navarchd names reviews.yaml:%d' % line, reported)
        remarks.append(reported()[0].strip()[-90:])
        got = load.count(demo.gateway, 200)
        need(set(got) == {'v3'}, 'traffic after a broken edit: %s' % dict(got))
        reviews(demo, good)
    return '; '.join(remarks)


CHECKS = (six_services, printed_address, mutual_tls, split, header_match, edit_moves, abort, retry, ejection, broken_edit)


def run(demo, checks=CHECKS):
    """Prints a line a check and the sum; 1 if one failed."""
    failed = 0
    for one in checks:
        print('  %-16s ' % one.__name__, end='', flush=True)
        began = time.monotonic()
        try:
            remark = one(demo)
            word = 'ok'
        except (Wrong, OSError, KeyError, TypeError) as e:
            remark, word, failed = '%s: %s' % (type(e).__name__, e) if not isinstance(e, Wrong) else e, 'FAILED', failed + 1
        print('%-6s %5.1f s  %s' % (word, time.monotonic() - began, remark or ''), flush=True)
    if failed:
        print('logs: ' + demo.log_dir + '\n' + demo.tail('navarchd'))
    print('%d passed, %d failed, 0 skipped' % (len(checks) - failed, failed), flush=True)
    return 1 if failed else 0
