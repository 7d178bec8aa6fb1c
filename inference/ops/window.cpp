// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/ops/window.h"

namespace infer {
namespace {

bool all_within(const std::vector<int64_t>& values, int64_t low) {
    return std::all_of(values.begin(), values.end(),
                       [&](int64_t v) { return v >= low && v <= max_dim; });
}

// SAME_UPPER puts the odd one at the end, SAME_LOWER at the front (ONNX Conv-11, auto_pad).
void pad_same(Window& w, const Shape& input, bool upper) {
    for (size_t d = 0; d < w.kernel.size(); d++) {
        const int64_t size = input[d + 2];
        const int64_t out = (size + w.stride[d] - 1) / w.stride[d];
        const int64_t span = (w.kernel[d] - 1) * w.dilation[d] + 1;
        const int64_t pad = std::max<int64_t>((out - 1) * w.stride[d] + span - size, 0);
        w.begin[d] = upper ? pad / 2 : pad - pad / 2;
        w.end[d] = pad - w.begin[d];
    }
}

// Padding of a ConvTranspose that gives output_shape, or that auto_pad asks for (size = input *
// stride). The odd one goes to the end with SAME_UPPER and to the front otherwise
// (ConvTranspose-11).
void pad_transposed(const Node& node, Window& w, const Shape& x, const std::vector<int64_t>& extra,
                    const std::vector<int64_t>& wanted) {
    const std::string pad = node.attr("auto_pad", "NOTSET");
    if (wanted.empty() && pad != "SAME_UPPER" && pad != "SAME_LOWER")
        return;
    const size_t n = w.kernel.size();
    for (size_t d = 0; d < n; d++) {
        const int64_t size =
            wanted.empty() ? x[d + 2] * w.stride[d] : wanted[wanted.size() - n + d];
        const int64_t span = (w.kernel[d] - 1) * w.dilation[d] + 1;
        const int64_t total =
            std::max<int64_t>(w.stride[d] * (x[d + 2] - 1) + extra[d] + span - size, 0);
        w.begin[d] = pad == "SAME_UPPER" ? total / 2 : total - total / 2;
        w.end[d] = total - w.begin[d];
    }
}

} // namespace

Result<Window> window_of(const Node& node, const Shape& input, std::vector<int64_t> kernel) {
    const size_t n = kernel.size();
    if (n < 1 || n > 3 || input.size() != n + 2)
        return unsupported(node, "its input " + to_string(input) + " and kernel of " +
                                     std::to_string(n) +
                                     " dimensions do not fit; 1-D to 3-D can be run");
    const std::vector<int64_t> ones(n, 1);
    Window w{kernel, node.attr("strides", ones), node.attr("dilations", ones), {}, {}};
    const auto pads = node.attr("pads", std::vector<int64_t>(2 * n, 0));
    if (w.stride.size() != n || w.dilation.size() != n || pads.size() != 2 * n)
        return invalid(node, "strides, dilations and pads must have " + std::to_string(n) + ", " +
                                 std::to_string(n) + " and " + std::to_string(2 * n) + " entries");
    if (!all_within(kernel, 1) || !all_within(w.stride, 1) || !all_within(w.dilation, 1) ||
        !all_within(pads, 0))
        return invalid(node, "kernel, strides and dilations must be at least 1, pads at least 0");
    w.begin.assign(pads.begin(), pads.begin() + int64_t(n));
    w.end.assign(pads.begin() + int64_t(n), pads.end());
    const std::string pad = node.attr("auto_pad", "NOTSET");
    if (pad == "SAME_UPPER" || pad == "SAME_LOWER")
        pad_same(w, input, pad == "SAME_UPPER");
    else if (pad == "VALID")
        w.begin = w.end = std::vector<int64_t>(n, 0);
    else if (pad != "NOTSET" && !pad.empty())
        return invalid(node, "auto_pad is '" + pad +
                                 "'; known are NOTSET, VALID, SAME_UPPER, SAME_LOWER");
    return w;
}

Result<Window> transposed_window_of(const Node& node, const Shape& input,
                                    std::vector<int64_t> kernel) {
    auto window = window_of(node, input, std::move(kernel));
    if (!window.ok())
        return window;
    const size_t n = window.value().kernel.size();
    const auto extra = node.attr("output_padding", std::vector<int64_t>(n, 0));
    const auto wanted = node.attr("output_shape", std::vector<int64_t>());
    if (extra.size() != n || (!wanted.empty() && wanted.size() != n && wanted.size() != n + 2))
        return invalid(node, "output_padding or output_shape has not one entry a dimension");
    if (!all_within(extra, 0) || !all_within(wanted, 1))
        return invalid(node, "output_padding must be at least 0, output_shape at least 1");
    pad_transposed(node, window.value(), input, extra, wanted);
    return window;
}

std::optional<int64_t> output_size(const Window& w, size_t d, int64_t input, bool ceil) {
    const int64_t span = (w.kernel[d] - 1) * w.dilation[d] + 1;
    const int64_t room = input + w.begin[d] + w.end[d] - span;
    if (room < 0)
        return {};
    int64_t n = (room + (ceil ? w.stride[d] - 1 : 0)) / w.stride[d] + 1;
    if (ceil && (n - 1) * w.stride[d] >= input + w.begin[d])
        n--;
    return n;
}

Window3 in_3d(const Window& w, const Shape& input, const Shape& output) {
    Window3 w3;
    const size_t lead = 3 - w.kernel.size();
    for (size_t d = 0; d < w.kernel.size(); d++) {
        w3.kernel[lead + d] = w.kernel[d];
        w3.stride[lead + d] = w.stride[d];
        w3.dilation[lead + d] = w.dilation[d];
        w3.begin[lead + d] = w.begin[d];
        w3.end[lead + d] = w.end[d];
        w3.in[lead + d] = input[2 + d];
        w3.out[lead + d] = output[2 + d];
    }
    return w3;
}

} // namespace infer
