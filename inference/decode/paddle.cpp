// SPDX-License-Identifier: LGPL-2.1-or-later
// PaddleDetection's exports with NMS in the graph.
//
//   f32 [N, 6]  label, score, left, top, right, bottom in pixels; N depends on the picture
//   [1]         how many rows there are of the picture
//
// Pixels are those of the input if the model's inputs im_shape and scale_factor are given so:
// "values": {"im_shape": [height, width], "scale_factor": [1, 1]}. A label below 0: nothing was
// found. iou-threshold has no effect. Source: PaddleDetection's multiclass_nms and deploy guide.

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"

#include <algorithm>

namespace infer {
namespace {

constexpr std::string_view wanted = "rows Nx6 of label, score and corners, and a count of them";
constexpr int64_t row_size = 6;

// Which output has the rows; -1: none.
template <typename Outputs, typename ShapeOf>
int rows_of(const Outputs& outputs, ShapeOf shape_of) {
    if (outputs.size() != 2)
        return -1;
    for (int i : {0, 1}) {
        const Shape &rows = shape_of(outputs[size_t(i)]), &count = shape_of(outputs[size_t(1 - i)]);
        if (rows.size() == 2 && rows[1] == row_size && count.size() == 1)
            return i;
    }
    return -1;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const int at =
        rows_of(outputs, [](const NamedTensor& o) -> const Shape& { return o.view.shape; });
    if (at < 0)
        return wrong_outputs("paddle", slots_of(outputs), wanted);
    const auto rows = floats(outputs[size_t(at)], "paddle");
    if (!rows.ok())
        return rows.error();
    const auto counts = numbers(outputs[size_t(1 - at)], "paddle");
    if (!counts.ok())
        return counts.error();
    auto count = int64_t(rows.value().size()) / row_size;
    if (!counts.value().empty() && counts.value()[0] >= 0 && counts.value()[0] < float(count))
        count = int64_t(counts.value()[0]);
    Decoded decoded;
    const float* row = rows.value().data();
    for (int64_t i = 0; i < count; i++, row += row_size)
        if (row[1] >= options.threshold && is_label(row[0]))
            add_box(decoded.detections, row[2], row[3], row[4], row[5], row[1], int(row[0]));
    keep_best(decoded.detections, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    if (rows_of(outputs, [](const OutputFormat& o) -> const Shape& { return o.shape; }) < 0)
        return {0, "paddle has " + std::string(wanted), 0};
    return {85, "rows of label, score and corners, and a count", 0};
}

} // namespace

extern const DecoderDef decoder_paddle;
const DecoderDef decoder_paddle = {
    .name = "paddle",
    .decode = decode,
    .fit = fit,
    .preprocess = imagenet_picture,
    .threshold = 0.5f,
    .iou_threshold = 0.45f,
};

} // namespace infer
