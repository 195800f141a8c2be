# SPDX-License-Identifier: Apache-2.0
"""A little cluster on one machine: a network namespace for each pod, all of its traffic through its sidecar.

enter() moves the program into namespaces of its own (network, mounts, processes; without root also users):
everything that is made afterwards, be it links, firewall rules, mounts or processes, exists only in there and
is gone with the program, even if it is killed. Nothing of the machine is changed, and two of them cannot meet.
"""
import concurrent.futures
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading

import envoy_bootstrap

NEWNS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x1000, 0x4000, 0x40000, 2, 4
PR_SET_PDEATHSIG = 1
ENVOY_UID = 1337                        # Istio's number, for the uid and for the mark
BRIDGE_IP = '10.244.0.1'
RUN = '/run/navarch-demo'               # on a tmpfs that only the inside sees
ROOT_CERT = RUN + '/root-cert.pem'

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """The world refused something; the text is for the user."""


def syscall(name, *args):
    if getattr(libc, name)(*args) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)


def mount(source, target, kind, flags):
    syscall('mount', source.encode(), target.encode(), kind and kind.encode(), flags, None)


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failed('%s: %s' % (' '.join(command), done.stdout.strip()))
    return done.stdout


def write(path, text):
    with open(path, 'w') as f:
        f.write(text)


