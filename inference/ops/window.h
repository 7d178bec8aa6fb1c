// SPDX-License-Identifier: LGPL-2.1-or-later
// The window that convolutions and poolings move over their input.
#pragma once

#include "inference/ops/kernel.h"

namespace infer {

// One entry a spatial dimension, outermost first; all of one length.
struct Window {
    std::vector<int64_t> kernel, stride, dilation, begin, end; // begin, end: padding
};

// What the node's attributes (strides, dilations, pads, auto_pad) say for an input of [N, C, ...].
// `kernel` comes from the weights or from kernel_shape.
Result<Window> window_of(const Node& node, const Shape& input, std::vector<int64_t> kernel);

// The same of a ConvTranspose, whose padding may follow from output_shape.
Result<Window> transposed_window_of(const Node& node, const Shape& input,
                                    std::vector<int64_t> kernel);

// Size of output dimension `d`, or nothing if the window does not fit. `ceil`: a last window that
// hangs over the end counts, if it starts inside the input or its front padding.
std::optional<int64_t> output_size(const Window& w, size_t d, int64_t input, bool ceil);

// Reference kernels treat 1-D and 2-D windows as 3-D ones: missing leading dimensions are 1 wide.
struct Window3 {
    int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
    int64_t begin[3] = {}, end[3] = {};
    int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
};
Window3 in_3d(const Window& w, const Shape& input, const Shape& output);

// Positions k of a kernel for which 0 <= first + k * dilation < size: [from, to).
inline void clip_kernel(int64_t first, int64_t dilation, int64_t size, int64_t kernel,
                        int64_t& from, int64_t& to) {
    from = first < 0 ? (-first + dilation - 1) / dilation : 0;
    to = first >= size ? 0 : std::min(kernel, (size - first + dilation - 1) / dilation);
}

} // namespace infer
