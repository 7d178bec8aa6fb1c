// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

namespace infer::lowering {

// Rewrites what this device runs faster in one step, into operators of its own:
//   Chain           elementwise operators one after the other (ops/elementwise.h)
//   ChannelShuffle  Reshape, Transpose, Reshape that interleave groups of channels
void fuse(Graph& graph);

} // namespace infer::lowering
