#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the small models that the element tests run, beside this file. Needs nothing but Python.

brightness.onnx   a detector in ultraface's form: one box, whose left edge says how bright the
                  picture is: x_min = 0.25 + 0.2 * (brightness - 127) / 128 (fraction of the width),
                  width 0.5, y 0.25 to 0.75, confidence 0.9. A frame of even brightness so carries a
                  number that can be read back from its own result.
classes.onnx      a classifier of ten classes: class k is the nearest to brightness k * 25.5 + 12.75.
inverse.onnx      a picture from a picture of 30x24 pixels: 1 - x.
bright.onnx       where a picture is white: NonZero of 16x16 pixels above 200, as many as there are.
open.onnx         gives back its picture, whose height and width it leaves open.
unsupported.onnx  two operators nobody knows, with node names.
"""
import pathlib
import struct


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """One protobuf field: an int, a text, or bytes (a message)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


FLOAT, INT64 = 1, 7  # onnx.TensorProto.DataType


def tensor(name, kind, dims, values):
    raw = struct.pack("<%d%s" % (len(values), "f" if kind == FLOAT else "q"), *values)
    return b"".join(field(1, d) for d in dims) + field(2, kind) + field(8, name) + field(9, raw)


def value_info(name, dims, kind=FLOAT):
    shape = b"".join(field(1, field(1 if isinstance(d, int) else 2, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def node(op, inputs, outputs, name):
    return (b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) +
            field(3, name) + field(4, op))


def model(nodes, inputs, outputs, constants):
    graph = (b"".join(field(1, n) for n in nodes) + field(2, "graph") +
             b"".join(field(5, c) for c in constants) + b"".join(field(11, i) for i in inputs) +
             b"".join(field(12, o) for o in outputs))
    return field(1, 7) + field(2, "make_models.py") + field(7, graph) + field(8, field(2, 11))


def linear(name, weights, bias, channels=3):
    """A 1x1 convolution over `channels` that sees their mean: y = weight * mean + bias."""
    n = len(weights)
    per_channel = [w / channels for w in weights for _ in range(channels)]
    return [tensor(name + ".weight", FLOAT, [n, channels, 1, 1], per_channel),
            tensor(name + ".bias", FLOAT, [n], bias)]


def brightness():
    nodes = [node("GlobalAveragePool", ["image"], ["mean"], "mean"),
             node("Conv", ["mean", "box.weight", "box.bias"], ["box"], "box"),
             node("Conv", ["mean", "score.weight", "score.bias"], ["score"], "score"),
             node("Reshape", ["box", "box.shape"], ["boxes"], "boxes"),
             node("Reshape", ["score", "score.shape"], ["scores"], "scores")]
    constants = (linear("box", [0.2, 0, 0.2, 0], [0.25, 0.25, 0.75, 0.75]) +
                 linear("score", [0, 0], [0.1, 0.9]) +
                 [tensor("box.shape", INT64, [3], [0, 1, 4]),
                  tensor("score.shape", INT64, [3], [0, 1, 2])])
    return model(nodes, [value_info("image", [1, 3, 16, 16])],
                 [value_info("scores", [1, 1, 2]), value_info("boxes", [1, 1, 4])], constants)


def classes():
    # Tangents of a parabola: the largest is the one whose point of contact is nearest.
    centres = [k / 10 + 0.05 for k in range(10)]
    sharp = 2000.0
    nodes = [node("GlobalAveragePool", ["image"], ["mean"], "mean"),
             node("Conv", ["mean", "fc.weight", "fc.bias"], ["fc"], "fc"),
             node("Reshape", ["fc", "fc.shape"], ["logits"], "logits")]
    constants = (linear("fc", [2 * sharp * c for c in centres], [-sharp * c * c for c in centres]) +
                 [tensor("fc.shape", INT64, [2], [0, 10])])
    return model(nodes, [value_info("image", [1, 3, 16, 16])], [value_info("logits", [1, 10])],
                 constants)


def inverse():
    constants = [tensor("one", FLOAT, [1], [1.0])]
    return model([node("Sub", ["one", "image"], ["picture"], "sub")],
                 [value_info("image", [1, 3, 24, 30])], [value_info("picture", [1, 3, 24, 30])],
                 constants)


def bright():
    constants = [tensor("gray", FLOAT, [1], [200.0])]
    return model([node("Sub", ["image", "gray"], ["above"], "sub"),
                  node("Relu", ["above"], ["lit"], "relu"),
                  node("NonZero", ["lit"], ["places"], "nonzero")],
                 [value_info("image", [1, 3, 16, 16])], [value_info("places", [4, "n"], INT64)],
                 constants)


def open():
    picture = ["n", 3, "height", "width"]
    return model([node("Relu", ["image"], ["same"], "same")], [value_info("image", picture)],
                 [value_info("same", picture)], [])


def unsupported():
    nodes = [node("Frobnicate", ["image"], ["a"], "first"),
             node("Quuxify", ["a"], ["b"], "second")]
    return model(nodes, [value_info("image", [1, 3, 16, 16])], [value_info("b", [1, 3, 16, 16])],
                 [])


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for make in (brightness, classes, inverse, bright, open, unsupported):
        (here / (make.__name__ + ".onnx")).write_bytes(make())
