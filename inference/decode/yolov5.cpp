// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO v5 (and v6, which has the same rows): three anchors for the cells of strides 8, 16, 32, and
// 64 in P6 models; as rows, or as the heads give them:
//
//   output           f32 [1, rows, 5 + classes]
//   for each stride  f32 [1, 3, height, width, 5 + classes], or the other orders of anchor_grid.h
//
// Sources: the project's yolo.py, yolov5s.yaml and yolov5s6.yaml.

#include "inference/decode/anchor_rows.h"
#include "inference/decode/coco.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr float anchors[] = {10, 13, 16,  30,  33, 23,  30,  61,  62,
                             45, 59, 119, 116, 90, 156, 198, 373, 326};
constexpr float large_anchors[] = {19,  27,  44,  40,  38,  94,  96,  68,  86,  152, 180, 137,
                                   140, 301, 303, 264, 238, 542, 436, 615, 739, 380, 925, 792};

const AnchorRule rule = {.name = "yolov5",
                         .wanted = anchor_rows_wanted,
                         .box = AnchorRule::Squared,
                         .anchors = {{{}, {}, anchors, large_anchors}},
                         .usual = AnchorRule::AnchorMaps,
                         .fit = 93,
                         .other_fit = 42};

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_anchor_rows(rule, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    return fit_anchor_rows(rule, outputs, input_width, input_height);
}

} // namespace

extern const DecoderDef decoder_yolov5;
const DecoderDef decoder_yolov5 = {
    .name = "yolov5",
    .decode = decode,
    .fit = fit,
    .preprocess = ultralytics_picture,
    .threshold = 0.25f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
    .aliases = "yolov6",
};

} // namespace infer
