// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO v2 and its tiny kin: one output at a 32nd of the input's size, five anchors a cell, classes
// that exclude each other; raw, or by RegionYolo with do_softmax.
//
//   output  f32 [1, 5 * (5 + classes), height/32, width/32], or the other orders of anchor_grid.h
//
// Sources: Darknet's region_layer.c, yolov2.cfg and yolov2-tiny-voc.cfg.

#include "inference/decode/anchor_grid.h"
#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr float cell = 32; // the published anchors are in cells
constexpr float coco_anchors[] = {
    0.57273f * cell, 0.677385f * cell, 1.87446f * cell, 2.06253f * cell, 3.33843f * cell,
    5.47434f * cell, 7.88282f * cell,  3.52778f * cell, 9.77052f * cell, 9.16828f * cell};
// Of the tiny model with the 20 classes of Pascal VOC; the large one's need the model-config.
constexpr float voc_anchors[] = {1.08f * cell,  1.19f * cell,  3.42f * cell, 4.41f * cell,
                                 6.63f * cell,  11.38f * cell, 9.42f * cell, 5.11f * cell,
                                 16.62f * cell, 10.52f * cell};
constexpr int voc_classes = 20;

AnchorRule rule_with(std::span<const float> anchors) {
    return {.name = "yolov2",
            .wanted = "one output 1x(5 * (5 + classes))xHxW at a 32nd of the input's size",
            .softmax = true,
            .anchors = {{anchors, {}, {}, {}}},
            .fit = 65,
            .other_fit = 60};
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    std::vector<OutputFormat> formats;
    for (const NamedTensor& output : outputs)
        formats.push_back({std::string(output.name), output.view.type, output.view.shape});
    const AnchorRule coco = rule_with(coco_anchors);
    const int classes =
        fit_anchor_grids(coco, formats, options.input_width, options.input_height).classes;
    return decode_anchor_grids(classes == voc_classes ? rule_with(voc_anchors) : coco, outputs,
                               options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    Fit fit = fit_anchor_grids(rule_with(coco_anchors), outputs, input_width, input_height);
    if (fit.classes == 80 || fit.classes == voc_classes)
        fit.score = 90;
    return fit;
}

} // namespace

extern const DecoderDef decoder_yolov2;
const DecoderDef decoder_yolov2 = {
    .name = "yolov2",
    .decode = decode,
    .fit = fit,
    .preprocess = unit_picture,
    .threshold = 0.3f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
};

} // namespace infer
