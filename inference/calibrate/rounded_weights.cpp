// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/calibrate/rounded_weights.h"

#include "inference/passes/rewrite.h"

#include <algorithm>
#include <cmath>

namespace infer::calibrate {
namespace {

constexpr float most_steps = float(1 << 30); // of a bias, in 32 bits

// Where the weights of each channel of the result lie: number k of channel m at m * channel + k *
// step.
struct Lines {
    size_t channels = 0, each = 0;
    size_t channel = 0, step = 0;
    size_t at(size_t m, size_t k) const { return m * channel + k * step; }
};

Lines lines_of(const Node& node, const Shape& w) {
    const auto all = size_t(count(w));
    if (node.op == "Conv" || node.attr("transB", int64_t{0}) != 0) {
        const auto channels = size_t(w[0]);
        return {channels, all / channels, all / channels, 1};
    }
    const auto channels = size_t(w[1]);
    return {channels, all / channels, 1, channels};
}

// Which channel of the input weight k of channel m is multiplied with.
size_t input_channel(const Node& node, const Shape& w, size_t m, size_t k) {
    if (node.op != "Conv")
        return k;
    const auto groups = size_t(node.attr("group", int64_t{1})), read = size_t(w[1]);
    const size_t window = size_t(count(w)) / size_t(w[0]) / read;
    return m / (size_t(w[0]) / groups) * read + k / window;
}

size_t input_channels(const Node& node, const Shape& w, const Lines& lines) {
    return node.op == "Conv" ? size_t(w[1] * node.attr("group", int64_t{1})) : lines.each;
}

// The finest step at which neither a weight nor the bias goes beyond its bits.
float step_for(std::span<const float> w, const Lines& lines, size_t m, float bias, float x_scale) {
    float largest = 0;
    for (size_t k = 0; k < lines.each; k++)
        largest = std::max(largest, std::abs(w[lines.at(m, k)]));
    const float step = std::max(largest / 127, std::abs(bias) / x_scale / most_steps);
    return std::isnormal(step) && std::isnormal(step * x_scale) ? step : 1.0f;
}

} // namespace

RoundedWeights round_weights(const Graph& graph, const Node& node, float x_scale,
                             std::span<const float> means) {
    const Tensor& weights = *f32_of(graph, node.inputs[1]);
    const auto w = weights.span<float>();
    const Shape& shape = weights.shape();
    const Lines lines = lines_of(node, shape);
    const Tensor* given = input(node, 2) == none ? nullptr : f32_of(graph, node.inputs[2]);
    const bool may_have_bias = given || node.op != "MatMul";
    const bool corrects = may_have_bias && means.size() == input_channels(node, shape, lines);
    RoundedWeights out{Tensor(ElementType::I8, shape), {}, lines.channel == 1 ? 1 : 0, {}};
    Tensor bias(ElementType::I32, {int64_t(lines.channels)});
    for (size_t m = 0; m < lines.channels; m++) {
        float b = given ? given->span<float>()[m] : 0;
        const float step = step_for(w, lines, m, b, x_scale);
        for (size_t k = 0; k < lines.each; k++) {
            const float v = w[lines.at(m, k)];
            const float steps = std::clamp(std::nearbyint(v / step), -127.0f, 127.0f);
            out.bytes.span<int8_t>()[lines.at(m, k)] = int8_t(steps);
            if (corrects)
                b += (v - steps * step) * means[input_channel(node, shape, m, k)];
        }
        bias.span<int32_t>()[m] = int32_t(std::nearbyint(
            std::clamp(b / (step * x_scale), -most_steps * 1.9f, most_steps * 1.9f)));
        out.scale.push_back(step);
    }
    if (may_have_bias)
        out.bias = std::move(bias);
    return out;
}

} // namespace infer::calibrate
