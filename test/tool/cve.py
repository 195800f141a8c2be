#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each row of test/cve.txt names a test that is there: a function of C that is registered, or test_NAME of Python."""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def text_of(pattern):
    return ''.join(open(path).read() for path in glob.glob(ROOT + '/test/' + pattern, recursive=True))


def main():
    c, python = text_of('unit/**/*_test.c'), text_of('e2e/**/test_*.py')
    rows = [line.split() for line in open(ROOT + '/test/cve.txt') if line.strip() and line[0] != '#']
    missing = [(row[0], row[-1]) for row in rows if not re.search(r'cmocka_unit_test\w*\(%s\b' % row[-1], c) and
               'def test_%s(' % row[-1] not in python]
    for name, test in missing:
        print('%s: no test %s' % (name, test))
    print('%d passed, %d failed' % (len(rows) - len(missing), len(missing)))
    return bool(missing)


if __name__ == '__main__':
    sys.exit(main())
