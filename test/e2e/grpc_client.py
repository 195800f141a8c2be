# SPDX-License-Identifier: Apache-2.0
"""grpc_client.py TARGET N: calls N times, prints as JSON who answered how often."""
import collections
import json
import sys

import grpc

target, calls = sys.argv[1], int(sys.argv[2])
got = collections.Counter()
with grpc.insecure_channel(target) as channel:
    who = channel.unary_unary('/e2e.Echo/Who')
    for _ in range(calls):
        got[who(b'', timeout=30, wait_for_ready=True).decode()] += 1
print(json.dumps(got))
