// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Functions of one vector, for the kernels that Highway builds once a set of vector instructions.
#include "devices/cpu/activation.h"

#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#if defined(GI_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GI_CPU_MATH_INL_H_
#undef GI_CPU_MATH_INL_H_
#else
#define GI_CPU_MATH_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first `n` lanes, less than a whole vector; never touches memory behind them (stores of others
// may be under way there).
template <class D, class V = hn::Vec<D>> HWY_INLINE V load_first(D d, const float* from, size_t n) {
#if HWY_TARGET <= HWY_AVX2
    return hn::MaskedLoad(hn::FirstN(d, n), d, from);
#else
    HWY_ALIGN float lanes[hn::MaxLanes(d)] = {};
    for (size_t k = 0; k < n; k++)
        lanes[k] = from[k];
    return hn::Load(d, lanes);
#endif
}

template <class D, class V = hn::Vec<D>> HWY_INLINE void store_first(V v, D d, float* to, size_t n) {
#if HWY_TARGET <= HWY_AVX2
    hn::BlendedStore(v, hn::FirstN(d, n), d, to);
#else
    HWY_ALIGN float lanes[hn::MaxLanes(d)];
    hn::Store(v, d, lanes);
    for (size_t k = 0; k < n; k++)
        to[k] = lanes[k];
#endif
}

// The same of bf16 numbers in memory. Written to the nearest, ties to even; a NaN stays one.
template <class D, class V = hn::Vec<D>> HWY_INLINE V widened(D d, hn::Vec<hn::Rebind<uint16_t, D>> half) {
    const hn::RebindToUnsigned<D> du;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, half)));
}

// The bf16 is the upper half of each lane.
template <class D, class V = hn::Vec<D>> HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> rounded_to_half(D /*d*/, V v) {
    const hn::RebindToUnsigned<D> du;
    const auto bits = hn::BitCast(du, v), even = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
    const auto rounded = hn::Add(bits, hn::Add(even, hn::Set(du, 0x7fff)));
    return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(v)), hn::Or(bits, hn::Set(du, 0x400000)), rounded);
}

template <class D, class V = hn::Vec<D>> HWY_INLINE hn::Vec<hn::Rebind<uint16_t, D>> narrowed(D d, V v) {
    const hn::RebindToSigned<D> di;
    const hn::Rebind<uint16_t, D> dh;
    return hn::DemoteTo(dh, hn::BitCast(di, hn::ShiftRight<16>(rounded_to_half(d, v))));
}

template <class D, class V = hn::Vec<D>> HWY_INLINE V load_some(D d, const float* from, size_t n) {
    return n >= hn::Lanes(d) ? hn::LoadU(d, from) : load_first(d, from, n);
}

template <class D, class V = hn::Vec<D>> HWY_INLINE V load_some(D d, const uint16_t* from, size_t n) {
    const hn::Rebind<uint16_t, D> dh;
    if (n >= hn::Lanes(d))
        return widened(d, hn::LoadU(dh, from));
#if HWY_TARGET <= HWY_AVX3
    return widened(d, hn::MaskedLoad(hn::FirstN(dh, n), dh, from));
#else
    HWY_ALIGN uint16_t lanes[hn::MaxLanes(d)] = {};
    for (size_t k = 0; k < n; k++)
        lanes[k] = from[k];
    return widened(d, hn::Load(dh, lanes));
#endif
}

template <class D, class V = hn::Vec<D>> HWY_INLINE void store_some(V v, D d, float* to, size_t n) {
    if (n >= hn::Lanes(d))
        hn::StoreU(v, d, to);
    else
        store_first(v, d, to, n);
}

template <class D, class V = hn::Vec<D>> HWY_INLINE void store_some(V v, D d, uint16_t* to, size_t n) {
    const hn::Rebind<uint16_t, D> dh;
    if (n >= hn::Lanes(d))
        return hn::StoreU(narrowed(d, v), dh, to);
#if HWY_TARGET <= HWY_AVX3
    hn::BlendedStore(narrowed(d, v), hn::FirstN(dh, n), dh, to);
#else
    HWY_ALIGN uint16_t lanes[hn::MaxLanes(d)];
    hn::Store(narrowed(d, v), dh, lanes);
    for (size_t k = 0; k < n; k++)
        to[k] = lanes[k];
#endif
}

