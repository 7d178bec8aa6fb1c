// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Depthwise convolution of bf16 images, two vectors of channels at once: a vector of pairs gives the even
// channels by a shift and the odd ones by a mask, half the work of widening each. Weights and bias lie as
// [even channels][odd channels] of each block of two vectors.
#include "devices/cpu/ops/conv.h"

#include "devices/cpu/math-inl.h"

#if defined(GI_CPU_DEPTHWISE_PAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GI_CPU_DEPTHWISE_PAIRS_INL_H_
#undef GI_CPU_DEPTHWISE_PAIRS_INL_H_
#else
#define GI_CPU_DEPTHWISE_PAIRS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {

struct Pair {
    hn::Vec<hn::ScalableTag<float>> even, odd;
};

HWY_INLINE Pair load_pair(const uint16_t* from) {
    const hn::ScalableTag<float> d;
    const hn::ScalableTag<uint32_t> du;
    const auto both = hn::LoadU(du, reinterpret_cast<const uint32_t*>(from));
    return {hn::BitCast(d, hn::ShiftLeft<16>(both)), hn::BitCast(d, hn::And(both, hn::Set(du, 0xffff0000)))};
}

HWY_INLINE Pair load_weights(const float* from) {
    const hn::ScalableTag<float> d;
    return {hn::LoadU(d, from), hn::LoadU(d, from + hn::Lanes(d))};
}

HWY_INLINE void add_product(Pair& sum, const Pair& x, const Pair& w) {
    sum.even = hn::MulAdd(x.even, w.even, sum.even);
    sum.odd = hn::MulAdd(x.odd, w.odd, sum.odd);
}

// A block of two vectors of channels of one output row.
struct PairColumn {
    const ConvPlan& plan;
    const uint16_t* image; // at the block's first channel
    const float* weights;  // of the block: [taps][2 vectors]
    uint16_t* out;         // at the row's first pixel
    int64_t iy, ky0, ky1;  // as in Column
};

HWY_INLINE void write_pair(const PairColumn& t, int64_t ox, const Pair& sum) {
    const hn::ScalableTag<float> d;
    const hn::ScalableTag<uint32_t> du;
    const ConvPlan& c = t.plan;
    const auto finished = [&](auto v) HWY_ATTR {
        if (c.activation.kind == Activation::HardSwish) // common, and next to nothing: no choice among all
            return rounded_to_half(d, activate(d, v, {Activation::HardSwish}));
        return rounded_to_half(d, c.clamp.is_all ? clamp(d, v, c.clamp) : brief_activate(d, v, c.activation));
    };
    const auto both = hn::Or(hn::ShiftRight<16>(finished(sum.even)), hn::And(finished(sum.odd), hn::Set(du, 0xffff0000)));
    hn::StoreU(both, du, reinterpret_cast<uint32_t*>(t.out + ox * c.out_stride));
}

// One pixel, anywhere.
HWY_INLINE void pair_pixel(const PairColumn& t, const Pair& bias, int64_t ox) {
    const ConvPlan& c = t.plan;
    const auto width = int64_t(2 * hn::Lanes(hn::ScalableTag<float>()));
    Pair sum = bias;
    for (int64_t ky = t.ky0; ky < t.ky1; ky++)
        for (int64_t kx = 0; kx < c.kernel_x; kx++) {
            const int64_t ix = ox * c.stride_x - c.pad_x + kx * c.dilation_x;
            if (ix < 0 || ix >= c.width)
                continue;
            const uint16_t* from = t.image + ((t.iy + ky * c.dilation_y) * c.width + ix) * c.in_stride;
            add_product(sum, load_pair(from), load_weights(t.weights + (ky * c.kernel_x + kx) * width));
        }
    write_pair(t, ox, sum);
}

// P pixels whose taps all lie inside the row; kernel width K, stride S, no dilation.
template <int K, int S, int P> HWY_INLINE void pair_pixels(const PairColumn& t, const Pair& bias, int64_t ox) {
    const ConvPlan& c = t.plan;
    const auto width = int64_t(2 * hn::Lanes(hn::ScalableTag<float>()));
    constexpr int inputs = (P - 1) * S + K;
    Pair sum[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
        sum[p] = bias;
    for (int64_t ky = t.ky0; ky < t.ky1; ky++) {
        const uint16_t* row = t.image + ((t.iy + ky * c.dilation_y) * c.width + ox * S - c.pad_x) * c.in_stride;
        const float* w = t.weights + ky * K * width;
        Pair x[inputs];
#pragma GCC unroll 16
        for (int k = 0; k < inputs; k++)
            x[k] = load_pair(row + k * c.in_stride);
#pragma GCC unroll 8
        for (int k = 0; k < K; k++) {
            const Pair weight = load_weights(w + k * width);
#pragma GCC unroll 8
            for (int p = 0; p < P; p++)
                add_product(sum[p], x[p * S + k], weight);
        }
    }
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
        write_pair(t, ox + p, sum[p]);
}

// Pixels [ox, end) of the row, all inside, a few at a time; says where it stopped.
HWY_INLINE int64_t pair_middle(const PairColumn& t, const Pair& bias, int64_t ox, int64_t end) {
    const ConvPlan& c = t.plan;
    if (c.dilation_x != 1)
        return ox;
    const int64_t shape = c.kernel_x * 10 + c.stride_x;
    for (; shape == 31 && ox + 4 <= end; ox += 4)
        pair_pixels<3, 1, 4>(t, bias, ox);
    for (; shape == 32 && ox + 4 <= end; ox += 4)
        pair_pixels<3, 2, 4>(t, bias, ox);
    for (; shape == 51 && ox + 4 <= end; ox += 4)
        pair_pixels<5, 1, 4>(t, bias, ox);
    for (; shape == 52 && ox + 2 <= end; ox += 2)
        pair_pixels<5, 2, 2>(t, bias, ox);
    return ox;
}

} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
