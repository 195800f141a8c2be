# SPDX-License-Identifier: Apache-2.0
"""Certificates of the tests, made with openssl, and the TLS contexts of clients and servers that use them."""
import collections
import ipaddress
import itertools
import ssl
import subprocess

# paths of PEM files
Certificate = collections.namedtuple('Certificate', 'cert key')
number = itertools.count()


def san(name):
    try:
        return 'IP:%s' % ipaddress.ip_address(name)
    except ValueError:
        return 'DNS:' + name


def certificate(folder, *names, issuer=None):
    """A new Certificate for a host or a client by these names, signed by itself (so that it can be an issuer) or by an
    issuer."""
    made = Certificate(*('%s/%s-%d%s' % (folder, names[0], next(number), end) for end in ('.crt', '.key')))
    by = ['-CA', issuer.cert, '-CAkey', issuer.key, '-addext', 'basicConstraints=CA:FALSE'] if issuer else []
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-days', '2', '-subj', '/CN=' + names[0], *by,
                    '-addext', 'subjectAltName=' + ','.join(map(san, names)),
                    '-keyout', made.key, '-out', made.cert], check=True, capture_output=True)
    return made


def client(trusted, own=None):
    """What trusts one issuer, and shows a certificate of its own if there is one."""
    context = ssl.create_default_context(cafile=trusted.cert)
    if own:
        context.load_cert_chain(*own)
    return context


def server(own, clients=None):
    """What shows a certificate, and demands one of the issuer `clients` if there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own)
    if clients:
        context.load_verify_locations(cafile=clients.cert)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
