// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/outputs.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>

namespace infer {
namespace {

// A scalar has no batch dimension to leave out.
std::span<const int64_t> after_batch(const Shape& shape) {
    return std::span(shape).subspan(std::min<size_t>(shape.size(), 1));
}

bool same_letter(char a, char b) { return std::tolower(uint8_t(a)) == std::tolower(uint8_t(b)); }

template <typename T> std::vector<float> converted(const TensorView& view) {
    const std::span<T> values = view.span<T>();
    std::vector<float> floats(values.size());
    std::transform(values.begin(), values.end(), floats.begin(), [](T v) { return float(v); });
    return floats;
}

Error unread_type(const NamedTensor& output, std::string_view decoder, std::string_view wanted) {
    return {Error::BadConfig, "decoder=" + std::string(decoder),
            "output `" + std::string(output.name) + "` is " +
                std::string(name_of(output.view.type)) + "; " + std::string(wanted)};
}

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

Pyramid pyramid(int levels, int input_width, int input_height, int first_stride) {
    Pyramid p;
    p.count = levels;
    for (int i = 0; i < levels; i++) {
        const int stride = first_stride << i;
        p.levels[size_t(i)] = {stride, (input_width + stride - 1) / stride,
                               (input_height + stride - 1) / stride};
        p.cells += p.levels[size_t(i)].cells();
    }
    return p;
}

std::optional<Pyramid> pyramid_with(int64_t cells, int input_width, int input_height) {
    constexpr std::pair<int, int> usual[] = {{3, 8}, {4, 8}, {4, 4}, {5, 8}, {2, 16}};
    for (const auto& [levels, first_stride] : usual)
        if (const Pyramid p = pyramid(levels, input_width, input_height, first_stride);
            p.cells == cells && cells > 0)
            return p;
    return std::nullopt;
}

std::string strides_of(const Pyramid& p) {
    return std::to_string(p.grids().front().stride) + " to " +
           std::to_string(p.grids().back().stride);
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
        return unread_type(output, decoder, "f32 is decoded");
    return std::span<const float>(output.view.span<float>());
}

Result<std::vector<const float*>> all_floats(std::span<const NamedTensor> outputs,
                                             std::string_view decoder) {
    std::vector<const float*> data;
    for (const NamedTensor& output : outputs) {
        const auto f32 = floats(output, decoder);
        if (!f32.ok())
            return f32.error();
        data.push_back(f32.value().data());
    }
    return data;
}

Result<std::vector<float>> numbers(const NamedTensor& output, std::string_view decoder) {
    const TensorView& view = output.view;
    switch (view.type) {
    case ElementType::F32:
        return converted<float>(view);
    case ElementType::F64:
        return converted<double>(view);
    case ElementType::I8:
        return converted<int8_t>(view);
    case ElementType::U8:
    case ElementType::Bool:
        return converted<uint8_t>(view);
    case ElementType::I16:
        return converted<int16_t>(view);
    case ElementType::U16:
        return converted<uint16_t>(view);
    case ElementType::I32:
        return converted<int32_t>(view);
    case ElementType::U32:
        return converted<uint32_t>(view);
    case ElementType::I64:
        return converted<int64_t>(view);
    case ElementType::U64:
        return converted<uint64_t>(view);
    case ElementType::F16:
    case ElementType::BF16:
        break;
    }
    return unread_type(output, decoder, "f32, f64 and whole numbers are decoded");
}

int64_t list_length(const Slot& slot) {
    int64_t length = 1;
    for (int64_t d : slot.dims) {
        if (d <= 0 || (d != 1 && length != 1))
            return 0;
        length *= d;
    }
    return length;
}

OutputSpec spec_of(const DecodeOptions& options, std::string_view output) {
    for (const OutputSpec& spec : options.outputs)
        if (spec.output == output)
            return spec;
    return {.output = std::string(output)};
}

std::string label_text(const std::vector<std::string>& labels, int64_t id) {
    return id >= 0 && size_t(id) < labels.size() ? labels[size_t(id)] : std::to_string(id);
}

std::string number_text(double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", std::clamp(decimals, 0, 9),
                  std::clamp(value, -1e30, 1e30));
    std::string digits = text;
    if (digits.find('.') != std::string::npos)
        digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.'))
        digits.pop_back();
    return digits == "-0" ? "0" : digits;
}

bool are_probabilities(std::span<const float> values) {
    constexpr double tolerance = 0.02;
    double sum = 0;
    for (float v : values) {
        if (!(v >= 0 && v <= 1))
            return false;
        sum += v;
    }
    return std::abs(sum - 1) <= tolerance;
}

std::vector<float> softmax(std::span<const float> logits) {
    float top = -std::numeric_limits<float>::infinity();
    for (float v : logits)
        if (std::isfinite(v))
            top = std::max(top, v);
    std::vector<float> y(logits.size(), 0.0f);
    double sum = 0;
    for (size_t i = 0; i < y.size(); i++)
        if (std::isfinite(logits[i]))
            sum += y[i] = std::exp(logits[i] - top);
    for (float& v : y)
        v = sum > 0 ? float(v / sum) : 0;
    return y;
}

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

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
