// SPDX-License-Identifier: LGPL-2.1-or-later
// MaxUnpool: puts maxima back where MaxPool found them; everything else is zero.
//
//   in   x             f32 [N, C, spatial...]
//        indices       i64, shape of x: flat positions in MaxPool's input; others are left out
//        output_shape  i64, constant, optional: a larger tensor, the rest of which is zero
//   out  y             f32 [N, C, spatial...]
//   attr kernel_shape, strides, pads: of the MaxPool
//
// ONNX MaxUnpool-11.
#include "inference/ops/window.h"

namespace infer {
namespace {

// The tensor that the indices count in.
Result<Shape> pooled_from(const Node& node, const Shape& x) {
    auto window = window_of(node, x, node.attr("kernel_shape", std::vector<int64_t>()));
    if (!window.ok())
        return window.error();
    const Window& w = window.value();
    Shape y = x;
    for (size_t d = 0; d < w.kernel.size(); d++)
        y[d + 2] = (x[d + 2] - 1) * w.stride[d] + w.kernel[d] - w.begin[d] - w.end[d];
    if (!checked_count(y))
        return invalid(node, "its pads leave nothing of " + to_string(x));
    return y;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 3); !ok.ok())
        return ok.error();
    if (in[0].type != ElementType::F32 || in[1].type != ElementType::I64 ||
        in[1].shape != in[0].shape)
        return invalid(node, "takes f32 and i64 of one shape, not " + to_string(in[0].shape) +
                                 " and " + to_string(in[1].shape));
    auto from = pooled_from(node, in[0].shape);
    if (!from.ok() || !given(in, 2))
        return from.ok() ? FactsResult(one(ElementType::F32, from.value())) : from.error();
    const auto wanted = ints_of(in[2]);
    if (!wanted)
        return unsupported(node, "its output_shape is not constant");
    bool fits = wanted->size() == from.value().size();
    for (size_t d = 0; fits && d < wanted->size(); d++)
        fits = (*wanted)[d] >= from.value()[d];
    if (!fits)
        return invalid(node, "output_shape " + to_string(*wanted) + " is smaller than " +
                                 to_string(from.value()));
    return one(ElementType::F32, *wanted);
}

void run(const Node& node, Views in, Views out) {
    const Shape from = pooled_from(node, in[0].shape).value();
    const std::vector<int64_t> inside = strides_of(from), steps = strides_of(out[0].shape);
    const auto y = out[0].span<float>();
    std::fill(y.begin(), y.end(), 0.0f);
    const int64_t elements = count(from);
    for (size_t i = 0; i < in[0].span<float>().size(); i++) {
        const int64_t k = in[1].span<int64_t>()[i];
        if (k < 0 || k >= elements)
            continue;
        int64_t at = 0;
        for (size_t d = 0; d < from.size(); d++)
            at += k / inside[d] % from[d] * steps[d];
        y[size_t(at)] = in[0].span<float>()[i];
    }
}

constexpr OpDef table[] = {{"MaxUnpool", infer, run}};

} // namespace

extern constinit const OpList ops_max_unpool = table;

} // namespace infer
