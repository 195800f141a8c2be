#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and checks the container image of navarchd without a container engine.

usage: image.py build OUT.tar VERSION PROGRAM...   an OCI image archive, the same bytes for the same input
       image.py check OUT.tar MANIFESTS            unpacks it and runs it: own user, read-only, own namespaces
"""
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

USER = 65532
SIZE_MAX = 40 * 1000 * 1000
PASSWD = 'root:x:0:0::/:/sbin/nologin\nnavarch:x:%d:%d::/:/sbin/nologin\n' % (USER, USER)
GROUP = 'root:x:0:\nnavarch:x:%d:\n' % USER
# loopback is of no use in a container: what serves others listens everywhere
COMMAND = ['--config-dir', '/etc/navarch/manifests', '--xds-address', ':15010', '--metrics-address', ':15014']


# ---- build ----

def libraries(program):
    """The shared objects that a program loads, by the path that it finds them at."""
    out = subprocess.run(['ldd', program], capture_output=True, text=True, check=True).stdout
    return sorted(set(re.findall(r'(/\S+) \(0x', out)))


def stripped(program):
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(['strip', '--strip-unneeded', '-o', f.name, program], check=True)
        return open(f.name, 'rb').read()


def contents(programs):
    """path -> (mode, bytes or None for a folder) of everything in the image."""
    files = {'etc/passwd': (0o644, PASSWD.encode()), 'etc/group': (0o644, GROUP.encode())}
    for folder in ('etc/navarch/manifests', 'tmp', 'var/lib/navarch', 'proc', 'dev', 'sys'):
        files[folder] = (0o755, None)
    bundle = '/etc/ssl/certs/ca-certificates.crt'
    if os.path.exists(bundle):
        files[bundle.lstrip('/')] = (0o644, open(bundle, 'rb').read())
    for program in programs:
        files['usr/bin/' + os.path.basename(program)] = (0o755, stripped(program))
        for lib in libraries(program):
            files[lib.lstrip('/')] = (0o755, open(lib, 'rb').read())
    for path in list(files):
        while '/' in path:
            path = path.rsplit('/', 1)[0]
            files.setdefault(path, (0o755, None))
    return files


def entry(path, mode, data):
    info = tarfile.TarInfo(path)
    info.mode, info.mtime = mode, 0
    if path == 'var/lib/navarch':
        info.uid = info.gid = USER
    if data is None:
        info.type = tarfile.DIRTYPE
    else:
        info.size = len(data)
    return info


def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.USTAR_FORMAT) as t:
        for path, mode, data in members:
            t.addfile(entry(path, mode, data), io.BytesIO(data or b''))
    return out.getvalue()


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def descriptor(kind, data):
    return {'mediaType': 'application/vnd.oci.image.%s' % kind, 'digest': digest(data), 'size': len(data)}


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(',', ':')).encode()


def build(out, version, *programs):
    files = contents(programs)
    layer = tar((p, *files[p]) for p in sorted(files))
    packed = gzip.compress(layer, 9, mtime=0)
    config = compact({
        'architecture': {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(os.uname().machine, os.uname().machine),
        'os': 'linux',
        'config': {
            'User': '%d:%d' % (USER, USER), 'Entrypoint': ['/usr/bin/navarchd'], 'Cmd': COMMAND,
            'ExposedPorts': {'15010/tcp': {}, '15014/tcp': {}}, 'WorkingDir': '/',
            'Labels': {'org.opencontainers.image.title': 'navarchd', 'org.opencontainers.image.version': version,
                       'org.opencontainers.image.licenses': 'Apache-2.0'},
        },
        'rootfs': {'type': 'layers', 'diff_ids': [digest(layer)]},
    })
    manifest = compact({
        'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
        'config': descriptor('config.v1+json', config),
        'layers': [descriptor('layer.v1.tar+gzip', packed)],
    })
    tagged = descriptor('manifest.v1+json', manifest)
    tagged['annotations'] = {'org.opencontainers.image.ref.name': version}
    index = compact({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json', 'manifests': [tagged]})
    blobs = sorted((digest(b)[7:], b) for b in (config, packed, manifest))
    archive = tar([('blobs', 0o755, None), ('blobs/sha256', 0o755, None)] +
                  [('blobs/sha256/' + name, 0o644, b) for name, b in blobs] +
                  [('index.json', 0o644, index), ('oci-layout', 0o644, compact({'imageLayoutVersion': '1.0.0'}))])
    with open(out, 'wb') as f:
        f.write(archive)
    print('%s: %.1f MB, %s' % (out, len(archive) / 1e6, tagged['digest']))


# ---- check ----

def unpack(archive, root):
    """Follows index, manifest and layers as an engine does, checking every digest; returns the config."""
    with tarfile.open(archive) as t:
        blob = {'sha256:' + m.name.rsplit('/', 1)[1]: t.extractfile(m).read()
                for m in t.getmembers() if m.name.startswith('blobs/sha256/')}
        index = json.load(t.extractfile('index.json'))
    for name, data in blob.items():
        assert digest(data) == name, 'blob %s is not what its name says' % name
    manifest = json.loads(blob[index['manifests'][0]['digest']])
    config = json.loads(blob[manifest['config']['digest']])
    for layer, diff in zip(manifest['layers'], config['rootfs']['diff_ids']):
        plain = gzip.decompress(blob[layer['digest']])
        assert digest(plain) == diff, 'a layer is not what the config says'
        with tarfile.open(fileobj=io.BytesIO(plain)) as t:
            t.extractall(root)
    return config


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as r:
            return r.status, r.read()
    except OSError as e:
        return getattr(e, 'code', 0), b''


def await_ready(child):
    """Asks until it is ready: a container's probe does the same."""
    end = time.monotonic() + 10
    while time.monotonic() < end and child.poll() is None:
        if get('http://127.0.0.1:15014/ready')[0] == 200:
            return True
        time.sleep(0.02)
    return False


