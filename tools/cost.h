// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

namespace infer::tools {

// What a model weighs and how much work one run of it is.
struct Cost {
    int64_t parameters = 0; // elements of constant floating-point inputs of its nodes
    double gflop = 0;       // 10^9 operations; a multiplication with its addition counts as two
};

// Counts convolutions and matrix products: all the rest of a network is small beside them.
Cost cost_of(const Graph& graph);

} // namespace infer::tools
