#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts the kustomize base into navctl, so that there is one source.

usage: embed.py BASE OUT.c     all resources of BASE/kustomization.yaml, in its order, as one text of several documents
"""
import sys


def resources(base):
    """Those of the kustomization; its form is ours, a list of files one a line."""
    listed = False
    with open(base + '/kustomization.yaml') as f:
        for line in f:
            if not line.startswith((' ', '#')):
                listed = line.strip() == 'resources:'
            elif listed and line.startswith('  - '):
                yield '%s/%s' % (base, line[4:].strip())


def main():
    base, out = sys.argv[1:]
    text = b''
    for path in resources(base):
        with open(path, 'rb') as f:
            text += b'---\n' + f.read()
    with open(out, 'w') as f:
        f.write('#include <stddef.h>\n\nextern const char kube_base[];\nextern const size_t kube_base_n;\nconst char kube_base[] = {')
        for i, byte in enumerate(text):
            f.write('%s%d,' % ('' if i % 32 else '\n', byte))
        f.write('\n0};\nconst size_t kube_base_n = %d;\n' % len(text))


main()
