// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO v4: as v3, with other anchors, and centres that reach beyond their cells.
//
//   for each stride  f32 [1, height, width, 3, 5 + classes], or the other orders of anchor_grid.h
//
// Maps 1x(3 * (5 + classes))xHxW may be v3's as well: `auto` takes them for such. Sources:
// Darknet's yolo_layer.c (scale_x_y), yolov4.cfg and yolov4-tiny.cfg.

#include "inference/decode/anchor_grid.h"
#include "inference/decode/coco.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr float anchors[] = {12, 16, 19,  36,  40,  28,  36,  75,  76,
                             55, 72, 146, 142, 110, 192, 243, 459, 401};
constexpr float tiny_anchors[] = {23, 27, 37, 58, 81, 82, 81, 82, 135, 169, 344, 319};

constexpr std::string_view wanted =
    "1xHxWx3x(5 + classes) or 1x(3 * (5 + classes))xHxW for each stride 8, 16, 32, or 16 and 32";

AnchorRule rule_for(size_t outputs) {
    AnchorRule rule = {.name = "yolov4",
                       .wanted = wanted,
                       .anchors = {{{}, tiny_anchors, anchors, {}}},
                       .usual = AnchorRule::CellAnchors,
                       .fit = 92,
                       .other_fit = 45};
    if (outputs == 3)
        rule.reach = {1.2f, 1.1f, 1.05f, 1.05f};
    else
        rule.reach.fill(1.05f);
    return rule;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_anchor_grids(rule_for(outputs.size()), outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    return fit_anchor_grids(rule_for(outputs.size()), outputs, input_width, input_height);
}

} // namespace

extern const DecoderDef decoder_yolov4;
const DecoderDef decoder_yolov4 = {
    .name = "yolov4",
    .decode = decode,
    .fit = fit,
    .preprocess = unit_picture,
    .threshold = 0.3f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
};

} // namespace infer
