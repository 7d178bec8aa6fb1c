// SPDX-License-Identifier: LGPL-2.1-or-later
//
// MaxPool of channels-last images of bytes.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/byte_pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// to = max(to, from) over n bytes.
template <class T> void raise(const T* from, T* to, int64_t n) {
    const hn::ScalableTag<T> d;
    const auto lanes = int64_t(hn::Lanes(d));
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        hn::StoreU(hn::Max(hn::LoadU(d, from + i), hn::LoadU(d, to + i)), d, to + i);
    for (; i < n; i++)
        to[i] = std::max(to[i], from[i]);
}

void raise_bytes(bool is_signed, const std::byte* from, std::byte* to, int64_t n) {
    if (is_signed)
        raise(reinterpret_cast<const int8_t*>(from), reinterpret_cast<int8_t*>(to), n);
    else
        raise(reinterpret_cast<const uint8_t*>(from), reinterpret_cast<uint8_t*>(to), n);
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(raise_bytes);

class BytePoolKernel final : public Kernel {
public:
    explicit BytePoolKernel(const NodeView& view)
        : x_(view.in[0].shape), y_(view.out[0].shape),
          is_signed_(view.in[0].type == ElementType::I8), in_pixel_(view.in[0].pixel_stride),
          out_pixel_(view.out[0].pixel_stride) {
        const Node& node = view.node;
        const std::vector<int64_t> ones(2, 1);
        kernel_ = node.attr("kernel_shape", ones), strides_ = node.attr("strides", ones),
        dilations_ = node.attr("dilations", ones);
        const auto pads = conv_pads(node, x_, {1, 1, kernel_[0], kernel_[1]}, y_);
        pads_ = {pads[0], pads[1]};
        rows_ = y_[0] * y_[2];
        slices_ = slices_for(double(count(y_)) * double(kernel_[0] * kernel_[1]) / 32, rows_,
                             view.threads);
    }

    std::string_view name() const override { return "pool bytes"; }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(rows_, slices_, slice);
        for (int64_t row = range.begin; row < range.end; row++)
            for (int64_t ox = 0; ox < y_[3]; ox++)
                run_pixel(static_cast<const std::byte*>(call.in[0]),
                          static_cast<std::byte*>(call.out[0]), row, ox);
    }

private:
    void run_pixel(const std::byte* in, std::byte* out, int64_t row, int64_t ox) const {
        const int64_t n = row / y_[2], oy = row % y_[2], channels = x_[1];
        std::byte* to = out + (row * y_[3] + ox) * out_pixel_;
        bool first = true;
        for (int64_t ky = 0; ky < kernel_[0]; ky++)
            for (int64_t kx = 0; kx < kernel_[1]; kx++) {
                const int64_t y = oy * strides_[0] - pads_[0] + ky * dilations_[0],
                              x = ox * strides_[1] - pads_[1] + kx * dilations_[1];
                if (y < 0 || y >= x_[2] || x < 0 || x >= x_[3])
                    continue;
                const std::byte* from = in + ((n * x_[2] + y) * x_[3] + x) * in_pixel_;
                if (first)
                    std::copy_n(from, channels, to);
                else
                    HWY_DYNAMIC_DISPATCH(raise_bytes)(is_signed_, from, to, channels);
                first = false;
            }
        if (first) // a window of padding alone
            std::fill_n(to, channels, is_signed_ ? std::byte{0x80} : std::byte{0});
    }

    Shape x_, y_;
    bool is_signed_;
    int64_t in_pixel_, out_pixel_; // bytes from a pixel to the next
    std::vector<int64_t> kernel_, strides_, dilations_, pads_;
    int64_t rows_ = 0;
};

std::optional<Wish> accept(const NodeView& view) {
    const bool bytes = !view.in.empty() &&
                       (view.in[0].type == ElementType::U8 || view.in[0].type == ElementType::I8);
    if (view.node.op != "MaxPool" || !bytes || view.in[0].shape.size() != 4 || view.out.size() != 1)
        return std::nullopt;
    Wish wish = all_in(Layout::ChannelsLast, view);
    wish.strided_in = wish.strided_out = true;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    return std::unique_ptr<Kernel>(std::make_unique<BytePoolKernel>(view));
}

} // namespace

extern const KernelDef cpu_kernel_byte_pool;
const KernelDef cpu_kernel_byte_pool = {.name = "byte pool", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
