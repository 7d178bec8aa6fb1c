// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What decoders share to recognise a model's outputs by name and shape.

#include "inference/decoder.h"

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infer {

// An output as decoders compare it: what follows the batch dimension.
struct Slot {
    std::string_view name;
    std::span<const int64_t> dims;

    bool is(std::initializer_list<int64_t> wanted) const {
        return std::equal(dims.begin(), dims.end(), wanted.begin(), wanted.end());
    }
};
std::vector<Slot> slots_of(std::span<const NamedTensor> outputs);
std::vector<Slot> slots_of(std::span<const OutputFormat> outputs);

// Cells of one stride over the model's input, rounded up; row by row.
struct Grid {
    int stride = 0, width = 0, height = 0;
    int64_t cells() const { return int64_t(width) * height; }
};

// The levels of a feature pyramid: usually strides 8, 16 and 32.
struct Pyramid {
    std::array<Grid, 5> levels;
    int count = 0;
    int64_t cells = 0; // of all levels
    std::span<const Grid> grids() const { return {levels.data(), size_t(count)}; }
};
Pyramid pyramid(int levels, int input_width, int input_height, int first_stride = 8);
// The usual pyramid (strides 8 to 32, 8 to 64, 4 to 32, 8 to 128, 16 to 32) that has this many cells.
std::optional<Pyramid> pyramid_with(int64_t cells, int input_width, int input_height);
// "8 to 32"
std::string strides_of(const Pyramid& pyramid);

// True if `name` holds one of `words`, in any case.
bool mentions(std::string_view name, std::initializer_list<std::string_view> words);

// True if one of them is `least` or more; NaN is not. A loop without branches: scanning for the few
// cells that hold something is most of what decoding costs.
bool any_at_least(std::span<const float> values, float least);

// The numbers of one row of the output; an Error if they are not f32.
Result<std::span<const float>> floats(const NamedTensor& output, std::string_view decoder);
// The same of several outputs: where each one's numbers begin.
Result<std::vector<const float*>> all_floats(std::span<const NamedTensor> outputs,
                                             std::string_view decoder);

// The numbers of one row of the output as floats, whatever their type; an Error for halves, which
// no device gives.
Result<std::vector<float>> numbers(const NamedTensor& output, std::string_view decoder);

// How many numbers a plain list has: at most one dimension after the batch is not 1. 0: the output
// is none, or its length is not known.
int64_t list_length(const Slot& slot);

// What the model-config says of this output; of others, nothing.
OutputSpec spec_of(const DecodeOptions& options, std::string_view output);

// Row `id` of `labels`, or the number itself.
std::string label_text(const std::vector<std::string>& labels, int64_t id);

// "31.4": up to `decimals` digits after the point, none that say nothing.
std::string number_text(double value, int decimals);

// True if all numbers lie in 0..1 and their sum is 1, within 2 %: low precisions round.
bool are_probabilities(std::span<const float> values);

// Numbers that are not finite become 0.
std::vector<float> softmax(std::span<const float> logits);

// 1 / (1 + exp(-x))
float sigmoid(float x);

// For decode(): these outputs are not what the family has.
Error wrong_outputs(std::string_view decoder, std::span<const Slot> found, std::string_view wanted);

// "scores 1x4420x2, boxes 1x4420x4"
std::string to_string(std::span<const Slot> slots);

} // namespace infer
