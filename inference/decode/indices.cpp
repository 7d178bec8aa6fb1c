// SPDX-License-Identifier: LGPL-2.1-or-later
// Text that the model has decoded itself: rows of the label file, one a character.
//
//   output  whole numbers, as floats or integers, [1, length], or with further dimensions of 1
//
// The text ends at the first number below 0 (CTCGreedyDecoder fills up with -1). Numbers without a
// label are written as such.

#include "inference/decode/heads.h"
#include "inference/decode/outputs.h"

#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted = "one output that is a list of rows of the label file";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (slots.size() != 1 || list_length(slots[0]) == 0)
        return wrong_outputs("indices", slots, wanted);
    const auto values = numbers(outputs[0], "indices");
    if (!values.ok())
        return values.error();
    Decoded decoded;
    add_index_text(spec_of(options, outputs[0].name), values.value(), options, decoded);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const std::vector<Slot> slots = slots_of(outputs);
    const int64_t n = slots.size() == 1 ? list_length(slots[0]) : 0;
    if (n < 4)
        return {0, "indices has " + std::string(wanted), 0};
    const std::string name(slots[0].name);
    const bool whole = outputs[0].type == ElementType::I32 || outputs[0].type == ElementType::I64;
    if (mentions(name, {"decod", "text", "char", "plate"}) || name == "dec")
        return {75, std::to_string(n) + " characters under the name `" + name + "`", 0};
    if (whole)
        return {40, "a list of whole numbers", 0};
    return {0, "the name `" + name + "` does not speak of text", 0};
}

} // namespace

void add_index_text(const OutputSpec& spec, std::span<const float> values,
                    const DecodeOptions& options, Decoded& to) {
    const std::vector<std::string>& labels = spec.labels.empty() ? options.labels : spec.labels;
    std::string text;
    for (float v : values) {
        if (!(v >= 0 && v < 1e6f)) // also NaN
            break;
        const auto row = size_t(std::lround(v));
        if (row < labels.size())
            text += labels[row];
        else
            text += (text.empty() ? "" : " ") + std::to_string(row);
    }
    if (!text.empty())
        to.attributes.push_back({spec.name.empty() ? "text" : spec.name, text, -1, 1});
}

extern const DecoderDef decoder_indices;
const DecoderDef decoder_indices = {
    .name = "indices",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR},
    .threshold = 0,
};

} // namespace infer
