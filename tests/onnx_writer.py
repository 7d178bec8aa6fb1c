# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes small ONNX models for tests: only what they need of the format, in protobuf's wire form
(field numbers: onnx.proto of ONNX 1.12)."""


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def node(op, inputs, outputs, name=""):
    return (b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs)
            + field(3, name or op.lower()) + field(4, op))


def tensor(name, array):
    """f32 only."""
    return (b"".join(field(1, extent) for extent in array.shape) + field(2, 1) + field(8, name)
            + field(9, array.astype("<f4").tobytes()))


def value(name, shape):
    """An f32 value; an extent that is a word is an open dimension."""
    dims = b"".join(field(1, field(1 if isinstance(d, int) else 2, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def model(nodes, shape=(1, 3, 2, 2), out_shape=None, constants=None, opset=13):
    """`nodes` (from node()) take "x" and make "y/0"."""
    graph = b"".join(field(1, n) for n in nodes) + field(2, "test")
    graph += b"".join(field(5, tensor(n, a)) for n, a in (constants or {}).items())
    graph += field(11, value("x", shape)) + field(12, value("y/0", out_shape or shape))
    return field(1, 7) + field(2, "test") + field(7, graph) + field(8, field(1, "") + field(2, opset))
