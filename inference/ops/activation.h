// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of one number: operators of their own, and what can be fused into a convolution.
#pragma once

#include "inference/graph.h"

#include <span>
#include <string_view>

namespace infer {

struct Activation {
    std::string_view name; // of the operator, e.g. "LeakyRelu"
    void (*apply)(const float* x, float* y, size_t n, float alpha, float beta); // y may be x
    float alpha = 0, beta = 0;      // defaults of the operator's attributes
    const char* beta_attr = "beta"; // what ONNX calls them
    const char* alpha_attr = "alpha";
};

const Activation* find_activation(std::string_view name);
std::span<const Activation> all_activations();

// The operator's parameters as its own attributes say.
float alpha_of(const Activation& f, const Node& node);
float beta_of(const Activation& f, const Node& node);

// Applies node's fused "activation", if it has one, to values already there.
void activate(const Node& node, float* values, size_t n);

} // namespace infer
