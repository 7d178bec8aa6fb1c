// SPDX-License-Identifier: LGPL-2.1-or-later
// Semantic segmentation: the class of each pixel.
//
//   output  f32 [1, classes, H, W] or [1, H, W, classes]   scores of any scale: the greatest counts
//       or  f32 [1, 1, H, W], [1, H, W, 1] or [1, H, W]     whole numbers are classes; from 0 to 1
//                                                           the probability of class 1, else its
//                                                           logit
//       or  integers of these shapes                        classes
//
// Further outputs of the same shape (heads that helped in training) are passed over. The map keeps
// the output's own resolution. Up to 256 classes.

#include "inference/decode/maps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace infer {
namespace {

constexpr std::string_view wanted = "a score for each of up to 256 classes, or a class, for each "
                                    "place: 1xCxHxW, 1xHxWxC, 1xHxW";
constexpr int64_t most_classes = 256;

std::optional<MapForm> form_of(std::span<const Slot> slots, int width, int height) {
    if (slots.empty())
        return std::nullopt;
    for (const Slot& other : slots)
        if (!std::equal(other.dims.begin(), other.dims.end(), slots[0].dims.begin(),
                        slots[0].dims.end()))
            return std::nullopt;
    const std::optional<MapForm> form = map_form(slots[0], width, height);
    return form && form->channels <= most_classes ? form : std::nullopt;
}

// [C, cells], a block of cells at a time: without branches, so that compilers use vectors. Of equal
// scores the first class counts; NaN never does.
void best_of_planes(std::span<const float> scores, int64_t channels, std::vector<uint8_t>& labels) {
    constexpr size_t block = 512;
    const size_t cells = labels.size();
    std::array<float, block> best;
    std::array<int32_t, block> label;
    for (size_t at = 0; at < cells; at += block) {
        const size_t n = std::min(block, cells - at);
        best.fill(-std::numeric_limits<float>::infinity());
        label.fill(0);
        for (int32_t c = 0; c < int32_t(channels); c++) {
            const float* plane = scores.data() + size_t(c) * cells + at;
            for (size_t i = 0; i < n; i++) {
                const bool more = plane[i] > best[i];
                best[i] = more ? plane[i] : best[i];
                label[i] = more ? c : label[i];
            }
        }
        for (size_t i = 0; i < n; i++)
            labels[at + i] = uint8_t(label[i]);
    }
}

// [cells, C]
void best_of_rows(std::span<const float> scores, int64_t channels, std::vector<uint8_t>& labels) {
    const float* row = scores.data();
    for (uint8_t& label : labels) {
        float best = -std::numeric_limits<float>::infinity();
        for (int64_t c = 0; c < channels; c++)
            if (row[c] > best) {
                best = row[c];
                label = uint8_t(c);
            }
        row += channels;
    }
}

// One number a place that is no score of several classes.
void read_single(std::span<const float> values, float threshold, std::vector<uint8_t>& labels) {
    bool whole = true, fractions = true;
    for (float v : values) { // NaN is no class, and says nothing else
        whole = whole && v >= 0 && v <= 255 && v == std::floor(v);
        fractions = fractions && !(v < 0 || v > 1);
    }
    const float least = fractions ? threshold : 0;
    for (size_t i = 0; i < labels.size(); i++)
        labels[i] = whole ? uint8_t(values[i]) : uint8_t(values[i] >= least);
}

// Classes as integers; what no byte holds is 255.
Result<void> read_classes(const NamedTensor& output, std::vector<uint8_t>& labels) {
    const auto values = numbers(output, "segmentation");
    if (!values.ok())
        return values.error();
    for (size_t i = 0; i < labels.size(); i++) {
        const float v = values.value()[i];
        labels[i] = v >= 0 && v <= 255 ? uint8_t(v) : 255;
    }
    return {};
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto form = form_of(slots, options.input_width, options.input_height);
    const bool scores = !outputs.empty() && outputs[0].view.type == ElementType::F32;
    if (!form || (!scores && form->channels != 1))
        return wrong_outputs("segmentation", slots, wanted);
    std::vector<uint8_t> labels(size_t(form->cells()), 0);
    if (!scores) {
        if (Result<void> read = read_classes(outputs[0], labels); !read.ok())
            return read.error();
    } else {
        const std::span<const float> values = outputs[0].view.span<float>();
        if (form->channels == 1)
            read_single(values, options.threshold, labels);
        else if (form->channels_last)
            best_of_rows(values, form->channels, labels);
        else
            best_of_planes(values, form->channels, labels);
    }
    Decoded decoded;
    decoded.segments = Segments{int(form->width), int(form->height), std::move(labels)};
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int width, int height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto form = form_of(slots, width, height);
    const int stride = form ? map_stride(*form, width, height) : 0;
    const bool whole = form && outputs[0].type != ElementType::F32;
    if (stride == 0 || stride > 8 || (whole && form->channels != 1))
        return {0, "segmentation has " + std::string(wanted) + ", over the whole input", 0};
    const bool named = mentions(slots[0].name, {"seg", "mask", "argmax", "parsing", "classes"});
    const std::string size = std::to_string(form->width) + "x" + std::to_string(form->height);
    if (form->channels == 1) {
        if (whole || named)
            return {whole ? 65 : 60, "a class for each of " + size + " places", 0};
        return {stride == 1 ? 35 : 0, "a number for each pixel may say what is inside", 0};
    }
    const int classes = int(form->channels);
    const std::string why = std::to_string(classes) + " scores for each of " + size + " places";
    if (named)
        return {66, why + " under the name `" + std::string(slots[0].name) + "`", classes};
    if (slots.size() > 1 || stride > 1)
        return {stride == 1 ? 50 : slots.size() == 1 ? 40 : 0, why, classes};
    return {classes == 3 ? 30 : 60, why, classes};
}

} // namespace

extern const DecoderDef decoder_segmentation;
const DecoderDef decoder_segmentation = {
    .name = "segmentation",
    .decode = decode,
    .fit = fit,
    // ImageNet's, as torchvision states them, for 0..255.
    .preprocess = {.color = PreprocessSpec::RGB,
                   .mean = {123.675f, 116.28f, 103.53f},
                   .std = {58.395f, 57.12f, 57.375f}},
    .threshold = 0.5f,
};

} // namespace infer