def run_inside(root, manifests, config):
    """In namespaces of our own: the image's command, as its user, on a read-only root."""
    sh = lambda *cmd: subprocess.run(cmd, check=True)
    sh('mount', '--bind', root, root)
    sh('mount', '--bind', manifests, root + '/etc/navarch/manifests')
    sh('mount', '-o', 'remount,bind,ro', root)
    sh('ip', 'link', 'set', 'lo', 'up')
    user = config['config']['User']
    child = subprocess.Popen(['chroot', '--userspec=' + user, '--groups=', root] +
                             config['config']['Entrypoint'] + config['config']['Cmd'])
    try:
        checks = {
            'is ready within 10 s': await_ready(child),
            'says its version': get('http://127.0.0.1:15014/version')[0] == 200,
            'runs as its user': os.stat('/proc/%d' % child.pid).st_uid == USER,
            'counts objects': b'navarch_' in get('http://127.0.0.1:15014/metrics')[1],
            'root is read-only': subprocess.run(['chroot', root, '/usr/bin/navctl', 'crds', '-d', '/tmp'],
                                                capture_output=True).returncode != 0,
            'holds navagent': subprocess.run(['chroot', '--userspec=' + user, root, '/usr/bin/navagent', '--version'],
                                             capture_output=True).stdout.startswith(b'navagent '),
        }
        child.send_signal(signal.SIGTERM)
        checks['stops when told'] = child.wait(timeout=20) == 0
    finally:
        child.kill()
    return checks


def check(archive, manifests):
    if os.geteuid() != 0:
        print('SKIPPED: image-check needs root for namespaces of its own\n0 passed, 0 failed, 1 skipped')
        return 0
    root = tempfile.mkdtemp(prefix='navarch-image-')
    os.chmod(root, 0o755)
    try:
        config = unpack(archive, root)
        out = subprocess.run(['unshare', '--mount', '--net', '--ipc', '--uts', sys.executable, __file__, 'inside', root,
                              os.path.abspath(manifests), json.dumps(config)], stdout=subprocess.PIPE, text=True)
        checks = json.loads(out.stdout.splitlines()[-1]) if out.returncode == 0 else {'runs': False}
        checks['is at most 40 MB'] = os.path.getsize(archive) <= SIZE_MAX
    finally:
        shutil.rmtree(root)
    for name, ok in checks.items():
        print('%s %s' % ('ok  ' if ok else 'FAIL', name))
    failed = sum(not ok for ok in checks.values())
    print('%d passed, %d failed' % (len(checks) - failed, failed))
    return failed > 0


def main():
    if sys.argv[1] == 'build':
        return build(*sys.argv[2:])
    if sys.argv[1] == 'inside':
        print(json.dumps(run_inside(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))))
        return 0
    return check(*sys.argv[2:4])


if __name__ == '__main__':
    sys.exit(main())
