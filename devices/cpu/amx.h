// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The matrix units of the processor (AMX) in bf16: sums of products in tiles of 16 pixels by 16
// channels, and how the sums become a layer's output.
#pragma once

#include <cstddef>
#include <cstdint>

namespace infer::cpu::amx {

constexpr int64_t tile_pixels = 16;   // of the sums' tile
constexpr int64_t tile_channels = 16; // same
constexpr int64_t tile_depth = 32;    // products of one instruction
constexpr int64_t tile_weights = tile_channels * tile_depth; // elements
constexpr int64_t sums_row = 2 * tile_channels;              // floats from a pixel's sums to the next

// Whether the operating system lets this process use the units. Ask before anything else here.
bool is_allowed();

// While one lives, this thread may multiply(); it holds the tiles' shape.
class Tiles {
public:
    Tiles();
    ~Tiles();
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;
};

// What one block of pixels and channels sums over: `steps` times 32 numbers of each pixel.
struct Products {
    const uint16_t* pixels = nullptr;  // the first pixel's first number
    int64_t pixel_bytes = 0;           // from a pixel to the next
    const int64_t* offsets = nullptr;  // [steps]: where a step's numbers are, in elements from `pixels`
    int64_t steps = 0;
    const uint16_t* weights = nullptr; // [steps][channel tiles][tile_weights], see weight_at()
};

// Where the weight of a channel and a number of one step is in its tile.
constexpr int64_t weight_at(int64_t channel, int64_t k) { return (k / 2 * tile_channels + channel) * 2 + k % 2; }

// sums: [16 or 32 pixels][sums_row], by 1 or 2 tiles of pixels and of channels.
void multiply(const Products& products, int pixel_tiles, int channel_tiles, float* sums);

// A run of pixels on its way from sums to the output; bf16 or f32 each.
struct Finish {
    const float* bias = nullptr; // of the block's channels
    float low = 0, high = 0;
    float slope = 1; // below 0; at most 1, which is none
    bool hard_swish = false; // v * clamp(v / 6 + 1/2, 0, 1) in place of slope, low and high
    int64_t channels = 0;        // <= sums_row
    const void* residual = nullptr; // nullptr: none
    int64_t residual_stride = 0;    // elements a pixel
    bool residual_is_half = false;
    void* out = nullptr;
    int64_t out_stride = 0;
    bool out_is_half = false;
};

// out = f(sums + bias + residual), f as above.
void finish(const Finish& f, const float* sums, int64_t pixels);

// sums += bias + residual: for a function that is more than a clamp and comes before finish().
void add_terms(const Finish& f, float* sums, int64_t pixels);

// f32 to bf16, to the nearest.
void narrow(const float* from, uint16_t* to, int64_t n);

} // namespace infer::cpu::amx
