// SPDX-License-Identifier: LGPL-2.1-or-later
// Kernels::read with Highway: the frame's bytes as three lines of bytes. Included once for each
// vector level, by vector.cpp alone.
//
// Two pixels share a chroma sample, so bytes are split into even and odd pixels, each in 16-bit
// lanes beside the chroma of the pair: nothing has to move between lanes.

#if defined(GST_INFERENCE_READ_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GST_INFERENCE_READ_INL_H
#undef GST_INFERENCE_READ_INL_H
#else
#define GST_INFERENCE_READ_INL_H
#endif

#include "inference/preprocess/kernels.h"

#include <hwy/highway.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace infer::preprocess::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Bytes = hn::ScalableTag<uint8_t>;
using HalfBytes = hn::Half<Bytes>;
using Words = hn::Repartition<int16_t, Bytes>;
using UnsignedWords = hn::Repartition<uint16_t, Bytes>;
using ByteVec = hn::Vec<Bytes>;
using WordVec = hn::Vec<Words>;

constexpr int step = int(hn::MaxLanes(Bytes())); // pixels at once

struct Pair { // of pixels, in every lane
    WordVec even, odd;
};

HWY_INLINE Pair split(ByteVec v) {
    const UnsignedWords d;
    const auto words = hn::BitCast(d, v);
    return {hn::BitCast(Words(), hn::And(words, hn::Set(d, 0xFF))),
            hn::BitCast(Words(), hn::ShiftRight<8>(words))};
}

// Whole numbers out of `fraction` bits, held within 0..255, back in their order.
template <int fraction> HWY_INLINE ByteVec join(Pair p) {
    const Words d;
    const auto top = hn::Set(d, 255), zero = hn::Zero(d);
    const auto even = hn::Max(hn::Min(hn::ShiftRight<fraction>(p.even), top), zero);
    const auto odd = hn::Max(hn::Min(hn::ShiftRight<fraction>(p.odd), top), zero);
    return hn::BitCast(Bytes(), hn::Or(even, hn::ShiftLeft<8>(odd)));
}

// ColorMath in registers.
struct Math {
    explicit HWY_INLINE Math(const ColorMath& m)
        : offset(hn::Set(Words(), m.y_offset)), to_gray(hn::Set(Words(), m.y_to_gray)),
          to_rgb(hn::Set(Words(), m.y_to_rgb)), v_to_r(hn::Set(Words(), m.v_to_r)),
          u_to_g(hn::Set(Words(), m.u_to_g)), v_to_g(hn::Set(Words(), m.v_to_g)),
          u_to_b(hn::Set(Words(), m.u_to_b)) {}
    WordVec offset, to_gray, to_rgb, v_to_r, u_to_g, v_to_g, u_to_b;
};

// Luma as gray 0..255 with 6 fraction bits, one half added for rounding.
HWY_INLINE WordVec luma6(WordVec y, const Math& m) {
    const Words d;
    const auto over = hn::Max(hn::Sub(y, m.offset), hn::Zero(d));
    return hn::Add(hn::MulFixedPoint15(hn::ShiftLeft<7>(over), m.to_gray), hn::Set(d, 32));
}

// Luma as 0..255, rounded down.
HWY_INLINE WordVec luma(WordVec y, const Math& m) {
    const Words d;
    const auto over = hn::Max(hn::Sub(y, m.offset), hn::Zero(d));
    return hn::MulHigh(hn::ShiftLeft<3>(over), m.to_rgb);
}

HWY_INLINE void convert(Pair y, WordVec u8, WordVec v8, const Math& m, uint8_t* const line[3],
                        int x) {
    const Words d;
    const Bytes bytes;
    const auto u = hn::ShiftLeft<3>(hn::Sub(u8, hn::Set(d, 128)));
    const auto v = hn::ShiftLeft<3>(hn::Sub(v8, hn::Set(d, 128)));
    const auto r = hn::MulHigh(v, m.v_to_r);
    const auto g = hn::Add(hn::MulHigh(u, m.u_to_g), hn::MulHigh(v, m.v_to_g));
    const auto b = hn::MulHigh(u, m.u_to_b);
    const auto even = luma(y.even, m), odd = luma(y.odd, m);
    hn::StoreU(join<0>({hn::Add(even, r), hn::Add(odd, r)}), bytes, line[0] + x);
    hn::StoreU(join<0>({hn::Add(even, g), hn::Add(odd, g)}), bytes, line[1] + x);
    hn::StoreU(join<0>({hn::Add(even, b), hn::Add(odd, b)}), bytes, line[2] + x);
}

// The formats: how many bytes each plane has for `n` pixels, and how `step` pixels become lines.
struct I420 {
    static constexpr int planes = 3;
    static int bytes(int plane, int n) { return plane ? (n + 1) / 2 : n; }
    using Constants = Math;
    static HWY_INLINE void run(const Row& row, const Math& m, uint8_t* const line[3], int x) {
        const auto u = hn::LoadU(HalfBytes(), row.plane[1]);
        const auto v = hn::LoadU(HalfBytes(), row.plane[2]);
        convert(split(hn::LoadU(Bytes(), row.plane[0])), hn::PromoteTo(Words(), u),
                hn::PromoteTo(Words(), v), m, line, x);
    }
};

