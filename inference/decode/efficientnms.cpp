// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO and others with TensorRT's EfficientNMS operator at their end, or a stand-in for it.
//
//   num_dets     [1, 1]
//   det_boxes    f32 [1, N, 4]  left, top, right, bottom in pixels of the input
//   det_scores   f32 [1, N]
//   det_classes  [1, N]
//
// See box_list.h. iou-threshold has no effect. Source: the plugin's page.

#include "inference/decode/box_list.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr std::string_view wanted = "num_dets, det_boxes 1xNx4, det_scores and det_classes 1xN";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_box_list("efficientnms", wanted, false, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const auto roles = box_list_roles(outputs);
    if (!roles || roles->scored_boxes || roles->count < 0)
        return {0, "efficientnms has " + std::string(wanted), 0};
    const bool named = mentions(outputs[size_t(roles->boxes)].name, {"det_boxes", "nmsed_boxes"});
    return {named ? 92 : 55, "lists of boxes, scores and classes, and how many count", 0};
}

} // namespace

extern const DecoderDef decoder_efficientnms;
const DecoderDef decoder_efficientnms = {
    .name = "efficientnms",
    .decode = decode,
    .fit = fit,
    .preprocess = ultralytics_picture,
    .threshold = 0.25f,
    .iou_threshold = 0.45f,
};

} // namespace infer
