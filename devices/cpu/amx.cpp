// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/amx.h"

#ifdef __x86_64__

// GCC 12 takes the undefined vectors in its own header for a mistake of ours.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#define AMX_CODE __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

namespace infer::cpu::amx {
namespace {

struct alignas(64) TileShapes { // as LDTILECFG reads it: palette 1
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Tiles 0 to 3 are sums, 4 and 5 pixels, 6 and 7 weights.
template <int P, int C> AMX_CODE void multiply_tiles(const Products& b, float* sums) {
    constexpr int64_t row = sums_row * int64_t(sizeof(float));
    _tile_zero(0);
    if constexpr (C > 1)
        _tile_zero(1);
    if constexpr (P > 1)
        _tile_zero(2);
    if constexpr (P > 1 && C > 1)
        _tile_zero(3);
    const uint16_t* weights = b.weights;
    for (int64_t step = 0; step < b.steps; step++, weights += C * tile_weights) {
        const uint16_t* pixels = b.pixels + b.offsets[step];
        _tile_loadd(6, weights, 64);
        _tile_loadd(4, pixels, b.pixel_bytes);
        _tile_dpbf16ps(0, 4, 6);
        if constexpr (C > 1) {
            _tile_loadd(7, weights + tile_weights, 64);
            _tile_dpbf16ps(1, 4, 7);
        }
        if constexpr (P > 1) {
            _tile_loadd(5, reinterpret_cast<const char*>(pixels) + tile_pixels * b.pixel_bytes, b.pixel_bytes);
            _tile_dpbf16ps(2, 5, 6);
        }
        if constexpr (P > 1 && C > 1)
            _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, row);
    if constexpr (C > 1)
        _tile_stored(1, sums + tile_channels, row);
    if constexpr (P > 1)
        _tile_stored(2, sums + tile_pixels * sums_row, row);
    if constexpr (P > 1 && C > 1)
        _tile_stored(3, sums + tile_pixels * sums_row + tile_channels, row);
}

AMX_CODE inline __m512 widened(__m256i half) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

AMX_CODE inline __m256i narrowed(__m512 v) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)); }

AMX_CODE inline __mmask16 first(int64_t n) { return __mmask16(n >= 16 ? 0xffff : (1u << n) - 1); }

enum class Term { None, F32, BF16 };

// The function that finish() applies: slope and clamp, or hard swish.
struct Curve {
    __m512 low, high, slope;
    bool hard_swish;
};

AMX_CODE inline Curve curve_of(const Finish& f) {
    return {_mm512_set1_ps(f.low), _mm512_set1_ps(f.high), _mm512_set1_ps(f.slope), f.hard_swish};
}

AMX_CODE inline __m512 apply(const Curve& curve, __m512 v) {
    if (curve.hard_swish) {
        const __m512 gate = _mm512_fmadd_ps(v, _mm512_set1_ps(1.0f / 6), _mm512_set1_ps(0.5f));
        return _mm512_mul_ps(v, _mm512_min_ps(_mm512_max_ps(gate, _mm512_setzero_ps()), _mm512_set1_ps(1.0f)));
    }
    v = _mm512_max_ps(_mm512_mul_ps(v, curve.slope), v);
    return _mm512_min_ps(curve.high, _mm512_max_ps(curve.low, v)); // a NaN stays one
}

template <Term T> AMX_CODE inline __m512 with_residual(__m512 v, const Finish& f, int64_t at, __mmask16 mask) {
    if constexpr (T == Term::F32)
        return _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, static_cast<const float*>(f.residual) + at));
    if constexpr (T == Term::BF16)
        return _mm512_add_ps(v, widened(_mm256_maskz_loadu_epi16(mask, static_cast<const uint16_t*>(f.residual) + at)));
    return v;
}

// A tile of channels of a run of pixels.
template <Term T, bool half> AMX_CODE void finish_tile(const Finish& f, const float* sums, int64_t pixels, int64_t c) {
    const __mmask16 mask = first(f.channels - c);
    const __m512 bias = _mm512_loadu_ps(f.bias + c);
    const Curve curve = curve_of(f);
    for (int64_t p = 0; p < pixels; p++) {
        __m512 v = _mm512_add_ps(_mm512_load_ps(sums + p * sums_row + c), bias);
        v = with_residual<T>(v, f, p * f.residual_stride + c, mask);
        v = apply(curve, v);
        const int64_t at = p * f.out_stride + c;
        if constexpr (half)
            _mm256_mask_storeu_epi16(static_cast<uint16_t*>(f.out) + at, mask, narrowed(v));
        else
            _mm512_mask_storeu_ps(static_cast<float*>(f.out) + at, mask, v);
    }
}

