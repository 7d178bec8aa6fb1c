// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/lowering/activation.h"

#include "inference/ops/activation.h"

#include <limits>

namespace infer::lowering {

std::optional<Activation> activation_named(std::string_view name, float alpha, float beta) {
    struct Row {
        std::string_view name;
        Activation::Kind kind;
    };
    static constexpr Row rows[] = {
        {"", Activation::None},           {"Relu", Activation::Relu},
        {"LeakyRelu", Activation::LeakyRelu}, {"Clip", Activation::Clip},
        {"Sigmoid", Activation::Sigmoid}, {"Tanh", Activation::Tanh},
        {"Elu", Activation::Elu},         {"HardSigmoid", Activation::HardSigmoid},
        {"HardSwish", Activation::HardSwish}, {"Swish", Activation::Swish},
        {"Mish", Activation::Mish},       {"Gelu", Activation::Gelu},
        {"Softplus", Activation::Softplus}, {"Selu", Activation::Selu},
        {"Celu", Activation::Celu},       {"ThresholdedRelu", Activation::ThresholdedRelu},
    };
    for (const Row& row : rows)
        if (row.name == name)
            return Activation{row.kind, alpha, beta};
    return std::nullopt;
}

Clamp clamp_of(const Activation& activation) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    switch (activation.kind) {
    case Activation::None: return {-infinity, infinity};
    case Activation::Relu: return {0, infinity};
    case Activation::Clip: return {activation.alpha, activation.beta};
    case Activation::LeakyRelu:
        if (activation.alpha <= 1)
            return {-infinity, infinity, true, activation.alpha};
        [[fallthrough]];
    default: return {-infinity, infinity, false};
    }
}

std::pair<float, float> activation_defaults(std::string_view name) {
    const auto* f = find_activation(name);
    return f ? std::pair(f->alpha, f->beta) : std::pair(0.0f, 0.0f);
}

std::optional<Activation> activation_of(const Node& node) {
    const std::string name = node.attr("activation", "");
    const auto [alpha, beta] = activation_defaults(name);
    return activation_named(name, node.attr("activation_alpha", alpha),
                            node.attr("activation_beta", beta));
}

} // namespace infer::lowering
