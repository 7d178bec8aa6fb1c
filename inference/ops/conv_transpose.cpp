// SPDX-License-Identifier: LGPL-2.1-or-later
// ConvTranspose: each input element adds its weighted kernel to the output; 1-D to 3-D.
//
//   in   x         f32 [N, C, spatial...]
//        w         f32 [C, M / group, kernel...]
//        bias      f32 [M], optional
//        residual  f32, shape of y, optional (fused form)
//   out  y         f32 [N, M, stride * (size - 1) + output_padding + span - pads...]
//   attr group, strides, dilations, pads, auto_pad, output_padding, output_shape; activation...
//
// ONNX ConvTranspose-11, and the fused form of graph.h.
#include "inference/ops/activation.h"
#include "inference/ops/window.h"

namespace infer {
namespace {

Result<void> check(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 4); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &w = in[1].shape;
    const int64_t group = node.attr("group", int64_t{1});
    if (x.size() < 3 || w.size() != x.size() || w[0] != x[1])
        return invalid(node, "weights " + to_string(w) + " do not fit input " + to_string(x));
    if (group < 1 || group > max_dim || x[1] % group != 0)
        return invalid(node, std::to_string(group) + " groups do not fit input " + to_string(x));
    if (given(in, 2) && in[2].shape != Shape{w[1] * group})
        return invalid(node, "its bias is " + to_string(in[2].shape) + ", not " +
                                 to_string({w[1] * group}));
    if (node.has("activation") && !find_activation(node.attr("activation", "")))
        return invalid(node, "unknown activation '" + node.attr("activation", "") + "'");
    return {};
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &w = in[1].shape;
    auto window = transposed_window_of(node, x, {w.begin() + 2, w.end()});
    if (!window.ok())
        return window.error();
    const Window& g = window.value();
    const auto extra = node.attr("output_padding", std::vector<int64_t>(g.kernel.size(), 0));
    const auto wanted = node.attr("output_shape", std::vector<int64_t>());
    Shape y = {x[0], w[1] * node.attr("group", int64_t{1})};
    for (size_t d = 0; d < g.kernel.size(); d++) {
        const int64_t span = (g.kernel[d] - 1) * g.dilation[d] + 1;
        const int64_t size = g.stride[d] * (x[d + 2] - 1) + extra[d] + span - g.begin[d] - g.end[d];
        if (size < 1)
            return invalid(node, "its padding leaves nothing of the output");
        const size_t lead = wanted.size() - std::min(wanted.size(), g.kernel.size());
        y.push_back(wanted.empty() ? size
                                   : wanted[lead + d]); // more than that is left zero at the end
    }
    if (given(in, 3) && in[3].shape != y)
        return invalid(node, "its residual is " + to_string(in[3].shape) + ", not " + to_string(y));
    return one(ElementType::F32, y);
}

// y += w * x for one kernel element. x, y: one channel.
void add_tap(const Window3& g, const float* x, float* y, float w, const int64_t (&k)[3]) {
    int64_t from[3], to[3], shift[3]; // input positions whose tap lies inside the output
    for (int d = 0; d < 3; d++) {
        shift[d] = k[d] * g.dilation[d] - g.begin[d];
        clip_kernel(shift[d], g.stride[d], g.out[d], g.in[d], from[d], to[d]);
    }
    for (int64_t z = from[0]; z < to[0]; z++)
        for (int64_t i = from[1]; i < to[1]; i++) {
            const float* row = x + (z * g.in[1] + i) * g.in[2];
            float* out =
                y +
                ((z * g.stride[0] + shift[0]) * g.out[1] + i * g.stride[1] + shift[1]) * g.out[2] +
                shift[2];
            for (int64_t j = from[2]; j < to[2]; j++)
                out[j * g.stride[2]] += w * row[j];
        }
}

void run_channel(const Window3& g, const float* x, const float* w, float* y) {
    for (int64_t a = 0; a < g.kernel[0]; a++)
        for (int64_t b = 0; b < g.kernel[1]; b++)
            for (int64_t e = 0; e < g.kernel[2]; e++)
                add_tap(g, x, y, *w++, {a, b, e});
}

void run(const Node& node, Views in, Views out) {
    const Shape &xs = in[0].shape, &ws = in[1].shape, &ys = out[0].shape;
    const Window3 g =
        in_3d(transposed_window_of(node, xs, {ws.begin() + 2, ws.end()}).value(), xs, ys);
    const int64_t plane_in = g.in[0] * g.in[1] * g.in[2],
                  plane_out = g.out[0] * g.out[1] * g.out[2];
    const int64_t taps = g.kernel[0] * g.kernel[1] * g.kernel[2];
    const int64_t channels = xs[1] / node.attr("group", int64_t{1}); // of one group
    for (int64_t n = 0; n < xs[0]; n++)
        for (int64_t m = 0; m < ys[1]; m++) {
            const int64_t at = (n * ys[1] + m) * plane_out, first = m / ws[1] * channels;
            float* y = out[0].span<float>().data() + at;
            std::fill_n(y, plane_out, given(in, 2) ? in[2].span<float>()[size_t(m)] : 0.0f);
            for (int64_t c = first; c < first + channels; c++)
                run_channel(g, in[0].span<float>().data() + (n * xs[1] + c) * plane_in,
                            in[1].span<float>().data() + (c * ws[1] + m % ws[1]) * taps, y);
            if (given(in, 3))
                for (int64_t i = 0; i < plane_out; i++)
                    y[i] += in[3].span<float>()[size_t(at + i)];
            activate(node, y, size_t(plane_out));
        }
}

constexpr OpDef table[] = {{"ConvTranspose", infer, run}};

} // namespace

extern constinit const OpList ops_conv_transpose = table;

} // namespace infer
