# SPDX-License-Identifier: Apache-2.0
"""Who a client is: keys, certificate requests and tokens by the openssl program, and a client of the secure port."""
import base64
import http.client
import json
import os
import socket
import ssl
import subprocess
import time

import grpc

from harness import ROOT, need
from xds_client import field, fields, varint

NAVCTL = os.environ.get('NAVCTL') or os.path.join(os.path.abspath(os.environ.get('B') or ROOT + '/build'), 'navctl')
ISSUER = 'https://kubernetes.default.svc.cluster.local'
CREATE = '/istio.v1.auth.IstioCertificateService/CreateCertificate'


def openssl(*args, data=None, check=True):
    run = subprocess.run(['openssl', *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if check and run.returncode:
        raise RuntimeError('openssl %s: %s' % (' '.join(args), run.stderr.decode()))
    return run.stdout


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


class Issuer:
    """An issuer of tokens: a P-256 key, its key set and the rules file that names it."""

    def __init__(self, folder, name='issuer', issuer=ISSUER):
        self.key, self.issuer = '%s/%s.key' % (folder, name), issuer
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', self.key)
        point = openssl('ec', '-in', self.key, '-pubout', '-outform', 'DER')[-64:]
        self.jwks = {'keys': [{'kty': 'EC', 'crv': 'P-256', 'kid': name, 'x': b64url(point[:32]), 'y': b64url(point[32:])}]}
        self.kid = name

    def rules(self, folder):
        with open(folder + '/jwks.json', 'w') as f:
            json.dump(self.jwks, f)
        with open(folder + '/rules.yaml', 'w') as f:
            f.write('- issuer: %s\n  jwksFile: jwks.json\n' % self.issuer)
        return folder + '/rules.yaml'

    def token(self, ns, sa, **claims):
        now = int(time.time())
        payload = {'iss': self.issuer, 'sub': 'system:serviceaccount:%s:%s' % (ns, sa), 'aud': ['istio-ca'], 'iat': now, 'exp': now + 600}
        payload.update(claims)
        text = '.'.join(b64url(json.dumps(part).encode()) for part in ({'alg': 'ES256', 'kid': self.kid}, payload))
        der = openssl('dgst', '-sha256', '-sign', self.key, data=text.encode())
        r_end = 4 + der[3]
        r, s = int.from_bytes(der[4:r_end], 'big'), int.from_bytes(der[r_end + 2:], 'big')
        return text + '.' + b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))


class Machine:
    """A key and its request; take() puts an answer's chain beside them."""

    def __init__(self, folder, name, key=('ecparam', '-name', 'prime256v1', '-genkey', '-noout')):
        self.key, self.cert = '%s/%s.key' % (folder, name), '%s/%s.pem' % (folder, name)
        openssl(key[0], '-out', self.key, *key[1:])
        self.csr = openssl('req', '-new', '-key', self.key, '-subj', '/CN=cluster-admin',
                           '-addext', 'subjectAltName=URI:spiffe://cluster.local/ns/kube-system/sa/admin,DNS:*').decode()

    def take(self, chain):
        with open(self.cert, 'w') as f:
            f.write(''.join(chain))
        return self

    def text(self):
        return openssl('x509', '-in', self.cert, '-noout', '-text').decode()


def foreign(folder, name, san):
    """A machine with a certificate of another root."""
    machine = Machine(folder, name)
    openssl('req', '-x509', '-key', machine.key, '-out', machine.cert, '-subj', '/CN=x', '-days', '1',
            '-addext', 'subjectAltName=' + san, '-addext', 'basicConstraints=CA:FALSE')
    return machine


