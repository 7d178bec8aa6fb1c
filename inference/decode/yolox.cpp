// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLOX: anchor-free, one box a grid cell.
//
//   output  f32 [1, cells, 5 + classes]  rows of {x, y, width, height, objectness, class scores...}
//           cells of strides 8, 16, 32 (64 in P6 models), each level row by row
//
// Scores have been through the sigmoid. Boxes come in one of two forms: as the head gives them
// (centre offset from the cell in strides, logarithm of the size in strides), which the usual
// export leaves, or in pixels (export with --decode_in_inference). A row's label is its best class;
// its score is objectness * class score. Source: the project's yolo_head.py and export_onnx.py.

#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "one output 1xNx(5 + classes), N being the cells of strides 8, 16, 32 (and 64) over the input";
constexpr int64_t box_and_objectness = 5;

std::optional<Pyramid> pyramid_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 1 || slots[0].dims.size() != 2 || slots[0].dims[1] <= box_and_objectness)
        return std::nullopt;
    for (int levels : {3, 4})
        if (const Pyramid p = pyramid(levels, input_width, input_height);
            p.cells == slots[0].dims[0])
            return p;
    return std::nullopt;
}

// True if boxes are in pixels. Centres in pixels lie all over the input, offsets are a few cells at
// most: up to 64 rows, taken evenly, tell them apart.
bool in_pixels(std::span<const float> rows, int64_t columns, const DecodeOptions& options) {
    const int64_t count = int64_t(rows.size()) / columns;
    const int64_t step = std::max<int64_t>(count / 64, 1);
    double sum = 0;
    int64_t seen = 0;
    for (int64_t i = 0; i < count; i += step) {
        const float x = rows[size_t(i * columns)], y = rows[size_t(i * columns + 1)];
        if (std::isfinite(x) && std::isfinite(y)) {
            sum += std::abs(x) + std::abs(y);
            seen++;
        }
    }
    return sum > double(seen) * (options.input_width + options.input_height) / 8;
}

void add(Decoded& to, const float* row, float score, int label, const Grid& grid, int64_t cell,
         bool pixels) {
    float x = row[0], y = row[1], width = row[2], height = row[3];
    if (!pixels) {
        const float stride = float(grid.stride);
        x = (x + float(cell % grid.width)) * stride;
        y = (y + float(cell / grid.width)) * stride;
        width = std::exp(width) * stride;
        height = std::exp(height) * stride;
    }
    add_box(to.detections, x - width / 2, y - height / 2, x + width / 2, y + height / 2, score,
            label);
}

// Class scores are at most 1, so a row whose objectness is below the threshold needs no second
// look.
Decoded find(std::span<const float> rows, int64_t columns, const Pyramid& pyramid,
             const DecodeOptions& options) {
    Decoded decoded;
    std::optional<bool> pixels; // looked at when the first row passes
    const float* row = rows.data();
    for (const Grid& grid : pyramid.grids())
        for (int64_t cell = 0; cell < grid.cells(); cell++, row += columns) {
            if (!(row[4] >= options.threshold))
                continue;
            const float* best = std::max_element(row + box_and_objectness, row + columns);
            const float score = row[4] * *best;
            if (!(score >= options.threshold))
                continue;
            if (!pixels)
                pixels = in_pixels(rows, columns, options);
            add(decoded, row, score, int(best - row - box_and_objectness), grid, cell, *pixels);
        }
    return decoded;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto pyramid = pyramid_of(slots, options.input_width, options.input_height);
    if (!pyramid)
        return wrong_outputs("yolox", slots, wanted);
    const auto rows = floats(outputs[0], "yolox");
    if (!rows.ok())
        return rows.error();
    Decoded decoded = find(rows.value(), slots[0].dims[1], *pyramid, options);
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto pyramid = pyramid_of(slots, input_width, input_height);
    if (!pyramid)
        return {0, "yolox has " + std::string(wanted), 0};
    const int classes = int(slots[0].dims[1] - box_and_objectness);
    const std::string why =
        std::to_string(pyramid->cells) + " rows are the cells of strides 8 to " +
        std::to_string(4 << pyramid->count) + " over " + std::to_string(input_width) + "x" +
        std::to_string(input_height) + "; columns are a box, objectness and " +
        std::to_string(classes) + (classes == 1 ? " class" : " classes");
    // Three levels are the rule; with four, or with many columns, it may be a one-output nanodet.
    if (classes == 80)
        return {95, why, classes};
    return {pyramid->count == 3 ? 80 : 50, why, classes};
}

} // namespace

extern const DecoderDef decoder_yolox;
const DecoderDef decoder_yolox = {
    .name = "yolox",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR,
                   .resize = PreprocessSpec::LetterboxTopLeft,
                   .pad = 114},
    .threshold = 0.3f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
};

} // namespace infer
