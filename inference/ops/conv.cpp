// SPDX-License-Identifier: LGPL-2.1-or-later
// Conv: y = activation(conv(x, w) + bias + residual), 1-D to 3-D.
//
//   in   x         f32 [N, C, spatial...]
//        w         f32 [M, C / group, kernel...]
//        bias      f32 [M], optional
//        residual  f32, shape of y, optional (fused form)
//   out  y         f32 [N, M, spatial...]
//   attr group, strides, dilations, pads, auto_pad; activation, activation_alpha, activation_beta
//
// ONNX Conv-11, and the fused form of graph.h. Sums run over rows of the output, so that the
// innermost loop reads and writes contiguous memory.
#include "inference/ops/activation.h"
#include "inference/ops/window.h"

#include <cstring>

namespace infer {
namespace {

Result<void> check(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 4); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &w = in[1].shape;
    const int64_t group = node.attr("group", int64_t{1});
    if (x.size() < 3 || w.size() != x.size())
        return invalid(node, "its input " + to_string(x) + " and weights " + to_string(w) +
                                 " must have the same number of dimensions, 3 to 5");
    if (group < 1 || group > max_dim || w[1] * group != x[1] || w[0] % group != 0)
        return invalid(node, "weights " + to_string(w) + " in " + std::to_string(group) +
                                 " groups do not fit input " + to_string(x));
    if (given(in, 2) && in[2].shape != Shape{w[0]})
        return invalid(node,
                       "its bias is " + to_string(in[2].shape) + ", not " + to_string({w[0]}));
    if (node.has("activation") && !find_activation(node.attr("activation", "")))
        return invalid(node, "unknown activation '" + node.attr("activation", "") + "'");
    return {};
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &w = in[1].shape;
    auto window = window_of(node, x, {w.begin() + 2, w.end()});
    if (!window.ok())
        return window.error();
    if (node.attr("kernel_shape", window.value().kernel) != window.value().kernel)
        return invalid(node, "kernel_shape is not that of its weights, " + to_string(w));
    Shape y = {x[0], w[0]};
    for (size_t d = 2; d < x.size(); d++) {
        const auto size = output_size(window.value(), d - 2, x[d], false);
        if (!size)
            return invalid(node, "its kernel is larger than its padded input " + to_string(x));
        y.push_back(*size);
    }
    if (given(in, 3) && in[3].shape != y)
        return invalid(node, "its residual is " + to_string(in[3].shape) + ", not " + to_string(y));
    return one(ElementType::F32, y);
}

// y += w * x for one kernel element over the rows it reaches. x, y: one channel.
void add_tap(const Window3& g, const float* x, float* y, float w, const int64_t (&k)[3]) {
    int64_t from[3], to[3], shift[3]; // output positions whose tap lies inside the input
    for (int d = 0; d < 3; d++) {
        shift[d] = k[d] * g.dilation[d] - g.begin[d];
        clip_kernel(shift[d], g.stride[d], g.in[d], g.out[d], from[d], to[d]);
    }
    for (int64_t z = from[0]; z < to[0]; z++)
        for (int64_t i = from[1]; i < to[1]; i++) {
            const float* row =
                x +
                ((z * g.stride[0] + shift[0]) * g.in[1] + i * g.stride[1] + shift[1]) * g.in[2] +
                shift[2];
            float* out = y + (z * g.out[1] + i) * g.out[2];
            if (g.stride[2] == 1)
                for (int64_t j = from[2]; j < to[2]; j++)
                    out[j] += w * row[j];
            else
                for (int64_t j = from[2]; j < to[2]; j++)
                    out[j] += w * row[j * g.stride[2]];
        }
}

// One output channel of one image. x: the channels of its group.
void run_channel(const Window3& g, const float* x, const float* w, float* y, int64_t channels) {
    const int64_t plane = g.in[0] * g.in[1] * g.in[2];
    for (int64_t c = 0; c < channels; c++, x += plane)
        for (int64_t a = 0; a < g.kernel[0]; a++)
            for (int64_t b = 0; b < g.kernel[1]; b++)
                for (int64_t e = 0; e < g.kernel[2]; e++)
                    add_tap(g, x, y, *w++, {a, b, e});
}

void run(const Node& node, Views in, Views out) {
    const Shape &xs = in[0].shape, &ws = in[1].shape;
    const Window3 g =
        in_3d(window_of(node, xs, {ws.begin() + 2, ws.end()}).value(), xs, out[0].shape);
    const int64_t plane_in = g.in[0] * g.in[1] * g.in[2],
                  plane_out = g.out[0] * g.out[1] * g.out[2];
    const int64_t taps = ws[1] * g.kernel[0] * g.kernel[1] * g.kernel[2];
    const int64_t per_group = ws[0] / node.attr("group", int64_t{1});
    for (int64_t n = 0; n < xs[0]; n++)
        for (int64_t m = 0; m < ws[0]; m++) {
            const int64_t at = (n * ws[0] + m) * plane_out;
            float* y = out[0].span<float>().data() + at;
            if (given(in, 3)) // y may be the residual's own memory
                std::memmove(y, in[3].span<float>().data() + at, size_t(plane_out) * sizeof(float));
            else
                std::fill_n(y, plane_out, 0.0f);
            const int64_t first = per_group ? m / per_group * ws[1] : 0; // channel of its group
            run_channel(g, in[0].span<float>().data() + (n * xs[1] + first) * plane_in,
                        in[1].span<float>().data() + m * taps, y, ws[1]);
            if (given(in, 2))
                for (int64_t i = 0; i < plane_out; i++)
                    y[i] += in[2].span<float>()[size_t(m)];
            activate(node, y, size_t(plane_out));
        }
}

constexpr OpDef table[] = {{"Conv", infer, run}};

} // namespace

extern constinit const OpList ops_conv = table;

} // namespace infer
