// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/kernels.h"
#include "devices/gpu/operator.h"
#include "inference/ops/window.h"

#include <algorithm>

namespace infer::gpu {
namespace {

// 1 / taps that count in dimension d, by output position: with_pads: those in the padding do too.
void add_shares(const Window& w, size_t d, int64_t in, int64_t out, bool with_pads,
                std::vector<float>& shares) {
    const int64_t before = with_pads ? w.begin[d] : 0,
                  size = in + (with_pads ? w.begin[d] + w.end[d] : 0);
    for (int64_t k = 0; k < out; k++) {
        int64_t from = 0, to = 0;
        clip_kernel(k * w.stride[d] - w.begin[d] + before, w.dilation[d], size, w.kernel[d], from,
                    to);
        shares.push_back(to > from ? 1.0f / float(to - from) : 0.0f);
    }
}

bool write(Writer& writer) {
    const Node& node = writer.node;
    const bool is_max = node.op == "MaxPool";
    if ((!is_max && node.op != "AveragePool") || !writer.is_float() ||
        writer.in[0].shape.size() != 4 || node.outputs.size() != 1)
        return false;
    const Shape &x = writer.in[0].shape, &y = writer.out[0].shape;
    const Window w = window_of(node, x, node.attr("kernel_shape", std::vector<int64_t>())).value();
    std::vector<float> shares;
    for (const size_t d : {size_t(0), size_t(1)})
        add_shares(w, d, x[d + 2], y[d + 2], node.attr("count_include_pad", int64_t(0)) != 0,
                   shares);
    const Place table =
        writer.table(make_tensor<float>(ElementType::F32, {int64_t(shares.size())}, shares));
    const int pixels = writer.hardware.vector_width;
    const int64_t tiles = (y[3] + pixels - 1) / pixels;
    writer.launch({.name = "pool", .source = kernel_source("pool"), .width = pixels},
                  {tiles * y[2], x[0] * x[1], 1},
                  {writer.in[0], table, writer.out[0], int64_t(is_max), x[2], x[3], y[2], y[3],
                   w.kernel[0], w.kernel[1], w.stride[0], w.stride[1], w.begin[0], w.begin[1],
                   w.dilation[0], w.dilation[1], tiles},
                  writer.out[0]);
    return true;
}

} // namespace

extern const OperatorDef gpu_operator_pool;
const OperatorDef gpu_operator_pool = {.name = "pool", .write = write};

} // namespace infer::gpu
