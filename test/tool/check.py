#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the suites of `make check` one after the other, shows what runs, keeps each one's output under
BUILD/log, and ends in one line: N passed, N failed, N skipped.

usage: check.py BUILD NAME=COMMAND...
A suite counts by the closing lines it prints: cmocka's, or "N passed, N failed[, N skipped]". A suite
that prints none counts as one, by its exit code.
"""
import os
import re
import subprocess
import sys
import time

PLAIN = re.compile(rb'^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$', re.M)
CMOCKA_RUN = re.compile(rb'^\[==========\] .*?(\d+) test\(s\) run\.', re.M)
CMOCKA_SKIP = re.compile(rb'^\[  SKIPPED \] (\d+) test\(s\)', re.M)
CMOCKA_OK = re.compile(rb'^\[  PASSED  \] (\d+) test\(s\)\.', re.M)


def count(text, code):
    """(passed, failed, skipped) of one suite's output."""
    plain = PLAIN.findall(text)
    run, ok = sum(map(int, CMOCKA_RUN.findall(text))), sum(map(int, CMOCKA_OK.findall(text)))
    left_out = sum(map(int, CMOCKA_SKIP.findall(text)))
    passed = ok + sum(int(p) for p, _, _ in plain[-1:])
    failed = run - ok - left_out + sum(int(f) for _, f, _ in plain[-1:])
    skipped = left_out + sum(int(s or 0) for _, _, s in plain[-1:])
    if not plain and not run:
        passed = int(code == 0)
    if code != 0 and failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    build, suites = sys.argv[1], [a.split('=', 1) for a in sys.argv[2:]]
    os.makedirs(build + '/log', exist_ok=True)
    total = [0, 0, 0]
    for name, command in suites:
        log = '%s/log/%s.log' % (build, name)
        print('%-12s ' % name, end='', flush=True)
        began = time.monotonic()
        with open(log, 'wb') as f:
            code = subprocess.run(command, shell=True, stdout=f, stderr=subprocess.STDOUT).returncode
        text = open(log, 'rb').read()
        n = count(text, code)
        total = [a + b for a, b in zip(total, n)]
        print('%5d passed %4d failed %4d skipped %7.1f s' % (*n, time.monotonic() - began), flush=True)
        for line in re.findall(rb'^.*\bSKIP(?:PED)?\b.*$|^note: .*$', text, re.M)[:60]:
            print('    ' + line.decode('utf-8', 'replace'))
        if n[1]:
            print('    last lines of %s:' % log)
            for line in text.decode('utf-8', 'replace').splitlines()[-40:]:
                print('    | ' + line)
    print('%d passed, %d failed, %d skipped' % tuple(total))
    return 1 if total[1] else 0


if __name__ == '__main__':
    sys.exit(main())
