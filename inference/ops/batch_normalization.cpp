// SPDX-License-Identifier: LGPL-2.1-or-later
// BatchNormalization as inference uses it: y = scale * (x - mean) / sqrt(var + epsilon) + bias.
//
//   in   x                       f32 [N, C, ...]
//        scale, bias, mean, var  f32 [C]
//   out  y                       f32, shape of x; may be x's own memory
//   attr epsilon                 default 1e-5
//
// ONNX BatchNormalization-15 with training_mode 0.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 5, 5); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    if (node.attr("training_mode", int64_t{0}))
        return unsupported(node, "is in training mode; export the model for inference");
    const Shape& x = in[0].shape;
    const int64_t channels = x.size() < 2 ? 1 : x[1];
    for (size_t k = 1; k < 5; k++)
        if (in[k].shape != Shape{channels})
            return invalid(node, "input " + std::to_string(k) + " is " + to_string(in[k].shape) +
                                     ", not " + to_string({channels}));
    return one(ElementType::F32, x);
}

void run(const Node& node, Views in, Views out) {
    const float epsilon = node.attr("epsilon", 1e-5f);
    const size_t channels = in[1].span<float>().size(), n = in[0].span<float>().size();
    const Shape& shape = in[0].shape;
    const size_t plane = shape.size() < 2 ? 1 : size_t(count({shape.begin() + 2, shape.end()}));
    for (size_t at = 0, c = 0; at < n && plane; at += plane, c = (c + 1) % channels) {
        const float factor = in[1].span<float>()[c] / std::sqrt(in[4].span<float>()[c] + epsilon);
        const float mean = in[3].span<float>()[c], bias = in[2].span<float>()[c];
        for (size_t i = at; i < at + plane; i++)
            out[0].span<float>()[i] = factor * (in[0].span<float>()[i] - mean) + bias;
    }
}

constexpr OpDef table[] = {{"BatchNormalization", infer, run, true}};

} // namespace

extern constinit const OpList ops_batch_normalization = table;

} // namespace infer
