// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Convolutions of images, in groups or not, plain and transposed, with known weights.
#include "devices/gpu/kernels.h"
#include "devices/gpu/operator.h"
#include "inference/ops/window.h"

#include <algorithm>

namespace infer::gpu {
namespace {

// What both kernels are told, and how the weights are laid out for them.
struct Geometry {
    Window window;
    int64_t groups = 1;
    int64_t channels = 1, out_channels = 1; // of a group
    int64_t together = 1;                   // channels a work-item makes
    int64_t blocks() const { return (out_channels + together - 1) / together; }
};

// As many as fill a processor's registers, or few enough for a GPU to have many work-items.
int64_t channels_together(const Writer& writer, int64_t out_channels) {
    const int64_t most = writer.hardware.is_processor ? 8 : 4;
    return out_channels >= most ? most : out_channels >= 4 ? 4 : out_channels >= 2 ? 2 : 1;
}

// [groups, blocks, channels, kernel_height, kernel_width, together], filled up with 0;
// weight(group, channel in, channel out) is the first of a kernel.
template <typename F> Tensor packed(const Geometry& g, int64_t taps, F weight) {
    Tensor all(ElementType::F32, {g.groups, g.blocks(), g.channels, taps, g.together});
    float* to = all.span<float>().data();
    for (int64_t group = 0; group < g.groups; group++)
        for (int64_t block = 0; block < g.blocks(); block++)
            for (int64_t c = 0; c < g.channels; c++)
                for (int64_t tap = 0; tap < taps; tap++)
                    for (int64_t m = 0; m < g.together; m++, to++)
                        if (const int64_t out = block * g.together + m; out < g.out_channels)
                            *to = weight(group, c, out)[tap];
    return all;
}

Tensor packed_bias(const Writer& writer, const Geometry& g) {
    Tensor all(ElementType::F32, {g.groups, g.blocks() * g.together});
    if (writer.has(2))
        for (int64_t group = 0; group < g.groups; group++)
            for (int64_t m = 0; m < g.out_channels; m++)
                all.span<float>()[size_t(group * g.blocks() * g.together + m)] =
                    writer.in[2].constant->span<float>()[size_t(group * g.out_channels + m)];
    return all;
}

std::vector<Argument> common_arguments(Writer& writer, const Geometry& g, const Tensor& weights) {
    const bool has_added = writer.has(3);
    return {writer.in[0],
            writer.weights(weights),
            writer.table(packed_bias(writer, g)),
            has_added ? writer.in[3] : Place(),
            int64_t(has_added),
            writer.out[0],
            g.groups,
            g.channels,
            g.blocks(),
            g.out_channels};
}

void add_window(const Window& w, std::vector<Argument>& arguments) {
    add_numbers({w.kernel[0], w.kernel[1], w.stride[0], w.stride[1], w.begin[0], w.begin[1],
                 w.dilation[0], w.dilation[1]},
                arguments);
}

bool is_known(const Writer& writer) {
    return writer.is_float() && writer.in.size() >= 2 && writer.in[0].shape.size() == 4 &&
           writer.in[1].constant && (!writer.has(2) || writer.in[2].constant);
}

bool write_conv(Writer& writer, const lowering::Activation& activation) {
    const Shape &x = writer.in[0].shape, &w = writer.in[1].shape, &y = writer.out[0].shape;
    Geometry g{.window = window_of(writer.node, x, {w[2], w[3]}).value(),
               .groups = writer.node.attr("group", int64_t(1)),
               .channels = w[1]};
    g.out_channels = w[0] / g.groups;
    g.together = channels_together(writer, g.out_channels);
    const float* from = writer.in[1].constant->span<float>().data();
    const int64_t taps = w[2] * w[3];
    const Tensor weights = packed(g, taps, [&](int64_t group, int64_t c, int64_t out) {
        return from + ((group * g.out_channels + out) * g.channels + c) * taps;
    });
    int64_t in_height = x[2], in_width = x[3], height = y[2], width = y[3];
    const Window& v = g.window;
    const auto none = [](const std::vector<int64_t>& pads) {
        return std::ranges::all_of(pads, [](int64_t p) { return p == 0; });
    };
    if (taps == 1 && v.stride[0] == 1 && v.stride[1] == 1 && none(v.begin) &&
        none(v.end)) { // pixels are alike: one row
        in_width = width = height * width;
        in_height = height = 1;
    }
    const int full = writer.hardware.vector_width;
    const int pixels = height > 1 && width <= full / 2 && full > 4 ? full / 2 : full;
    const int64_t tiles = (width + pixels - 1) / pixels;
    auto arguments = common_arguments(writer, g, weights);
    add_numbers({in_height, in_width, height, width}, arguments);
    add_window(v, arguments);
    add_numbers({tiles}, arguments);
    add_activation(activation, arguments);
    writer.launch({.name = "conv",
                   .source = kernel_source("conv"),
                   .width = pixels,
                   .options = "-DM=" + std::to_string(g.together),
                   .together = writer.hardware.is_processor ? 16 : 64},
                  {tiles * height, g.groups * g.blocks(), x[0]}, std::move(arguments),
                  writer.out[0]);
    return true;
}

bool write_transposed(Writer& writer, const lowering::Activation& activation) {
    const Shape &x = writer.in[0].shape, &w = writer.in[1].shape, &y = writer.out[0].shape;
    Geometry g{.window = transposed_window_of(writer.node, x, {w[2], w[3]}).value(),
               .groups = writer.node.attr("group", int64_t(1))};
    g.channels = x[1] / g.groups;
    g.out_channels = w[1];
    g.together = channels_together(writer, g.out_channels);
    const float* from = writer.in[1].constant->span<float>().data();
    const int64_t taps = w[2] * w[3];
    const Tensor weights = packed(g, taps, [&](int64_t group, int64_t c, int64_t out) {
        return from + ((group * g.channels + c) * g.out_channels + out) * taps;
    });
    auto arguments = common_arguments(writer, g, weights);
    add_numbers({x[2], x[3], y[2], y[3]}, arguments);
    add_window(g.window, arguments);
    add_activation(activation, arguments);
    writer.launch({.name = "conv_transpose",
                   .source = kernel_source("conv_transpose"),
                   .options = "-DM=" + std::to_string(g.together)},
                  {y[2] * y[3], g.groups * g.blocks(), x[0]}, std::move(arguments), writer.out[0]);
    return true;
}

bool write(Writer& writer) {
    const bool transposed = writer.node.op == "ConvTranspose";
    const auto activation = lowering::activation_of(writer.node);
    if ((writer.node.op != "Conv" && !transposed) || !activation || !is_known(writer))
        return false;
    return transposed ? write_transposed(writer, *activation) : write_conv(writer, *activation);
}

} // namespace

extern const OperatorDef gpu_operator_conv;
const OperatorDef gpu_operator_conv = {.name = "conv", .write = write};

} // namespace infer::gpu
