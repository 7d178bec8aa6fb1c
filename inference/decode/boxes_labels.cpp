// SPDX-License-Identifier: LGPL-2.1-or-later
// Boxes with their scores, and labels: what OpenVINO Training Extensions, Intel's ATSS models and
// mmdetection (MMDeploy) export, with NMS in the graph; with masks, their instance segmentation.
//
//   boxes   f32 [N, 5] or [1, N, 5]  left, top, right, bottom in pixels of the input, score
//   labels  [N] or [1, N]            whole numbers
//   masks   [N, h, w] or [1, N, h, w]
//
// See box_list.h. iou-threshold has no effect.

#include "inference/decode/box_list.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "boxes Nx5 or 1xNx5 (corners and score) and labels N or 1xN; masks may be there too";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_box_list("boxes-labels", wanted, false, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const auto roles = box_list_roles(outputs);
    if (!roles || !roles->scored_boxes)
        return {0, "boxes-labels has " + std::string(wanted), 0};
    return {90, "boxes with their scores, and a list of labels", 0};
}

} // namespace

extern const DecoderDef decoder_boxes_labels;
const DecoderDef decoder_boxes_labels = {
    .name = "boxes-labels",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR},
    .threshold = 0.5f,
    .iou_threshold = 0.45f,
    .aliases = "otx,mmdet",
};

} // namespace infer
