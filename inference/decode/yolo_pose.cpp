// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO with keypoints: v8, v11 (heads without anchors) and v26 (rows without NMS).
//
//   output  f32 [1, 4 + classes + K * D, cells] (or transposed)  x, y, width, height, class scores,
//           then K points of x, y and, if D is 3, score
//           f32 [1, rows, 6 + K * D]  corners, score, label, points
//
// There is one class (person) unless there are more labels. D is 3 if the columns allow it, else 2.
// Boxes and points are in pixels, in some exports in fractions of the input. Source: Ultralytics'
// head.py (Pose, Pose26).

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"
#include "inference/decode/table.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "one output 1x(4 + classes + 3K)xN for the cells of strides 8, 16, 32, or 1xNx(6 + 3K)";
constexpr int64_t box = 4, row_head = 6, usual_rows = 300, body = 17;

struct Layout {
    int64_t places = 0, columns = 0;
    bool transposed = false;                               // [places, columns]
    bool rows = false;                                     // corners, score, label: chosen already
    int64_t head() const { return rows ? row_head : box; } // columns before scores or points
};

std::optional<Layout> layout_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 1 || slots[0].dims.size() != 2)
        return std::nullopt;
    const int64_t a = slots[0].dims[0], b = slots[0].dims[1];
    Layout l{b, a, false, false};
    if (!pyramid_with(b, input_width, input_height)) {
        const bool cells = pyramid_with(a, input_width, input_height).has_value();
        if (cells || a > b)
            l = {a, b, true, !cells && a == usual_rows};
    }
    return l.columns >= l.head() + 3 ? std::optional(l) : std::nullopt;
}

struct Columns {
    int64_t classes = 0, points = 0, each = 0; // each: numbers a point
};

std::optional<Columns> columns_of(const Layout& layout, int64_t labels) {
    for (int64_t classes : {std::max<int64_t>(labels, 1), int64_t(1)}) {
        const int64_t left = layout.columns - layout.head() - (layout.rows ? 0 : classes);
        for (int64_t each : {3, 2})
            if (left > 0 && left % each == 0)
                return Columns{classes, left / each, each};
    }
    return std::nullopt;
}

void add_points(Detection* to, const Table& points, int64_t row, const Columns& columns) {
    for (int64_t k = 0; to && k < columns.points; k++) {
        const float x = points.at(row, k * columns.each), y = points.at(row, k * columns.each + 1);
        const float score = columns.each == 3 ? points.at(row, k * 3 + 2) : to->score;
        if (std::isfinite(x + y))
            to->keypoints.push_back({x, y, std::isfinite(score) ? score : 0});
        else
            to->keypoints.push_back({to->x, to->y, 0}); // others keep their numbers
    }
}

void decode_rows(const Table& all, const Columns& columns, float threshold, Decoded& to) {
    for (int64_t row = 0; row < all.rows; row++)
        if (all.at(row, 4) >= threshold && is_label(all.at(row, 5)))
            add_points(add_box(to.detections, all.at(row, 0), all.at(row, 1), all.at(row, 2),
                               all.at(row, 3), all.at(row, 4), int(all.at(row, 5))),
                       all.part(row_head, columns.points * columns.each), row, columns);
}

void decode_cells(const Table& all, const Columns& columns, float threshold, Decoded& to) {
    const Table points = all.part(box + columns.classes, columns.points * columns.each);
    for (const Best& best : best_of_rows(all.part(box, columns.classes), {}, threshold))
        add_points(add_centred_box(to.detections, all.at(best.row, 0), all.at(best.row, 1),
                                   all.at(best.row, 2), all.at(best.row, 3), best.score,
                                   best.label),
                   points, best.row, columns);
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, options.input_width, options.input_height);
    const auto columns =
        layout ? columns_of(*layout, int64_t(options.labels.size())) : std::nullopt;
    if (!columns)
        return wrong_outputs("yolo-pose", slots, wanted);
    const auto data = floats(outputs[0], "yolo-pose");
    if (!data.ok())
        return data.error();
    const float* first = data.value().data();
    const Table all = layout->transposed ? by_rows(first, layout->places, layout->columns)
                                         : by_columns(first, layout->columns, layout->places);
    Decoded decoded;
    if (layout->rows)
        decode_rows(all, *columns, options.threshold, decoded);
    else
        decode_cells(all, *columns, options.threshold, decoded);
    scale_fractions(decoded.detections, options);
    if (layout->rows)
        keep_best(decoded.detections, options.max_detections);
    else
        suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, input_width, input_height);
    const auto columns = layout ? columns_of(*layout, 1) : std::nullopt;
    const bool cells =
        layout && pyramid_with(layout->places, input_width, input_height).has_value();
    if (!columns || columns->each != 3 || !(cells || layout->rows))
        return {0, "yolo-pose has " + std::string(wanted), 0};
    const std::string why = "a box, a class and " + std::to_string(columns->points) +
                            " points for each of " + std::to_string(layout->places) +
                            (layout->rows ? " rows" : " cells");
    // Other numbers of points could as well be classes.
    if (columns->points == body)
        return {layout->transposed && !layout->rows ? 70 : 95, why, 1};
    return {10, why, 1};
}

} // namespace

extern const DecoderDef decoder_yolo_pose;
const DecoderDef decoder_yolo_pose = {
    .name = "yolo-pose",
    .decode = decode,
    .fit = fit,
    .preprocess = ultralytics_picture,
    .threshold = 0.25f,
    .iou_threshold = 0.45f,
    .labels = "person",
    .aliases = "yolov8-pose,yolo11-pose,yolo26-pose",
};

} // namespace infer
