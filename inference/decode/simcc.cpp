// SPDX-License-Identifier: LGPL-2.1-or-later
// The pose of one person by SimCC (Li et al., 2022; RTMPose): each point's x and y are classes.
//
//   x  f32 [1, points, width * split]    scores of the positions along the input's width
//   y  f32 [1, points, height * split]   and along its height; split: how fine, usually 2
//
// Told apart by name (`x`, `y` at its end) or by size, else x comes first. The point is where each
// is greatest; the lesser of the two values is its score, within 0..1.

#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "two outputs with the same number of points: 1 x points x (a multiple of the input's width), "
    "and of its height";

struct Roles {
    size_t x = 0, y = 1;
    int64_t points = 0, width = 0, height = 0, split = 0;
};

std::optional<Roles> roles_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 2 || input_width <= 0 || input_height <= 0)
        return std::nullopt;
    const auto split_of = [](const Slot& slot, int pixels) {
        return slot.dims.size() == 2 && slot.dims[1] > 0 && slot.dims[1] % pixels == 0
                   ? slot.dims[1] / pixels
                   : 0;
    };
    for (const size_t x :
         {size_t(slots[0].name.ends_with("y")), size_t(!slots[0].name.ends_with("y"))}) {
        const Slot &along = slots[x], &down = slots[1 - x];
        const int64_t split = split_of(along, input_width);
        if (split > 0 && split <= 8 && split == split_of(down, input_height) &&
            along.dims[0] == down.dims[0] && along.dims[0] > 0)
            return Roles{x, 1 - x, along.dims[0], along.dims[1], down.dims[1], split};
    }
    return std::nullopt;
}

struct Best {
    int64_t at = 0;
    float score = 0;
};

Best best_of(std::span<const float> scores) {
    Best best;
    bool any = false;
    for (size_t i = 0; i < scores.size(); i++)
        if (std::isfinite(scores[i]) && (!any || scores[i] > best.score)) {
            best = {int64_t(i), scores[i]};
            any = true;
        }
    return best;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots, options.input_width, options.input_height);
    if (!roles)
        return wrong_outputs("simcc", slots, wanted);
    const auto x = floats(outputs[roles->x], "simcc"), y = floats(outputs[roles->y], "simcc");
    if (!x.ok() || !y.ok())
        return x.ok() ? y.error() : x.error();
    Decoded decoded;
    for (int64_t i = 0; i < roles->points; i++) {
        const Best bx = best_of(x.value().subspan(size_t(i * roles->width), size_t(roles->width)));
        const Best by =
            best_of(y.value().subspan(size_t(i * roles->height), size_t(roles->height)));
        decoded.keypoints.push_back({float(bx.at) / float(roles->split),
                                     float(by.at) / float(roles->split),
                                     std::clamp(std::min(bx.score, by.score), 0.0f, 1.0f)});
    }
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int width, int height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots, width, height);
    if (!roles)
        return {0, "simcc has " + std::string(wanted), 0};
    return {mentions(slots[0].name, {"simcc"}) ? 90 : 60,
            "scores of x and y for each of " + std::to_string(roles->points) + " points", 0};
}

} // namespace

extern const DecoderDef decoder_simcc;
const DecoderDef decoder_simcc = {
    .name = "simcc",
    .decode = decode,
    .fit = fit,
    // ImageNet's, as torchvision states them, for 0..255.
    .preprocess = {.color = PreprocessSpec::RGB,
                   .mean = {123.675f, 116.28f, 103.53f},
                   .std = {58.395f, 57.12f, 57.375f}},
    .threshold = 0,
};

} // namespace infer
