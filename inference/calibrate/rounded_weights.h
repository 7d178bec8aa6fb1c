// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

#include <optional>
#include <span>
#include <vector>

namespace infer::calibrate {

// Weights of a layer as signed bytes around 0, with a step for each channel of its result.
struct RoundedWeights {
    Tensor bytes;
    std::vector<float> scale;
    int64_t axis = 0;           // of the channels in `bytes`
    std::optional<Tensor> bias; // i32 in steps of x_scale * scale; none: the layer has none
};

// Of a node of layers_of(). `x_scale`: the step of its input. `means` of its input's channels, of
// which the bias takes up what rounding the weights moves the result by on average; as many as
// there are channels, else nothing is corrected.
RoundedWeights round_weights(const Graph& graph, const Node& node, float x_scale,
                             std::span<const float> means);

} // namespace infer::calibrate
