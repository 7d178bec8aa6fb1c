// SPDX-License-Identifier: LGPL-2.1-or-later
// torchvision's detectors (Faster and Mask R-CNN, RetinaNet, FCOS, SSD), and others that give the
// same lists.
//
//   boxes   f32 [N, 4]  left, top, right, bottom in pixels of the input
//   labels  i64 [N]     COCO's numbers, from 1
//   scores  f32 [N]
//   masks   f32 [N, 1, h, w]  over the input, or over the box
//
// See box_list.h. iou-threshold has no effect.

#include "inference/decode/box_list.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr std::string_view wanted = "boxes Nx4, labels N and scores N; masks may be there too";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_box_list("torchvision", wanted, false, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const auto roles = box_list_roles(outputs);
    if (!roles || roles->scored_boxes || roles->count >= 0)
        return {0, "torchvision has " + std::string(wanted), 0};
    return {roles->batched ? 60 : 90, "lists of boxes, labels and scores", 0};
}

} // namespace

extern const DecoderDef decoder_torchvision;
const DecoderDef decoder_torchvision = {
    .name = "torchvision",
    .decode = decode,
    .fit = fit,
    .preprocess = unit_picture,
    .threshold = 0.5f,
    .iou_threshold = 0.45f,
    .aliases = "mask-rcnn,faster-rcnn",
};

} // namespace infer
