// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

// The inner loops of pre-processing, one set for each level of vector instructions. Every level
// computes the same fixed point: up to `finish` the sets agree bit for bit.
//
// A frame's row goes   read -> three lines of bytes, in the colour order of the model
//                      blend (with the row below) -> one line of pixels, 4 x i16 with 7 fraction
//                      bits sample (at the output's columns) -> the same, as long as the output is
//                      wide finish -> (x - mean) / std into the request.
// Lines are ours and longer than their pixels by `line_slack`: kernels may run over their ends, but
// never over those of the frame's rows or of the request.
namespace infer::preprocess {

constexpr int line_slack = 128;  // pixels
constexpr int fraction_bits = 7; // of the i16 pixels: 255 is 32640

// How bytes become 0..255 of R, G, B or gray.
struct ColorMath {
    uint8_t y_offset = 0;  // 16 for limited range
    int16_t y_to_gray = 0; // 1/2 is 2^15
    int16_t y_to_rgb = 0;  // 1 is 2^13, as the next four
    int16_t v_to_r = 0;
    int16_t u_to_g = 0; // negative, as v_to_g
    int16_t v_to_g = 0;
    int16_t u_to_b = 0;
    int16_t gray[4] = {}; // 1 is 2^15: of a packed pixel's bytes, in memory order
};

// Where the pixels of one row start; planes as in FrameView. YUV: at an even column.
struct Row {
    const uint8_t* plane[3] = {};
};

// `n` pixels. Colour: `line` takes the channels in the order R, G, B (YUV) or of memory (packed).
// Gray: line[0] alone.
using ReadRow = void (*)(const Row& row, int n, const ColorMath& math, uint8_t* const line[3]);

enum Reader {
    read_i420,
    read_nv12,
    read_yuy2,
    read_packed3,   // RGB, BGR
    read_packed4,   // RGBx, BGRA...
    read_luma,      // I420, NV12 and GRAY8 as gray
    read_yuy2_luma, // YUY2 as gray
    read_gray3,     // RGB, BGR as gray
    read_gray4,
    readers
};

// What the pixels of a line become: value * scale + bias.
struct Finish {
    float scale[4] = {}, bias[4] = {};
    int channels = 3;           // 1: the first of the pixel
    ptrdiff_t plane_pixels = 0; // NCHW: from one channel's plane to the next
};

enum Target { f32_nhwc, f32_nchw, u8_nhwc, u8_nchw, targets };

struct Kernels {
    std::string_view level;
    ReadRow read[readers];

    // a + (b - a) * weight / 2^15, into pixels {c0, c1, c2, c2}.
    void (*blend)(const uint8_t* const a[3], const uint8_t* const b[3], int n, int16_t weight,
                  int16_t* pixels);
    // out[i] = between pixels[first[i]] and the one after it; weights has 4 equal ones a pixel.
    // `first` and `weights` are tables with `line_slack` entries to spare.
    void (*sample)(const int16_t* pixels, const int32_t* first, const int16_t* weights, int n,
                   int16_t* out);
    void (*finish[targets])(const int16_t* pixels, int n, const Finish& finish, void* out);
};

// Those this machine can run, fastest first; the last is plain C++.
std::span<const Kernels* const> all_kernels();

// The fastest, or the level that the environment's GST_INFERENCE_SIMD names (for measuring, and to
// rule vector code out when something looks wrong).
Result<const Kernels*> choose_kernels();

} // namespace infer::preprocess
