// SPDX-License-Identifier: LGPL-2.1-or-later
// Softmax, LogSoftmax and Hardmax along one axis: e^x / sum(e^x), its logarithm, and 1 at the first
// maximum.
//
//   in   x        f32, rank >= 1
//   out  y        f32, shape of x; may be x's own memory
//   attr axis     default -1
//        flatten  ours: 1 takes all dimensions from axis on as one (the meaning before opset 13)
//
// ONNX Softmax-13, LogSoftmax-13, Hardmax-13. The maximum is taken off first so that exp() cannot
// overflow.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    auto out = same_f32(node, in);
    const int64_t axis = node.attr("axis", int64_t{-1}),
                  rank = out.ok() ? int64_t(in[0].shape.size()) : 0;
    const bool all_rows =
        node.has("flatten") && axis == rank; // axis may lie past the end: rows of 1
    if (out.ok() && !axis_of(axis, in[0].shape.size()) && !all_rows)
        return invalid(node,
                       "axis " + std::to_string(axis) + " is outside " + to_string(in[0].shape));
    return out;
}

// One row of n elements, `step` apart.
void softmax(const float* x, float* y, int64_t n, int64_t step) {
    float top = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        top = std::max(top, x[i * step]);
    for (int64_t i = 0; i < n; i++)
        sum += y[i * step] = std::exp(x[i * step] - top);
    for (int64_t i = 0; i < n; i++)
        y[i * step] /= sum;
}

void log_softmax(const float* x, float* y, int64_t n, int64_t step) {
    float top = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        top = std::max(top, x[i * step]);
    for (int64_t i = 0; i < n; i++)
        sum += std::exp(x[i * step] - top);
    for (int64_t i = 0; i < n; i++)
        y[i * step] = x[i * step] - top - std::log(sum);
}

void hardmax(const float* x, float* y, int64_t n, int64_t step) {
    int64_t top = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i * step] > x[top * step])
            top = i;
    for (int64_t i = 0; i < n; i++)
        y[i * step] = i == top;
}

template <auto row> void run(const Node& node, Views in, Views out) {
    const Shape& shape = in[0].shape;
    const int64_t wanted = node.attr("axis", int64_t{-1});
    const size_t axis = axis_of(wanted, shape.size()).value_or(shape.size());
    const bool flat = node.attr("flatten", int64_t{0}) != 0;
    const int64_t from = int64_t(axis);
    const int64_t n = flat ? count({shape.begin() + from, shape.end()}) : shape[axis];
    const int64_t step = flat ? 1 : count({shape.begin() + from + 1, shape.end()});
    const int64_t total = count(shape);
    for (int64_t block = 0; block < total; block += n * step)
        for (int64_t i = 0; i < step; i++)
            row(in[0].span<float>().data() + block + i, out[0].span<float>().data() + block + i, n,
                step);
}

constexpr OpDef table[] = {{"Softmax", infer, run<softmax>, true},
                           {"LogSoftmax", infer, run<log_softmax>, true},
                           {"Hardmax", infer, run<hardmax>}};

} // namespace

extern constinit const OpList ops_softmax = table;

} // namespace infer
