// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

namespace infer {

// One side of a region of RoiAlign: where bins start, how long they are, how many samples each has.
struct RoiSide {
    double start, bin;
    int64_t samples;

    double at(int64_t b, int64_t s) const {
        return start + (double(b) + (double(s) + 0.5) / double(samples)) * bin;
    }
};

// A region that claims to be far larger than the image (`pixels` along this side) gets no more
// samples than the image could tell apart.
RoiSide roi_side(const Node& node, float from, float to, int64_t bins, int64_t pixels);

// A coordinate between pixels: the two beside it. Outside by more than a pixel: nothing.
struct RoiBetween {
    int64_t low = 0, high = 0;
    float weight = 0; // of high
    bool inside = false;
};

RoiBetween roi_between(double at, int64_t size);

} // namespace infer
