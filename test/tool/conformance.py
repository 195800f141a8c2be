#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores navctl over the field's conformance cases and holds the score of each set above a committed
floor (test/conformance/floors.json), so that none falls from one commit to the next.

usage: conformance.py NAVCTL [--update]     --update raises the floors to what is reached now

The cases and their judge stand beside the project (../shared), not in it; without them every set is
skipped, loudly.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.path.join(os.path.dirname(ROOT), 'shared')
FLOORS = os.path.join(ROOT, 'test', 'conformance', 'floors.json')


def judge(navctl, results):
    """Set -> (passed, judged), from the judge's table; prints the table."""
    cmd = [sys.executable, SHARED + '/judge/run_cases.py', SHARED + '/cases', '--cli', navctl, '--out', results]
    out = subprocess.run(cmd, capture_output=True, text=True, env=dict(os.environ, PYTHONPATH=os.path.dirname(FLOORS)))
    print(out.stdout + out.stderr, end='')
    scores = {}
    for name, n_pass, n_fail in re.findall(r'^(\S+) +\d+ +(\d+) +(\d+) +\d+ +[\d.]+%', out.stdout, re.M):
        scores[name] = (int(n_pass), int(n_pass) + int(n_fail))
    return scores


def compare(navctl):
    """(equal, all) resources beside istiod's own output for the same input."""
    out = subprocess.run([sys.executable, SHARED + '/judge/compare.py', SHARED + '/cases', '--cli', navctl], capture_output=True, text=True)
    print(out.stdout + out.stderr, end='')
    m = re.search(r'^(\d+) of (\d+) resources equal', out.stdout, re.M)
    return (int(m.group(1)), int(m.group(2))) if m else (0, 0)


def crashes(results):
    return [r['id'] for r in map(json.loads, open(results)) if re.search(r'crash|exit -|exit (12[4-9]|13\d)', r['why'])]


def main():
    navctl, update = os.path.abspath(sys.argv[1]), '--update' in sys.argv
    floors = json.load(open(FLOORS))
    if not os.path.isdir(SHARED + '/cases'):
        print('SKIPPED: no conformance cases at %s' % SHARED)
        print('0 passed, 0 failed, %d skipped' % len(floors))
        return 0
    results = os.path.join(ROOT, 'build', 'conformance.jsonl')
    os.makedirs(os.path.dirname(results), exist_ok=True)
    scores = judge(navctl, results)
    scores['istiod-equal'] = compare(navctl)
    bad = ['%s crashed' % c for c in crashes(results)]
    for name, (n, of) in sorted(scores.items()):
        floor = floors.get(name, 0)
        print('note: %-20s %5d of %5d, floor %d' % (name, n, of, floor))
        if n < floor:
            bad.append('%s fell from %d to %d' % (name, floor, n))
    if update:
        json.dump({k: v[0] for k, v in sorted(scores.items())}, open(FLOORS, 'w'), indent=1)
        open(FLOORS, 'a').write('\n')
    for b in bad:
        print('FAILED: ' + b)
    print('%d passed, %d failed' % (len(scores) - len(bad) if len(bad) < len(scores) else 0, len(bad)))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
