# SPDX-License-Identifier: Apache-2.0
"""Every message type of the Envoy at hand: its own descriptors, cut out of its binary.

A protobuf program carries each of its .proto files as a serialised FileDescriptorProto, which begins with
the file's name (field 1). So the types here are exactly those that this Envoy understands, extensions
included, and no second copy of the API can go stale. The cut set is cached.
"""
import os
import re

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

T = 'type.googleapis.com/'
NAME = re.compile(rb'\x0a([\x0a-\x7f])([a-z][\w/.-]{3,120}\.proto)')
# field numbers of FileDescriptorProto by wire type
VARINT, BYTES = {10, 11, 14}, {2, 3, 4, 5, 6, 7, 8, 9, 12, 15}


def _varint(data, at):
    value = shift = 0
    while shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
    raise ValueError('varint')


def _end(data, at):
    """Where the file descriptor ends whose name ended at `at`: at the first byte that is no field of it."""
    while True:
        try:
            tag, after = _varint(data, at)
            if tag & 7 == 2 and tag >> 3 in BYTES:
                size, after = _varint(data, after)
                after += size
            elif tag & 7 == 0 and tag >> 3 in VARINT:
                _, after = _varint(data, after)
            else:
                return at
        except (ValueError, IndexError):
            return at
        if after > len(data):
            return at
        at = after


def _cut(binary):
    """{file name: FileDescriptorProto} of a program."""
    data = open(binary, 'rb').read()
    files = {}
    for m in NAME.finditer(data):
        if m.group(1)[0] != len(m.group(2)):
            continue
        end = _end(data, m.end())
        one = descriptor_pb2.FileDescriptorProto()
        try:
            one.ParseFromString(data[m.start():end])
        except Exception:
            continue
        if one.message_type or one.enum_type or one.service or one.dependency:
            files.setdefault(one.name, one)
    return files


def _load(binary, cache):
    """The files as a FileDescriptorSet, cut once for each binary."""
    stat = os.stat(binary)
    path = '%s/envoy-protos-%d-%d.binpb' % (cache, stat.st_size, int(stat.st_mtime))
    out = descriptor_pb2.FileDescriptorSet()
    if os.path.exists(path):
        out.ParseFromString(open(path, 'rb').read())
        return out
    out.file.extend(_cut(binary).values())
    if not any(f.name == 'envoy/config/listener/v3/listener.proto' for f in out.file):
        raise SystemExit('%s is no Envoy: it holds no descriptors (build/bin/envoy is the program itself)' % binary)
    os.makedirs(cache, exist_ok=True)
    with open(path + '.%d' % os.getpid(), 'wb') as f:
        f.write(out.SerializeToString())
    os.rename(f.name, path)
    return out


class Protos:
    def __init__(self, binary, cache):
        self.pool = descriptor_pool.DescriptorPool()
        files = {f.name: f for f in _load(os.path.realpath(binary), cache).file}
        done = set()

        def add(name):
            if name in done or name not in files:
                return
            done.add(name)
            for dependency in files[name].dependency:
                add(dependency)
            self.pool.Add(files[name])

        for name in files:
            add(name)

    def message(self, name):
        """The class of a message, by full name."""
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def from_json(self, name, value):
        """A message from its JSON form; raises json_format.ParseError with the place."""
        return json_format.ParseDict(value, self.message(name)(), descriptor_pool=self.pool)

    def to_json(self, message):
        return json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=self.pool)
