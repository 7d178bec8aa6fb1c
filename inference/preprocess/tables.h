// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/frame.h"
#include "inference/preprocess.h"
#include "inference/preprocess/kernels.h"

#include <vector>

namespace infer::preprocess {

// One output column or row: between input `first` and the one after it.
struct Tap {
    int first = 0;
    int16_t weight = 0; // of the second; 1 is 2^15. 0 at the far edge, where there is no second.
};

// Bilinear with half-pixel centres, edges repeated: OpenCV's INTER_LINEAR.
std::vector<Tap> make_taps(int from, int to);

// For the pixels of `frame`, as its matrix and range say.
ColorMath make_color_math(const FrameView& frame);

// Where the resized region lies in the input, in whole pixels.
struct Placed {
    int x = 0, y = 0, width = 0, height = 0;
};
Placed place_pixels(PreprocessSpec::Resize resize, int region_width, int region_height,
                    int input_width, int input_height);

} // namespace infer::preprocess
