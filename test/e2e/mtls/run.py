#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS on the demo's pods: run.py [--share] [WORD...]

A mesh is started as the demo does it, in namespaces of its own, with certificates that are renewed every five seconds;
then each check of checks.py (those whose names hold a WORD), in order. --share: the same within a minute.
"""
import argparse
import os
import signal
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(HERE, '../../../deploy/demo')]

import demo                                                         # noqa: E402
import promises                                                     # noqa: E402
import sandbox                                                      # noqa: E402
import checks                                                       # noqa: E402

# of ten minutes 0.83% are gone when a certificate is renewed, so one is good for the longest outage
AGENT = ['--ttl', '10m', '--grace-ratio', '0.9917']


def arguments():
    p = argparse.ArgumentParser(description='Mutual TLS on the pods of the demo.')
    p.add_argument('--share', action='store_true', help='shorter, for each submission')
    p.add_argument('words', nargs='*')
    args = p.parse_args()
    args.build, args.navarchd, args.envoy = os.environ.get('B') or os.path.join(demo.ROOT, 'build'), os.environ.get('NAVARCHD'), None
    demo.find_programs(args)
    return args


def main():
    args = arguments()
    chosen = [c for c in checks.CHECKS if not args.words or any(w in c.__name__ for w in args.words)]
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
        mesh = checks.Mesh(args, work, rootless, agent=AGENT)
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


if __name__ == '__main__':
    sys.exit(main())
