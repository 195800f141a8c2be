#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which rules of lib/model/check*.c no golden case breaks: every call of wrong() must have run.

usage: rule_cover.py OBJDIR     (built with --coverage, after the golden runner has run)
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def counts(objdir):
    """File -> line -> how often it ran."""
    out = subprocess.run(['gcovr', '-r', ROOT, '--object-directory', objdir, '-f', r'lib/model/check.*\.c', '--json', '-'],
                         check=True, capture_output=True, text=True).stdout
    return {f['file']: {line['line_number']: line['count'] for line in f['lines']} for f in json.loads(out)['files']}


def main():
    shown = missing = 0
    for path, lines in sorted(counts(os.path.abspath(sys.argv[1])).items()):
        for number, text in enumerate(open(os.path.join(ROOT, path)), 1):
            if not re.search(r'\bwrong\(', text) or number not in lines:
                continue
            shown += lines[number] > 0
            if not lines[number]:
                missing += 1
                print('%s:%d: no case breaks this: %s' % (path, number, text.strip()))
    print('%d passed, %d failed' % (shown, missing))
    return missing != 0


if __name__ == '__main__':
    sys.exit(main())
