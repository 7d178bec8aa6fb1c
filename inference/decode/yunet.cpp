// SPDX-License-Identifier: LGPL-2.1-or-later
// YuNet: faces with five landmarks, anchor-free. For each stride 8, 16 and 32, in any order:
//
//   cls, obj  f32 [1, cells, 1]   probabilities; the score is the root of their product, so that
//                                 it does not matter which is which
//   bbox      f32 [1, cells, 4]   centre from the cell's corner and logarithm of the size, in
//   strides kps       f32 [1, cells, 10]  x and y from the cell's corner, in strides: right eye,
//   left eye,
//                                 nose, right and left corner of the mouth
//
// Outputs are told apart by shape, so that their names (cls_8, or numbers) do not matter. Source:
// OpenCV's face_detect.cpp (FaceDetectorYN).

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "1xNx1 twice, 1xNx4 and 1xNx10 for the N cells of each stride 8, 16 and 32";
constexpr int levels = 3;
constexpr int landmarks = 5;

// Indices of the outputs of one stride.
struct Level {
    size_t cls, obj, box, points;
};

std::optional<Level> level_of(std::span<const Slot> slots, int64_t cells) {
    std::vector<size_t> ones, fours, tens;
    for (size_t i = 0; i < slots.size(); i++) {
        if (slots[i].is({cells, 1}))
            ones.push_back(i);
        else if (slots[i].is({cells, 4}))
            fours.push_back(i);
        else if (slots[i].is({cells, 2 * landmarks}))
            tens.push_back(i);
    }
    if (ones.size() != 2 || fours.size() != 1 || tens.size() != 1)
        return std::nullopt;
    return Level{ones[0], ones[1], fours[0], tens[0]};
}

struct Layout {
    Pyramid pyramid;
    std::array<Level, levels> level;
};

std::optional<Layout> layout_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 4 * levels)
        return std::nullopt;
    Layout layout{pyramid(levels, input_width, input_height), {}};
    for (size_t i = 0; i < levels; i++) {
        const auto level = level_of(slots, layout.pyramid.levels[i].cells());
        if (!level)
            return std::nullopt;
        layout.level[i] = *level;
    }
    return layout;
}

// The four outputs of a stride, at one cell.
struct Cell {
    const float *box, *points;
    float x, y, stride;
};

void add(std::vector<Detection>& to, const Cell& cell, float score) {
    const float width = std::exp(cell.box[2]) * cell.stride;
    const float height = std::exp(cell.box[3]) * cell.stride;
    const float left = (cell.x + cell.box[0]) * cell.stride - width / 2;
    const float top = (cell.y + cell.box[1]) * cell.stride - height / 2;
    Detection* face = add_box(to, left, top, left + width, top + height, score, 0);
    for (int i = 0; face && i < landmarks; i++) {
        const float x = (cell.points[2 * i] + cell.x) * cell.stride;
        const float y = (cell.points[2 * i + 1] + cell.y) * cell.stride;
        if (std::isfinite(x) && std::isfinite(y))
            face->keypoints.push_back({x, y, score});
    }
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, options.input_width, options.input_height);
    if (!layout)
        return wrong_outputs("yunet", slots, wanted);
    std::vector<const float*> data;
    for (const NamedTensor& output : outputs) {
        const auto f32 = floats(output, "yunet");
        if (!f32.ok())
            return f32.error();
        data.push_back(f32.value().data());
    }
    Decoded decoded;
    for (size_t i = 0; i < levels; i++) {
        const Grid& grid = layout->pyramid.levels[i];
        const auto [cls, obj, box, points] = layout->level[i];
        for (int64_t cell = 0; cell < grid.cells(); cell++) {
            const float score = std::sqrt(std::clamp(data[cls][cell], 0.0f, 1.0f) *
                                          std::clamp(data[obj][cell], 0.0f, 1.0f));
            if (score >= options.threshold)
                add(decoded.detections,
                    {data[box] + 4 * cell, data[points] + 2 * landmarks * cell,
                     float(cell % grid.width), float(cell / grid.width), float(grid.stride)},
                    score);
        }
    }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (!layout_of(slots, input_width, input_height))
        return {0, "yunet has " + std::string(wanted), 0};
    return {95, "two scores, a box and five points for the cells of strides 8, 16 and 32", 1};
}

} // namespace

extern const DecoderDef decoder_yunet;
const DecoderDef decoder_yunet = {
    .name = "yunet",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR},
    .threshold = 0.6f,
    .iou_threshold = 0.3f,
    .labels = "face",
};

} // namespace infer
