#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our certificates before verifiers of others: Go's crypto/x509 and the openssl program. usage: run.py OBJDIR

What both say of each case of issue_main.c must be what is right. Without Go its half is skipped, loudly.
"""
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES_MIN = 350
# openssl's numbers: X509_V_ERR_*
MEANINGS = {0: 'ok', 9: 'time', 10: 'time', 18: 'unknown', 19: 'unknown', 20: 'unknown', 21: 'unknown', 26: 'usage', 47: 'name', 62: 'name', 64: 'name'}


def find_go():
    return next((p for p in (os.environ.get('GO'), shutil.which('go'), '/usr/local/go/bin/go') if p and os.access(p, os.X_OK)), None)


def by_go(go, objdir, lines):
    program = os.path.abspath(objdir) + '/test/x509/verify'
    env = dict(os.environ, GOCACHE=os.path.abspath(objdir) + '/go-cache', GOFLAGS='', GOPROXY='off', GO111MODULE='off', CGO_ENABLED='0')
    subprocess.run([go, 'build', '-o', program, HERE + '/verify.go'], check=True, env=env)
    out = subprocess.run([program], input='\n'.join(lines), stdout=subprocess.PIPE, check=True, text=True)
    return out.stdout.splitlines()


def by_openssl(folder, n, case):
    for name in ('leaf', 'intermediates', 'roots'):
        with open('%s/%d.%s' % (folder, n, name), 'w') as f:
            f.write(case[name])
    name, paths = case['name'], ['%s/%d.%s' % (folder, n, p) for p in ('roots', 'intermediates', 'leaf')]
    hosts = [] if name.startswith('spiffe://') else ['-verify_ip', name] if re.fullmatch(r'[0-9.]+', name) else ['-verify_hostname', name]
    command = ['openssl', 'verify', '-x509_strict', '-purpose', ('sslserver', 'sslclient')[n % 2], '-attime', str(case['at']),
               '-CAfile', paths[0], *hosts, *(['-untrusted', paths[1]] if case['intermediates'] else []), paths[2]]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    error = re.search(r'error (\d+) at', done.stdout)
    return MEANINGS.get(int(error[1]), done.stdout) if error else 'ok' if done.returncode == 0 else done.stdout


def judge(name, cases, said):
    wrong = ['%s: %s says %s, and %s is right' % (c['case'], name, s.strip(), c['want']) for c, s in zip(cases, said) if s != c['want']]
    for line in wrong[:10]:
        print(line)
    print('%s: %d cases, %s' % (name, len(said), dict(collections.Counter(s for s in said if len(s) < 10))))
    return len(wrong) + abs(len(cases) - len(said))


def main():
    objdir, go = sys.argv[1], find_go()
    folder = tempfile.mkdtemp(prefix='navarch-x509-')
    try:
        out = subprocess.run([objdir + '/test/x509/issue_main', folder], stdout=subprocess.PIPE, check=True, text=True).stdout
        lines = out.splitlines()
        cases = [json.loads(line) for line in lines]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            said = list(pool.map(lambda pair: by_openssl(folder, *pair), enumerate(cases)))
        failed = judge('openssl', cases, said)
        total, skipped = len(cases), 0
        if go:
            failed += judge('Go', cases, by_go(go, objdir, lines))
            total *= 2
        else:
            print('SKIPPED: no Go here: nothing was shown to crypto/x509')
            skipped = len(cases)
        if len(cases) < CASES_MIN or len({c['serial'] for c in cases}) < CASES_MIN / 8:
            print('only %d cases' % len(cases))
            failed += 1
    finally:
        shutil.rmtree(folder)
    print('%d passed, %d failed, %d skipped' % (total - failed, failed, skipped))
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
