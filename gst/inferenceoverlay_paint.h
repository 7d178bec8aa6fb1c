// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/video/video.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

struct Color {
    uint8_t r, g, b;
};

// Coverage of a small picture, 0 (nothing) to 255, row by row.
struct Mask {
    int width = 0, height = 0; // pixels
    std::vector<uint8_t> cover;
};

// A colour for each value of a map of one byte a place, row by row; nothing where there is none.
struct Tint {
    const uint8_t* values = nullptr; // somebody else's
    int width = 0, height = 0;
    std::array<std::optional<Color>, 256> colors;
};

// Draws into a mapped frame in its own format (8 bits a component, any subsampling), converting
// colours and never the picture. Positions are pixels of the frame; what lies outside is cut off.
class Painter {
public:
    explicit Painter(GstVideoFrame& frame);

    void fill(int x, int y, int width, int height, Color color);
    // The border lies inside the box.
    void box(int x, int y, int width, int height, int line, Color color);
    void disk(int x, int y, int radius, Color color);
    void stamp(const Mask& mask, int x, int y, Color color);
    // Colours the box half-transparently by a map that is stretched over it (nearest).
    void tint(const Tint& tint, int x, int y, int width, int height);

private:
    using Values = std::array<uint8_t, GST_VIDEO_MAX_COMPONENTS>; // of one colour, by component

    // One component of the frame: where its samples lie.
    struct Component {
        uint8_t* data;
        int stride, step;      // bytes to the next row, sample
        int x_shift, y_shift;  // log2 of subsampling
        int width, height;     // samples
    };

    Values values_of(Color color) const;

    GstVideoFrame& frame_;
    std::vector<Component> components_;
    double kr_ = 0.299, kb_ = 0.114;
    bool full_range_ = false;
};
