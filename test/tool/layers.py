#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what the compiler cannot: include edges between layers, who may use which library, mutable
state at file scope, SPDX lines. Prints each violation; the last line counts them.

usage: layers.py [ROOT]
"""
import os
import re
import subprocess
import sys

LAYER = {'base': 0, 'ev': 1, 'node': 1, 'net': 2, 'ca': 2, 'model': 2, 'store': 3, 'mesh': 4, 'plan': 5, 'analyze': 5, 'xds': 6, 'report': 7, 'agent': 8, 'server': 8}
# a library's headers -> the places that may include them
ONLY = [
    (r'uv\.h', r'lib/ev/'),
    (r'openssl/', r'lib/ca/|lib/net/(tls|websocket)'),
    (r'jansson\.h', r'lib/node/|lib/ca/jwt|lib/xds/pbjson|lib/agent/|lib/server/'),
    (r'yaml\.h', r'lib/node/'),
    (r'nghttp2/', r'lib/net/'),
    (r'microhttpd\.h', r'lib/net/'),
    (r'curl/', r'lib/net/|cmd/navctl/remote'),
    (r'(sys/socket|netinet/in|sys/epoll|sys/timerfd|poll)\.h', r'lib/ev/|lib/net/|cmd/'),
    (r'"pb/', r'lib/xds/|test/'),
    (r're2/', r'lib/base/regex'),
]
# folder -> what it may not include beside the order of layers (DESIGN: mesh knows no wire, build_* no model)
BANS = [
    (r'lib/(mesh|plan|analyze)/', r'"(net|ca|pb)/'),
    (r'lib/xds/build_', r'"model/'),
]
# mutable state at file scope is allowed here only
STATE_OK = re.compile(r'lib/ev/|lib/base/log\.c|lib/base/must\.c|cmd/\w+/main\.c')
STATE = re.compile(r'^(static\s+)?(_Thread_local\s+)?(?!.*\bconst\b)(?!typedef|extern|struct \w+;|enum\b|union\b|return|#|/|\*|\})'
                   r'[A-Za-z_][\w\s*]*\b\w+(\[[^\]]*\])*\s*(=[^=].*)?;\s*$')


def sources(root):
    out = subprocess.run(['git', '-C', root, 'ls-files', '-co', '--exclude-standard', 'lib', 'cmd'], capture_output=True, text=True).stdout
    return [f for f in out.splitlines() if f.endswith(('.c', '.h', '.cc', '.def')) and os.path.exists(os.path.join(root, f))]


def check_include(path, line):
    """The complaint about one #include line, or ''."""
    part = path.split('/')
    mine = LAYER.get(part[1]) if part[0] == 'lib' else 9
    m = re.match(r'\s*#\s*include\s+"(\w+)/', line)
    if m and m.group(1) in LAYER and m.group(1) != part[1] and LAYER[m.group(1)] >= mine:
        return 'includes upwards or sideways'
    m = re.match(r'\s*#\s*include\s+([<"][^>"]+)', line)
    if not m:
        return ''
    for rx, where in ONLY:
        if re.match('[<"]?' + rx.lstrip('"'), m.group(1)) and not re.match(where, path):
            return 'only %s may include this' % where
    for where, rx in BANS:
        if re.match(where, path) and re.match(rx, m.group(1)):
            return 'banned here'
    return ''


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else '.'
    files = sources(root)
    bad = 0
    for f in files:
        text = open(os.path.join(root, f), encoding='utf-8').read().split('\n')
        complaints = []
        if 'SPDX-License-Identifier: Apache-2.0' not in '\n'.join(text[:2]):
            complaints.append((1, 'no SPDX line', ''))
        for i, line in enumerate(text):
            why = check_include(f, line)
            if not why and f.endswith('.c') and line[:1] not in ' \t}' and '(' not in line.split('=')[0] and STATE.match(line) and not STATE_OK.match(f):
                why = 'mutable state at file scope'
            if why:
                complaints.append((i + 1, why, line.strip()))
        for n, why, line in complaints:
            print('%s:%d: %s: %s' % (f, n, why, line))
        bad += len(complaints)
    print('layers: %d files, %d violations' % (len(files), bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
