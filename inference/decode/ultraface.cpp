// SPDX-License-Identifier: LGPL-2.1-or-later
// UltraFace (Ultra-Light-Fast-Generic-Face-Detector-1MB), slim and RFB: an SSD whose graph already
// applies its anchors.
//
//   scores  f32 [1, anchors, 2]  probabilities of background (0) and face (1)
//   boxes   f32 [1, anchors, 4]  left, top, right, bottom as fractions of the input
//
// Labels are the columns of `scores`, so a face is label 1. Source: the project's
// detect_imgs_onnx.py.

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"

namespace infer {
namespace {

constexpr std::string_view wanted = "two outputs: scores 1xNx2 and boxes 1xNx4";

struct Roles {
    size_t scores, boxes;
    int64_t anchors;
};

std::optional<Roles> roles_of(std::span<const Slot> slots) {
    if (slots.size() != 2)
        return std::nullopt;
    for (size_t scores : {0, 1}) {
        const auto s = slots[scores].dims, b = slots[1 - scores].dims;
        if (s.size() == 2 && b.size() == 2 && s[1] == 2 && b[1] == 4 && s[0] == b[0])
            return Roles{scores, 1 - scores, s[0]};
    }
    return std::nullopt;
}

// 3, 2, 2 and 3 anchors a cell at strides 8, 16, 32 and 64.
int64_t usual_anchors(int input_width, int input_height) {
    const Pyramid p = pyramid(4, input_width, input_height);
    return 3 * p.levels[0].cells() + 2 * p.levels[1].cells() + 2 * p.levels[2].cells() +
           3 * p.levels[3].cells();
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots);
    if (!roles)
        return wrong_outputs("ultraface", slots, wanted);
    const auto scores = floats(outputs[roles->scores], "ultraface");
    const auto boxes = floats(outputs[roles->boxes], "ultraface");
    if (!scores.ok())
        return scores.error();
    if (!boxes.ok())
        return boxes.error();

    Decoded decoded;
    const float width = float(options.input_width), height = float(options.input_height);
    const float* score = scores.value().data();
    const float* box = boxes.value().data();
    for (int64_t i = 0; i < roles->anchors; i++, score += 2, box += 4)
        if (score[1] >= options.threshold)
            add_box(decoded.detections, box[0] * width, box[1] * height, box[2] * width,
                    box[3] * height, score[1], 1);
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots);
    if (!roles)
        return {0, "ultraface has " + std::string(wanted), 0};
    const std::string anchors = std::to_string(roles->anchors) + " anchors";
    if (roles->anchors == usual_anchors(input_width, input_height))
        return {95,
                "a score pair and a box for each of " + anchors + ", as many as ultraface has at " +
                    std::to_string(input_width) + "x" + std::to_string(input_height),
                2};
    return {60, "a score pair and a box for each of " + anchors, 2};
}

} // namespace

extern const DecoderDef decoder_ultraface;
const DecoderDef decoder_ultraface = {
    .name = "ultraface",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::RGB, .mean = {127, 127, 127}, .std = {128, 128, 128}},
    .threshold = 0.6f,
    .iou_threshold = 0.3f,
    .labels = "background,face",
};

} // namespace infer
