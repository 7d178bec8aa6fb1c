// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO-NAS without NMS: decoded corners of the cells of strides 8, 16, 32, and scores cell by cell
// (corner_boxes.h). Source: SuperGradients' export guide.

#include "inference/decode/coco.h"
#include "inference/decode/corner_boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "boxes 1xNx4 and scores 1xNxC for the N cells of strides 8, 16, 32";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_corner_boxes("yolo-nas", wanted, false, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const auto roles = corner_box_roles(outputs);
    const auto cells = roles ? pyramid_with(roles->count, input_width, input_height) : std::nullopt;
    if (!cells || roles->by_class || roles->one_anchor)
        return {0, "yolo-nas has " + std::string(wanted), 0};
    return {88,
            "corners and " + std::to_string(roles->classes) + " scores for the " +
                std::to_string(roles->count) + " cells of strides " + strides_of(*cells),
            int(roles->classes)};
}

} // namespace

extern const DecoderDef decoder_yolonas;
const DecoderDef decoder_yolonas = {
    .name = "yolo-nas",
    .decode = decode,
    .fit = fit,
    .preprocess = ultralytics_picture,
    .threshold = 0.25f,
    .iou_threshold = 0.65f,
    .labels = coco_labels,
    .aliases = "yolonas",
};

} // namespace infer
