// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"
#include "inference/frame.h"

#include <array>
#include <memory>

namespace infer {

// How a model wants its picture: y = (x - mean) / std by channel, x being 0..255, in the order of
// `color`. Comes from the model-config, or from what the decoder's family is known to use.
struct PreprocessSpec {
    enum Color { RGB, BGR, Gray } color = BGR;
    enum Resize { Stretch, LetterboxTopLeft, LetterboxCenter } resize = Stretch;
    float pad = 114; // 0..255, what letterboxing leaves free
    std::array<float, 3> mean = {0, 0, 0};
    std::array<float, 3> std = {1, 1, 1};
    bool operator==(const PreprocessSpec&) const = default;
};

// Where the region lies in the model's input, both in pixels:
//   input = (frame - region origin) * scale + offset
struct Placement {
    float scale_x = 1, scale_y = 1;
    float offset_x = 0, offset_y = 0;
    float origin_x = 0, origin_y = 0;
};

Placement place(const PreprocessSpec& spec, const Region& region, int input_width, int input_height);

// Crop, resize (bilinear, half-pixel centres, as OpenCV's INTER_LINEAR), colour, mean, scale and
// layout in one pass over the pixels. Keeps tables for the last frame geometry seen, so one source
// has one Preprocessor; not thread-safe, allocates only when the geometry changes.
class Preprocessor {
public:
    // `input`: an image input of the executor (f32 or u8; NHWC or NCHW memory; [N, C, H, W] or
    // [N, H, W, C] shape; 1 or 3 channels).
    static Result<std::unique_ptr<Preprocessor>> make(const PreprocessSpec& spec, const InputFormat& input);

    virtual ~Preprocessor() = default;
    // Fills one row (one image) of the request. `region` inside the frame; empty: the whole frame.
    virtual Result<Placement> run(const FrameView& frame, const Region& region, void* row) = 0;
};

// Width, height, channels of an image input, whatever its layout; error if it is not an image.
struct ImageSize {
    int width = 0, height = 0, channels = 0;
};
Result<ImageSize> image_size(const InputFormat& input);

} // namespace infer