// e^x within 2 ulp; 0 below -87.3, the largest float's neighbourhood above 88. Cephes' polynomial on
// |r| <= ln(2)/2.
template <class D, class V = hn::Vec<D>> HWY_INLINE V exp_of(D d, V x) {
    const hn::RebindToSigned<D> di;
    x = hn::Min(hn::Max(x, hn::Set(d, -87.33654f)), hn::Set(d, 88.37626f));
    const V n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
    V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
    r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
    V p = hn::Set(d, 1.9875691500e-4f);
    p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
    p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
    p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
    p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
    p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
    p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(d, 1.0f));
    const auto exponent = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127)));
    return hn::Mul(p, hn::BitCast(d, exponent));
}

template <class D, class V = hn::Vec<D>> HWY_INLINE V sigmoid_of(D d, V x) {
    const V one = hn::Set(d, 1.0f);
    return hn::Div(one, hn::Add(one, exp_of(d, hn::Neg(x))));
}

template <class D, class V = hn::Vec<D>> HWY_INLINE V tanh_of(D d, V x) {
    // 2 sigmoid(2x) - 1 loses digits near 0: there x (1 - x^2/3 + 2x^4/15).
    const V two = hn::Set(d, 2.0f);
    const V far = hn::MulSub(two, sigmoid_of(d, hn::Mul(two, x)), hn::Set(d, 1.0f));
    const V x2 = hn::Mul(x, x);
    V p = hn::MulAdd(x2, hn::Set(d, -17.0f / 315), hn::Set(d, 2.0f / 15));
    p = hn::MulAdd(p, x2, hn::Set(d, -1.0f / 3));
    const V near = hn::MulAdd(hn::Mul(p, x2), x, x);
    return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 0.15f)), near, far);
}

// mish(x) = x tanh(ln(1 + e^x)) = x (u^2 + 2u) / (u^2 + 2u + 2), u = e^x.
template <class D, class V = hn::Vec<D>> HWY_INLINE V mish_of(D d, V x) {
    const V u = exp_of(d, hn::Min(x, hn::Set(d, 20.0f)));
    const V t = hn::MulAdd(u, u, hn::Add(u, u));
    return hn::Mul(x, hn::Div(t, hn::Add(t, hn::Set(d, 2.0f))));
}

// erf(x) within 3e-7. |x| < 1: x times a polynomial in x^2 (least squares on Chebyshev nodes, 1.4e-9); else
// 1 - t (a1 + ... a5 t^4) e^(-x^2), t = 1 / (1 + 0.3275911 x): Abramowitz and Stegun 7.1.26.
template <class D, class V = hn::Vec<D>> HWY_INLINE V erf_of(D d, V x) {
    const V one = hn::Set(d, 1.0f), a = hn::Abs(x), a2 = hn::Mul(a, a);
    V p = hn::Set(d, 7.882497105e-5f);
    for (const float c : {-8.018854991e-4f, 5.189311942e-3f, -2.68543288e-2f, 1.128359746e-1f, -3.76126269e-1f,
                          1.128379166f})
        p = hn::MulAdd(p, a2, hn::Set(d, c));
    const V t = hn::Div(one, hn::MulAdd(a, hn::Set(d, 0.3275911f), one));
    V q = hn::Set(d, 1.061405429f);
    for (const float c : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f})
        q = hn::MulAdd(q, t, hn::Set(d, c));
    const V far = hn::NegMulAdd(hn::Mul(q, t), exp_of(d, hn::Neg(a2)), one);
    return hn::IfThenElse(hn::Lt(a, one), hn::Mul(p, x), hn::CopySign(far, x));
}

// alpha 0: x * (normal distribution's cumulative function); 1: its tanh approximation.
template <class D, class V = hn::Vec<D>> HWY_INLINE V gelu_of(D d, V x, float approximate) {
    const V half = hn::Mul(x, hn::Set(d, 0.5f));
    if (approximate == 0)
        return hn::MulAdd(half, erf_of(d, hn::Mul(x, hn::Set(d, 0.70710678f))), half);
    const V cube = hn::Mul(hn::Mul(x, x), hn::Mul(x, hn::Set(d, 0.044715f)));
    const V inner = hn::Mul(hn::Add(x, cube), hn::Set(d, 0.7978845608f)); // sqrt(2 / pi)
    return hn::Mul(x, sigmoid_of(d, hn::Add(inner, inner))); // (1 + tanh(v)) / 2 = sigmoid(2v)
}

