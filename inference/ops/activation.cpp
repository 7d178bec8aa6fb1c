// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/ops/activation.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

template <auto f> void loop(const float* x, float* y, size_t n, float alpha, float beta) {
    for (size_t i = 0; i < n; i++)
        y[i] = f(x[i], alpha, beta);
}

float clip(float x, float low, float high) { return x < low ? low : high < x ? high : x; }
float above(float x, float threshold, float) { return x > threshold ? x : 0.0f; }
float shrink(float x, float lambda, float bias) {
    return x < -lambda ? x + bias : x > lambda ? x - bias : 0.0f;
}

// alpha 0: x * (normal distribution's cumulative function); 1: its tanh approximation.
float gelu(float x, float approximate, float) {
    const float inner = 0.7978845608f * (x + 0.044715f * x * x * x); // sqrt(2 / pi)
    return approximate == 0 ? 0.5f * x * (1 + std::erf(x * 0.70710678f))
                            : 0.5f * x * (1 + std::tanh(inner));
}

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

// log(1 + exp(x)) without overflow.
float softplus(float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }

// Round half to even, whatever the rounding mode of the thread is.
float round_even(float x) {
    const float r = std::round(x);
    return std::abs(x - std::trunc(x)) == 0.5f ? 2.0f * std::round(x / 2.0f) : r;
}

// Comparisons are written so that NaN stays NaN. Formulas: ONNX operators of the same names.
constexpr Activation table[] = {
    {"Relu", loop<[](float x, float, float) { return x < 0 ? 0.0f : x; }>},
    {"LeakyRelu", loop<[](float x, float a, float) { return x < 0 ? a * x : x; }>, 0.01f},
    {"Clip", loop<clip>},
    {"Sigmoid", loop<[](float x, float, float) { return sigmoid(x); }>},
    {"Tanh", loop<[](float x, float, float) { return std::tanh(x); }>},
    {"Elu", loop<[](float x, float a, float) { return x < 0 ? a * std::expm1(x) : x; }>, 1.0f},
    {"Selu", loop<[](float x, float a, float g) { return g * (x <= 0 ? a * std::expm1(x) : x); }>,
     1.67326319217681884765625f, 1.05070102214813232421875f, "gamma"},
    {"Celu", loop<[](float x, float a, float) { return x < 0 ? a * std::expm1(x / a) : x; }>, 1.0f},
    {"ThresholdedRelu", loop<above>, 1.0f},
    {"HardSigmoid",
     loop<[](float x, float a, float b) { return std::clamp(a * x + b, 0.0f, 1.0f); }>, 0.2f, 0.5f},
    {"HardSwish",
     loop<[](float x, float, float) { return x * std::clamp(x / 6.0f + 0.5f, 0.0f, 1.0f); }>},
    {"Swish", loop<[](float x, float a, float) { return x * sigmoid(a * x); }>, 1.0f},
    {"Mish", loop<[](float x, float, float) { return x * std::tanh(softplus(x)); }>},
    {"Gelu", loop<gelu>},
    {"Shrink", loop<shrink>, 0.5f, 0.0f, "bias", "lambd"},
    {"Softplus", loop<[](float x, float, float) { return softplus(x); }>},
    {"Softsign", loop<[](float x, float, float) { return x / (1.0f + std::abs(x)); }>},
    {"Exp", loop<[](float x, float, float) { return std::exp(x); }>},
    {"Log", loop<[](float x, float, float) { return std::log(x); }>},
    {"Sqrt", loop<[](float x, float, float) { return std::sqrt(x); }>},
    {"Reciprocal", loop<[](float x, float, float) { return 1.0f / x; }>},
    {"Floor", loop<[](float x, float, float) { return std::floor(x); }>},
    {"Ceil", loop<[](float x, float, float) { return std::ceil(x); }>},
    {"Round", loop<[](float x, float, float) { return round_even(x); }>},
    {"Erf", loop<[](float x, float, float) { return std::erf(x); }>},
    {"Sin", loop<[](float x, float, float) { return std::sin(x); }>},
    {"Cos", loop<[](float x, float, float) { return std::cos(x); }>},
    {"Tan", loop<[](float x, float, float) { return std::tan(x); }>},
    {"Asin", loop<[](float x, float, float) { return std::asin(x); }>},
    {"Acos", loop<[](float x, float, float) { return std::acos(x); }>},
    {"Atan", loop<[](float x, float, float) { return std::atan(x); }>},
    {"Sinh", loop<[](float x, float, float) { return std::sinh(x); }>},
    {"Cosh", loop<[](float x, float, float) { return std::cosh(x); }>},
    {"Asinh", loop<[](float x, float, float) { return std::asinh(x); }>},
    {"Acosh", loop<[](float x, float, float) { return std::acosh(x); }>},
    {"Atanh", loop<[](float x, float, float) { return std::atanh(x); }>},
};

} // namespace

std::span<const Activation> all_activations() { return table; }

const Activation* find_activation(std::string_view name) {
    const auto it = std::find_if(std::begin(table), std::end(table),
                                 [&](const Activation& f) { return f.name == name; });
    return it == std::end(table) ? nullptr : it;
}

float alpha_of(const Activation& f, const Node& node) { return node.attr(f.alpha_attr, f.alpha); }
float beta_of(const Activation& f, const Node& node) { return node.attr(f.beta_attr, f.beta); }

void activate(const Node& node, float* values, size_t n) {
    if (!node.has("activation"))
        return;
    if (const Activation* f = find_activation(node.attr("activation", "")))
        f->apply(values, values, n, node.attr("activation_alpha", f->alpha),
                 node.attr("activation_beta", f->beta));
}

} // namespace infer
