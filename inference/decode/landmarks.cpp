// SPDX-License-Identifier: LGPL-2.1-or-later
// Landmarks by regression: the positions of a face's or an object's points, straight from the
// network.
//
//   output  f32 [1, 2 * points] (or with further dimensions of 1)   x, y, x, y...
//       or  f32 [1, points, 2]                                      x, y
//       or  f32 [1, points, 3]                                      x, y, score
//
// Numbers within -1..2 are fractions of the input's width and height, others pixels of the input;
// `scale` and `offset` of the model-config's `outputs` make fractions of anything else. A score
// outside 0..1 goes through the sigmoid.

#include "inference/decode/heads.h"
#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "one output with an even count of numbers, or with two or three numbers a point";
constexpr int64_t most_points = 512;

struct Form {
    int64_t points = 0; // 0: not landmarks
    int step = 2;       // numbers a point
    bool plain = true;  // a list, not rows
};

Form form_of(std::span<const Slot> slots) {
    if (slots.size() != 1)
        return {};
    const auto dims = slots[0].dims;
    const int64_t n = list_length(slots[0]);
    if (n >= 4 && n % 2 == 0 && n / 2 <= most_points)
        return {n / 2, 2, true};
    if (dims.size() == 2 && dims[0] >= 2 && dims[0] <= most_points &&
        (dims[1] == 2 || dims[1] == 3))
        return {dims[0], int(dims[1]), false};
    return {};
}

bool are_fractions(std::span<const float> values, int step) {
    for (size_t i = 0; i < values.size(); i++)
        if (int(i) % step < 2 && (values[i] < -1 || values[i] > 2))
            return false;
    return true;
}

void add(const OutputSpec& spec, std::span<const float> values, int step,
         const DecodeOptions& options, Decoded& to) {
    const bool scaled = spec.scale || spec.offset;
    const bool fractions = scaled || are_fractions(values, step);
    const float scale = spec.scale.value_or(1), offset = spec.offset.value_or(0);
    const float width = fractions ? float(options.input_width) : 1;
    const float height = fractions ? float(options.input_height) : 1;
    for (size_t i = 0; i + size_t(step) <= values.size(); i += size_t(step)) {
        Keypoint point{(values[i] * scale + offset) * width,
                       (values[i + 1] * scale + offset) * height, 1};
        if (step == 3)
            point.score =
                values[i + 2] >= 0 && values[i + 2] <= 1 ? values[i + 2] : sigmoid(values[i + 2]);
        if (std::isfinite(point.x) && std::isfinite(point.y) && std::isfinite(point.score))
            to.keypoints.push_back(point);
    }
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const Form form = form_of(slots);
    if (form.points == 0)
        return wrong_outputs("landmarks", slots, wanted);
    const auto values = numbers(outputs[0], "landmarks");
    if (!values.ok())
        return values.error();
    Decoded decoded;
    add(spec_of(options, outputs[0].name), values.value(), form.step, options, decoded);
    return decoded;
}

// Counts of points that face and body landmarks have; lists of class scores seldom do.
bool usual_count(int64_t points) {
    constexpr int64_t usual[] = {68, 98, 106, 468, 478};
    return std::find(std::begin(usual), std::end(usual), points) != std::end(usual);
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const std::vector<Slot> slots = slots_of(outputs);
    const Form form = form_of(slots);
    if (form.points == 0)
        return {0, "landmarks has " + std::string(wanted), 0};
    const std::string name(slots[0].name), points = std::to_string(form.points) + " points";
    if (names_points(name))
        return {80, points + " under the name `" + name + "`", 0};
    if (form.plain && (usual_count(form.points) || (form.points == 5 && slots[0].dims.size() > 1)))
        return {45, "as many numbers as " + points + " have", 0};
    if (!form.plain && !mentions(name, {"score", "box", "conf", "prob"}))
        return {form.step == 2 ? 35 : 30, points + " of " + std::to_string(form.step) + " numbers",
                0};
    return {0, "neither the name `" + name + "` nor its form speak of points", 0};
}

} // namespace

bool names_points(std::string_view name) {
    return mentions(name, {"landmark", "keypoint", "kpt", "align", "point"});
}

void add_points(const OutputSpec& spec, std::span<const float> values, const DecodeOptions& options,
                Decoded& to) {
    add(spec, values, 2, options, to);
}

extern const DecoderDef decoder_landmarks;
const DecoderDef decoder_landmarks = {
    .name = "landmarks",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR},
    .threshold = 0,
};

} // namespace infer