struct Nv12 {
    static constexpr int planes = 2;
    static int bytes(int plane, int n) { return plane ? (n + 1) / 2 * 2 : n; }
    using Constants = Math;
    static HWY_INLINE void run(const Row& row, const Math& m, uint8_t* const line[3], int x) {
        const Pair uv = split(hn::LoadU(Bytes(), row.plane[1]));
        convert(split(hn::LoadU(Bytes(), row.plane[0])), uv.even, uv.odd, m, line, x);
    }
};

struct Yuy2 {
    static constexpr int planes = 1;
    static int bytes(int, int n) { return (n + 1) / 2 * 4; }
    using Constants = Math;
    static HWY_INLINE void run(const Row& row, const Math& m, uint8_t* const line[3], int x) {
        const Words d;
        hn::Vec<HalfBytes> even, u, odd, v;
        hn::LoadInterleaved4(HalfBytes(), row.plane[0], even, u, odd, v);
        convert({hn::PromoteTo(d, even), hn::PromoteTo(d, odd)}, hn::PromoteTo(d, u),
                hn::PromoteTo(d, v), m, line, x);
    }
};

HWY_INLINE void store_luma(ByteVec y, const Math& m, uint8_t* to) {
    const Pair p = split(y);
    hn::StoreU(join<6>({luma6(p.even, m), luma6(p.odd, m)}), Bytes(), to);
}

struct Luma {
    static constexpr int planes = 1;
    static int bytes(int, int n) { return n; }
    using Constants = Math;
    static HWY_INLINE void run(const Row& row, const Math& m, uint8_t* const line[3], int x) {
        store_luma(hn::LoadU(Bytes(), row.plane[0]), m, line[0] + x);
    }
};

struct Yuy2Luma {
    static constexpr int planes = 1;
    static int bytes(int, int n) { return (n + 1) / 2 * 4; }
    using Constants = Math;
    static HWY_INLINE void run(const Row& row, const Math& m, uint8_t* const line[3], int x) {
        ByteVec y, chroma;
        hn::LoadInterleaved2(Bytes(), row.plane[0], y, chroma);
        store_luma(y, m, line[0] + x);
    }
};

template <int size> HWY_INLINE void load_packed(const uint8_t* from, ByteVec (&c)[3]) {
    if constexpr (size == 3) {
        hn::LoadInterleaved3(Bytes(), from, c[0], c[1], c[2]);
    } else {
        ByteVec unused;
        hn::LoadInterleaved4(Bytes(), from, c[0], c[1], c[2], unused);
    }
}

template <int size> struct Packed {
    static constexpr int planes = 1;
    static int bytes(int, int n) { return n * size; }
    struct Constants {
        explicit Constants(const ColorMath&) {}
    };
    static HWY_INLINE void run(const Row& row, const Constants&, uint8_t* const line[3], int x) {
        ByteVec c[3];
        load_packed<size>(row.plane[0], c);
        for (int i = 0; i < 3; i++)
            hn::StoreU(c[i], Bytes(), line[i] + x);
    }
};

template <int size> struct Gray {
    static constexpr int planes = 1;
    static int bytes(int, int n) { return n * size; }
    struct Constants {
        explicit HWY_INLINE Constants(const ColorMath& m)
            : share{hn::Set(Words(), m.gray[0]), hn::Set(Words(), m.gray[1]),
                    hn::Set(Words(), m.gray[2])} {}
        WordVec share[3];
    };
    static HWY_INLINE void run(const Row& row, const Constants& m, uint8_t* const line[3], int x) {
        ByteVec c[3];
        load_packed<size>(row.plane[0], c);
        Pair sum{hn::Set(Words(), 64), hn::Set(Words(), 64)};
        for (int i = 0; i < 3; i++) {
            const Pair p = split(c[i]);
            const auto add = [&](WordVec& to, WordVec v) HWY_ATTR {
                to = hn::Add(to, hn::MulFixedPoint15(hn::ShiftLeft<7>(v), m.share[i]));
            };
            add(sum.even, p.even);
            add(sum.odd, p.odd);
        }
        hn::StoreU(join<7>(sum), Bytes(), line[0] + x);
    }
};

// A whole row. What is left over at its end is copied first: nothing behind the frame is read.
template <class Format>
void read_row(const Row& row, int n, const ColorMath& math, uint8_t* const line[3]) {
    const typename Format::Constants constants(math);
    Row at = row;
    int x = 0;
    for (; x + step <= n; x += step) {
        Format::run(at, constants, line, x);
        for (int i = 0; i < Format::planes; i++)
            at.plane[i] += Format::bytes(i, step);
    }
    if (x == n)
        return;
    uint8_t rest[3][4 * step] = {};
    for (int i = 0; i < Format::planes; i++) {
        std::memcpy(rest[i], at.plane[i], size_t(Format::bytes(i, n - x)));
        at.plane[i] = rest[i];
    }
    Format::run(at, constants, line, x);
}

} // namespace infer::preprocess::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
