// SPDX-License-Identifier: LGPL-2.1-or-later
// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: how far scores are from known classes.
//
//   in   x         f32 [N, C, ...]: log probabilities; SoftmaxCrossEntropyLoss: scores
//        target    i32 or i64 [N, ...]: the class; one outside 0..C-1 counts as ignored
//        weight    f32 [C], optional: of each class, default 1
//   out  loss      f32: [N, ...] with reduction none, else a scalar
//        log_prob  SoftmaxCrossEntropyLoss, optional: f32, shape of x
//   attr reduction     mean (default: of the weights), sum, none
//        ignore_index  a class that does not count, default none
//
// ONNX NegativeLogLikelihoodLoss-13, SoftmaxCrossEntropyLoss-13.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 3); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    Shape target = x;
    if (x.size() > 1)
        target.erase(target.begin() + 1);
    const bool indices = in[1].type == ElementType::I64 || in[1].type == ElementType::I32;
    if (x.size() < 2 || in[1].shape != target || !indices)
        return invalid(node, "takes [N, C, ...] and its classes, i32 or i64 [N, ...], not " +
                                 to_string(x) + " and " + to_string(in[1].shape));
    if (in[0].type != ElementType::F32 || (given(in, 2) && in[2].type != ElementType::F32))
        return unsupported(node, "takes f32");
    if (given(in, 2) && in[2].shape != Shape{x[1]})
        return invalid(node, "its weights are " + to_string(in[2].shape) + ", not one a class");
    const std::string reduction = node.attr("reduction", "mean");
    if (reduction != "mean" && reduction != "sum" && reduction != "none")
        return invalid(node, "reduction '" + reduction + "' is none of mean, sum, none");
    return std::vector{fact(ElementType::F32, reduction == "none" ? target : Shape()),
                       fact(ElementType::F32, x)};
}

// [N, C, inner] as the walks below see x.
struct Extents {
    int64_t classes, inner, places; // places: N * inner
};

Extents extents_of(const Shape& x) {
    const int64_t inner = count({x.begin() + 2, x.end()});
    return {x[1], inner, x[0] * inner};
}

size_t offset_of(const Extents& e, int64_t place, int64_t c) {
    return size_t((place / e.inner * e.classes + c) * e.inner + place % e.inner);
}

// log(softmax) over the classes.
std::vector<float> log_softmax(const TensorView& x) {
    const Extents e = extents_of(x.shape);
    const auto values = x.span<float>();
    std::vector<float> logs(values.size());
    for (int64_t p = 0; p < e.places && e.classes > 0; p++) {
        float top = values[offset_of(e, p, 0)];
        for (int64_t c = 1; c < e.classes; c++)
            top = std::max(top, values[offset_of(e, p, c)]);
        double sum = 0;
        for (int64_t c = 0; c < e.classes; c++)
            sum += std::exp(double(values[offset_of(e, p, c)] - top));
        for (int64_t c = 0; c < e.classes; c++)
            logs[offset_of(e, p, c)] =
                float(double(values[offset_of(e, p, c)] - top) - std::log(sum));
    }
    return logs;
}

int64_t class_at(const TensorView& target, int64_t place) {
    return target.type == ElementType::I64 ? target.span<int64_t>()[size_t(place)]
                                           : target.span<int32_t>()[size_t(place)];
}

void reduce_loss(const Node& node, const float* logs, Views in, const TensorView& out) {
    const Extents e = extents_of(in[0].shape);
    const std::string reduction = node.attr("reduction", "mean");
    const int64_t ignored = node.attr("ignore_index", int64_t{-1});
    double sum = 0, weights = 0;
    for (int64_t p = 0; p < e.places; p++) {
        const int64_t c = class_at(in[1], p);
        const bool counts = c >= 0 && c < e.classes && !(node.has("ignore_index") && c == ignored);
        const float weight = !counts ? 0.0f : given(in, 2) ? in[2].span<float>()[size_t(c)] : 1.0f;
        const float loss = counts ? -logs[offset_of(e, p, c)] * weight : 0.0f;
        sum += double(loss);
        weights += double(weight);
        if (reduction == "none")
            out.span<float>()[size_t(p)] = loss;
    }
    if (reduction != "none")
        out.span<float>()[0] = float(reduction == "mean" ? sum / weights : sum);
}

void run_likelihood(const Node& node, Views in, Views out) {
    reduce_loss(node, in[0].span<float>().data(), in, out[0]);
}

void run_entropy(const Node& node, Views in, Views out) {
    const std::vector<float> logs = log_softmax(in[0]);
    if (out[0].data)
        reduce_loss(node, logs.data(), in, out[0]);
    if (out.size() > 1 && out[1].data)
        std::copy(logs.begin(), logs.end(), out[1].span<float>().begin());
}

constexpr OpDef table[] = {{"NegativeLogLikelihoodLoss", infer, run_likelihood},
                           {"SoftmaxCrossEntropyLoss", infer, run_entropy}};

} // namespace

extern constinit const OpList ops_losses = table;

} // namespace infer
