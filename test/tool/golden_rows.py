#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the table of rows in test/golden/README.md: every case that it names exists, and a row
without a case gives a reason. The last line counts the rows.

usage: golden_rows.py
"""
import os
import re
import sys

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'golden')


def rows():
    """(line number, row, cases) of each table line below "## Rows and their cases"."""
    text = open(os.path.join(GOLDEN, 'README.md')).read()
    head, table = text.split('\n## Rows and their cases\n')
    for n, line in enumerate(table.splitlines(), head.count('\n') + 3):
        cell = [c.strip() for c in re.split(r'(?<!\\)\|', line)[1:-1]]
        if len(cell) == 2 and cell[0] not in ('row', '---'):
            yield n, cell[0], cell[1]


def complaint(cases):
    named = re.findall(r'`([a-z]+/[\w.-]+)`', cases)
    missing = [c for c in named if not os.path.exists(os.path.join(GOLDEN, c, 'about.txt'))]
    if missing:
        return 'no such case: ' + ', '.join(missing)
    return '' if named or len(cases) > 12 else 'neither a case nor a reason'


def main():
    bad = n = 0
    for line, row, cases in rows():
        n += 1
        why = complaint(cases)
        if why:
            bad += 1
            print('test/golden/README.md:%d: %s: %s' % (line, row, why))
    print('golden rows: %d rows, %d of them wrong' % (n, bad))
    return bad > 0


if __name__ == '__main__':
    sys.exit(main())
