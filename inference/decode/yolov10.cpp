// SPDX-License-Identifier: LGPL-2.1-or-later
// Boxes that the graph has already chosen, in rows: YOLO without NMS (v10, v26), and exports with
// NMS in the graph.
//
//   output  f32 [1, rows, 6]  left, top, right, bottom, score, label (v10, v26; any number of rows)
//           f32 [rows, 7]     image, left, top, right, bottom, label, score (YOLOv7's end-to-end
//                             export; rows by what was found)
//
// Corners are in pixels of the input, or fractions of it; rows that are not used have score 0.
// There is no further suppression: iou-threshold has no effect. Sources: Ultralytics' head.py
// (v10Detect, end2end), YOLOv7's export.py.

#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "one output 1xNx6 of corners, score and label, or Nx7 of image, corners, label and score";
constexpr int64_t usual_rows = 300;

struct Row {
    int64_t size, corners, score, label; // where its numbers are
};
constexpr Row plain = {6, 0, 4, 5}, with_image = {7, 1, 6, 5};

std::optional<Row> row_of(std::span<const Slot> slots) {
    if (slots.size() != 1)
        return std::nullopt;
    const auto dims = slots[0].dims;
    if (dims.size() == 2 && dims[1] == plain.size)
        return plain;
    if (dims.size() == 1 && dims[0] == with_image.size)
        return with_image;
    return std::nullopt;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto row = row_of(slots);
    if (!row)
        return wrong_outputs("yolov10", slots, wanted);
    const auto data = floats(outputs[0], "yolov10");
    if (!data.ok())
        return data.error();
    Decoded decoded;
    const std::span<const float> all = data.value();
    for (size_t i = 0; i + size_t(row->size) <= all.size(); i += size_t(row->size)) {
        const float* corners = &all[i + size_t(row->corners)];
        const float score = all[i + size_t(row->score)], label = all[i + size_t(row->label)];
        if (score >= options.threshold && is_label(label))
            add_box(decoded.detections, corners[0], corners[1], corners[2], corners[3], score,
                    int(label));
    }
    scale_fractions(decoded.detections, options);
    keep_best(decoded.detections, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto row = row_of(slots);
    if (!row)
        return {0, "yolov10 has " + std::string(wanted), 0};
    if (row->size == with_image.size) {
        const bool one_row = outputs[0].shape[0] == 1; // then it may be a list of seven numbers
        return {one_row ? 20 : 80, "rows of image, corners, label and score", 0};
    }
    const int64_t rows = slots[0].dims[0];
    const std::string why = (rows < 0 ? "as many rows as boxes" : std::to_string(rows) + " rows") +
                            std::string(" of corners, score and label");
    if (rows == usual_rows)
        return {92, why, 0};
    return {pyramid_with(rows, input_width, input_height) ? 30 : 80, why, 0};
}

} // namespace

extern const DecoderDef decoder_yolov10;
const DecoderDef decoder_yolov10 = {
    .name = "yolov10",
    .decode = decode,
    .fit = fit,
    .preprocess = ultralytics_picture,
    .threshold = 0.25f,
    .iou_threshold = 0.45f,
    .aliases = "yolo26,yolov26,yolov7-end2end",
};

} // namespace infer