// ln(1 + e^x) without overflow.
template <class D, class V = hn::Vec<D>> HWY_INLINE V softplus_of(D d, V x) {
    return hn::Add(hn::Max(x, hn::Zero(d)), hn::Log1p(d, exp_of(d, hn::Neg(hn::Abs(x)))));
}

// e^x - 1 for x <= 0, without losing digits near 0.
template <class D, class V = hn::Vec<D>> HWY_INLINE V expm1_of(D d, V x) {
    V p = hn::Set(d, 1.0f / 720);
    for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f})
        p = hn::MulAdd(p, x, hn::Set(d, c));
    return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 0.25f)), hn::Mul(p, x), hn::Sub(exp_of(d, x), hn::Set(d, 1.0f)));
}

// x^y; small whole exponents by multiplying, others as e^(y ln x), which is NaN below 0.
template <class D, class V = hn::Vec<D>> HWY_INLINE V power_of(D d, V x, float y) {
    const V one = hn::Set(d, 1.0f);
    const float size = y < 0 ? -y : y;
    if (size <= 16 && size == float(int(size))) {
        V result = one, square = x;
        for (int n = int(size); n > 0; n /= 2, square = hn::Mul(square, square))
            if (n % 2 == 1)
                result = hn::Mul(result, square);
        return y < 0 ? hn::Div(one, result) : result;
    }
    const V power = exp_of(d, hn::Mul(hn::Log(d, hn::Abs(x)), hn::Set(d, y)));
    const V at_zero = hn::Set(d, y > 0 ? 0.0f : hwy::HighestValue<float>() * 2);
    const V found = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), at_zero, power);
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::NaN(d), found);
}

template <class D, class V = hn::Vec<D>> HWY_INLINE V activate(D d, V x, const Activation& a) {
    const V zero = hn::Zero(d), one = hn::Set(d, 1.0f);
    switch (a.kind) {
    case Activation::None: return x;
    case Activation::Relu: return hn::Max(x, zero);
    case Activation::LeakyRelu:
        return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, hn::Set(d, a.alpha)), x);
    case Activation::Clip: return hn::Min(hn::Max(x, hn::Set(d, a.alpha)), hn::Set(d, a.beta));
    case Activation::Sigmoid: return sigmoid_of(d, x);
    case Activation::Tanh: return tanh_of(d, x);
    case Activation::Elu: {
        const V e = hn::Mul(hn::Set(d, a.alpha), expm1_of(d, hn::Min(x, zero)));
        return hn::IfThenElse(hn::Lt(x, zero), e, x);
    }
    case Activation::Selu: {
        const V e = hn::Mul(hn::Set(d, a.alpha), expm1_of(d, hn::Min(x, zero)));
        return hn::Mul(hn::IfThenElse(hn::Lt(x, zero), e, x), hn::Set(d, a.beta));
    }
    case Activation::Celu: {
        const V e = expm1_of(d, hn::Min(hn::Mul(x, hn::Set(d, 1.0f / a.alpha)), zero));
        return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(hn::Set(d, a.alpha), e), x);
    }
    case Activation::ThresholdedRelu: return hn::IfThenElseZero(hn::Gt(x, hn::Set(d, a.alpha)), x);
    case Activation::Gelu: return gelu_of(d, x, a.alpha);
    case Activation::Softplus: return softplus_of(d, x);
    case Activation::HardSigmoid:
        return hn::Min(hn::Max(hn::MulAdd(x, hn::Set(d, a.alpha), hn::Set(d, a.beta)), zero), one);
    case Activation::HardSwish: {
        const V gate = hn::MulAdd(x, hn::Set(d, 1.0f / 6), hn::Set(d, 0.5f));
        return hn::Mul(x, hn::Min(hn::Max(gate, zero), one));
    }
    case Activation::Swish: return hn::Mul(x, sigmoid_of(d, hn::Mul(x, hn::Set(d, a.alpha))));
    case Activation::Mish: return mish_of(d, x);
    }
    return x;
}

// The following are for results that are kept in bf16: within 2^-11, a quarter of its step.

