#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of this folder: main.py [-l] [WORD...]   (only tests whose names hold a WORD; -l lists them)

In namespaces of its own (network, mounts, processes; without root also users): Pods have addresses there, and nothing
is left behind, whatever happens. What is run is built first, by build.sh.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.dirname(HERE)
sys.path[:1] = [E2E, HERE, os.path.join(E2E, '..', '..', 'deploy', 'demo')]

import harness                                                      # noqa: E402
import run                                                          # noqa: E402
import sandbox                                                      # noqa: E402
import container                                                    # noqa: E402
import pods                                                         # noqa: E402


def build():
    """Whether all is there; else the word that says why not, and the line of a run that skips everything."""
    for program in ('kube', 'helm', 'gateway-api'):
        done = subprocess.run([HERE + '/build.sh', harness.BUILD + '/bin', program])
        if done.returncode == 3:
            print('SKIPPED: no real API server was tested\n0 passed, 0 failed, %d skipped' % len(list(run.tests(HERE))))
            sys.exit(0)
        if done.returncode:
            sys.exit(done.returncode)


def main():
    if '-l' not in sys.argv:
        os.environ['PATH'] = '/usr/sbin:/sbin:' + os.environ['PATH']
        build()
        container.rootless = sandbox.enter()
        folder = tempfile.mkdtemp(prefix='navarch-e2e-kube-')
        try:
            pods.network = pods.Network(folder)
            return run.main(HERE, sys.argv[1:])
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return run.main(HERE, sys.argv[1:])


if __name__ == '__main__':
    sys.stdout.flush()
    code = main()
    sys.stdout.flush()
    os._exit(code)