def enter():
    """Splits the program in two and returns only in the inner one, process 1 of its namespaces. The outer one
    hands signals on, waits and exits as the inner one did. Returns whether it is rootless."""
    rootless, uid, gid = os.geteuid() != 0, os.geteuid(), os.getegid()
    try:
        syscall('unshare', NEWNS | NEWNET | NEWPID | (NEWUSER if rootless else 0))
        if rootless:
            write('/proc/self/setgroups', 'deny')
            write('/proc/self/uid_map', '0 %d 1' % uid)
            write('/proc/self/gid_map', '0 %d 1' % gid)
    except OSError as e:
        raise Failed('cannot make namespaces (%s). %s' % (e, (
            'This kernel does not let an unprivileged user do so (see kernel.unprivileged_userns_clone, '
            'kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces): run it as root.')
            if rootless else 'root is not enough here: CAP_SYS_ADMIN and CAP_NET_ADMIN are needed.'))
    sys.stdout.flush()
    inner = os.fork()
    if inner:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda n, _: os.kill(inner, n))
        os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) & 255)
    syscall('prctl', PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    mount('none', '/', None, MS_REC | MS_PRIVATE)
    mount('tmpfs', '/run', 'tmpfs', MS_NOSUID | MS_NODEV)
    try:
        mount('proc', '/proc', 'proc', MS_NOSUID | MS_NODEV)
    except OSError:
        pass                            # a masked /proc cannot be mounted anew; the old one serves
    os.mkdir(RUN, 0o755)
    return rootless


CAPTURE = '''*nat
:NAV_OUT - [0:0]
:NAV_IN - [0:0]
-A OUTPUT -p tcp -j NAV_OUT
-A NAV_OUT -o lo -s 127.0.0.6/32 -j RETURN
-A NAV_OUT %s -j RETURN
-A NAV_OUT -d 127.0.0.1/32 -j RETURN
-A NAV_OUT -p tcp -j REDIRECT --to-ports 15001
-A PREROUTING -p tcp -j NAV_IN
-A NAV_IN -p tcp -m multiport --dports 15008,15020,15021 -j RETURN
-A NAV_IN -p tcp -j REDIRECT --to-ports 15006
COMMIT
'''


class Cluster:
    """The bridge and the pods on it. Lives until the program ends."""

    def __init__(self, rootless, programs, log_dir):
        self.rootless, self.log_dir = rootless, log_dir
        # agents run as another user, who need not be able to read the path that leads to the build folder
        for name, path in programs.items():
            write('%s/%s' % (RUN, name), '')
            mount(os.path.realpath(path), '%s/%s' % (RUN, name), None, MS_BIND)
        run('ip', 'link', 'set', 'lo', 'up')
        # with an address of its own: else a bridge takes its lowest port's, and each new pod could change it
        run('ip', 'link', 'add', 'pods', 'address', '02:00:00:00:00:01', 'type', 'bridge')
        run('ip', 'addr', 'add', BRIDGE_IP + '/24', 'dev', 'pods')
        run('ip', 'link', 'set', 'pods', 'up')
        self.links = 0

    def hosts(self, names):
        """Makes {name: address} known to everything inside."""
        write(RUN + '/hosts', '127.0.0.1 localhost\n' + ''.join('%s %s\n' % (a, n) for n, a in names.items()))
        mount(RUN + '/hosts', '/etc/hosts', None, MS_BIND)

    def pod(self, name, ip, captured):
        """A namespace with an address of its own; with `captured` all TCP goes through Envoy's ports."""
        self.links += 1
        inside = ('ip', '-n', name)
        run('ip', 'netns', 'add', name)
        run('ip', 'link', 'add', 'pod%d' % self.links, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
        run('ip', 'link', 'set', 'pod%d' % self.links, 'master', 'pods', 'up')
        run(*inside, 'link', 'set', 'lo', 'up')
        run(*inside, 'addr', 'add', ip + '/24', 'dev', 'eth0')
        run(*inside, 'link', 'set', 'eth0', 'up')
        run(*inside, 'route', 'add', 'default', 'via', BRIDGE_IP)
        if captured:
            own = '-m mark --mark %d' % ENVOY_UID if self.rootless else '-m owner --uid-owner %d' % ENVOY_UID
            run('nsenter', '--net=/run/netns/' + name, 'iptables-restore', stdin=CAPTURE % own)

    def start(self, name, command, pod=None, uid=None):
        """Starts a process in a pod (or beside them), its output in the log folder."""
        netns = os.open('/run/netns/' + pod, os.O_RDONLY) if pod else None

        def inside():
            if netns is not None:
                syscall('setns', netns, NEWNET)
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)

        with open('%s/%s.log' % (self.log_dir, name), 'w') as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, preexec_fn=inside)
        if netns is not None:
            os.close(netns)
        return process

    def start_agent(self, name, token, options):
        """The agent of a pod and by it the pod's proxy; `token`: a join token. Returns the process and Envoy's admin."""
        folder, uid = '%s/%s.d' % (RUN, name), None if self.rootless else ENVOY_UID
        os.mkdir(folder, 0o700)
        write(folder + '/token', token)
        if uid:
            os.chown(folder, uid, uid)
            os.chown(folder + '/token', uid, uid)
        process = self.start(name + '.agent', [
            RUN + '/navagent', '--envoy', RUN + '/envoy', '--run-dir', folder, '--ca-file', ROOT_CERT, '--join-token-file',
            folder + '/token', '--name', name, '--concurrency', '1', *options,
            *(('--mark', str(ENVOY_UID)) if self.rootless else ())], name, uid)
        return process, Admin(name)


class Admin(envoy_bootstrap.Admin):
    """The admin port of a pod's Envoy, which only the pod itself can reach."""

    def __init__(self, pod):
        super().__init__(('127.0.0.1', 15000))
        self.pod = pod

    def open_socket(self):
        return inside(self.pod, super().open_socket)


def inside(pod, function, *args, **more):
    """Calls a function in a pod's network: in a thread that then ends, as a thread's namespace is for life."""
    result = concurrent.futures.Future()

    def call():
        try:
            with open('/run/netns/' + pod) as netns:
                syscall('setns', netns.fileno(), NEWNET)
            result.set_result(function(*args, **more))
        except BaseException as e:
            result.set_exception(e)

    threading.Thread(target=call).start()
    return result.result()


def forward(listener, target):
    """Serves a listening socket that was opened outside by connecting each caller to an address inside."""
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(caller):
        try:
            with caller, socket.create_connection(target, 5) as callee:
                callee.settimeout(None)
                back = threading.Thread(target=copy, args=(callee, caller), daemon=True)
                back.start()
                copy(caller, callee)
                back.join()
        except OSError:
            pass

    def accept():
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return                  # the listener was closed
            threading.Thread(target=serve, args=(caller,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
