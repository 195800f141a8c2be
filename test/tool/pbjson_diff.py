#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares pbjson with protobuf's own Python implementation on random messages.

    pbjson_diff.py PBJSON_TEST DESCRIPTOR_SET [ROUNDS [SEED]]

For every message type: a random message is serialised by Python; our JSON of it must equal
json_format's, our bytes for that JSON (camelCase and snake_case) must equal Python's deterministic
ones. PBJSON_TEST is the unit test program pbjson_test, run with --pipe.
"""
import json
import math
import random
import struct
import subprocess
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor as F

DEPTH = 4
PLAIN_ANYS = ["envoy.config.core.v3.Address", "google.protobuf.Duration", "google.protobuf.Struct",
              "google.protobuf.UInt32Value", "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"]
INTS = {F.CPPTYPE_INT32: (-2**31, 2**31 - 1), F.CPPTYPE_UINT32: (0, 2**32 - 1),
        F.CPPTYPE_INT64: (-2**63, 2**63 - 1), F.CPPTYPE_UINT64: (0, 2**64 - 1)}


class Peer:
    """Our side: frames over a pipe."""

    def __init__(self, program):
        self.p = subprocess.Popen([program, "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, op, type_name, data):
        self.p.stdin.write(f"{op} {type_name} {len(data)}\n".encode() + data)
        self.p.stdin.flush()
        n = int(self.p.stdout.readline())
        out = self.p.stdout.read(abs(n))
        if n < 0:
            raise RuntimeError(out.decode())
        return out


class Maker:
    """Random messages that JSON can carry."""

    def __init__(self, rnd, make):
        self.rnd, self.make = rnd, make

    def text(self):
        alphabet = 'ab"\\/\n\t\x01\x7fé€𝄞<&>_'
        return "".join(self.rnd.choice(alphabet) for _ in range(self.rnd.randrange(6)))

    def scalar(self, f):
        r = self.rnd
        if f.cpp_type in INTS:
            low, high = INTS[f.cpp_type]
            return r.choice([0, 1, low, high, r.randint(low, high), r.randint(0, 300)])
        if f.cpp_type == F.CPPTYPE_STRING:
            return self.text() if f.type == F.TYPE_STRING else r.randbytes(r.randrange(6))
        if f.cpp_type == F.CPPTYPE_BOOL:
            return r.random() < 0.5
        if f.cpp_type == F.CPPTYPE_ENUM:
            return r.choice(f.enum_type.values).number
        value = r.choice([0.0, 1.0, -1.5, 0.1, 1e20, 1e-7, r.uniform(-1e6, 1e6), math.inf, 5e-324])
        if f.cpp_type == F.CPPTYPE_FLOAT:
            return struct.unpack("f", struct.pack("f", value))[0]
        return value

    def time(self, m):
        sign = self.rnd.choice([1, -1]) if m.DESCRIPTOR.name == "Duration" else 1
        m.seconds = sign * self.rnd.choice([0, 1, self.rnd.randrange(4 * 10**9)])
        m.nanos = sign * self.rnd.choice([0, 500000000, 1000, 1, 999999999])

    def value(self, m, depth):
        kind = self.rnd.randrange(6 if depth else 4)
        if kind == 0:
            m.null_value = 0
        elif kind == 1:
            m.number_value = self.rnd.choice([0, 1, -2.5, 0.1, 1e21])
        elif kind == 2:
            m.string_value = self.text()
        elif kind == 3:
            m.bool_value = self.rnd.random() < 0.5
        elif kind == 4:
            m.struct_value.SetInParent()
            self.fill(m.struct_value, depth - 1)
        else:
            m.list_value.SetInParent()
            self.fill(m.list_value, depth - 1)

    def any(self, m, depth):
        if not depth:
            return
        inner = self.make(self.rnd.choice(PLAIN_ANYS))
        self.fill(inner, depth - 1)
        m.type_url = "type.googleapis.com/" + inner.DESCRIPTOR.full_name
        m.value = inner.SerializeToString(deterministic=True)

    def fill(self, m, depth):
        name = m.DESCRIPTOR.full_name
        if name in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
            self.time(m)
        elif name == "google.protobuf.Value":
            self.value(m, depth)
        elif name == "google.protobuf.Any":
            self.any(m, depth)
        else:
            for f in m.DESCRIPTOR.fields:
                if self.rnd.random() < (0.5 if len(m.DESCRIPTOR.fields) < 8 else 0.25):
                    self.field(m, f, depth)

    def field(self, m, f, depth):
        repeated = f.label == F.LABEL_REPEATED
        if f.message_type and f.message_type.GetOptions().map_entry:
            self.map(m, f, depth)
        elif f.message_type and (depth or f.message_type.full_name == "google.protobuf.Value"):
            for _ in range(self.rnd.randrange(1, 3) if repeated else 1):
                sub = getattr(m, f.name).add() if repeated else getattr(m, f.name)
                if not repeated:
                    sub.SetInParent()
                self.fill(sub, depth - 1 if depth else 0)
        elif not f.message_type and repeated:
            getattr(m, f.name).extend(self.scalar(f) for _ in range(self.rnd.randrange(3)))
        elif not f.message_type:
            setattr(m, f.name, self.scalar(f))

    def map(self, m, f, depth):
        key, value = f.message_type.fields_by_number[1], f.message_type.fields_by_number[2]
        for _ in range(self.rnd.randrange(3)):
            k = self.scalar(key)
            if not value.message_type:
                getattr(m, f.name)[k] = self.scalar(value)
            elif depth or value.message_type.full_name == "google.protobuf.Value":
                entry = getattr(m, f.name)[k]
                self.fill(entry, depth - 1 if depth else 0)


def check(peer, pool, name, m):
    data = m.SerializeToString(deterministic=True)
    for op, snake in (("p", False), ("s", True)):
        ours = peer.ask(op, name, data)
        theirs = json_format.MessageToDict(m, preserving_proto_field_name=snake,
                                           descriptor_pool=pool)
        if json.loads(ours) != json.loads(json.dumps(theirs)):
            return f"JSON\n  ours   {ours.decode()}\n  theirs {json.dumps(theirs)}"
        for text in (ours, json.dumps(theirs).encode()):
            again = peer.ask("x", name, text)
            if again != data:
                return f"bytes of {text.decode()}\n  ours   {again.hex()}\n  theirs {data.hex()}"
    return None


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    with open(sys.argv[2], "rb") as f:
        files = descriptor_pb2.FileDescriptorSet.FromString(f.read()).file
    pool = descriptor_pool.DescriptorPool()
    todo = {f.name: f for f in files}

    def add(f):
        for d in f.dependency:
            if d in todo:
                add(todo.pop(d))
        pool.Add(f)

    while todo:
        add(todo.pop(next(iter(todo))))
    factory = message_factory.MessageFactory(pool)

    def make(name):
        return factory.GetPrototype(pool.FindMessageTypeByName(name))()

    names = []

    def collect(prefix, m):
        if not m.options.map_entry:
            names.append(f"{prefix}.{m.name}")
            for n in m.nested_type:
                collect(f"{prefix}.{m.name}", n)

    for f in files:
        for m in f.message_type:
            collect(f.package, m)
    peer, maker = Peer(sys.argv[1]), Maker(random.Random(seed), make)
    failed = done = 0
    for name in names:
        for _ in range(rounds):
            m = make(name)
            maker.fill(m, DEPTH)
            try:
                problem = check(peer, pool, name, m)
            except RuntimeError as e:
                problem = f"{e}\n  {m}"
            done += 1
            if problem:
                failed += 1
                print(f"{name}: {problem}"[:2000])
                break
    print(f"{len(names)} types, {done} messages, {failed} types differ")
    sys.exit(1 if failed else 0)


main()
