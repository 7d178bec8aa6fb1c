// SPDX-License-Identifier: LGPL-2.1-or-later
// PP-YOLOE and PicoDet without NMS: decoded corners of the cells of strides 8, 16, 32 (64), and
// scores class by class (corner_boxes.h). Corners are in pixels of the input where the model's
// input scale_factor, if it is still there, is given 1. Source: PaddleDetection's export guide.

#include "inference/decode/coco.h"
#include "inference/decode/corner_boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "boxes 1xNx4 and scores 1xCxN for the N cells of strides 8, 16, 32";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    return decode_corner_boxes("pp-yoloe", wanted, false, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const auto roles = corner_box_roles(outputs);
    const auto cells = roles ? pyramid_with(roles->count, input_width, input_height) : std::nullopt;
    if (!cells || !roles->by_class || roles->one_anchor)
        return {0, "pp-yoloe has " + std::string(wanted), 0};
    return {90,
            "corners and " + std::to_string(roles->classes) + " scores for the " +
                std::to_string(roles->count) + " cells of strides " + strides_of(*cells),
            int(roles->classes)};
}

} // namespace

extern const DecoderDef decoder_ppyoloe;
const DecoderDef decoder_ppyoloe = {
    .name = "pp-yoloe",
    .decode = decode,
    .fit = fit,
    .preprocess = unit_picture,
    .threshold = 0.3f,
    .iou_threshold = 0.6f,
    .labels = coco_labels,
    .aliases = "ppyoloe,pp-yolo",
};

} // namespace infer
