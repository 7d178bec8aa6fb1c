// SPDX-License-Identifier: LGPL-2.1-or-later
//
// DeformConv, channels last: what the taps of a few pixels of a row see is laid side by side, and a
// pointwise convolution (conv.h) does the rest.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"
#include "devices/cpu/weigh.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace infer::cpu {
namespace {

constexpr int64_t most_pixels = 24; // of a row at a time

struct DeformPlan {
    ConvPlan geometry; // of the whole convolution
    ConvPlan product;  // of a strip: in_channels: taps of a group
    int64_t offset_groups = 1, channels = 1;
    bool has_mask = false;
};

class DeformKernel final : public Kernel {
public:
    DeformKernel(DeformPlan plan, int threads) : plan_(std::move(plan)) {
        const ConvPlan& g = plan_.geometry;
        strips_ = (g.out_width + most_pixels - 1) / most_pixels;
        units_ = g.batch * g.out_height * strips_;
        const double macs = double(g.batch * g.out_height * g.out_width * g.out_channels) *
                            double(plan_.product.in_channels);
        slices_ = slices_for(macs / 20, units_, threads);
    }

    std::string_view name() const override { return "deformable conv"; }

    size_t scratch_bytes() const override {
        return size_t(most_pixels * plan_.product.in_stride) * sizeof(float);
    }

    void run(const Call& call, int slice) const override {
        const ConvPlan& g = plan_.geometry;
        auto* seen = reinterpret_cast<float*>(call.scratch);
        const Range units = slice_of(units_, slices_, slice);
        for (int64_t u = units.begin; u < units.end; u++) {
            const int64_t row = u / strips_, first = u % strips_ * most_pixels;
            const int64_t pixels = std::min(most_pixels, g.out_width - first);
            for (int64_t p = 0; p < pixels; p++)
                gather(call, row / g.out_height, row % g.out_height, first + p,
                       seen + p * plan_.product.in_stride);
            float* out =
                static_cast<float*>(call.out[0]) + (row * g.out_width + first) * g.out_stride;
            for (size_t b = 0; b < plan_.product.blocks.size(); b++)
                run_conv_strip(plan_.product,
                               {.block = int64_t(b), .image = seen, .out = out, .end = pixels});
        }
    }

private:
    // All taps of one output pixel: [group][tap][channel of the group].
    void gather(const Call& call, int64_t n, int64_t oy, int64_t ox, float* to) const {
        const ConvPlan& g = plan_.geometry;
        const int64_t taps = g.taps(), plane = g.out_height * g.out_width,
                      pixel = oy * g.out_width + ox;
        const int64_t each = plan_.channels / plan_.offset_groups, group = g.in_channels;
        const int64_t run = std::gcd(each, group); // channels that lie together on both sides
        const float* image =
            static_cast<const float*>(call.in[0]) + n * g.height * g.width * g.in_stride;
        const float* offsets = static_cast<const float*>(call.in[2]) +
                               n * 2 * plan_.offset_groups * taps * plane + pixel;
        const float* mask = plan_.has_mask ? static_cast<const float*>(call.in[4]) +
                                                 n * plan_.offset_groups * taps * plane + pixel
                                           : nullptr;
        Read reads[4];
        for (int64_t o = 0; o < plan_.offset_groups; o++)
            for (int64_t k = 0; k < taps; k++) {
                const int64_t at = o * taps + k;
                const double y = double(oy * g.stride_y - g.pad_y + k / g.kernel_x * g.dilation_y) +
                                 double(offsets[2 * at * plane]);
                const double x = double(ox * g.stride_x - g.pad_x + k % g.kernel_x * g.dilation_x) +
                                 double(offsets[(2 * at + 1) * plane]);
                const int count = read(y, x, mask ? mask[at * plane] : 1.0f, reads);
                for (int64_t c = o * each; c < (o + 1) * each; c += run)
                    weigh(image + c, reads, count, to + (c / group * taps + k) * group + c % group,
                          run);
            }
    }

    // The pixels around (y, x) that are there; says how many.
    int read(double y, double x, float factor, Read* reads) const {
        const ConvPlan& g = plan_.geometry;
        if (!(y > -1 && y < double(g.height) && x > -1 && x < double(g.width)))
            return 0;
        const auto top = int64_t(std::floor(y)), left = int64_t(std::floor(x));
        const double down = y - double(top), right = x - double(left);
        int count = 0;
        for (int64_t i = 0; i < 2; i++)
            for (int64_t j = 0; j < 2; j++)
                if (top + i >= 0 && top + i < g.height && left + j >= 0 && left + j < g.width)
                    reads[count++] = {((top + i) * g.width + left + j) * g.in_stride,
                                      factor *
                                          float((i ? down : 1 - down) * (j ? right : 1 - right))};
        return count;
    }

    DeformPlan plan_;
    int64_t strips_ = 1, units_ = 1;
};

std::optional<Wish> accept(const NodeView& view) {
    const auto known = [&](size_t k) {
        return view.in.size() <= k || !view.in[k].present || view.in[k].constant;
    };
    if (view.node.op != "DeformConv" || !known(1) || !known(3) || view.in[0].shape.size() != 4 ||
        count(view.in[0].shape) == 0 || count(view.out[0].shape) == 0)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    wish.strided_in = wish.strided_out = true;
    return wish;
}

// [out channels][channel of the group][tap] as [out channels][tap][channel of the group].
std::vector<float> taps_first(std::span<const float> weights, int64_t channels, int64_t taps) {
    std::vector<float> moved;
    const auto outputs = int64_t(weights.size()) / channels / taps;
    for (int64_t m = 0; m < outputs; m++)
        for (int64_t k = 0; k < taps; k++)
            for (int64_t c = 0; c < channels; c++)
                moved.push_back(weights[size_t((m * channels + c) * taps + k)]);
    return moved;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    DeformPlan plan;
    plan.geometry = conv_plan(view, false);
    plan.channels = view.in[0].shape[1];
    plan.offset_groups = view.node.attr("offset_group", int64_t(1));
    plan.has_mask = view.in.size() > 4 && view.in[4].present;
    const ConvPlan& g = plan.geometry;
    ConvPlan& p = plan.product;
    p.width = p.out_width = most_pixels;
    p.groups = g.groups;
    p.in_channels = g.in_channels * g.taps(), p.out_channels = g.out_channels;
    p.in_stride = plan.channels * g.taps(), p.out_stride = g.out_stride;
    p.rows_are_dense = p.groups == 1;
    const bool has_bias = view.in.size() > 3 && view.in[3].present;
    pack_conv(p, taps_first(view.in[1].constant->span<float>(), g.in_channels, g.taps()).data(),
              has_bias ? view.in[3].constant->span<float>().data() : nullptr);
    return std::unique_ptr<Kernel>(std::make_unique<DeformKernel>(std::move(plan), view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_deform_conv;
const KernelDef cpu_kernel_deform_conv = {.name = "deform_conv", .accept = accept, .make = make};

} // namespace infer::cpu
