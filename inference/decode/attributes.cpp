// SPDX-License-Identifier: LGPL-2.1-or-later
// Attributes: one or more outputs, each a plain list of numbers that says one thing about the
// picture. What the model-config's `outputs` says of a list counts; else it is told by its form:
//
//   one number              a number
//   name of a direction     numbers: gaze, angles, yaw, pitch, roll
//   name of an embedding    the embedding, from 16 numbers on
//   name of points          x, y of points, as fractions of the input's size
//   0..1, sum 1             probabilities of classes: the best one
//   0..1                    a yes or no each, yes from the threshold (0.5) on
//   else                    logits of classes, through the softmax: the best one
//
// A number whose output's name begins with "age" is in years; up to 1.5 in hundreds of years, as
// age networks usually give it. A list of two beside it is then a person's sex: female, male.

#include "inference/decode/heads.h"
#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "outputs that are plain lists of numbers, one thing said by each";

using Kind = OutputSpec::Kind;

bool is_age(std::string_view name) {
    return name.size() >= 3 && mentions(name.substr(0, 3), {"age"}) &&
           (name.size() == 3 || !std::isalpha(uint8_t(name[3])));
}

bool is_direction(std::string_view name) {
    return mentions(name, {"gaze", "vector", "angle", "yaw", "pitch", "roll"});
}

Kind kind_by_name(std::string_view name, size_t length) {
    if (length == 1 || (length <= 6 && is_direction(name)))
        return OutputSpec::Number;
    if (length >= 16 && names_embedding(name))
        return OutputSpec::Embedding;
    if (length % 2 == 0 && names_points(name))
        return OutputSpec::Keypoints;
    return OutputSpec::Auto;
}

Kind kind_of(const OutputSpec& spec, std::span<const float> values) {
    if (spec.kind != OutputSpec::Auto)
        return spec.kind;
    const Kind kind = kind_by_name(spec.output, values.size());
    if (kind != OutputSpec::Auto)
        return kind;
    const bool fractions =
        std::all_of(values.begin(), values.end(), [](float v) { return v >= 0 && v <= 1; });
    return fractions && !are_probabilities(values) ? OutputSpec::Multilabel : OutputSpec::Classes;
}

std::string attribute_name(const OutputSpec& spec) {
    return spec.name.empty() ? spec.output : spec.name;
}

void add_best(const OutputSpec& spec, std::span<const float> values, float threshold, Decoded& to) {
    const std::vector<float> scores =
        are_probabilities(values) ? std::vector(values.begin(), values.end()) : softmax(values);
    const auto best = std::max_element(scores.begin(), scores.end());
    if (best == scores.end() || !(*best > 0 && *best >= threshold))
        return;
    const int id = int(best - scores.begin());
    to.attributes.push_back({attribute_name(spec), label_text(spec.labels, id), id, *best});
}

// Numbers outside 0..1 are logits.
void add_each(const OutputSpec& spec, std::span<const float> values, float threshold, Decoded& to) {
    const bool logits =
        std::any_of(values.begin(), values.end(), [](float v) { return v < 0 || v > 1; });
    for (size_t i = 0; i < values.size(); i++) {
        const float score = logits ? sigmoid(values[i]) : values[i];
        const bool named = i >= spec.labels.size() || !spec.labels[i].empty();
        if (score >= threshold && named)
            to.attributes.push_back(
                {attribute_name(spec), label_text(spec.labels, int64_t(i)), int(i), score});
        else if (score < threshold && i < spec.otherwise.size() && !spec.otherwise[i].empty())
            to.attributes.push_back({attribute_name(spec), spec.otherwise[i], int(i), 1 - score});
    }
}

float years(float value) { return value <= 1.5f ? value * 100 : value; }

// With a label for each, an attribute for each; else one that holds them all.
void add_numbers(const OutputSpec& spec, std::span<const float> values, Decoded& to) {
    std::string all;
    for (size_t i = 0; i < values.size(); i++) {
        if (!std::isfinite(values[i]))
            return;
        float value = values[i];
        if (spec.scale || spec.offset)
            value = value * spec.scale.value_or(1) + spec.offset.value_or(0);
        else if (is_age(spec.output))
            value = years(value);
        const std::string text = number_text(value, spec.decimals);
        if (spec.labels.size() == values.size() && values.size() > 1)
            to.attributes.push_back({attribute_name(spec) + "." + spec.labels[i], text, -1, 1});
        else
            all += (all.empty() ? "" : ", ") + text;
    }
    if (!all.empty())
        to.attributes.push_back({attribute_name(spec), all, -1, 1});
}

