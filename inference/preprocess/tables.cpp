// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/preprocess/tables.h"

#include <algorithm>
#include <cmath>

namespace infer::preprocess {
namespace {

int16_t fixed(double v, double one) { return int16_t(std::lround(v * one)); }

// What of red and blue makes up luma. BT.601-7, BT.709-6, BT.2020-2, each item "derivation of
// luma".
struct LumaShare {
    double red, blue;
};

LumaShare luma_share(ColorMatrix matrix) {
    switch (matrix) {
    case ColorMatrix::BT709:
        return {0.2126, 0.0722};
    case ColorMatrix::BT2020:
        return {0.2627, 0.0593};
    case ColorMatrix::BT601:
        break;
    }
    return {0.299, 0.114};
}

bool is_yuv(PixelFormat f) {
    return f == PixelFormat::I420 || f == PixelFormat::NV12 || f == PixelFormat::YUY2;
}

bool blue_first(PixelFormat f) {
    return f == PixelFormat::BGR || f == PixelFormat::BGRx || f == PixelFormat::BGRA;
}

int at_least_one(double pixels) { return std::max(int(pixels), 1); }

} // namespace

std::vector<Tap> make_taps(int from, int to) {
    constexpr int one = 1 << 15;
    std::vector<Tap> taps(size_t(to), Tap{});
    for (int i = 0; i < to; i++) {
        const double at = std::clamp((i + 0.5) * from / to - 0.5, 0.0, from - 1.0);
        int first = int(at);
        int weight = int(std::lround((at - first) * one));
        if (weight == one) {
            first++;
            weight = 0;
        }
        taps[size_t(i)] = {first, int16_t(weight)};
    }
    return taps;
}

ColorMath make_color_math(const FrameView& frame) {
    const auto [red, blue] = luma_share(frame.matrix);
    const double green = 1 - red - blue;
    const bool limited = is_yuv(frame.format) && !frame.full_range; // GRAY8 is 0..255
    const double chroma = limited ? 255.0 / 224 : 1.0;
    constexpr double half = 1 << 14, rgb = 1 << 13, one = 1 << 15;

    ColorMath m;
    m.y_offset = limited ? 16 : 0;
    m.y_to_gray = fixed(limited ? 255.0 / 219 : 1.0, half);
    m.y_to_rgb = fixed(limited ? 255.0 / 219 : 1.0, rgb);
    m.v_to_r = fixed(2 * (1 - red) * chroma, rgb);
    m.u_to_b = fixed(2 * (1 - blue) * chroma, rgb);
    m.u_to_g = fixed(-2 * (1 - blue) * chroma * blue / green, rgb);
    m.v_to_g = fixed(-2 * (1 - red) * chroma * red / green, rgb);
    // Gray of RGB is BT.601's luma, as in OpenCV.
    m.gray[0] = fixed(0.299, one);
    m.gray[1] = fixed(0.587, one);
    m.gray[2] = fixed(0.114, one);
    if (blue_first(frame.format))
        std::swap(m.gray[0], m.gray[2]);
    return m;
}

// Top-left is YOLOX's: sizes rounded down, free room right and below. Centred is YOLOv5's and its
// successors': sizes rounded to nearest, the odd pixel of free room right and below. Both
// multiply by one scale in double precision, as those projects' own code does: 432 rows by 416 /
// 768 come out just below 234, so that YOLOX's letterbox has 233 of them. Networks feel that row.
Placed place_pixels(PreprocessSpec::Resize resize, int region_width, int region_height,
                    int input_width, int input_height) {
    Placed p{0, 0, input_width, input_height};
    if (resize == PreprocessSpec::Stretch)
        return p;
    const bool centered = resize == PreprocessSpec::LetterboxCenter;
    const double scale =
        std::min(double(input_width) / region_width, double(input_height) / region_height);
    const double round = centered ? 0.5 : 0;
    p.width = at_least_one(region_width * scale + round);
    p.height = at_least_one(region_height * scale + round);
    if (centered) {
        p.x = (input_width - p.width) / 2;
        p.y = (input_height - p.height) / 2;
    }
    return p;
}

} // namespace infer::preprocess
