// SPDX-License-Identifier: LGPL-2.1-or-later
// DETR and YOLOS: queries whose last class is nothing (queries.h). Labels are COCO's numbers where
// there are 91 classes. Source: the paper's code, detr.py.

#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"
#include "inference/decode/queries.h"

namespace infer {
namespace {

constexpr std::string_view wanted = "logits 1xQx(classes + 1) and boxes 1xQx4";

constexpr int64_t usual_queries = 100;

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_queries("detr", wanted, true, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const auto roles = query_roles(outputs);
    if (!roles || roles->columns < 2)
        return {0, "detr has " + std::string(wanted), 0};
    const int classes = int(roles->columns - 1);
    const std::string why = std::to_string(roles->queries) + " queries, each with " +
                            std::to_string(classes) + " classes and nothing, and a box";
    if (classes == 91 && roles->queries <= most_queries)
        return {91, why, classes};
    // As many queries as DETR and YOLOS have; its kin have 300 and more, and no class for nothing.
    return {roles->queries != usual_queries ? 30 : roles->named ? 88 : 62, why, classes};
}

} // namespace

extern const DecoderDef decoder_detr;
const DecoderDef decoder_detr = {
    .name = "detr",
    .decode = decode,
    .fit = fit,
    .preprocess = imagenet_picture,
    .threshold = 0.5f,
    .iou_threshold = 0.45f,
    .labels = coco_labels_91,
    .aliases = "yolos",
};

} // namespace infer
