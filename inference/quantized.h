// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Quantised models: which hold numbers that lie on a grid of 256 steps, whatever wrote them
// (QuantizeLinear and DequantizeLinear, operators on quantised numbers, FakeQuantize, weights in
// bytes).
#pragma once

#include "inference/graph.h"

#include <string>
#include <vector>

namespace infer {

// How much of a model multiplies bytes.
struct ByteWork {
    int64_t total = 0; // multiplications with additions of convolutions and matrix products, a run
    int64_t in_bytes = 0;              // of these
    std::vector<std::string> in_float; // the layers that make up the rest, largest first

    double share() const { return total > 0 ? double(in_bytes) / double(total) : 0; }
    std::string share_text() const;   // "99.5 %"
    std::string float_layers() const; // the first few of in_float and how many there are more
};

// Rewrites an optimized graph so that layers whose input and weights are quantised work on bytes
// (ConvBytes), and what lies between them moves bytes: pooling, Concat, elementwise operators
// (LookupBytes, AddBytes), ToBytes and DequantizeLinear at the borders. What is left keeps its
// floats. A model that is not quantised stays as it is.
ByteWork run_in_bytes(Graph& graph);

} // namespace infer
