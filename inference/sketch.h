// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

#include <optional>
#include <vector>

namespace infer {

// What a value would be like if data made `size` of what it decides the number of.
struct Sketch {
    ElementType type = ElementType::F32;
    Shape shape;
    std::optional<Tensor> content; // of shape arithmetic
    bool guessed = false;          // the shape is an example of what it could be
    bool failed = false;           // not even that: sizes made up did not fit each other
};

// Works out the graph's outputs for such a size, without running more than shape arithmetic.
// `inputs` in the graph's order. Never fails: the run will tell what does not fit.
std::vector<Sketch> sketch(const Graph& graph, const std::vector<Sketch>& inputs, int64_t size);

} // namespace infer