// 2^f on [-1/2, 1/2] by a polynomial, within 1e-4.
template <class D, class V = hn::Vec<D>> HWY_INLINE V brief_exp(D d, V x) {
    const hn::RebindToSigned<D> di;
    const V t = hn::Min(hn::Max(hn::Mul(x, hn::Set(d, 1.44269504f)), hn::Set(d, -126.0f)), hn::Set(d, 126.0f));
    const V n = hn::Round(t), f = hn::Sub(t, n);
    V p = hn::MulAdd(f, hn::Set(d, 0.05517166f), hn::Set(d, 0.24261112f));
    p = hn::MulAdd(f, p, hn::Set(d, 0.69326099f));
    p = hn::MulAdd(f, p, hn::Set(d, 0.99992807f));
    return hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127)))));
}

template <class D, class V = hn::Vec<D>> HWY_INLINE V brief_sigmoid(D d, V x) {
    return hn::ApproximateReciprocal(hn::Add(hn::Set(d, 1.0f), brief_exp(d, hn::Neg(x))));
}

template <class D, class V = hn::Vec<D>> HWY_INLINE V brief_elu(D d, V x, float alpha) {
    const V one = hn::Set(d, 1.0f), low = hn::Min(x, hn::Zero(d));
    const V near = hn::Mul(low, hn::MulAdd(low, hn::MulAdd(low, hn::Set(d, 1.0f / 6), hn::Set(d, 0.5f)), one));
    const V below = hn::IfThenElse(hn::Gt(low, hn::Set(d, -0.2f)), near, hn::Sub(brief_exp(d, low), one));
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(hn::Set(d, alpha), below), x);
}

template <class D, class V = hn::Vec<D>> HWY_INLINE V brief_activate(D d, V x, const Activation& a) {
    switch (a.kind) {
    case Activation::Sigmoid: return brief_sigmoid(d, x);
    case Activation::Swish: return hn::Mul(x, brief_sigmoid(d, hn::Mul(x, hn::Set(d, a.alpha))));
    case Activation::Elu: return brief_elu(d, x, a.alpha);
    default: return activate(d, x, a);
    }
}

// low <= x <= high, after the slope; a NaN stays one.
template <class D, class V = hn::Vec<D>> HWY_INLINE V clamp(D d, V x, const Clamp& c) {
    if (c.slope != 1)
        x = hn::Max(hn::Mul(x, hn::Set(d, c.slope)), x);
    return hn::Min(hn::Set(d, c.high), hn::Max(hn::Set(d, c.low), x));
}

// out = f(in) over `pixels` rows of `channels` values, in place.
template <class F> HWY_INLINE void each_pixel(F f, float* at, int64_t pixels, int64_t stride, int64_t channels) {
    const hn::ScalableTag<float> d;
    const auto lanes = int64_t(hn::Lanes(d));
    for (int64_t p = 0; p < pixels; p++, at += stride) {
        int64_t k = 0;
        for (; k + lanes <= channels; k += lanes)
            hn::StoreU(f(hn::LoadU(d, at + k)), d, at + k);
        if (k < channels)
            store_first(f(load_first(d, at + k, size_t(channels - k))), d, at + k, size_t(channels - k));
    }
}

// f(kind) with the kind known when compiling, of the commonest: no choice a vector.
template <class F> HWY_INLINE void with_kind(Activation::Kind kind, F f) {
    switch (kind) {
    case Activation::Swish: return f(Activation::Swish);
    case Activation::HardSwish: return f(Activation::HardSwish);
    case Activation::Sigmoid: return f(Activation::Sigmoid);
    case Activation::Elu: return f(Activation::Elu);
    default: return f(kind);
    }
}

// The function over `pixels` rows of `channels` values, in place. `brief`: of what is kept in bf16.
template <bool brief = false>
HWY_NOINLINE void activate_pixels(const Activation& a, float* at, int64_t pixels, int64_t stride, int64_t channels) {
    const hn::ScalableTag<float> d;
    using V = hn::Vec<decltype(d)>;
    with_kind(a.kind, [&](Activation::Kind kind) HWY_ATTR {
        const Activation f{kind, a.alpha, a.beta};
        each_pixel([&](V x) HWY_ATTR { return brief ? brief_activate(d, x, f) : activate(d, x, f); }, at, pixels, stride, channels);
    });
}

} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
