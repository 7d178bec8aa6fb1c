// SPDX-License-Identifier: LGPL-2.1-or-later
// The pose of one person, or the landmarks of one object, as heat maps: the peak of each is where
// its point is.
//
//   output  f32 [1, points, H, W] or [1, H, W, points]   H, W: the input's size by 1, 2, 4 or 8
//
// The peak is the greatest value (of equal ones the first, row by row), moved by a quarter of a
// cell towards its greater neighbour in each direction, as SimpleBaseline and HRNet do. Its value
// is the score, within 0..1. Every map gives a point, so that the n-th point is always the same
// joint.

#include "inference/decode/maps.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer {
namespace {

constexpr std::string_view wanted = "one output with two or more maps, one a point";
constexpr int64_t most_points = 512;

std::optional<MapForm> form_of(std::span<const Slot> slots, int width, int height) {
    const auto form = slots.size() == 1 ? map_form(slots[0], width, height) : std::nullopt;
    return form && form->channels >= 2 && form->channels <= most_points ? form : std::nullopt;
}

// One channel of the output.
struct HeatMap {
    const float* first;
    int64_t width, height, step; // step: numbers from one cell to the next

    float at(int64_t x, int64_t y) const { return first[(y * width + x) * step]; }
};

float quarter(float before, float after) {
    return after > before ? 0.25f : after < before ? -0.25f : 0;
}

// In cells; the middle of the first one is 0.5.
Keypoint peak_of(const HeatMap& map) {
    int64_t px = 0, py = 0;
    float best = -std::numeric_limits<float>::infinity();
    for (int64_t y = 0; y < map.height; y++)
        for (int64_t x = 0; x < map.width; x++)
            if (map.at(x, y) > best && std::isfinite(map.at(x, y))) {
                best = map.at(x, y);
                px = x, py = y;
            }
    Keypoint peak{float(px) + 0.5f, float(py) + 0.5f, std::clamp(best, 0.0f, 1.0f)};
    if (px > 0 && px + 1 < map.width)
        peak.x += quarter(map.at(px - 1, py), map.at(px + 1, py));
    if (py > 0 && py + 1 < map.height)
        peak.y += quarter(map.at(px, py - 1), map.at(px, py + 1));
    return peak;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto form = form_of(slots, options.input_width, options.input_height);
    if (!form)
        return wrong_outputs("heatmaps", slots, wanted);
    const auto values = floats(outputs[0], "heatmaps");
    if (!values.ok())
        return values.error();
    const float scale_x = float(options.input_width) / float(form->width);
    const float scale_y = float(options.input_height) / float(form->height);
    Decoded decoded;
    for (int64_t c = 0; c < form->channels; c++) {
        const int64_t start = form->channels_last ? c : c * form->cells();
        Keypoint point = peak_of({values.value().data() + start, form->width, form->height,
                                  form->channels_last ? form->channels : 1});
        point.x *= scale_x;
        point.y *= scale_y;
        decoded.keypoints.push_back(point);
    }
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int width, int height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto form = form_of(slots, width, height);
    const int stride = form ? map_stride(*form, width, height) : 0;
    if (stride == 0 || stride > 8 || outputs[0].type != ElementType::F32)
        return {0, "heatmaps has " + std::string(wanted) + ", over the whole input", 0};
    const std::string name(slots[0].name);
    const std::string why = std::to_string(form->channels) + " maps";
    if (mentions(name, {"heatmap", "heat_map", "pose", "joint", "keypoint", "kpt", "landmark"}))
        return {70, why + " under the name `" + name + "`", 0};
    // MPII's 16 and COCO's 17 joints, with or without one for the background.
    if (stride > 1 && form->channels >= 14 && form->channels <= 18)
        return {45, why + ", as many as joints of a body", 0};
    return {0, "neither the name `" + name + "` nor " + why + " speak of points", 0};
}

} // namespace

extern const DecoderDef decoder_heatmaps;
const DecoderDef decoder_heatmaps = {
    .name = "heatmaps",
    .decode = decode,
    .fit = fit,
    // ImageNet's, as torchvision states them, for 0..255.
    .preprocess = {.color = PreprocessSpec::RGB,
                   .mean = {123.675f, 116.28f, 103.53f},
                   .std = {58.395f, 57.12f, 57.375f}},
    .threshold = 0,
};

} // namespace infer
