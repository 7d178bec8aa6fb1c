// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/inferenceoverlay_paint.h"

#include <algorithm>
#include <cmath>
#include <cstring>

Painter::Painter(GstVideoFrame& frame) : frame_(frame) {
    const GstVideoFormatInfo* format = frame.info.finfo;
    for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format); c++)
        components_.push_back({static_cast<uint8_t*>(GST_VIDEO_FRAME_COMP_DATA(&frame, c)),
                               GST_VIDEO_FRAME_COMP_STRIDE(&frame, c),
                               GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c),
                               int(GST_VIDEO_FORMAT_INFO_W_SUB(format, c)),
                               int(GST_VIDEO_FORMAT_INFO_H_SUB(format, c)),
                               GST_VIDEO_FRAME_COMP_WIDTH(&frame, c),
                               GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c)});
    gst_video_color_matrix_get_Kr_Kb(frame.info.colorimetry.matrix, &kr_, &kb_);
    full_range_ = frame.info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
}

// Full-range R'G'B' to the frame's components (ITU-R BT.601/709/2020 by Kr and Kb).
Painter::Values Painter::values_of(Color color) const {
    if (GST_VIDEO_INFO_IS_RGB(&frame_.info))
        return {color.r, color.g, color.b, 255};
    const double luma = kr_ * color.r + (1 - kr_ - kb_) * color.g + kb_ * color.b;
    const double cb = (color.b - luma) / (2 * (1 - kb_)), cr = (color.r - luma) / (2 * (1 - kr_));
    const auto byte = [](double v) { return uint8_t(std::clamp(std::lround(v), 0L, 255L)); };
    if (full_range_ || GST_VIDEO_INFO_IS_GRAY(&frame_.info))
        return {byte(luma), byte(cb + 128), byte(cr + 128), 255};
    return {byte(luma * 219 / 255 + 16), byte(cb * 224 / 255 + 128), byte(cr * 224 / 255 + 128),
            255};
}

void Painter::fill(int x, int y, int width, int height, Color color) {
    const Values values = values_of(color);
    for (size_t c = 0; c < components_.size(); c++) {
        const Component& to = components_[c];
        const int left = std::max(x >> to.x_shift, 0), top = std::max(y >> to.y_shift, 0);
        const int right = std::min((x + width + (1 << to.x_shift) - 1) >> to.x_shift, to.width);
        const int bottom = std::min((y + height + (1 << to.y_shift) - 1) >> to.y_shift, to.height);
        if (left >= right)
            continue;
        for (int row = top; row < bottom; row++) {
            uint8_t* sample = to.data + ptrdiff_t(row) * to.stride + ptrdiff_t(left) * to.step;
            if (to.step == 1) {
                std::memset(sample, values[c], size_t(right - left));
                continue;
            }
            for (int i = left; i < right; i++, sample += to.step)
                *sample = values[c];
        }
    }
}

void Painter::box(int x, int y, int width, int height, int line, Color color) {
    const int across = std::min(line, width), down = std::min(line, height);
    fill(x, y, width, down, color);
    fill(x, y + height - down, width, down, color);
    fill(x, y, across, height, color);
    fill(x + width - across, y, across, height, color);
}

void Painter::disk(int x, int y, int radius, Color color) {
    for (int dy = -radius; dy <= radius; dy++) {
        const int half = int(std::sqrt(double(radius * radius - dy * dy)));
        fill(x - half, y + dy, 2 * half + 1, 1, color);
    }
}

void Painter::stamp(const Mask& mask, int x, int y, Color color) {
    const Values values = values_of(color);
    for (size_t c = 0; c < components_.size(); c++) {
        const Component& to = components_[c];
        const int left = std::max(x >> to.x_shift, 0), top = std::max(y >> to.y_shift, 0);
        const int right = std::min((x + mask.width) >> to.x_shift, to.width);
        const int bottom = std::min((y + mask.height) >> to.y_shift, to.height);
        for (int row = top; row < bottom; row++) {
            const int from_row = std::clamp((row << to.y_shift) - y, 0, mask.height - 1);
            const uint8_t* cover = mask.cover.data() + ptrdiff_t(from_row) * mask.width;
            uint8_t* sample = to.data + ptrdiff_t(row) * to.stride + ptrdiff_t(left) * to.step;
            for (int i = left; i < right; i++, sample += to.step) {
                const int a = cover[std::clamp((i << to.x_shift) - x, 0, mask.width - 1)];
                *sample = uint8_t((*sample * (255 - a) + values[c] * a + 127) / 255);
            }
        }
    }
}

void Painter::tint(const Tint& tint, int x, int y, int width, int height) {
    if (width <= 0 || height <= 0 || tint.width <= 0 || tint.height <= 0)
        return;
    std::array<std::optional<Values>, 256> values;
    for (size_t i = 0; i < values.size(); i++)
        if (tint.colors[i])
            values[i] = values_of(*tint.colors[i]);
    const auto place = [](int at, int start, int length, int count) {
        return std::clamp(int(int64_t(at - start) * count / length), 0, count - 1);
    };
    for (size_t c = 0; c < components_.size(); c++) {
        const Component& to = components_[c];
        const int left = std::max(x >> to.x_shift, 0), top = std::max(y >> to.y_shift, 0);
        const int right = std::min((x + width) >> to.x_shift, to.width);
        const int bottom = std::min((y + height) >> to.y_shift, to.height);
        for (int row = top; row < bottom; row++) {
            const uint8_t* from =
                tint.values +
                ptrdiff_t(place(row << to.y_shift, y, height, tint.height)) * tint.width;
            uint8_t* sample = to.data + ptrdiff_t(row) * to.stride + ptrdiff_t(left) * to.step;
            for (int i = left; i < right; i++, sample += to.step)
                if (const auto& v = values[from[place(i << to.x_shift, x, width, tint.width)]])
                    *sample = uint8_t((*sample + (*v)[c] + 1) / 2);
        }
    }
}
