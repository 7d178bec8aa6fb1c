// SPDX-License-Identifier: LGPL-2.1-or-later
// Models whose output is a picture: enhancement, super-resolution, style, denoising.
//
//   output  f32 or integers [1, 3, H, W], [1, H, W, 3], [1, 1, H, W], [1, H, W, 1] or [1, H, W]
//
// `scale` and `offset` of the model-config's `outputs` say how a number becomes 0..255. Without
// them it is told by the values: integers and numbers above 4 are 0..255, numbers below -0.6 mean
// -1..1, else they are 0..1. Colours come in the order of the input.

#include "inference/decode/maps.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted = "one output with 1 or 3 channels: 1x3xHxW, 1xHxWx3, 1x1xHxW";

std::optional<MapForm> form_of(std::span<const Slot> slots, int width, int height) {
    if (slots.size() != 1)
        return std::nullopt;
    const std::optional<MapForm> form = map_form(slots[0], width, height);
    return form && (form->channels == 1 || form->channels == 3) ? form : std::nullopt;
}

struct Range {
    float scale = 1, offset = 0;
};

Range range_of(const OutputSpec& spec, ElementType type, std::span<const float> values) {
    if (spec.scale || spec.offset)
        return {spec.scale.value_or(1), spec.offset.value_or(0)};
    if (type != ElementType::F32 && type != ElementType::F64)
        return {};
    float low = 0, high = 0;
    for (float v : values) { // NaN leaves both as they are
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    if (high > 4)
        return {};
    return low < -0.6f ? Range{127.5f, 127.5f} : Range{255, 0};
}

uint8_t pixel(float value, const Range& range) {
    const float v = value * range.scale + range.offset;
    return v > 0 ? uint8_t(std::min(v, 255.0f) + 0.5f) : 0; // NaN: 0
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto form = form_of(slots, options.input_width, options.input_height);
    if (!form)
        return wrong_outputs("picture", slots, wanted);
    const auto read = numbers(outputs[0], "picture");
    if (!read.ok())
        return read.error();
    const std::vector<float>& values = read.value();
    const Range range = range_of(spec_of(options, outputs[0].name), outputs[0].view.type, values);
    const auto channels = size_t(form->channels), cells = size_t(form->cells());
    Decoded decoded;
    Picture& picture = decoded.picture.emplace();
    picture = {int(form->width), int(form->height), int(channels),
               std::vector<uint8_t>(cells * channels)};
    for (size_t c = 0; c < channels; c++) {
        const size_t from = options.input_is_bgr ? channels - 1 - c : c;
        const size_t start = form->channels_last ? from : from * cells;
        const size_t step = form->channels_last ? channels : 1;
        for (size_t i = 0; i < cells; i++)
            picture.pixels[i * channels + c] = pixel(values[start + i * step], range);
    }
    return decoded;
}

// How many times the input's size, if whole; 0: not so.
int64_t factor_of(const MapForm& form, int width, int height) {
    if (width <= 0 || height <= 0 || form.width % width != 0 || form.height % height != 0)
        return 0;
    const int64_t factor = form.width / width;
    return form.height / height == factor && factor <= 16 ? factor : 0;
}

Fit fit(std::span<const OutputFormat> outputs, int width, int height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto form = form_of(slots, width, height);
    const int64_t factor = form ? factor_of(*form, width, height) : 0;
    if (factor == 0)
        return {0, "picture has " + std::string(wanted) + ", as large as the input or larger", 0};
    const std::string why = std::to_string(form->channels) + " channels at " +
                            std::to_string(factor) + " times the input's size";
    if (mentions(slots[0].name, {"image", "picture", "rgb"}))
        return {62, why + " under the name `" + std::string(slots[0].name) + "`", 0};
    if (form->channels == 3 || factor > 1)
        return {50, why, 0};
    return {25, why, 0};
}

} // namespace

extern const DecoderDef decoder_picture;
const DecoderDef decoder_picture = {
    .name = "picture",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::RGB, .std = {255, 255, 255}},
    .threshold = 0,
};

} // namespace infer
