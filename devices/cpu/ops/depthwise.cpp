// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Depthwise convolution of channels-last f32 images: one input and one output channel a group. Runs
// along an output row for one vector of channels at a time, a few pixels together, so that each
// input is loaded once a tile and the weights stay in registers or the first-level cache.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/depthwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"
#include "devices/cpu/ops/depthwise_pairs-inl.h"

#ifndef GI_CPU_DEPTHWISE_IMAGES
#define GI_CPU_DEPTHWISE_IMAGES
namespace infer::cpu {
namespace {

struct Images {
    const void* in = nullptr;
    const void* residual = nullptr; // nullptr: none
    void* out = nullptr;
    bool in_is_half = false, out_is_half = false; // bf16
};

} // namespace
} // namespace infer::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

// One vector of channels of one output row; images are float or uint16_t (bf16).
template <typename In, typename Out> struct Column {
    const ConvPlan& plan;
    const In* image;       // at the first channel of the vector
    const float* weights;  // [taps][channels, padded], at the vector
    const Out* residual;   // at the row's first pixel; nullptr: none
    Out* out;              // same
    int64_t iy;            // input row of tap 0; may be outside
    int64_t ky0, ky1;      // taps that lie inside
    int64_t padded;        // channels of a tap in `weights`
    size_t channels;       // of the vector that exist
};

// The activation, or of a row of f32, which is passed over again for the others, the clamp.
template <typename In, typename Out> HWY_INLINE V finished(const Column<In, Out>& t, V y) {
    const ConvPlan& c = t.plan;
    return std::is_same_v<Out, float> || c.clamp.is_all ? clamp(d, y, c.clamp) : brief_activate(d, y, c.activation);
}

template <typename In, typename Out> HWY_INLINE void write(const Column<In, Out>& t, int64_t ox, V y) {
    const ConvPlan& c = t.plan;
    if (t.residual)
        y = hn::Add(y, load_some(d, t.residual + ox * c.residual_stride, t.channels));
    store_some(finished(t, y), d, t.out + ox * c.out_stride, t.channels);
}

// One pixel, anywhere.
template <typename In, typename Out> HWY_INLINE void pixel(const Column<In, Out>& t, V bias, int64_t ox) {
    const ConvPlan& c = t.plan;
    V sum = bias;
    for (int64_t ky = t.ky0; ky < t.ky1; ky++) {
        const In* row = t.image + (t.iy + ky * c.dilation_y) * c.width * c.in_stride;
        for (int64_t kx = 0; kx < c.kernel_x; kx++) {
            const int64_t ix = ox * c.stride_x - c.pad_x + kx * c.dilation_x;
            if (ix < 0 || ix >= c.width)
                continue;
            const V w = hn::LoadU(d, t.weights + (ky * c.kernel_x + kx) * t.padded);
            sum = hn::MulAdd(load_some(d, row + ix * c.in_stride, t.channels), w, sum);
        }
    }
    write(t, ox, sum);
}

