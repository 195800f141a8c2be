#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests: run.py [-l] [WORD...]   (only tests whose names hold a WORD; -l lists them)

Every function test_*(env) of test_*.py is a test. Needs `make deps` and the Python of build/venv.
"""
import glob
import importlib
import os
import signal
import sys
import time
import traceback

sys.dont_write_bytecode = True
import harness                                                      # noqa: E402


def tests(folder):
    for path in sorted(glob.glob(folder + '/test_*.py')):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, function in vars(module).items():
            if name.startswith('test_') and callable(function):
                yield name[5:], function


def run(name, function, env):
    """Prints the line of a test, and of a failed one the ends of its logs; 'ok', 'FAILED' or 'SKIP'."""
    print('%-44s ' % name, end='', flush=True)
    began, word, text = time.monotonic(), 'ok', ''
    try:
        text = function(env) or ''
    except harness.Skip as e:
        word, text = 'SKIP', str(e)
    except harness.Failed as e:
        word, text = 'FAILED', '%s\n    logs: %s' % (e, env.folder)
    except Exception:
        word, text = 'FAILED', '\n%s    logs: %s' % (traceback.format_exc(), env.folder)
    print('%-6s %5.1f s  %s' % (word, time.monotonic() - began, text), flush=True)
    for thing in env.running if word == 'FAILED' else ():
        if isinstance(thing, harness.Process):
            for line in thing.text().splitlines()[-12:]:
                print('    %s| %s' % (thing.name, line[:300]))
    return word


def main(folder, args):
    words = [a for a in args if a != '-l']
    chosen = [(n, f) for n, f in tests(folder) if not words or any(w in n for w in words)]
    if '-l' in args:
        print('\n'.join(n for n, _ in chosen))
        return 0
    for path in (harness.NAVARCHD, harness.ENVOY):
        if not os.access(path, os.X_OK):
            sys.exit('%s is not there: run `make` and `make deps`' % path)
    counts = {'ok': 0, 'FAILED': 0, 'SKIP': 0}
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    for name, function in chosen:
        env, word = harness.Env(name), 'FAILED'
        try:
            word = run(name, function, env)
            counts[word] += 1
        finally:                        # also when we are interrupted, or nobody reads what we print
            env.close(keep=word == 'FAILED')
    print('%d passed, %d failed, %d skipped' % (counts['ok'], counts['FAILED'], counts['SKIP']), flush=True)
    return 1 if counts['FAILED'] else 0


if __name__ == '__main__':
    sys.exit(main(harness.HERE, sys.argv[1:]))
