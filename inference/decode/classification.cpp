// SPDX-License-Identifier: LGPL-2.1-or-later
// Classification: one number a class.
//
//   output  f32 [1, classes], or with further dimensions of 1
//
// If all numbers lie in 0..1 and their sum is 1 (within 2 %: low precisions round), they are
// probabilities; else they are logits and go through the softmax. The best five that reach the
// threshold come out.

#include "inference/decode/outputs.h"

#include <algorithm>
#include <bit>

namespace infer {
namespace {

constexpr std::string_view wanted = "one output with a number for each of two or more classes";
constexpr size_t most = 5;

// 0 if the output is not a plain list.
int64_t classes_of(std::span<const Slot> slots) {
    if (slots.size() != 1)
        return 0;
    const int64_t n = list_length(slots[0]);
    return n >= 2 ? n : 0;
}

std::vector<Classification> best(std::span<const float> scores, float threshold) {
    std::vector<Classification> classes;
    for (size_t i = 0; i < scores.size(); i++)
        if (scores[i] >= threshold && scores[i] > 0)
            classes.push_back({int(i), scores[i]});
    const size_t n = std::min(classes.size(), most);
    std::partial_sort(classes.begin(), classes.begin() + ptrdiff_t(n), classes.end(),
                      [](const Classification& a, const Classification& b) {
                          return a.score != b.score ? a.score > b.score : a.label < b.label;
                      });
    classes.resize(n);
    return classes;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (classes_of(slots) == 0)
        return wrong_outputs("classification", slots, wanted);
    const auto values = floats(outputs[0], "classification");
    if (!values.ok())
        return values.error();
    Decoded decoded;
    if (are_probabilities(values.value()))
        decoded.classes = best(values.value(), options.threshold);
    else
        decoded.classes = best(softmax(values.value()), options.threshold);
    return decoded;
}

// Lists of numbers are also what embeddings and regressions give; names and counts tell the usual
// ones apart.
Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const std::vector<Slot> slots = slots_of(outputs);
    const int64_t n = classes_of(slots);
    if (n == 0)
        return {0, "classification has " + std::string(wanted), 0};
    const std::string_view name = slots[0].name;
    const std::string numbers = std::to_string(n) + " numbers";
    if (mentions(name, {"prob", "softmax", "class", "logit", "label"}))
        return {70, numbers + " under the name `" + std::string(name) + "`", int(n)};
    if (mentions(name, {"embed", "reid", "feat", "vector", "landmark", "point"}))
        return {0, "the name `" + std::string(name) + "` is not one of class scores", int(n)};
    if (n >= 64 && std::has_single_bit(uint64_t(n)))
        return {0, numbers + ", a power of two, are more likely an embedding", int(n)};
    if (slots[0].dims.size() > 1)
        return {0, "a list with more dimensions and an unknown name may be anything", int(n)};
    return {40, "one list of " + numbers + " may be class scores", int(n)};
}

} // namespace

extern const DecoderDef decoder_classification;
const DecoderDef decoder_classification = {
    .name = "classification",
    .decode = decode,
    .fit = fit,
    // ImageNet's, as torchvision states them, for 0..255.
    .preprocess = {.color = PreprocessSpec::RGB,
                   .mean = {123.675f, 116.28f, 103.53f},
                   .std = {58.395f, 57.12f, 57.375f}},
    .threshold = 0.1f,
};

} // namespace infer
