#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS on the demo's pods: run.py [--share] [WORD...]

Meshes are started as the demo does it, in namespaces of their own, with certificates that are renewed every five seconds;
then each check of checks.py (those whose names hold a WORD), in order. Two meshes run side by side: one whose
certificates outlive an outage of navarchd, one whose certificates expire soon. --share: the same within a minute.
"""
import argparse
import os
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(HERE, '../../../deploy/demo')]

import demo                                                         # noqa: E402
import promises                                                     # noqa: E402
import sandbox                                                      # noqa: E402
import checks                                                       # noqa: E402

# how long a certificate lives, and the part that is left when it is renewed: after five seconds
MESHES = {'long': (checks.LONG_LIVES, ['--ttl', '10m', '--grace-ratio', '0.9917']),
          'short': (checks.SHORT_LIVES, ['--ttl', '60s', '--grace-ratio', '0.9'])}


def arguments():
    p = argparse.ArgumentParser(description='Mutual TLS on the pods of the demo.')
    p.add_argument('--share', action='store_true', help='shorter, for each submission')
    p.add_argument('--mesh', choices=MESHES, help='only this one')
    p.add_argument('words', nargs='*')
    args = p.parse_args()
    args.build, args.navarchd, args.envoy = os.environ.get('B') or os.path.join(demo.ROOT, 'build'), os.environ.get('NAVARCHD'), None
    demo.find_programs(args)
    return args


def chosen(mesh, words):
    return [c for c in MESHES[mesh][0] if not words or any(w in c.__name__ for w in words)]


def run(args, chosen, agent):
    """One mesh, in this process."""
    work, lock = demo.work_folder(args.build, 'e2e-mtls')
    try:
        rootless = sandbox.enter()
    except sandbox.Failed as e:
        print('SKIPPED, nothing of mutual TLS was tested: %s\n0 passed, 0 failed, %d skipped' % (e, len(chosen)), flush=True)
        return 0
    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(n, demo.stop)
    mesh, code = None, 1
    try:
        mesh = checks.Mesh(args, work, rootless, agent=agent)
        mesh.up()
        code = promises.run(mesh, chosen)
    except KeyboardInterrupt:
        code = 130
    except sandbox.Failed as e:
        print('%s\n0 passed, %d failed, 0 skipped' % (e, len(chosen)), flush=True)
    finally:
        if mesh:
            mesh.down()
        sys.stdout.flush()
    os._exit(code)                              # the threads of the load are not waited for


def run_all(words):
    """Each mesh as a process; their lines as they come, and the sum."""
    command = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], '--mesh']
    running = [subprocess.Popen([*command, mesh], stdout=subprocess.PIPE, text=True) for mesh in MESHES if chosen(mesh, words)]
    total, failed = [0, 0, 0], False
    try:
        for process in running:
            text = ''
            for line in process.stdout:
                text += line
                print(line, end='', flush=True)
            sums = re.findall(r'^(\d+) passed, (\d+) failed, (\d+) skipped$', text, re.M)
            failed |= process.wait() != 0 or not sums
            total = [a + int(b) for a, b in zip(total, sums[-1])] if sums else total
    finally:
        for process in running:
            process.terminate()
            process.wait()
    total[1] += failed and not total[1]
    print('%d passed, %d failed, %d skipped' % tuple(total), flush=True)
    return failed


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if not args.mesh:
        return run_all(args.words)
    return run(args, chosen(args.mesh, args.words), MESHES[args.mesh][1])


if __name__ == '__main__':
    sys.exit(main())
