// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/cpu/activation.h"
#include "devices/cpu/kernel.h"

#include <array>
#include <vector>

namespace infer::cpu {

// A run of output channels that is computed together.
struct ConvBlock {
    int64_t group = 0;
    int64_t channel = 0;  // first output channel
    int64_t channels = 0; // how many
    int vectors = 0;      // they fill; the last may be filled in part
    size_t weights = 0, bias = 0; // where in ConvPlan's
};

// A convolution made ready: geometry in elements and pixels, weights in their tiles' order.
struct ConvPlan {
    int64_t batch = 1, height = 1, width = 1;   // of the input
    int64_t in_channels = 1, out_channels = 1;  // in_channels: of one group
    int64_t groups = 1;
    int64_t kernel_y = 1, kernel_x = 1, stride_y = 1, stride_x = 1;
    int64_t dilation_y = 1, dilation_x = 1, pad_y = 0, pad_x = 0; // pads: top, left
    int64_t out_height = 1, out_width = 1;
    int64_t image_rows = 1, row_pixels = 1; // the output's height and width, also where all pixels are one row
    int64_t depth = 1, out_depth = 1; // of volumes; their third dimension comes before the height
    int64_t kernel_z = 1, stride_z = 1, dilation_z = 1, pad_z = 0;
    int64_t in_stride = 1, out_stride = 1, residual_stride = 0; // elements a pixel
    bool has_residual = false;
    bool rows_are_dense = false; // neighbouring taps of a row are neighbours in memory
    Activation activation;
    Clamp clamp = {}; // of the activation; set when packed
    std::vector<float> weights, bias, zeros;
    std::vector<float> pair_weights, pair_bias; // of depthwise_pairs-inl.h
    std::vector<ConvBlock> blocks;

    int64_t taps() const { return kernel_z * kernel_y * kernel_x; }
    bool is_pointwise() const {
        return taps() == 1 && stride_z == 1 && pad_z == 0 && out_depth == depth && stride_y == 1 &&
               stride_x == 1 && pad_y == 0 && pad_x == 0 && out_height == height &&
               out_width == width;
    }
};

// One block of channels over the pixels [ox, end) of one output row.
struct ConvStrip {
    int64_t block = 0;
    const float* image = nullptr;    // the input image
    const float* residual = nullptr; // at the first output pixel; nullptr: none
    float* out = nullptr;            // at the first output pixel
    int64_t oy = 0, ox = 0, end = 0, oz = 0;
    const float *weights = nullptr, *bias = nullptr; // of the block; nullptr: the plan's
};

// A matrix as the weights of a pointwise convolution are to be packed from: [depth][columns].
struct Panel {
    const float* data = nullptr;
    int64_t row = 1, column = 1; // elements to the next
    float scale = 1;
};

// Cuts channels into blocks and packs the weights ([out channels][in channels of a group][taps]);
// bias: [out channels] or nullptr.
void pack_conv(ConvPlan& plan, const float* weights, const float* bias);

// Only cuts the channels of a pointwise convolution whose weights come at run time; pack_panel() brings
// one block of them into order: in_channels * panel_width(block) floats.
void cut_conv(ConvPlan& plan);
int64_t panel_width(const ConvPlan& plan, int64_t block);
void pack_panel(const ConvPlan& plan, int64_t block, const Panel& panel, float* to);
void run_conv_strip(const ConvPlan& plan, const ConvStrip& strip);

// Our own kernel for a Conv node in f32.
Result<std::unique_ptr<Kernel>> make_tiled_conv(const NodeView& view);

// The kernel of a plan whose weights are packed.
std::unique_ptr<Kernel> make_conv_kernel(ConvPlan plan, int threads);

// 4-D (or `rank`), f32, weights and bias known.
bool is_f32_conv(const NodeView& view, size_t rank = 4);

// Geometry of a Conv node; weights are packed later. `flatten`: a pointwise convolution's pixels
// become one row.
ConvPlan conv_plan(const NodeView& view, bool flatten = true);

// Which rows of its image a convolution of images reads.
RowUse row_use(const NodeView& view);

// The input rows that some output rows are made from, and the padding around them.
struct ConvBand {
    int64_t top = 0, bottom = 0; // input rows [top, bottom)
    int64_t pad_top = 0, pad_bottom = 0, pad_right = 0;
};
ConvBand band_of(const ConvPlan& plan, Range rows);

// Top and left padding, with auto_pad worked out.
std::array<int64_t, 2> conv_pads(const Node& node, const Shape& x, const Shape& w, const Shape& y);

} // namespace infer::cpu
