// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO v3: three anchors for the cells of strides 8, 16 and 32 (tiny: 16 and 32); raw, or by
// RegionYolo without do_softmax.
//
//   for each stride  f32 [1, 3 * (5 + classes), height, width], or the other orders of
//   anchor_grid.h
//
// Sources: Darknet's yolo_layer.c, yolov3.cfg and yolov3-tiny.cfg.

#include "inference/decode/anchor_grid.h"
#include "inference/decode/coco.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr float anchors[] = {10, 13, 16,  30,  33, 23,  30,  61,  62,
                             45, 59, 119, 116, 90, 156, 198, 373, 326};
constexpr float tiny_anchors[] = {10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319};

const AnchorRule rule = {.name = "yolov3",
                         .wanted =
                             "1x(3 * (5 + classes))xHxW for each stride 8, 16, 32, or 16 and 32",
                         .anchors = {{{}, tiny_anchors, anchors, {}}},
                         .fit = 75,
                         .other_fit = 40};

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_anchor_grids(rule, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    Fit fit = fit_anchor_grids(rule, outputs, input_width, input_height);
    if (fit.classes == 80 && fit.score == rule.fit)
        fit.score = 92;
    return fit;
}

} // namespace

extern const DecoderDef decoder_yolov3;
const DecoderDef decoder_yolov3 = {
    .name = "yolov3",
    .decode = decode,
    .fit = fit,
    .preprocess = unit_picture,
    .threshold = 0.3f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
};

} // namespace infer
