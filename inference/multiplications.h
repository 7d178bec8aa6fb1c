// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

namespace infer {

// Multiplications of one run of a convolution or matrix product; 0 for other nodes, which are small beside them.
int64_t multiplications(const Graph& graph, const Node& node);

} // namespace infer
