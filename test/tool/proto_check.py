#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our reduced protocol descriptions with those inside an Envoy binary.

    proto_check.py ENVOY DESCRIPTOR_SET

Envoy's executable holds every FileDescriptorProto it was built from. Whatever ours describes must be
there with the same package, name, number, type, label, presence, oneof and enum value. Prints each
difference and ends with 1 if there is one.
"""
import re
import sys

from google.protobuf import descriptor_pb2 as pb

NOT_ENVOYS = {"security/v1alpha1/ca.proto", "networking/nds/v1/nds.proto"}  # Istio's own; Envoy never speaks them

WIRE_VARINT, WIRE_BYTES = 0, 2
REPEATED_NUMBERS = {10, 11}  # public_dependency, weak_dependency: varints inside a FileDescriptorProto
SYNTAX, EDITION = 12, 14


def varint(data, at):
    value = shift = 0
    while shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("varint")


def descriptor_end(data, start):
    """End of the FileDescriptorProto that starts here: its syntax field, or the first stray byte."""
    at = start
    while at < len(data):
        try:
            tag, after = varint(data, at)
            number, wire = tag >> 3, tag & 7
            if number == 0 or number > EDITION or (number == 1 and at != start):
                return at
            size, after = varint(data, after)
        except (ValueError, IndexError):
            return at
        if wire == WIRE_BYTES:
            after += size
        elif wire != WIRE_VARINT or number not in REPEATED_NUMBERS | {EDITION}:
            return at
        if after > len(data):
            return at
        at = after
        if number == SYNTAX:
            return at
    return at


def files_of(path):
    with open(path, "rb") as f:
        data = f.read()
    files = {}
    for m in re.finditer(rb"\x0a.(?:[a-z0-9_]+/)+[A-Za-z0-9_]+\.proto", data):
        if data[m.start() + 1] != m.end() - m.start() - 2:
            continue
        raw = data[m.start():descriptor_end(data, m.start())]
        try:
            f = pb.FileDescriptorProto.FromString(raw)
        except Exception:  # a name in some other structure
            continue
        if f.name not in files or f.ByteSize() > files[f.name].ByteSize():
            files[f.name] = f
    return files


def index(files):
    """Full name -> (package, syntax, descriptor) for all messages and enums."""
    found = {}

    def message(prefix, f, m):
        name = f"{prefix}.{m.name}"
        found[name] = (f, m)
        for n in m.nested_type:
            message(name, f, n)
        for e in m.enum_type:
            found[f"{name}.{e.name}"] = (f, e)

    for f in files:
        for m in f.message_type:
            message(f.package, f, m)
        for e in f.enum_type:
            found[f"{f.package}.{e.name}"] = (f, e)
    return found


def field_shape(m, x):
    oneof = m.oneof_decl[x.oneof_index].name if x.HasField("oneof_index") else ""
    packed = x.options.packed if x.options.HasField("packed") else None
    return {"number": x.number, "type": x.type, "label": x.label, "type name": x.type_name,
            "oneof": oneof, "optional": x.proto3_optional, "packed": packed}


def compare(name, ours, theirs, differ):
    if isinstance(ours, pb.EnumDescriptorProto) != isinstance(theirs, pb.EnumDescriptorProto):
        differ(f"{name}: message or enum")
    elif isinstance(ours, pb.EnumDescriptorProto):
        values = {v.name: v.number for v in theirs.value}
        for v in ours.value:
            if values.get(v.name) != v.number:
                differ(f"{name}.{v.name}: {v.number}, Envoy has {values.get(v.name)}")
    else:
        fields = {x.name: x for x in theirs.field}
        if ours.options.map_entry != theirs.options.map_entry:
            differ(f"{name}: map or not")
        for x in ours.field:
            if x.name not in fields:
                differ(f"{name}.{x.name}: Envoy has no such field")
                continue
            mine, real = field_shape(ours, x), field_shape(theirs, fields[x.name])
            for k in mine:
                if mine[k] != real[k]:
                    differ(f"{name}.{x.name}: {k} is {mine[k]!r}, Envoy has {real[k]!r}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    true_files = files_of(sys.argv[1])
    theirs = index(true_files.values())
    with open(sys.argv[2], "rb") as f:
        our_set = pb.FileDescriptorSet.FromString(f.read())
    problems = []
    checked = [f for f in our_set.file if f.name not in NOT_ENVOYS]
    for f in checked:
        if f.name not in true_files:
            problems.append(f"{f.name}: no such file in Envoy")
        elif (f.package, f.syntax) != (true_files[f.name].package, true_files[f.name].syntax):
            problems.append(f"{f.name}: package or syntax")
    ours = index(checked)
    fields = 0
    for name, (f, x) in ours.items():
        fields += len(getattr(x, "field", ()))
        if name not in theirs or theirs[name][0].name != f.name:
            problems.append(f"{name}: not in Envoy's {f.name}")
        else:
            compare(name, x, theirs[name][1], problems.append)
    for p in problems:
        print(p)
    print(f"{len(true_files)} files in the binary; ours: {len(checked)} files, {len(ours)} types, "
          f"{fields} fields, {len(problems)} differences")
    sys.exit(1 if problems else 0)


main()
