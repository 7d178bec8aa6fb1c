// SPDX-License-Identifier: LGPL-2.1-or-later
// Which values of a model are to be rounded to bytes so that its layers multiply bytes.
#pragma once

#include "inference/graph.h"

#include <limits>
#include <set>
#include <vector>

namespace infer::calibrate {

// A convolution or matrix product that can multiply bytes.
struct Layer {
    size_t node = 0;             // in Graph::nodes
    int64_t multiplications = 0; // a run
};
std::vector<Layer> layers_of(const Graph& graph);

// A value to be rounded. Those of one group must lie on one grid, because what lies between them
// only moves numbers.
struct Place {
    ValueId value = none;
    int group = 0;
    // Beyond these, what the value is used for does not change any more (Sigmoid of -20).
    float lowest = -std::numeric_limits<float>::infinity();
    float highest = std::numeric_limits<float>::infinity();
};

// For the layers of these nodes: what they read, and what lies before that between roundings, so
// that bytes stay bytes. Fewer layers never make more places. In the order of the values.
std::vector<Place> places_for(const Graph& graph, const std::set<size_t>& layers);

} // namespace infer::calibrate
