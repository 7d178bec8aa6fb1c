// SPDX-License-Identifier: LGPL-2.1-or-later
// Detectors whose graph has decoded its anchors and not suppressed anything (corner_boxes.h): SSD
// as pytorch-ssd exports it, with corners in fractions and the background as first class, and YOLO
// v4 as pytorch-YOLOv4 does, with boxes [1, N, 1, 4] and no background. Which it is the scores say:
// with a background, those of a row sum up to 1.

#include "inference/decode/corner_boxes.h"
#include "inference/decode/outputs.h"

namespace infer {
namespace {

constexpr std::string_view wanted = "boxes 1xNx4 (corners) and scores 1xNxC";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_corner_boxes("ssd-boxes", wanted, true, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const auto roles = corner_box_roles(outputs);
    if (!roles || roles->by_class)
        return {0, "ssd-boxes has " + std::string(wanted), 0};
    return {roles->one_anchor ? 90 : 50,
            "corners and " + std::to_string(roles->classes) + " scores for each of " +
                std::to_string(roles->count) + " anchors",
            int(roles->classes)};
}

} // namespace

extern const DecoderDef decoder_ssd_boxes;
const DecoderDef decoder_ssd_boxes = {
    .name = "ssd-boxes",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::RGB, .mean = {127, 127, 127}, .std = {128, 128, 128}},
    .threshold = 0.4f,
    .iou_threshold = 0.45f,
};

} // namespace infer
