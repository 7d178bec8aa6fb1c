// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/gpu/operator.h"

#include <vector>

namespace infer::gpu {

// Where an output of a node that only moves elements finds them in its first input.
struct Piece {
    Move move;
    int64_t first = 0;    // element
    bool is_view() const; // as they lie
};

// One an output; empty: the node does more than that, or not in a way we know.
std::vector<Piece> pieces_of(const Node& node, const std::vector<ValueFacts>& in,
                             const std::vector<Shape>& out);

} // namespace infer::gpu
