# SPDX-License-Identifier: Apache-2.0
"""Cold generation for one proxy, on our own re-creation of the inputs of Istio's benchmarks (shapes.py), beside
istiod's figures.

istiod's figures are not of this run: Istio 1.32 dev (86c9f01), Go 1.26.8, its own benchmarks with one processor, its
cache of responses off, once on a machine of this kind, +-25%.
"""
import math
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = 'CDS,LDS,RDS'

# input: proxy, types, istiod's us for each of them, and for a rebuild from nothing (InitPushContext; None: not measured)
ISTIOD = {
    'gateways': ('router', SETS, (16730, 21140, 34300), 16050),
    'gateways-shared': ('router', SETS, (22540, 53, 63190), 5450),
    'knative-gateway': ('router', SETS, (37, 42, 4430), 116),
    'http': ('sidecar', SETS, (2120, 161, 895), 350),
    'tcp': ('sidecar', 'CDS,LDS', (2070, 1240), 366),
    'tls': ('sidecar', 'CDS,LDS', (2620, 1150), 327),
    'auto': ('sidecar', SETS, (2530, 2800, 1930), 330),
    'externalname': ('sidecar', SETS, (48, 198, 204), 313),
    'virtualservice': ('sidecar', SETS, (1300, 168, 2070), 299),
    'serviceentry-workloadentry': ('sidecar', SETS, (7060, 2300, 1250), 902),
    'strict': ('sidecar', 'LDS', (228,), 20),
    'disabled': ('sidecar', 'LDS', (172,), 18),
    'authorizationpolicy': ('sidecar', 'LDS', (2160,), 82),
    'secrets-10': ('router', 'SDS', (327,), None),
    'secrets-1000': ('router', 'SDS', (25800,), None),
}

SKIPPED = {
    'telemetry-api': 'Telemetry is not compiled yet',
    'waypoint': 'there are no waypoint proxies yet',
    'NameTableGeneration': 'a table of names is made with its view, never alone',
    'AddressFull, AddressIncremental': 'there is no workload discovery for ambient yet',
    'EndpointGeneration': "istiod's figure is of 0 resources; the encoder is held against its floor above",
}


def certificate(folder):
    paths = folder + '/cert.pem', folder + '/key.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '365', '-subj', '/CN=example.com',
                    '-out', paths[0], '-keyout', paths[1]], check=True, capture_output=True)
    return paths


def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def run(program, folder):
    """For each input: name, our us for the sets, istiod's, our us for a rebuild, istiod's or None."""
    pem = certificate(folder)
    for name, (proxy, types, istiod, rebuild) in ISTIOD.items():
        path = '%s/%s.yaml' % (folder, name)
        with open(path, 'w') as f:
            subprocess.run([sys.executable, HERE + '/shapes.py', name, *pem], check=True, stdout=f)
        out = subprocess.run([program, path, proxy, types], check=True, capture_output=True, text=True).stdout
        ours = {k: float(v) for k, v in (line.split() for line in out.splitlines())}
        yield name, ours['generate_us'], sum(istiod), ours['snapshot_us'], rebuild
