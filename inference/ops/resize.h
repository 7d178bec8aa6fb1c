// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/op.h"

#include <utility>
#include <vector>

namespace infer {

// The weighted input positions one output position is made of. Outside: the extrapolation value.
struct ResizeTaps {
    std::vector<std::pair<int64_t, double>> taps;
    bool outside = false;
};

// Those of each output position of each dimension of a Resize that has been accepted; none for a
// dimension that stays as it is. Inputs 1 to 3 must be known.
std::vector<std::vector<ResizeTaps>> resize_taps(const Node& node, std::span<const ValueFacts> in);

} // namespace infer