// Both tiles of a block that is whole, into bf16: a cache line a pixel.
template <Term T> AMX_CODE void finish_line(const Finish& f, const float* sums, int64_t pixels) {
    const __m512 bias0 = _mm512_loadu_ps(f.bias), bias1 = _mm512_loadu_ps(f.bias + tile_channels);
    const Curve curve = curve_of(f);
    for (int64_t p = 0; p < pixels; p++, sums += sums_row) {
        __m512 a = _mm512_add_ps(_mm512_load_ps(sums), bias0), b = _mm512_add_ps(_mm512_load_ps(sums + tile_channels), bias1);
        a = with_residual<T>(a, f, p * f.residual_stride, 0xffff);
        b = with_residual<T>(b, f, p * f.residual_stride + tile_channels, 0xffff);
        const auto both = _mm512_cvtne2ps_pbh(apply(curve, b), apply(curve, a));
        _mm512_storeu_si512(static_cast<uint16_t*>(f.out) + p * f.out_stride, reinterpret_cast<__m512i>(both));
    }
}

template <Term T> void finish_with(const Finish& f, const float* sums, int64_t pixels) {
    if (f.out_is_half && f.channels == sums_row)
        return finish_line<T>(f, sums, pixels);
    for (int64_t c = 0; c < f.channels; c += tile_channels)
        f.out_is_half ? finish_tile<T, true>(f, sums, pixels, c) : finish_tile<T, false>(f, sums, pixels, c);
}

template <Term T> AMX_CODE void add_tile(const Finish& f, float* sums, int64_t pixels, int64_t c) {
    const __mmask16 mask = first(f.channels - c);
    const __m512 bias = _mm512_loadu_ps(f.bias + c);
    for (int64_t p = 0; p < pixels; p++) {
        float* at = sums + p * sums_row + c;
        const __m512 v = _mm512_add_ps(_mm512_load_ps(at), bias);
        _mm512_store_ps(at, with_residual<T>(v, f, p * f.residual_stride + c, mask));
    }
}

Term term_of(const Finish& f) {
    return !f.residual ? Term::None : f.residual_is_half ? Term::BF16 : Term::F32;
}

AMX_CODE void load_shapes(const TileShapes& shapes) { _tile_loadconfig(&shapes); }
AMX_CODE void release() { _tile_release(); }

} // namespace

bool is_allowed() {
    constexpr long request_permission = 0x1023, tile_data = 18; // arch_prctl(2), Linux 5.16
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

Tiles::Tiles() {
    static constexpr TileShapes shapes;
    load_shapes(shapes);
}

Tiles::~Tiles() { release(); }

void multiply(const Products& b, int pixel_tiles, int channel_tiles, float* sums) {
    if (pixel_tiles == 2)
        return channel_tiles == 2 ? multiply_tiles<2, 2>(b, sums) : multiply_tiles<2, 1>(b, sums);
    return channel_tiles == 2 ? multiply_tiles<1, 2>(b, sums) : multiply_tiles<1, 1>(b, sums);
}

void finish(const Finish& f, const float* sums, int64_t pixels) {
    switch (term_of(f)) {
    case Term::None: return finish_with<Term::None>(f, sums, pixels);
    case Term::F32: return finish_with<Term::F32>(f, sums, pixels);
    case Term::BF16: return finish_with<Term::BF16>(f, sums, pixels);
    }
}

void add_terms(const Finish& f, float* sums, int64_t pixels) {
    for (int64_t c = 0; c < f.channels; c += tile_channels)
        switch (term_of(f)) {
        case Term::None: add_tile<Term::None>(f, sums, pixels, c); break;
        case Term::F32: add_tile<Term::F32>(f, sums, pixels, c); break;
        case Term::BF16: add_tile<Term::BF16>(f, sums, pixels, c); break;
        }
}

AMX_CODE void narrow(const float* from, uint16_t* to, int64_t n) {
    int64_t k = 0;
    for (; k + 16 <= n; k += 16)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + k), narrowed(_mm512_loadu_ps(from + k)));
    if (k < n)
        _mm256_mask_storeu_epi16(to + k, first(n - k), narrowed(_mm512_maskz_loadu_ps(first(n - k), from + k)));
}

} // namespace infer::cpu::amx

#pragma GCC diagnostic pop

#else // no such units

namespace infer::cpu::amx {

bool is_allowed() { return false; }
Tiles::Tiles() = default;
Tiles::~Tiles() = default;
void multiply(const Products&, int, int, float*) {}
void finish(const Finish&, const float*, int64_t) {}
void add_terms(const Finish&, float*, int64_t) {}
void narrow(const float*, uint16_t*, int64_t) {}

} // namespace infer::cpu::amx

#endif