class Secure:
    """A client of navarchd's secure port. With a machine by its certificate, with a token by that."""

    def __init__(self, port, ca, machine=None, token=None, ip='127.0.0.1'):
        self.port, self.ca, self.machine, self.token, self.ip = port, ca, machine, token, ip
        self.channel = None

    def context(self, protocol='http/1.1'):
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols([protocol])
        if self.machine:
            context.load_cert_chain(self.machine.cert, self.machine.key)
        return context

    def http(self, method, path, body=None):
        """(status, body); 0 when the connection did not come about."""
        try:
            sock = self.context().wrap_socket(socket.create_connection((self.ip, self.port), 10), server_hostname='localhost')
            conn = http.client.HTTPConnection('localhost', timeout=10)
            conn.sock = sock
            headers = {'Authorization': 'Bearer ' + self.token} if self.token else {}
            conn.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = conn.getresponse()
            text = answer.read().decode()
            conn.close()
            return answer.status, text
        except (OSError, http.client.HTTPException) as e:
            return 0, repr(e)

    def certificate(self, csr, ttl=None):
        return self.http('POST', '/v1/certificates', dict({'csr': csr}, **({'ttlSeconds': ttl} if ttl is not None else {})))

    def grpc(self):
        if not self.channel:
            with open(self.ca, 'rb') as f:
                roots = f.read()
            key = cert = None
            if self.machine:
                key, cert = open(self.machine.key, 'rb').read(), open(self.machine.cert, 'rb').read()
            self.channel = grpc.secure_channel('localhost:%d' % self.port, grpc.ssl_channel_credentials(roots, key, cert),
                                               [('grpc.max_reconnect_backoff_ms', 200), ('grpc.use_local_subchannel_pool', 1)])
        return self.channel

    def metadata(self):
        return (('authorization', 'Bearer ' + self.token),) if self.token else None

    def create(self, csr, ttl=0, more=b''):
        """CreateCertificate: the chain, or the grpc.StatusCode."""
        try:
            answer = self.grpc().unary_unary(CREATE)(field(1, csr) + (b'\x18' + varint(ttl) if ttl else b'') + more,
                                                     metadata=self.metadata(), timeout=10)
        except grpc.RpcError as e:
            return e.code()
        return [value.decode() for number, value in fields(answer) if number == 1]

    def ask(self, path, request, deadline_s=0.4):
        """The grpc.StatusCode of a call with one request; what is served and has nothing to say is OK too."""
        try:
            for _ in self.grpc().stream_stream(path)(iter([request]), metadata=self.metadata(), timeout=deadline_s):
                pass
            return grpc.StatusCode.OK
        except grpc.RpcError as e:
            return grpc.StatusCode.OK if e.code() == grpc.StatusCode.DEADLINE_EXCEEDED else e.code()

    def close(self):
        if self.channel:
            self.channel.close()


class Identity:
    """navarchd with a secure port, an issuer of tokens, and what clients of it need. Several of one `env` have a name each."""

    def __init__(self, env, files, more=(), name='navarchd', state='state'):
        self.state, self.issuer, self.env = '%s/%s' % (env.folder, state), Issuer(env.folder, name + '-issuer'), env
        self.rules = '%s/%s-rules' % (env.folder, name)
        os.makedirs(self.rules)
        self.navarchd = env.navarchd(files, name, ['--secure-address', '127.0.0.1:0', '--state-dir', self.state, '--token-rules',
                                                   self.issuer.rules(self.rules), *more])
        self.ca = self.state + '/ca/root-cert.pem'

    def client(self, machine=None, token=None, ca=None):
        return Secure(self.navarchd.ports['secure'], ca or self.ca, machine, token)

    def machine(self, ns, sa, name=None, ca=None):
        """One with a certificate, got with a token."""
        machine = Machine(self.env.folder, name or '%s-%s' % (ns, sa))
        status, body = self.client(token=self.issuer.token(ns, sa), ca=ca).certificate(machine.csr)
        need(status == 200, 'certificate for %s/%s: %s %s' % (ns, sa, status, body))
        return machine.take(json.loads(body)['chain'])

    def join_token(self, ns, sa, ttl='1m'):
        out = subprocess.run([NAVCTL, 'token', 'create', '--identity', '%s/%s' % (ns, sa), '--ttl', ttl, '--state-dir', self.state],
                             check=True, stdout=subprocess.PIPE)
        return out.stdout.decode().strip()
