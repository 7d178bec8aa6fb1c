// SPDX-License-Identifier: LGPL-2.1-or-later
// Embeddings: a vector that is near the vectors of other pictures of the same person, face, thing.
//
//   output  f32 [1, length], or with further dimensions of 1; 16 numbers or more
//
// The numbers leave as the model gives them; `normalize` in the model-config's `outputs` brings the
// vector to length 1, so that the cosine is a plain product.

#include "inference/decode/heads.h"
#include "inference/decode/outputs.h"

#include <bit>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted = "one output that is a list of 16 numbers or more";
constexpr int64_t least = 16;

int64_t length_of(std::span<const Slot> slots) {
    const int64_t n = slots.size() == 1 ? list_length(slots[0]) : 0;
    return n >= least ? n : 0;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (length_of(slots) == 0)
        return wrong_outputs("embedding", slots, wanted);
    const auto values = numbers(outputs[0], "embedding");
    if (!values.ok())
        return values.error();
    Decoded decoded;
    add_embedding(spec_of(options, outputs[0].name), values.value(), decoded);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    const std::vector<Slot> slots = slots_of(outputs);
    const int64_t n = length_of(slots);
    if (n == 0)
        return {0, "embedding has " + std::string(wanted), 0};
    const std::string name(slots[0].name), numbers = std::to_string(n) + " numbers";
    if (names_embedding(name))
        return {80, numbers + " under the name `" + name + "`", 0};
    if (n >= 64 && std::has_single_bit(uint64_t(n)) && !names_points(name))
        return {45, numbers + ", a power of two, are likely an embedding", 0};
    return {0, "neither the name `" + name + "` nor " + numbers + " speak of an embedding", 0};
}

} // namespace

bool names_embedding(std::string_view name) {
    return mentions(name, {"embed", "reid", "feat", "descriptor"});
}

void add_embedding(const OutputSpec& spec, std::span<const float> values, Decoded& to) {
    double squares = 0;
    for (float v : values)
        squares += double(v) * v;
    if (!std::isfinite(squares))
        return;
    const double length = spec.normalize && squares > 0 ? std::sqrt(squares) : 1;
    to.embedding.reserve(values.size());
    for (float v : values)
        to.embedding.push_back(float(v / length));
}

extern const DecoderDef decoder_embedding;
const DecoderDef decoder_embedding = {
    .name = "embedding",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR},
    .threshold = 0,
};

} // namespace infer
