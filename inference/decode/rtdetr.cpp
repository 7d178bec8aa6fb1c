// SPDX-License-Identifier: LGPL-2.1-or-later
// RT-DETR, D-FINE and DEIM: queries with a sigmoid for each class, in one of three forms.
//
//   logits f32 [1, Q, classes], boxes f32 [1, Q, 4]  as queries.h has them
//   output f32 [1, Q, 4 + classes]  both in one, after the sigmoids (Ultralytics)
//   labels [1, Q], boxes f32 [1, Q, 4], scores f32 [1, Q]  corners in pixels (box_list.h), where
//       the model-config gives the input orig_target_sizes the picture's width and height
//
// Sources: the projects' export_onnx.py, Ultralytics' head.py (RTDETRDecoder).

#include "inference/decode/box_list.h"
#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"
#include "inference/decode/queries.h"
#include "inference/decode/table.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "logits 1xQxC and boxes 1xQx4, or both in one 1xQx(4 + C), or labels, boxes and scores";
constexpr int64_t box = 4, usual_queries = 300;

bool is_one(std::span<const Slot> slots) {
    return slots.size() == 1 && slots[0].dims.size() == 2 && slots[0].dims[1] > box;
}

Result<Decoded> decode_one(const NamedTensor& output, const DecodeOptions& options) {
    const auto data = floats(output, "rt-detr");
    if (!data.ok())
        return data.error();
    const Table all = by_rows(data.value().data(), output.view.shape[1], output.view.shape[2]);
    const Table scores = all.part(box, all.columns - box);
    Decoded decoded;
    for (const Best& best : best_of_rows(scores, scale_of(scores), options.threshold))
        add_centred_box(decoded.detections, all.at(best.row, 0), all.at(best.row, 1),
                        all.at(best.row, 2), all.at(best.row, 3), best.score, best.label);
    scale_fractions(decoded.detections, options);
    keep_best(decoded.detections, options.max_detections);
    return decoded;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    if (is_one(slots_of(outputs)))
        return decode_one(outputs[0], options);
    if (outputs.size() == 3)
        return decode_box_list("rt-detr", wanted, false, outputs, options);
    return decode_queries("rt-detr", wanted, false, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (is_one(slots)) {
        const bool usual = slots[0].dims[0] == usual_queries && slots[0].dims[1] != box + 2 &&
                           !pyramid_with(usual_queries, input_width, input_height);
        if (!usual)
            return {0, "rt-detr has " + std::string(wanted), 0};
        return {80, "300 queries, each with a box and classes", int(slots[0].dims[1] - box)};
    }
    if (const auto lists = box_list_roles(outputs);
        lists && outputs.size() == 3 && !lists->scored_boxes)
        return {lists->batched && lists->count < 0 ? 88 : 0, "lists of labels, boxes and scores",
                0};
    const auto roles = query_roles(outputs);
    if (!roles)
        return {0, "rt-detr has " + std::string(wanted), 0};
    const bool usual = roles->queries == usual_queries;
    return {roles->named && roles->queries <= most_queries ? (usual ? 89 : 86)
            : usual                                        ? 70
                                                           : 28,
            std::to_string(roles->queries) + " queries, each with " +
                std::to_string(roles->columns) + " classes and a box",
            int(roles->columns)};
}

} // namespace

extern const DecoderDef decoder_rtdetr;
const DecoderDef decoder_rtdetr = {
    .name = "rt-detr",
    .decode = decode,
    .fit = fit,
    .preprocess = unit_picture,
    .threshold = 0.5f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
    .aliases = "rtdetr,d-fine,dfine,deim",
};

} // namespace infer
