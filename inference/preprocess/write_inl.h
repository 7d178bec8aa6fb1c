// SPDX-License-Identifier: LGPL-2.1-or-later
// Kernels::blend, sample and finish with Highway: from lines of bytes to the model's input.
// Included once for each vector level, by vector.cpp alone.

#if defined(GST_INFERENCE_WRITE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GST_INFERENCE_WRITE_INL_H
#undef GST_INFERENCE_WRITE_INL_H
#else
#define GST_INFERENCE_WRITE_INL_H
#endif

#include "inference/preprocess/kernels.h"

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace infer::preprocess::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void blend(const uint8_t* const a[3], const uint8_t* const b[3], int n, int16_t weight,
           int16_t* pixels) {
    const hn::ScalableTag<int16_t> d;
    const hn::Rebind<uint8_t, decltype(d)> bytes;
    const auto w = hn::Set(d, weight);
    for (int x = 0; x < n; x += int(hn::Lanes(d))) {
        const auto mix = [&](int c) HWY_ATTR {
            const auto from = hn::PromoteTo(d, hn::LoadU(bytes, a[c] + x));
            const auto to = hn::PromoteTo(d, hn::LoadU(bytes, b[c] + x));
            const auto way = hn::ShiftLeft<fraction_bits>(hn::Sub(to, from));
            return hn::Add(hn::ShiftLeft<fraction_bits>(from), hn::MulFixedPoint15(way, w));
        };
        const auto last = mix(2);
        hn::StoreInterleaved4(mix(0), mix(1), last, last, d, pixels + x * 4);
    }
}

// A pixel and its neighbour are one load of 128 bits.
void sample(const int16_t* pixels, const int32_t* first, const int16_t* weights, int n,
            int16_t* out) {
    const hn::Full128<int16_t> d;
    for (int x = 0; x < n; x += 2) {
        const auto p = hn::LoadU(d, pixels + first[x] * 4);
        const auto q = hn::LoadU(d, pixels + first[x + 1] * 4);
        const auto from = hn::ConcatLowerLower(d, q, p), to = hn::ConcatUpperUpper(d, q, p);
        const auto w = hn::LoadU(d, weights + x * 4);
        hn::StoreU(hn::Add(from, hn::MulFixedPoint15(hn::Sub(to, from), w)), d, out + x * 4);
    }
}

using Floats = hn::ScalableTag<float>;
using FloatVec = hn::Vec<Floats>;
constexpr int floats = int(hn::MaxLanes(Floats()));

template <class V> HWY_INLINE FloatVec to_float(V pixels) {
    const hn::Rebind<int32_t, Floats> d;
    return hn::ConvertTo(Floats(), hn::PromoteTo(d, pixels));
}

// NHWC, 3 channels: all 4 values of each pixel in one vector, the fourth pushed out behind the
// others, where the next store comes.
void finish_f32_packed(const int16_t* pixels, int n, const Finish& f, float* out) {
    const Floats d;
    const hn::Rebind<int16_t, Floats> words;
    HWY_ALIGN int32_t order[floats];
    for (int i = 0; i < floats; i++)
        order[i] = i < floats / 4 * 3 ? i / 3 * 4 + i % 3 : 3;
    const auto compact = hn::SetTableIndices(d, order);
    const auto scale = hn::LoadDup128(d, f.scale), bias = hn::LoadDup128(d, f.bias);
    const auto at = [&](int x) HWY_ATTR {
        const auto v = to_float(hn::LoadU(words, pixels + x * 4));
        return hn::TableLookupLanes(hn::MulAdd(v, scale, bias), compact);
    };
    int x = 0;
    for (; x * 3 + floats <= n * 3; x += floats / 4)
        hn::StoreU(at(x), d, out + x * 3);
    for (; x < n; x += floats / 4) {
        HWY_ALIGN float rest[floats];
        hn::Store(at(x), d, rest);
        std::memcpy(out + x * 3, rest, size_t(std::min(n - x, floats / 4) * 3) * sizeof(float));
    }
}

// `floats` pixels, channel by channel.
template <class Store>
HWY_INLINE void finish_channels(const int16_t* pixels, const Finish& f, const Store& store) {
    const Floats d;
    const hn::Rebind<int16_t, Floats> words;
    hn::Vec<decltype(words)> c[4];
    hn::LoadInterleaved4(words, pixels, c[0], c[1], c[2], c[3]);
    FloatVec v[3];
    for (int i = 0; i < 3; i++)
        v[i] = hn::MulAdd(to_float(c[i]), hn::Set(d, f.scale[i]), hn::Set(d, f.bias[i]));
    store(v);
}

HWY_INLINE void store_lanes(FloatVec v, float* to) { hn::StoreU(v, Floats(), to); }
HWY_INLINE void store_lanes(FloatVec v, uint8_t* to) {
    const hn::Rebind<uint8_t, Floats> bytes;
    hn::StoreU(hn::DemoteTo(bytes, hn::NearestInt(v)), bytes, to);
}

template <typename T> void finish_planar(const int16_t* pixels, int n, const Finish& f, void* to) {
    T* const out = static_cast<T*>(to);
    for (int x = 0; x < n; x += floats)
        finish_channels(pixels + x * 4, f, [&](const FloatVec(&v)[3]) HWY_ATTR {
            for (int c = 0; c < f.channels; c++) {
                T* const at = out + c * f.plane_pixels + x;
                if (x + floats <= n) {
                    store_lanes(v[c], at);
                    continue;
                }
                HWY_ALIGN T rest[floats];
                store_lanes(v[c], rest);
                std::memcpy(at, rest, size_t(n - x) * sizeof(T));
            }
        });
}

void finish_f32_nhwc(const int16_t* pixels, int n, const Finish& f, void* out) {
    if (f.channels == 1)
        return finish_planar<float>(pixels, n, f, out);
    finish_f32_packed(pixels, n, f, static_cast<float*>(out));
}

void finish_u8_nhwc(const int16_t* pixels, int n, const Finish& f, void* to) {
    if (f.channels == 1)
        return finish_planar<uint8_t>(pixels, n, f, to);
    uint8_t* const out = static_cast<uint8_t*>(to);
    for (int x = 0; x < n; x += floats)
        finish_channels(pixels + x * 4, f, [&](const FloatVec(&v)[3]) HWY_ATTR {
            const hn::Rebind<uint8_t, Floats> d;
            HWY_ALIGN uint8_t rest[floats * 3];
            uint8_t* const at = x + floats <= n ? out + x * 3 : rest;
            hn::StoreInterleaved3(hn::DemoteTo(d, hn::NearestInt(v[0])),
                                  hn::DemoteTo(d, hn::NearestInt(v[1])),
                                  hn::DemoteTo(d, hn::NearestInt(v[2])), d, at);
            if (at == rest)
                std::memcpy(out + x * 3, rest, size_t(n - x) * 3);
        });
}

} // namespace infer::preprocess::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
