// SPDX-License-Identifier: LGPL-2.1-or-later
// RF-DETR, Deformable and Conditional DETR: queries (queries.h) with a sigmoid for each class, and
// ImageNet's picture. Labels are COCO's numbers where there are 91 classes. Sources: the projects'
// export and post-processing code.

#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"
#include "inference/decode/queries.h"

namespace infer {
namespace {

constexpr std::string_view wanted = "dets 1xQx4 and labels 1xQxC, or logits and boxes";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_queries("rf-detr", wanted, false, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const auto roles = query_roles(outputs);
    if (!roles)
        return {0, "rf-detr has " + std::string(wanted), 0};
    const int classes = int(roles->columns);
    const std::string why = std::to_string(roles->queries) + " queries, each with " +
                            std::to_string(classes) + " classes and a box";
    if ((classes == 91 && roles->queries <= most_queries) ||
        mentions(outputs[roles->boxes].name, {"dets"}))
        return {92, why, classes};
    return {roles->queries == 300 || roles->queries == 900 ? 40 : 25, why, classes};
}

} // namespace

extern const DecoderDef decoder_rfdetr;
const DecoderDef decoder_rfdetr = {
    .name = "rf-detr",
    .decode = decode,
    .fit = fit,
    .preprocess = imagenet_picture,
    .threshold = 0.5f,
    .iou_threshold = 0.45f,
    .labels = coco_labels_91,
    .aliases = "deformable-detr,conditional-detr",
};

} // namespace infer
