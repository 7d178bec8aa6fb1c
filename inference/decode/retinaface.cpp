// SPDX-License-Identifier: LGPL-2.1-or-later
// RetinaFace: faces with five landmarks, as offsets from two square anchors for each cell of
// strides 8, 16 and 32.
//
//   boxes   f32 [1, N, 4]   centre and size relative to the anchor, variances 0.1 and 0.2
//   scores  f32 [1, N, 2]   probabilities (or logits) of background and face
//   points  f32 [1, N, 10]  x and y of eyes, nose, corners of the mouth, as the centre
//
// Outputs are told apart by shape. Source: Pytorch_Retinaface's prior_box.py and box_utils.py.

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"

#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "1xNx4, 1xNx2 and 1xNx10 for two anchors of each cell of strides 8, 16 and 32";
constexpr int landmarks = 5, anchors_a_cell = 2;
constexpr float smallest = 16;                    // pixels; anchors double from one to the next
constexpr float of_centre = 0.1f, of_size = 0.2f; // variances

struct Roles {
    size_t boxes = 0, scores = 0, points = 0;
};

std::optional<Roles> roles_of(std::span<const Slot> slots, int input_width, int input_height) {
    const int64_t anchors = pyramid(3, input_width, input_height).cells * anchors_a_cell;
    Roles roles;
    int boxes = 0, scores = 0, points = 0;
    for (size_t i = 0; i < slots.size(); i++)
        if (slots[i].is({anchors, 4}))
            roles.boxes = i, boxes++;
        else if (slots[i].is({anchors, 2}))
            roles.scores = i, scores++;
        else if (slots[i].is({anchors, 2 * landmarks}))
            roles.points = i, points++;
    const bool all = slots.size() == 3 && boxes == 1 && scores == 1 && points == 1;
    return all ? std::optional(roles) : std::nullopt;
}

// Of background and face, whether they are probabilities or before the softmax.
float face_score(const float* two) {
    const bool probabilities = two[0] >= 0 && two[1] >= 0 && std::abs(two[0] + two[1] - 1) < 0.02f;
    return probabilities ? two[1] : sigmoid(two[1] - two[0]);
}

struct Anchor {
    float x, y, side;
};

void add(std::vector<Detection>& to, const Anchor& anchor, const float* box, const float* points,
         float score) {
    const float step = of_centre * anchor.side;
    Detection* face = add_centred_box(to, anchor.x + box[0] * step, anchor.y + box[1] * step,
                                      anchor.side * std::exp(box[2] * of_size),
                                      anchor.side * std::exp(box[3] * of_size), score, 1);
    for (int k = 0; face && k < landmarks; k++) {
        const float x = anchor.x + points[2 * k] * step, y = anchor.y + points[2 * k + 1] * step;
        if (std::isfinite(x + y))
            face->keypoints.push_back({x, y, score});
    }
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots, options.input_width, options.input_height);
    if (!roles)
        return wrong_outputs("retinaface", slots, wanted);
    const auto data = all_floats(outputs, "retinaface");
    if (!data.ok())
        return data.error();
    const float* boxes = data.value()[roles->boxes];
    const float* scores = data.value()[roles->scores];
    const float* points = data.value()[roles->points];
    Decoded decoded;
    const Pyramid p = pyramid(3, options.input_width, options.input_height);
    float side = smallest;
    for (const Grid& grid : p.grids()) {
        for (int64_t i = 0; i < grid.cells() * anchors_a_cell; i++) {
            const int64_t cell = i / anchors_a_cell;
            const float score = face_score(scores);
            if (score >= options.threshold)
                add(decoded.detections,
                    {(float(cell % grid.width) + 0.5f) * float(grid.stride),
                     (float(cell / grid.width) + 0.5f) * float(grid.stride),
                     i % anchors_a_cell ? 2 * side : side},
                    boxes, points, score);
            boxes += 4;
            scores += 2;
            points += 2 * landmarks;
        }
        side *= 4;
    }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (!roles_of(slots, input_width, input_height))
        return {0, "retinaface has " + std::string(wanted), 0};
    return {95, "a box, two scores and five points for two anchors of strides 8, 16 and 32", 2};
}

} // namespace

extern const DecoderDef decoder_retinaface;
const DecoderDef decoder_retinaface = {
    .name = "retinaface",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR, .mean = {104, 117, 123}},
    .threshold = 0.5f,
    .iou_threshold = 0.4f,
    .labels = "background,face",
};

} // namespace infer
