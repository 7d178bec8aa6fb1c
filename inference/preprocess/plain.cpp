// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernels in plain C++: what all others are compared with, and what runs where no vector level
// does.

#include "inference/preprocess/levels.h"

#include <algorithm>
#include <cmath>

namespace infer::preprocess {
namespace {

// a * b / 2^15, rounded: what one vector instruction does (x86 pmulhrsw, ARM sqrdmulh).
inline int mul15(int a, int b) { return (a * b + (1 << 14)) >> 15; }

inline uint8_t clamp_byte(int v) { return uint8_t(std::clamp(v, 0, 255)); }

// Luma as gray 0..255 with 6 fraction bits, one half added for rounding.
inline int luma6(uint8_t y, const ColorMath& m) {
    return mul15(std::max(y - m.y_offset, 0) << 7, m.y_to_gray) + 32;
}

// Luma as 0..255, rounded down, and what chroma adds to it, each term rounded down.
inline int luma(uint8_t y, const ColorMath& m) {
    return (std::max(y - m.y_offset, 0) * 8 * m.y_to_rgb) >> 16;
}

struct Chroma {
    int r, g, b;
    Chroma(uint8_t u8, uint8_t v8, const ColorMath& m) {
        const int u = (u8 - 128) * 8, v = (v8 - 128) * 8;
        r = (v * m.v_to_r) >> 16;
        g = ((u * m.u_to_g) >> 16) + ((v * m.v_to_g) >> 16);
        b = (u * m.u_to_b) >> 16;
    }
};

// Rows of two pixels per chroma sample. Where luma and chroma lie: y_step and c_step bytes from one
// sample to the next.
template <int y_step, int c_step>
void read_yuv(const uint8_t* y, const uint8_t* u, const uint8_t* v, int n, const ColorMath& m,
              uint8_t* const line[3]) {
    for (int x = 0; x < n; x++) {
        const int l = luma(y[x * y_step], m);
        const Chroma c(u[x / 2 * c_step], v[x / 2 * c_step], m);
        line[0][x] = clamp_byte(l + c.r);
        line[1][x] = clamp_byte(l + c.g);
        line[2][x] = clamp_byte(l + c.b);
    }
}

void i420(const Row& row, int n, const ColorMath& m, uint8_t* const line[3]) {
    read_yuv<1, 1>(row.plane[0], row.plane[1], row.plane[2], n, m, line);
}

void nv12(const Row& row, int n, const ColorMath& m, uint8_t* const line[3]) {
    read_yuv<1, 2>(row.plane[0], row.plane[1], row.plane[1] + 1, n, m, line);
}

void yuy2(const Row& row, int n, const ColorMath& m, uint8_t* const line[3]) {
    const uint8_t* p = row.plane[0];
    read_yuv<2, 4>(p, p + 1, p + 3, n, m, line);
}

template <int bytes> void packed(const Row& row, int n, const ColorMath&, uint8_t* const line[3]) {
    const uint8_t* p = row.plane[0];
    for (int x = 0; x < n; x++, p += bytes)
        for (int c = 0; c < 3; c++)
            line[c][x] = p[c];
}

template <int step>
void luma_row(const Row& row, int n, const ColorMath& m, uint8_t* const line[3]) {
    for (int x = 0; x < n; x++)
        line[0][x] = clamp_byte(luma6(row.plane[0][x * step], m) >> 6);
}

template <int bytes> void gray(const Row& row, int n, const ColorMath& m, uint8_t* const line[3]) {
    const uint8_t* p = row.plane[0];
    for (int x = 0; x < n; x++, p += bytes) {
        int sum = 64;
        for (int c = 0; c < 3; c++)
            sum += mul15(p[c] << 7, m.gray[c]);
        line[0][x] = clamp_byte(sum >> 7);
    }
}

void blend(const uint8_t* const a[3], const uint8_t* const b[3], int n, int16_t weight,
           int16_t* pixels) {
    for (int x = 0; x < n; x++)
        for (int c = 0; c < 4; c++) {
            const int from = a[std::min(c, 2)][x] << fraction_bits;
            const int to = b[std::min(c, 2)][x] << fraction_bits;
            pixels[x * 4 + c] = int16_t(from + mul15(to - from, weight));
        }
}

void sample(const int16_t* pixels, const int32_t* first, const int16_t* weights, int n,
            int16_t* out) {
    for (int x = 0; x < n; x++)
        for (int c = 0; c < 4; c++) {
            const int16_t* p = pixels + first[x] * 4 + c;
            out[x * 4 + c] = int16_t(p[0] + mul15(p[4] - p[0], weights[x * 4]));
        }
}

void store(float v, float* out) { *out = v; }
void store(float v, uint8_t* out) {
    *out = clamp_byte(int(std::lrint(std::clamp(v, -1.f, 256.f))));
}

template <typename T, bool planar>
void finish(const int16_t* pixels, int n, const Finish& f, void* to) {
    T* const out = static_cast<T*>(to);
    const ptrdiff_t step = planar ? 1 : f.channels;
    const ptrdiff_t next_channel = planar ? f.plane_pixels : 1;
    for (int x = 0; x < n; x++)
        for (int c = 0; c < f.channels; c++)
            store(float(pixels[x * 4 + c]) * f.scale[c] + f.bias[c],
                  out + x * step + c * next_channel);
}

} // namespace

const Kernels plain_kernels = {
    .level = "plain",
    .read = {i420, nv12, yuy2, packed<3>, packed<4>, luma_row<1>, luma_row<2>, gray<3>, gray<4>},
    .blend = blend,
    .sample = sample,
    .finish = {finish<float, false>, finish<float, true>, finish<uint8_t, false>,
               finish<uint8_t, true>},
};

} // namespace infer::preprocess
