// SPDX-License-Identifier: LGPL-2.1-or-later
//
// ConvTranspose as ordinary convolutions: the output pixels that lie `stride` apart see the same
// taps, so each of the stride_y x stride_x phases of the output is a convolution of its own.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>

namespace infer::cpu {
namespace {

struct Phase {
    ConvPlan plan; // out_stride is that of the phase's neighbouring pixels
    int64_t y = 0, x = 0; // first output pixel
};

class ConvTransposeKernel final : public Kernel {
public:
    ConvTransposeKernel(std::vector<Phase> phases, int64_t out_height, int64_t out_width, int64_t out_stride,
                        int64_t stride, int threads)
        : phases_(std::move(phases)), out_height_(out_height), out_width_(out_width),
          out_stride_(out_stride), stride_y_(stride) {
        double macs = 0;
        for (const Phase& phase : phases_) {
            const ConvPlan& p = phase.plan;
            units_ += p.batch * p.out_height * int64_t(p.blocks.size());
            macs += double(p.batch * p.out_height * p.out_width * p.out_channels) *
                    double(p.in_channels * p.kernel_y * p.kernel_x);
        }
        slices_ = slices_for(macs / 40, units_, threads);
    }

    std::string_view name() const override { return "tiled conv transpose"; }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(units_, slices_, slice);
        int64_t first = 0; // unit of the phase
        for (const Phase& phase : phases_) {
            const ConvPlan& p = phase.plan;
            const int64_t blocks = int64_t(p.blocks.size()), units = p.batch * p.out_height * blocks;
            for (int64_t u = std::max(range.begin - first, int64_t(0)); u < std::min(range.end - first, units); u++)
                run_unit(call, phase, u % blocks, u / blocks);
            first += units;
        }
    }

private:
    void run_unit(const Call& call, const Phase& phase, int64_t block, int64_t row) const {
        const ConvPlan& p = phase.plan;
        const int64_t n = row / p.out_height, oy = row % p.out_height;
        const int64_t pixel = (n * out_height_ + phase.y + oy * stride_y_) * out_width_ + phase.x;
        const auto* residual = static_cast<const float*>(p.has_residual ? call.in[3] : nullptr);
        const int64_t residual_pixel = p.has_residual ? residual_stride_of(p) : 0;
        run_conv_strip(p, {.block = block,
                           .image = static_cast<const float*>(call.in[0]) + n * p.height * p.width * p.in_stride,
                           .residual = residual ? residual + pixel * residual_pixel : nullptr,
                           .out = static_cast<float*>(call.out[0]) + pixel * out_stride_,
                           .oy = oy,
                           .ox = 0,
                           .end = p.out_width});
    }
    int64_t residual_stride_of(const ConvPlan& p) const { return p.residual_stride / (p.out_stride / out_stride_); }

    std::vector<Phase> phases_;
    int64_t out_height_, out_width_, out_stride_, stride_y_, units_ = 0;
};

std::vector<int64_t> pair_of(const Node& node, const char* key, int64_t fallback) {
    return node.attr(key, std::vector<int64_t>{fallback, fallback});
}

std::optional<Wish> accept(const NodeView& view) {
    const Node& node = view.node;
    if (node.op != "ConvTranspose" || !is_f32_conv(view) || !activation_of(node) ||
        node.attr("auto_pad", "NOTSET") != std::string("NOTSET") || node.has("output_shape") ||
        pair_of(node, "dilations", 1) != std::vector<int64_t>{1, 1})
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    if (view.in.size() > 3 && view.in[3].present)
        wish.in[3] = Layout::ChannelsLast, wish.in_place = 3;
    wish.strided_in = wish.strided_out = true;
    return wish;
}

// One dimension of a phase: taps first, first + stride, ... in falling order; where they read.
struct Taps {
    int64_t first = 0, count = 0, pad = 0;
};

Taps taps_of(int64_t phase, int64_t kernel, int64_t stride, int64_t pad) {
    Taps t;
    t.first = (phase + pad) % stride;
    t.count = t.first < kernel ? (kernel - t.first + stride - 1) / stride : 0;
    t.pad = t.count - 1 - (phase + pad) / stride;
    return t;
}

// [in channels][out channels of a group][kernel] -> [out channels][in channels of a group][taps].
std::vector<float> phase_weights(const Operand& w, int64_t groups, const Taps& ty, const Taps& tx,
                                 int64_t sy, int64_t sx) {
    const int64_t ic = w.shape[0] / groups, oc = w.shape[1], ky = w.shape[2], kx = w.shape[3];
    const auto from = w.constant->span<float>();
    std::vector<float> to;
    for (int64_t g = 0; g < groups; g++)
        for (int64_t o = 0; o < oc; o++)
            for (int64_t i = 0; i < ic; i++)
                for (int64_t y = ty.count - 1; y >= 0; y--)
                    for (int64_t x = tx.count - 1; x >= 0; x--)
                        to.push_back(from[size_t((((g * ic + i) * oc + o) * ky + ty.first + y * sy) * kx +
                                                 tx.first + x * sx)]);
    return to;
}

Phase make_phase(const NodeView& view, int64_t y, int64_t x) {
    const Node& node = view.node;
    const Operand& in = view.in[0];
    const Operand& out = view.out[0];
    const Operand& w = view.in[1];
    const auto strides = pair_of(node, "strides", 1);
    const auto pads = node.attr("pads", std::vector<int64_t>{0, 0, 0, 0});
    const Taps ty = taps_of(y, w.shape[2], strides[0], pads[0]);
    const Taps tx = taps_of(x, w.shape[3], strides[1], pads[1]);
    Phase phase{.plan = {}, .y = y, .x = x};
    ConvPlan& p = phase.plan;
    p.groups = node.attr("group", int64_t(1));
    p.batch = in.shape[0], p.height = in.shape[2], p.width = in.shape[3];
    p.in_channels = in.shape[1] / p.groups, p.out_channels = out.shape[1];
    p.kernel_y = ty.count, p.kernel_x = tx.count, p.pad_y = ty.pad, p.pad_x = tx.pad;
    p.out_height = (out.shape[2] - y + strides[0] - 1) / strides[0];
    p.out_width = (out.shape[3] - x + strides[1] - 1) / strides[1];
    p.in_stride = in.pixel_stride;
    p.out_stride = out.pixel_stride * strides[1];
    p.has_residual = view.in.size() > 3 && view.in[3].present;
    p.residual_stride = p.has_residual ? view.in[3].pixel_stride * strides[1] : 0;
    p.activation = *activation_of(node);
    p.rows_are_dense = p.groups == 1 && p.in_stride == p.in_channels;
    const bool has_bias = view.in.size() > 2 && view.in[2].present;
    pack_conv(p, phase_weights(w, p.groups, ty, tx, strides[0], strides[1]).data(),
              has_bias ? view.in[2].constant->span<float>().data() : nullptr);
    return phase;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const auto strides = pair_of(view.node, "strides", 1);
    const Operand& out = view.out[0];
    std::vector<Phase> phases;
    for (int64_t y = 0; y < std::min(strides[0], out.shape[2]); y++)
        for (int64_t x = 0; x < std::min(strides[1], out.shape[3]); x++)
            phases.push_back(make_phase(view, y, x));
    return std::unique_ptr<Kernel>(std::make_unique<ConvTransposeKernel>(
        std::move(phases), out.shape[2], out.shape[3], out.pixel_stride, strides[0], view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_conv_transpose;
const KernelDef cpu_kernel_conv_transpose = {.name = "conv transpose", .accept = accept, .make = make};

} // namespace infer::cpu
