// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO with masks: v8, v9, v11, v12 (heads without anchors), v5 and v7 (with anchors and
// objectness) and v26 (rows without NMS).
//
//   output      f32 [1, 4 + classes + P, cells] (or transposed)  x, y, width, height, class scores,
//               weights of the prototypes
//               f32 [1, rows, 5 + classes + P]  with an objectness, three anchors a cell
//               f32 [1, rows, 6 + P]            corners, score, label, weights
//   prototypes  f32 [1, P, height, width]       over the whole input, usually a quarter of its size
//
// A mask is the sigmoid of the weighted sum of the prototypes inside the box. Source: Ultralytics'
// ops.py (process_mask).

#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/masks.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"
#include "inference/decode/table.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "1x(4 + classes + P)xN, 1xNx(5 + classes + P) or 1xNx(6 + P), and prototypes 1xPxHxW";
constexpr int64_t box = 4, row_head = 6, anchors_a_cell = 3, usual_rows = 300;

struct Layout {
    size_t boxes = 0, prototypes = 0;
    int64_t places = 0, columns = 0, classes = 0, weights = 0;
    bool transposed = false; // [places, columns]
    enum Form { Cells, Anchors, Rows } form = Cells;
    int64_t weights_from() const { return columns - weights; }
};

std::optional<Layout> layout_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 2)
        return std::nullopt;
    const size_t at = slots[0].dims.size() == 2 ? 0 : 1;
    const auto d = slots[at].dims, p = slots[1 - at].dims;
    if (d.size() != 2 || p.size() != 3 || p[0] < 1 || p[1] < 2 || p[2] < 2)
        return std::nullopt;
    Layout l{at, 1 - at, d[1], d[0], 0, p[0], false, Layout::Cells};
    const auto is_cells = [&](int64_t n) {
        return pyramid_with(n, input_width, input_height).has_value();
    };
    if (!is_cells(d[1])) {
        l.transposed = is_cells(d[0]) || d[0] > d[1];
        if (l.transposed)
            std::swap(l.places, l.columns);
        if (l.transposed && l.places % anchors_a_cell == 0 && is_cells(l.places / anchors_a_cell))
            l.form = Layout::Anchors;
        else if (l.columns == row_head + l.weights && !is_cells(l.places))
            l.form = Layout::Rows;
    }
    l.classes = l.weights_from() - box - (l.form == Layout::Anchors ? 1 : 0);
    return l.classes >= 1 ? std::optional(l) : std::nullopt;
}

// Boxes in the model's numbers, and the row of each.
void find(const Table& all, const Layout& l, float threshold, std::vector<Detection>& to,
          std::vector<int64_t>& rows) {
    const auto keep = [&](const Detection* added, int64_t row) {
        if (added)
            rows.push_back(row);
    };
    if (l.form == Layout::Rows) {
        for (int64_t row = 0; row < all.rows; row++)
            if (all.at(row, 4) >= threshold && is_label(all.at(row, 5)))
                keep(add_box(to, all.at(row, 0), all.at(row, 1), all.at(row, 2), all.at(row, 3),
                             all.at(row, 4), int(all.at(row, 5))),
                     row);
        return;
    }
    const bool anchors = l.form == Layout::Anchors;
    const Table scores = all.part(box + (anchors ? 1 : 0), l.classes);
    for (const Best& best : anchors ? best_of_rows(all.part(box, 1), scores, {}, threshold)
                                    : best_of_rows(scores, {}, threshold))
        keep(add_centred_box(to, all.at(best.row, 0), all.at(best.row, 1), all.at(best.row, 2),
                             all.at(best.row, 3), best.score, best.label),
             best.row);
}

// Leaves the best, and tells their rows.
std::vector<int64_t> choose(std::vector<Detection>& detections, const std::vector<int64_t>& rows,
                            const Layout& layout, const DecodeOptions& options) {
    const std::vector<size_t> chosen =
        layout.form == Layout::Rows
            ? best_indices(detections, options.max_detections)
            : suppressed_indices(detections, options.iou_threshold, options.max_detections);
    take(detections, chosen);
    std::vector<int64_t> kept;
    for (size_t i : chosen)
        kept.push_back(rows[i]);
    return kept;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto l = layout_of(slots, options.input_width, options.input_height);
    if (!l)
        return wrong_outputs("yolo-seg", slots, wanted);
    const auto data = all_floats(outputs, "yolo-seg");
    if (!data.ok())
        return data.error();
    const float* first = data.value()[l->boxes];
    const Table all = l->transposed ? by_rows(first, l->places, l->columns)
                                    : by_columns(first, l->columns, l->places);
    const auto size = slots[l->prototypes].dims;
    const Prototypes prototypes{data.value()[l->prototypes], int(size[0]), int(size[1]),
                                int(size[2])};
    Decoded decoded;
    std::vector<int64_t> rows;
    find(all, *l, options.threshold, decoded.detections, rows);
    scale_fractions(decoded.detections, options);
    rows = choose(decoded.detections, rows, *l, options);
    std::vector<float> weights(size_t(l->weights));
    for (size_t i = 0; i < rows.size(); i++) {
        for (int64_t k = 0; k < l->weights; k++)
            weights[size_t(k)] = all.at(rows[i], l->weights_from() + k);
        Detection& d = decoded.detections[i];
        d.mask = mask_of(prototypes, weights.data(), d, options);
    }
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto l = layout_of(slots, input_width, input_height);
    const bool known =
        l && (l->form != Layout::Cells || pyramid_with(l->places, input_width, input_height));
    if (!known || (l->form == Layout::Rows && l->places != usual_rows && l->places >= 0))
        return {0, "yolo-seg has " + std::string(wanted), 0};
    const int classes = l->form == Layout::Rows ? 0 : int(l->classes);
    return {93,
            std::to_string(l->places) + " places with the weights of " +
                std::to_string(l->weights) + " prototypes of masks",
            classes};
}

} // namespace

extern const DecoderDef decoder_yolo_seg;
const DecoderDef decoder_yolo_seg = {
    .name = "yolo-seg",
    .decode = decode,
    .fit = fit,
    .preprocess = ultralytics_picture,
    .threshold = 0.25f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
    .aliases = "yolov8-seg,yolov5-seg,yolov7-seg,yolo11-seg,yolo26-seg",
};

} // namespace infer
