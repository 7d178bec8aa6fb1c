// SPDX-License-Identifier: LGPL-2.1-or-later
// BatchNormalization: y = scale * (x - mean) / sqrt(var + epsilon) + bias.
//
//   in   x                       f32 [N, C, ...]
//        scale, bias, mean, var  f32 [C]
//   out  y                       f32, shape of x; may be x's own memory
//        mean, var               f32 [C], in training mode only: given * momentum + found * (1 -
//        momentum)
//   attr epsilon                 default 1e-5
//        training_mode           1: by the mean and variance found in x, not by the given ones;
//                                exporters write it for weights that are standardized (default 0)
//        momentum                default 0.9
//
// ONNX BatchNormalization-15.
#include "inference/ops/kernel.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

bool finds_moments(const Node& node) { return node.attr("training_mode", int64_t{0}) != 0; }

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 5, 5); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const size_t most = finds_moments(node) ? 3 : 1;
    if (node.outputs.size() > most)
        return unsupported(node, "has outputs for training; export the model for inference");
    const Shape& x = in[0].shape;
    const int64_t channels = x.size() < 2 ? 1 : x[1];
    for (size_t k = 1; k < 5; k++)
        if (in[k].shape != Shape{channels})
            return invalid(node, "input " + std::to_string(k) + " is " + to_string(in[k].shape) +
                                     ", not " + to_string({channels}));
    std::vector<ValueFacts> out = one(ElementType::F32, x);
    while (out.size() < node.outputs.size())
        out.push_back(fact(ElementType::F32, {channels}));
    return out;
}

// Elements of one channel of one image.
size_t plane_of(const Shape& x) {
    return x.size() < 2 ? 1 : size_t(count({x.begin() + 2, x.end()}));
}

// Calls f(channel, index) for every element.
template <typename F> void for_each(const Shape& x, size_t channels, F&& f) {
    const auto n = size_t(count(x));
    const size_t plane = plane_of(x);
    for (size_t at = 0, c = 0; at < n && plane; at += plane, c = (c + 1) % channels)
        for (size_t i = at; i < at + plane; i++)
            f(c, i);
}

struct Moments {
    std::vector<double> mean, variance; // by channel
};

Moments given_moments(Views in) {
    const auto mean = in[3].span<float>(), variance = in[4].span<float>();
    return {{mean.begin(), mean.end()}, {variance.begin(), variance.end()}};
}

Moments moments_of(const TensorView& x, size_t channels) {
    Moments m{std::vector<double>(channels, 0), std::vector<double>(channels, 0)};
    const double each = double(count(x.shape)) / double(std::max<size_t>(channels, 1));
    const auto values = x.span<float>();
    for_each(x.shape, channels, [&](size_t c, size_t i) { m.mean[c] += double(values[i]) / each; });
    for_each(x.shape, channels, [&](size_t c, size_t i) {
        const double away = double(values[i]) - m.mean[c];
        m.variance[c] += away * away / each;
    });
    return m;
}

void run(const Node& node, Views in, Views out) {
    const size_t channels = in[1].span<float>().size();
    const bool finds = finds_moments(node);
    const Moments m = finds ? moments_of(in[0], channels) : given_moments(in);
    const double momentum = double(node.attr("momentum", 0.9f));
    for (size_t k = 1; finds && k < out.size(); k++)
        for (size_t c = 0; out[k].data && c < channels; c++) {
            const double found = k == 1 ? m.mean[c] : m.variance[c];
            out[k].span<float>()[c] =
                float(double(in[k + 2].span<float>()[c]) * momentum + found * (1 - momentum));
        }
    const double epsilon = double(node.attr("epsilon", 1e-5f));
    std::vector<float> factor, mean(m.mean.begin(), m.mean.end());
    for (size_t c = 0; c < channels; c++)
        factor.push_back(
            float(double(in[1].span<float>()[c]) / std::sqrt(m.variance[c] + epsilon)));
    const auto x = in[0].span<float>(), bias = in[2].span<float>(), y = out[0].span<float>();
    for_each(in[0].shape, channels,
             [&](size_t c, size_t i) { y[i] = factor[c] * (x[i] - mean[c]) + bias[c]; });
}

constexpr OpDef table[] = {{"BatchNormalization", infer, run, true}};

} // namespace

extern constinit const OpList ops_batch_normalization = table;

} // namespace infer