// What is known of a list without labels: the model's own labels if it is the only one, or a
// person's sex beside the age.
void complete(OutputSpec& spec, size_t length, std::span<const Slot> slots,
              const DecodeOptions& options) {
    if (!spec.labels.empty())
        return;
    if (slots.size() == 1 && options.labels.size() >= length) {
        spec.labels = options.labels;
    } else if (slots.size() == 2 && length == 2 && spec.kind == OutputSpec::Auto &&
               std::any_of(slots.begin(), slots.end(),
                           [](const Slot& s) { return is_age(s.name) && list_length(s) == 1; })) {
        spec.labels = {"female", "male"};
        if (spec.name.empty())
            spec.name = "gender";
    }
    if (spec.name.empty() && is_age(spec.output) && length == 1)
        spec.name = "age";
}

Result<void> add_output(const NamedTensor& output, std::span<const Slot> slots,
                        const DecodeOptions& options, Decoded& to) {
    OutputSpec spec = spec_of(options, output.name);
    const auto values = numbers(output, "attributes");
    if (!values.ok())
        return values.error();
    complete(spec, values.value().size(), slots, options);
    const float asked = spec.threshold.value_or(options.threshold);
    switch (kind_of(spec, values.value())) {
    case OutputSpec::Number:
        add_numbers(spec, values.value(), to);
        break;
    case OutputSpec::Multilabel:
        add_each(spec, values.value(), asked > 0 ? asked : 0.5f, to);
        break;
    case OutputSpec::Keypoints:
        add_points(spec, values.value(), options, to);
        break;
    case OutputSpec::Embedding:
        add_embedding(spec, values.value(), to);
        break;
    case OutputSpec::Text:
        add_index_text(spec, values.value(), options, to);
        break;
    case OutputSpec::Ignored:
        break;
    case OutputSpec::Classes:
    case OutputSpec::Auto:
        add_best(spec, values.value(), asked, to);
        break;
    }
    return {};
}

// Outputs of which the model-config says that nothing is to be made of them need no form.
bool are_lists(std::span<const Slot> slots, const DecodeOptions& options) {
    return !slots.empty() && std::all_of(slots.begin(), slots.end(), [&](const Slot& slot) {
        return list_length(slot) > 0 || spec_of(options, slot.name).kind == OutputSpec::Ignored;
    });
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (!are_lists(slots, options))
        return wrong_outputs("attributes", slots, wanted);
    Decoded decoded;
    for (size_t i = 0; i < outputs.size(); i++)
        if (list_length(slots[i]) > 0)
            if (Result<void> read = add_output(outputs[i], slots, options, decoded); !read.ok())
                return read.error();
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const std::vector<Slot> slots = slots_of(outputs);
    int64_t most = 0;
    for (size_t i = 0; i < slots.size(); i++) {
        // Detectors whose outputs have a row a box have no batch dimension.
        const bool same_rows =
            !outputs[i].shape.empty() && outputs[i].shape[0] == outputs[0].shape[0];
        if (!same_rows || mentions(slots[i].name, {"box", "count", "num_det"}))
            return {0, "attributes has " + std::string(wanted), 0};
        most = std::max(most, list_length(slots[i]));
    }
    if (!are_lists(slots, {}) || most > 4096)
        return {0, "attributes has " + std::string(wanted), 0};
    if (slots.size() > 1)
        return {50, std::to_string(slots.size()) + " outputs, each a list of numbers", 0};
    if (kind_by_name(slots[0].name, size_t(most)) == OutputSpec::Number)
        return {most > 1 ? 60 : 20, most > 1 ? "numbers by the name of the output" : "one number",
                0};
    return {0, "a single list may be anything, unless the model-config's `outputs` says what", 0};
}

} // namespace

extern const DecoderDef decoder_attributes;
const DecoderDef decoder_attributes = {
    .name = "attributes",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR},
    .threshold = 0,
};

} // namespace infer
