// SPDX-License-Identifier: LGPL-2.1-or-later
//
// MaxPool of channels-last images of bytes.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>
#include <array>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/byte_pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef GI_CPU_BYTE_POOL
#define GI_CPU_BYTE_POOL
namespace infer::cpu {
namespace {

struct BytePool {
    bool is_signed = false;
    int64_t channels = 1, height = 1, width = 1, out_width = 1;
    int64_t in_pixel = 1, out_pixel = 1; // bytes from a pixel to the next
    std::vector<int64_t> kernel, strides, dilations;
    std::array<int64_t, 2> pads = {}; // top, left
};

} // namespace
} // namespace infer::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// The largest of the taps, channel by channel, for n channels in steps of a vector.
template <class D, class T = hn::TFromD<D>>
int64_t largest(D d, const T* const* taps, size_t count, T* to, int64_t begin, int64_t n) {
    const auto lanes = int64_t(hn::Lanes(d));
    for (; begin + lanes <= n; begin += lanes) {
        auto most = hn::LoadU(d, taps[0] + begin);
        for (size_t k = 1; k < count; k++)
            most = hn::Max(most, hn::LoadU(d, taps[k] + begin));
        hn::StoreU(most, d, to + begin);
    }
    return begin;
}

template <class T>
void pool_pixel(const std::byte* const* taps, size_t count, std::byte* to, int64_t n) {
    const auto* const* from = reinterpret_cast<const T* const*>(taps);
    auto* out = reinterpret_cast<T*>(to);
    const int64_t most = largest(hn::ScalableTag<T>(), from, count, out, 0, n);
    int64_t k = largest(hn::CappedTag<T, 8>(), from, count, out, most, n);
    for (; k < n; k++) {
        out[k] = from[0][k];
        for (size_t i = 1; i < count; i++)
            out[k] = std::max(out[k], from[i][k]);
    }
}

// The taps of a row of output pixels that lie inside the image, and one pixel after the other.
void pool_row(const BytePool& p, const std::byte* image, std::byte* out, int64_t oy) {
    std::vector<const std::byte*> taps(size_t(p.kernel[0] * p.kernel[1]));
    for (int64_t ox = 0; ox < p.out_width; ox++, out += p.out_pixel) {
        size_t count = 0;
        for (int64_t ky = 0; ky < p.kernel[0]; ky++)
            for (int64_t kx = 0; kx < p.kernel[1]; kx++) {
                const int64_t y = oy * p.strides[0] - p.pads[0] + ky * p.dilations[0];
                const int64_t x = ox * p.strides[1] - p.pads[1] + kx * p.dilations[1];
                if (y >= 0 && y < p.height && x >= 0 && x < p.width)
                    taps[count++] = image + (y * p.width + x) * p.in_pixel;
            }
        if (count == 0) // a window of padding alone
            std::fill_n(out, p.channels, p.is_signed ? std::byte{0x80} : std::byte{0});
        else
            (p.is_signed ? pool_pixel<int8_t> : pool_pixel<uint8_t>)(taps.data(), count, out,
                                                                     p.channels);
    }
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(pool_row);

class BytePoolKernel final : public Kernel {
public:
    explicit BytePoolKernel(const NodeView& view) {
        const Node& node = view.node;
        const Shape &x = view.in[0].shape, &y = view.out[0].shape;
        const std::vector<int64_t> ones(2, 1);
        plan_.is_signed = view.in[0].type == ElementType::I8;
        plan_.channels = x[1], plan_.height = x[2], plan_.width = x[3], plan_.out_width = y[3];
        plan_.in_pixel = view.in[0].pixel_stride, plan_.out_pixel = view.out[0].pixel_stride;
        plan_.kernel = node.attr("kernel_shape", ones), plan_.strides = node.attr("strides", ones);
        plan_.dilations = node.attr("dilations", ones);
        plan_.pads = conv_pads(node, x, {1, 1, plan_.kernel[0], plan_.kernel[1]}, y);
        out_height_ = y[2], rows_ = y[0] * y[2];
        const double taps = double(plan_.kernel[0] * plan_.kernel[1]);
        slices_ = slices_for(double(count(y)) * taps / 32, rows_, view.threads);
    }

    std::string_view name() const override { return "pool bytes"; }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(rows_, slices_, slice);
        for (int64_t row = range.begin; row < range.end; row++) {
            const int64_t image = row / out_height_ * plan_.height * plan_.width * plan_.in_pixel;
            const auto* in = static_cast<const std::byte*>(call.in[0]) + image;
            auto* out =
                static_cast<std::byte*>(call.out[0]) + row * plan_.out_width * plan_.out_pixel;
            HWY_DYNAMIC_DISPATCH(pool_row)(plan_, in, out, row % out_height_);
        }
    }

private:
    BytePool plan_;
    int64_t out_height_ = 1, rows_ = 0;
};

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "MaxPool" || view.in.empty() || view.out.size() != 1 ||
        !is_byte(view.in[0].type) || view.in[0].shape.size() != 4)
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
