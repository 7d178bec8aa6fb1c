// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/outputs.h"

#include <algorithm>
#include <cctype>

namespace infer {
namespace {

// A scalar has no batch dimension to leave out.
std::span<const int64_t> after_batch(const Shape& shape) {
    return std::span(shape).subspan(std::min<size_t>(shape.size(), 1));
}

bool same_letter(char a, char b) { return std::tolower(uint8_t(a)) == std::tolower(uint8_t(b)); }

} // namespace

std::vector<Slot> slots_of(std::span<const NamedTensor> outputs) {
    std::vector<Slot> slots;
    for (const NamedTensor& output : outputs)
        slots.push_back({output.name, after_batch(output.view.shape)});
    return slots;
}

std::vector<Slot> slots_of(std::span<const OutputFormat> outputs) {
    std::vector<Slot> slots;
    for (const OutputFormat& output : outputs)
        slots.push_back({output.name, after_batch(output.shape)});
    return slots;
}

Pyramid pyramid(int levels, int input_width, int input_height) {
    Pyramid p;
    p.count = levels;
    for (int i = 0; i < levels; i++) {
        const int stride = 8 << i;
        p.levels[size_t(i)] = {stride, (input_width + stride - 1) / stride,
                               (input_height + stride - 1) / stride};
        p.cells += p.levels[size_t(i)].cells();
    }
    return p;
}

bool mentions(std::string_view name, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return std::search(name.begin(), name.end(), word.begin(), word.end(), same_letter) !=
               name.end();
    });
}

bool any_at_least(std::span<const float> values, float least) {
    int any = 0;
    for (float v : values)
        any |= int(v >= least);
    return any != 0;
}

Result<std::span<const float>> floats(const NamedTensor& output, std::string_view decoder) {
    if (output.view.type != ElementType::F32)
        return Error{Error::BadConfig, "decoder=" + std::string(decoder),
                     "output `" + std::string(output.name) + "` is " +
                         std::string(name_of(output.view.type)) + "; f32 is decoded"};
    return std::span<const float>(output.view.span<float>());
}

Error wrong_outputs(std::string_view decoder, std::span<const Slot> found,
                    std::string_view wanted) {
    return {Error::BadConfig, "decoder=" + std::string(decoder),
            "the model's outputs are " + to_string(found) + "; this decoder reads " +
                std::string(wanted)};
}

std::string to_string(std::span<const Slot> slots) {
    std::string text;
    for (const Slot& slot : slots) {
        Shape shape{1};
        shape.insert(shape.end(), slot.dims.begin(), slot.dims.end());
        text += (text.empty() ? "" : ", ") + std::string(slot.name) + " " + to_string(shape);
    }
    return text.empty() ? "none" : text;
}

} // namespace infer
