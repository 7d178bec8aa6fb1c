// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO v7: what v5 has, with other anchors. Rows that the graph has made are the same, and taken
// for v5's by `auto`; the heads' own outputs are told apart by name of the decoder only.
//
// Source: the project's yolov7.yaml and yolov7-w6.yaml.

#include "inference/decode/anchor_rows.h"
#include "inference/decode/coco.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr float anchors[] = {12, 16, 19,  36,  40,  28,  36,  75,  76,
                             55, 72, 146, 142, 110, 192, 243, 459, 401};
constexpr float large_anchors[] = {19,  27,  44,  40,  38,  94,  96,  68,  86,  152, 180, 137,
                                   140, 301, 303, 264, 238, 542, 436, 615, 739, 380, 925, 792};

const AnchorRule rule = {.name = "yolov7",
                         .wanted = anchor_rows_wanted,
                         .box = AnchorRule::Squared,
                         .anchors = {{{}, {}, anchors, large_anchors}},
                         .usual = AnchorRule::AnchorMaps,
                         .fit = 85,
                         .other_fit = 41};

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_anchor_rows(rule, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    return fit_anchor_rows(rule, outputs, input_width, input_height);
}

} // namespace

extern const DecoderDef decoder_yolov7;
const DecoderDef decoder_yolov7 = {
    .name = "yolov7",
    .decode = decode,
    .fit = fit,
    .preprocess = ultralytics_picture,
    .threshold = 0.25f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
};

} // namespace infer
