// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

#include <array>

namespace infer {

// The pixels that one output pixel of a GridSample is made of.
struct GridTap {
    int64_t pixel = 0; // row * width + column
    double weight = 0;
};
using GridTaps = std::array<GridTap, 16>;

class GridSampler {
public:
    GridSampler(const Node& node, int64_t height, int64_t width);

    // Of the place (x, y) of the grid; those of weight 0 or outside are left out. Says how many.
    int taps(float x, float y, GridTaps& taps) const;

private:
    enum class Mode { Linear, Nearest, Cubic };

    double place(double at, int64_t size) const;
    double reflect(double at, int64_t size) const;
    double settle(double at, int64_t size) const;
    void add(double row, double column, double weight, GridTaps& taps, int& n) const;

    int64_t height_, width_;
    Mode mode_;
    bool align_, reflects_, clamps_;
};

} // namespace infer
