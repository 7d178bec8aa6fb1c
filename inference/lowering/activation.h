// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

#include <optional>
#include <string_view>
#include <utility>

namespace infer::lowering {

// A function of one value that a heavy kernel applies before it writes.
struct Activation {
    enum Kind {
        None, Relu, LeakyRelu, Clip, Sigmoid, Tanh, Elu, HardSigmoid, HardSwish, Swish, Mish, Gelu, Softplus, Selu,
        Celu, ThresholdedRelu
    };
    Kind kind = None;
    float alpha = 0, beta = 0; // as in Node's "activation_alpha", "activation_beta"
};

// Most are a clamp, perhaps after a slope below 0, which costs next to nothing where the value is at
// hand: bounds that change nothing for the others, which are applied in a second step.
struct Clamp {
    float low = 0, high = 0;
    bool is_all = true; // nothing is left to do
    float slope = 1;    // at most 1, which is none
};
Clamp clamp_of(const Activation& activation);

// What the node's "activation" says; nullopt: an activation this device does not know.
std::optional<Activation> activation_of(const Node& node);

// The same for a name of an operator and its own parameters.
std::optional<Activation> activation_named(std::string_view name, float alpha, float beta);

// ONNX's defaults of alpha and beta.
std::pair<float, float> activation_defaults(std::string_view name);

} // namespace infer::lowering
