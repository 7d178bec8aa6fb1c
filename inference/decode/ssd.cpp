// SPDX-License-Identifier: LGPL-2.1-or-later
// SSD whose graph ends in DetectionOutput: boxes that the model has already put through NMS.
//
//   output  f32 [1, 1, n, 7]  rows of {image, label, score, left, top, right, bottom}
//           corners as fractions of the input; a row with image < 0 ends the list
//
// Labels are the numbers of the row (usually 0 is the background and never comes). The NMS inside
// the model is the only one: iou-threshold has no effect. Source: OpenVINO opset 8,
// DetectionOutput.

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"

namespace infer {
namespace {

constexpr std::string_view wanted = "one output 1x1xNx7, rows of image, label, score and corners";
constexpr int64_t row_size = 7;

bool matches(std::span<const Slot> slots) {
    return slots.size() == 1 && slots[0].dims.size() == 3 && slots[0].dims[0] == 1 &&
           slots[0].dims[2] == row_size;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (!matches(slots))
        return wrong_outputs("ssd", slots, wanted);
    const auto rows = floats(outputs[0], "ssd");
    if (!rows.ok())
        return rows.error();

    Decoded decoded;
    const float width = float(options.input_width), height = float(options.input_height);
    const float* row = rows.value().data();
    for (int64_t i = 0; i < slots[0].dims[1] && !(row[0] < 0); i++, row += row_size)
        if (row[2] >= options.threshold && is_label(row[1]))
            add_box(decoded.detections, row[3] * width, row[4] * height, row[5] * width,
                    row[6] * height, row[2], int(row[1]));
    keep_best(decoded.detections, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (!matches(slots))
        return {0, "ssd has " + std::string(wanted), 0};
    return {95, "rows of 7 numbers are what DetectionOutput gives", 0};
}

} // namespace

extern const DecoderDef decoder_ssd;
const DecoderDef decoder_ssd = {
    .name = "ssd",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR},
    .threshold = 0.5f,
    .iou_threshold = 0.45f,
};

} // namespace infer