// P pixels whose taps all lie inside the row; kernel width K, stride S, no dilation. Inputs that
// neighbouring pixels share are loaded once. `whole`: all channels of the vector exist.
template <int K, int S, int P, bool whole, typename In, typename Out>
HWY_INLINE void pixels(const Column<In, Out>& t, V bias, int64_t ox) {
    const ConvPlan& c = t.plan;
    constexpr int inputs = (P - 1) * S + K;
    V sum[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
        sum[p] = bias;
    for (int64_t ky = t.ky0; ky < t.ky1; ky++) {
        const In* row = t.image + ((t.iy + ky * c.dilation_y) * c.width + ox * S - c.pad_x) * c.in_stride;
        const float* w = t.weights + ky * K * t.padded;
        V x[inputs];
#pragma GCC unroll 16
        for (int k = 0; k < inputs; k++)
            x[k] = load_some(d, row + k * c.in_stride, whole ? hn::Lanes(d) : t.channels);
#pragma GCC unroll 8
        for (int k = 0; k < K; k++) {
            const V weight = hn::LoadU(d, w + k * t.padded);
#pragma GCC unroll 8
            for (int p = 0; p < P; p++)
                sum[p] = hn::MulAdd(x[p * S + k], weight, sum[p]);
        }
    }
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
        write(t, ox + p, sum[p]);
}

// P pixels inside the row, any kernel.
template <int P, typename In, typename Out>
HWY_INLINE void any_pixels(const Column<In, Out>& t, V bias, int64_t ox) {
    const ConvPlan& c = t.plan;
    V sum[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
        sum[p] = bias;
    for (int64_t ky = t.ky0; ky < t.ky1; ky++) {
        const In* row = t.image + (t.iy + ky * c.dilation_y) * c.width * c.in_stride;
        for (int64_t kx = 0; kx < c.kernel_x; kx++) {
            const V weight = hn::LoadU(d, t.weights + (ky * c.kernel_x + kx) * t.padded);
            const In* x = row + (ox * c.stride_x - c.pad_x + kx * c.dilation_x) * c.in_stride;
#pragma GCC unroll 8
            for (int p = 0; p < P; p++)
                sum[p] = hn::MulAdd(load_some(d, x + p * c.stride_x * c.in_stride, t.channels), weight, sum[p]);
        }
    }
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
        write(t, ox + p, sum[p]);
}

// Few dense channels, which share a vector: several pixels at once, the kernel's taps one pixel further
// each. The weights of a tap are repeated for each pixel of the vector.
template <typename In, typename Out> int64_t shared_vectors(const Column<In, Out>& t, V bias, int64_t ox, int64_t end) {
    const ConvPlan& c = t.plan;
    const auto lanes = int64_t(hn::Lanes(d)), channels = int64_t(t.channels), together = lanes / channels;
    for (; ox + together <= end; ox += together) {
        V sum = bias;
        for (int64_t ky = t.ky0; ky < t.ky1; ky++) {
            const In* row = t.image + ((t.iy + ky * c.dilation_y) * c.width + ox - c.pad_x) * channels;
            for (int64_t kx = 0; kx < c.kernel_x; kx++) {
                const V weight = hn::LoadU(d, t.weights + (ky * c.kernel_x + kx) * t.padded);
                sum = hn::MulAdd(load_some(d, row + kx * c.dilation_x * channels, size_t(lanes)), weight, sum);
            }
        }
        store_some(finished(t, sum), d, t.out + ox * channels, size_t(lanes));
    }
    return ox;
}

// The middle of the row, four pixels at a time.
template <typename In, typename Out> int64_t middle(const Column<In, Out>& t, V bias, int64_t ox, int64_t end) {
    const ConvPlan& c = t.plan;
    const bool whole = t.channels == hn::Lanes(d);
    const auto channels = int64_t(t.channels);
    if (channels == c.out_channels && hn::Lanes(d) % t.channels == 0 && !whole && c.stride_x == 1 && !t.residual &&
        c.in_stride == channels && c.out_stride == channels)
        return shared_vectors(t, bias, ox, end);
    const auto run = [&](auto tile) {
        for (; ox + 4 <= end; ox += 4)
            tile(ox);
        return ox;
    };
    if (whole && c.dilation_x == 1 && c.kernel_x == 3 && c.stride_x == 1)
        return run([&](int64_t x) { pixels<3, 1, 4, true>(t, bias, x); });
    if (whole && c.dilation_x == 1 && c.kernel_x == 3 && c.stride_x == 2)
        return run([&](int64_t x) { pixels<3, 2, 4, true>(t, bias, x); });
    if (whole && c.dilation_x == 1 && c.kernel_x == 5 && c.stride_x == 1)
        return run([&](int64_t x) { pixels<5, 1, 4, true>(t, bias, x); });
    if (whole && c.dilation_x == 1 && c.kernel_x == 5 && c.stride_x == 2)
        return run([&](int64_t x) { pixels<5, 2, 4, true>(t, bias, x); });
    if (!whole && c.dilation_x == 1 && c.kernel_x == 3 && c.stride_x == 1)
        return run([&](int64_t x) { pixels<3, 1, 4, false>(t, bias, x); });
    return run([&](int64_t x) { any_pixels<4>(t, bias, x); });
}

// Row `oy` of image `n`, all channels.
template <typename In, typename Out>
void row_of(const ConvPlan& c, const In* in, const Out* residual, Out* out, int64_t n, int64_t oy) {
    const auto lanes = int64_t(hn::Lanes(d));
    const int64_t channels = c.out_channels, padded = (channels + lanes - 1) / lanes * lanes;
    const int64_t iy = oy * c.stride_y - c.pad_y, first = (n * c.out_height + oy) * c.out_width;
    int64_t ky0 = 0, ky1 = c.kernel_y;
    while (ky0 < ky1 && iy + ky0 * c.dilation_y < 0)
        ky0++;
    while (ky1 > ky0 && iy + (ky1 - 1) * c.dilation_y >= c.height)
        ky1--;
    // Output pixels [left, right) have all their taps inside the row.
    const int64_t left = std::min(c.out_width, (c.pad_x + c.stride_x - 1) / c.stride_x);
    const int64_t reach = c.width - 1 - (c.kernel_x - 1) * c.dilation_x + c.pad_x;
    const int64_t right = reach < 0 ? left : std::clamp(reach / c.stride_x + 1, left, c.out_width);
    const In* image = in + n * c.height * c.width * c.in_stride;
    int64_t channel = 0;
    if constexpr (std::is_same_v<In, uint16_t> && std::is_same_v<Out, uint16_t>)
        for (; channel + 2 * lanes <= channels; channel += 2 * lanes) {
            const PairColumn t{c, image + channel, c.pair_weights.data() + channel * c.taps(),
                               out + first * c.out_stride + channel, iy, ky0, ky1};
            const Pair bias = load_weights(c.pair_bias.data() + channel);
            for (int64_t ox = 0; ox < left; ox++)
                pair_pixel(t, bias, ox);
            for (int64_t ox = pair_middle(t, bias, left, right); ox < c.out_width; ox++)
                pair_pixel(t, bias, ox);
        }
    for (; channel < channels; channel += lanes) {
        const Column<In, Out> t{c,
                                image + channel,
                                c.weights.data() + channel,
                                residual ? residual + first * c.residual_stride + channel : nullptr,
                                out + first * c.out_stride + channel,
                                iy, ky0, ky1, padded,
                                size_t(std::min(lanes, channels - channel))};
        const V bias = hn::LoadU(d, c.bias.data() + channel);
        for (int64_t ox = 0; ox < left; ox++)
            pixel(t, bias, ox);
        for (int64_t ox = middle(t, bias, left, right); ox < c.out_width; ox++)
            pixel(t, bias, ox);
        if constexpr (std::is_same_v<Out, float>)
            if (!c.clamp.is_all)
                activate_pixels(c.activation, t.out, c.out_width, c.out_stride, int64_t(t.channels));
    }
}

// The residual has the output's type.
void depthwise_row(const ConvPlan& c, const Images& images, int64_t n, int64_t oy) {
    const auto to = [&](auto* out, auto* in) {
        using Out = std::remove_pointer_t<decltype(out)>;
        row_of(c, in, static_cast<const Out*>(images.residual), out, n, oy);
    };
    const auto from = [&](auto* in) {
        if (images.out_is_half)
            to(static_cast<uint16_t*>(images.out), in);
        else
            to(static_cast<float*>(images.out), in);
    };
    if (images.in_is_half)
        from(static_cast<const uint16_t*>(images.in));
    else
        from(static_cast<const float*>(images.in));
}

// Weights to [taps][channels, padded to whole vectors]; the padding repeats the channels, for shared_vectors().
void depthwise_pack(ConvPlan& plan, const float* weights, const float* bias) {
    const auto lanes = int64_t(hn::Lanes(d));
    const int64_t channels = plan.out_channels, padded = (channels + lanes - 1) / lanes * lanes;
    const int64_t taps = plan.kernel_y * plan.kernel_x;
    plan.weights.assign(size_t(taps * padded), 0.0f);
    plan.bias.assign(size_t(padded), 0.0f);
    for (int64_t k = 0; k < padded; k++) {
        const int64_t from = k % channels;
        for (int64_t tap = 0; tap < taps; tap++)
            plan.weights[size_t(tap * padded + k)] = weights[from * taps + tap];
        plan.bias[size_t(k)] = bias ? bias[from] : 0.0f;
    }
    for (int64_t block = 0; block + 2 * lanes <= channels; block += 2 * lanes)
        for (int64_t tap = 0; tap <= taps; tap++) // the last: bias
            for (int64_t k = 0; k < 2 * lanes; k++) {
                const auto from = size_t(block + k % lanes * 2 + k / lanes);
                if (tap < taps)
                    plan.pair_weights.push_back(plan.weights[size_t(tap * padded) + from]);
                else
                    plan.pair_bias.push_back(plan.bias[from]);
            }
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(depthwise_pack);
HWY_EXPORT(depthwise_row);

class DepthwiseKernel final : public Kernel {
public:
    DepthwiseKernel(ConvPlan plan, const NodeView& view)
        : plan_(std::move(plan)), in_is_half_(view.in[0].type == ElementType::BF16),
          out_is_half_(view.out[0].type == ElementType::BF16) {
        rows_ = plan_.batch * plan_.out_height;
        const double macs = double(rows_ * plan_.out_width * plan_.out_channels) *
                            double(plan_.kernel_y * plan_.kernel_x);
        slices_ = slices_for(macs / 20, rows_, view.threads);
    }

    std::string_view name() const override { return "depthwise conv"; }

    void run(const Call& call, int slice) const override {
        run_lines(call, slice_of(rows_, slices_, slice));
    }

    void run_rows(const Call& call, int64_t image, Range rows) const override {
        const int64_t first = image * plan_.out_height;
        run_lines(call, {first + rows.begin, first + rows.end});
    }

private:
    // Rows of all images.
    void run_lines(const Call& call, Range lines) const {
        const Images images{call.in[0], plan_.has_residual ? call.in[3] : nullptr, call.out[0], in_is_half_, out_is_half_};
        for (int64_t r = lines.begin; r < lines.end; r++)
            HWY_DYNAMIC_DISPATCH(depthwise_row)
            (plan_, images, r / plan_.out_height, r % plan_.out_height);
    }

    ConvPlan plan_;
    bool in_is_half_, out_is_half_;
    int64_t rows_ = 0;
};

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "Conv" || !is_f32_conv(view) || !activation_of(view.node))
        return std::nullopt;
    const int64_t channels = view.in[0].shape[1], groups = view.node.attr("group", int64_t(1));
    if (groups != channels || view.in[1].shape[0] != channels || groups == 1)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    if (view.in.size() > 3 && view.in[3].present)
        wish.in[3] = Layout::ChannelsLast, wish.in_place = 3;
    const bool has_residual = view.in.size() > 3 && view.in[3].present;
    wish.strided_in = wish.strided_out = true;
    wish.takes_bf16 = {true};
    wish.rows = row_use(view);
    wish.gives_bf16 = !has_residual; // which would have to be of the same type
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    ConvPlan plan = conv_plan(view);
    const bool has_bias = view.in.size() > 2 && view.in[2].present;
    plan.clamp = clamp_of(plan.activation);
    HWY_DYNAMIC_DISPATCH(depthwise_pack)
    (plan, view.in[1].constant->span<float>().data(),
     has_bias ? view.in[2].constant->span<float>().data() : nullptr);
    return std::unique_ptr<Kernel>(std::make_unique<DepthwiseKernel>(std::move(plan), view));
}

} // namespace

extern const KernelDef cpu_kernel_depthwise;
const KernelDef cpu_kernel_depthwise = {.name = "depthwise", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
