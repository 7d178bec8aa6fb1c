// SPDX-License-Identifier: LGPL-2.1-or-later
// TensorFlow's Object Detection API, and TensorFlow Lite's SSD with its post-processing.
//
//   detection_boxes    f32 [1, N, 4]  top, left, bottom, right as fractions of the input
//   detection_classes  [1, N]         COCO's numbers from 1; TensorFlow Lite's from 0
//   detection_scores   f32 [1, N]
//   num_detections     [1]
//
// and, passed over, raw_detection_boxes and others. See box_list.h. iou-threshold has no effect.

#include "inference/decode/box_list.h"
#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "detection_boxes 1xNx4, detection_classes and detection_scores 1xN and num_detections";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_box_list("tf-detection", wanted, true, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const auto roles = box_list_roles(outputs);
    if (!roles || roles->scored_boxes || roles->count < 0)
        return {0, "tf-detection has " + std::string(wanted), 0};
    const bool named =
        mentions(outputs[size_t(roles->boxes)].name, {"detection_boxes", "detection_postprocess"});
    return {named ? 92 : 70, "lists of boxes, classes and scores, and how many count",
            roles->classes};
}

} // namespace

extern const DecoderDef decoder_tf_detection;
const DecoderDef decoder_tf_detection = {
    .name = "tf-detection",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::RGB},
    .threshold = 0.5f,
    .iou_threshold = 0.45f,
    .labels = coco_labels_91,
    .aliases = "tensorflow,tflite",
};

} // namespace infer
