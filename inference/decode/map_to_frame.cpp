// SPDX-License-Identifier: LGPL-2.1-or-later
// From pixels of the model's input back to the frame.
#include "inference/decoder.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

// A range of indices, [begin, end).
struct Span {
    int begin = 0, end = 0;
    int size() const { return end - begin; }
};

// Which of `count` cells that lie side by side over [start, start + length) have their centre in
// [from, to); at least one.
Span cells_within(int count, float start, float length, float from, float to) {
    const float cell = length / float(count);
    const auto index = [&](float at, int least, int most) {
        return int(std::clamp(std::ceil((at - start) / cell - 0.5f), float(least), float(most)));
    };
    const int begin = index(from, 0, count - 1);
    return {begin, index(to, begin + 1, count)};
}

// The part of a picture of one byte a pixel.
std::vector<uint8_t> cut(const std::vector<uint8_t>& pixels, int width, Span columns, Span rows) {
    std::vector<uint8_t> part;
    part.reserve(size_t(columns.size()) * size_t(rows.size()));
    for (int y = rows.begin; y < rows.end; y++) {
        const auto row = pixels.begin() + ptrdiff_t(y) * width;
        part.insert(part.end(), row + columns.begin, row + columns.end);
    }
    return part;
}

// What is left of a mask when its box (start, length by axis) is clipped to `box`.
std::shared_ptr<const Mask> clip(const Mask& mask, float x, float y, float width, float height,
                                 const Detection& box) {
    const Span columns = cells_within(mask.width, x, width, box.x, box.x + box.width);
    const Span rows = cells_within(mask.height, y, height, box.y, box.y + box.height);
    return std::make_shared<Mask>(
        Mask{columns.size(), rows.size(), cut(mask.values, mask.width, columns, rows)});
}

} // namespace

Keypoint map_to_frame(Keypoint point, const Placement& where) {
    point.x = (point.x - where.offset_x) / where.scale_x + where.origin_x;
    point.y = (point.y - where.offset_y) / where.scale_y + where.origin_y;
    return point;
}

std::optional<Detection> map_to_frame(Detection d, const Placement& where, int frame_width,
                                      int frame_height) {
    const Keypoint top_left = map_to_frame(Keypoint{d.x, d.y}, where);
    const Keypoint bottom_right = map_to_frame(Keypoint{d.x + d.width, d.y + d.height}, where);
    const float left = std::max(top_left.x, 0.0f);
    const float top = std::max(top_left.y, 0.0f);
    const float right = std::min(bottom_right.x, float(frame_width));
    const float bottom = std::min(bottom_right.y, float(frame_height));
    if (!(left < right && top < bottom)) // also if a number is NaN
        return std::nullopt;
    d.x = left;
    d.y = top;
    d.width = right - left;
    d.height = bottom - top;
    for (Keypoint& point : d.keypoints)
        point = map_to_frame(point, where);
    if (d.mask)
        d.mask = clip(*d.mask, top_left.x, top_left.y, bottom_right.x - top_left.x,
                      bottom_right.y - top_left.y, d);
    return d;
}

Segments map_to_frame(Segments segments, const Placement& where, const DecodeOptions& input,
                      int frame_width, int frame_height) {
    // The frame's corners in the model's input; of a region of it, the input's own.
    const float left = (0 - where.origin_x) * where.scale_x + where.offset_x;
    const float top = (0 - where.origin_y) * where.scale_y + where.offset_y;
    const float right = (float(frame_width) - where.origin_x) * where.scale_x + where.offset_x;
    const float bottom = (float(frame_height) - where.origin_y) * where.scale_y + where.offset_y;
    const Span columns = cells_within(segments.width, 0, float(input.input_width), left, right);
    const Span rows = cells_within(segments.height, 0, float(input.input_height), top, bottom);
    if (columns.size() == segments.width && rows.size() == segments.height)
        return segments;
    return {columns.size(), rows.size(), cut(segments.labels, segments.width, columns, rows)};
}

} // namespace infer
