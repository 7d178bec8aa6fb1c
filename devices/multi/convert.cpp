// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/multi/convert.h"

#include "inference/half.h"

#include <cmath>
#include <cstring>

namespace infer::multi {
namespace {

// Numbers that go from one type to another by way of an f32.
bool is_real(ElementType type) {
    return type == ElementType::F32 || type == ElementType::F16 || type == ElementType::BF16 ||
           type == ElementType::U8;
}

// Memory is N, H, W, C where the model says N, C, H, W.
bool is_permuted(const InputFormat& format) {
    return format.layout == InputFormat::NHWC && !format.channels_last && format.shape.size() == 4;
}

float read(ElementType type, const std::byte* at) {
    if (type == ElementType::U8)
        return float(*at);
    if (type == ElementType::F32) {
        float value;
        std::memcpy(&value, at, sizeof value);
        return value;
    }
    uint16_t half;
    std::memcpy(&half, at, sizeof half);
    return type == ElementType::F16 ? from_f16(half) : from_bf16(half);
}

void write(ElementType type, float value, std::byte* at) {
    if (type == ElementType::U8) {
        *at = std::byte(std::lrint(std::clamp(value, 0.0f, 255.0f)));
        return;
    }
    if (type == ElementType::F32) {
        std::memcpy(at, &value, sizeof value);
        return;
    }
    const uint16_t half = type == ElementType::F16 ? to_f16(value) : to_bf16(value);
    std::memcpy(at, &half, sizeof half);
}

// Calls back with where each element lies in both, as elements from the start.
template <typename Each>
void for_elements(const Shape& shape, bool from_permuted, bool to_permuted, Each each) {
    const size_t elements = size_t(count(shape));
    if (from_permuted == to_permuted) {
        for (size_t i = 0; i < elements; i++)
            each(i, i);
        return;
    }
    const size_t channels = size_t(shape[1]), plane = size_t(shape[2] * shape[3]);
    for (size_t image = 0; image < elements; image += channels * plane)
        for (size_t pixel = 0; pixel < plane; pixel++)
            for (size_t channel = 0; channel < channels; channel++) {
                const size_t planar = image + channel * plane + pixel,
                             packed = image + pixel * channels + channel;
                each(from_permuted ? packed : planar, to_permuted ? packed : planar);
            }
}

// `shape` in the model's order.
void convert(const Shape& shape, const TensorView& from, bool from_permuted, const TensorView& into,
             bool to_permuted) {
    const auto* source = static_cast<const std::byte*>(from.data);
    auto* target = static_cast<std::byte*>(into.data);
    const size_t size = size_of(from.type), to_size = size_of(into.type);
    if (from.type == into.type && from_permuted == to_permuted)
        std::memcpy(target, source, from.size_bytes());
    else if (from.type == into.type)
        for_elements(shape, from_permuted, to_permuted, [&](size_t f, size_t t) {
            std::memcpy(target + t * size, source + f * size, size);
        });
    else
        for_elements(shape, from_permuted, to_permuted, [&](size_t f, size_t t) {
            write(into.type, read(from.type, source + f * size), target + t * to_size);
        });
}

Result<void> same_tensor(const std::string& what, ElementType from, const Shape& shape,
                         ElementType to, const Shape& other) {
    if (shape != other)
        return Error{Error::Unsupported, what,
                     "is " + to_string(other) + " there, and " + to_string(shape) + " elsewhere"};
    if (from != to && !(is_real(from) && is_real(to)))
        return Error{Error::Unsupported, what,
                     "is " + std::string(name_of(to)) + " there, and " +
                         std::string(name_of(from)) + " elsewhere"};
    return {};
}

} // namespace

Result<void> can_convert(const Executor& from, const Executor& to) {
    if (from.batch() != to.batch())
        return Error{Error::Unsupported, "batch-size",
                     std::to_string(to.batch()) + " frames a request there, and " +
                         std::to_string(from.batch()) + " elsewhere"};
    if (from.inputs().size() != to.inputs().size() || from.outputs().size() != to.outputs().size())
        return Error{Error::Unsupported, "",
                     "takes or makes another number of tensors than the others"};
    for (size_t k = 0; k < from.inputs().size(); k++) {
        const InputFormat &a = from.inputs()[k], &b = to.inputs()[k];
        if (a.takes_frames != b.takes_frames)
            return Error{Error::Unsupported, "input " + a.name,
                         "only one of the devices takes frames as they are"};
        if (auto same = same_tensor("input " + a.name, a.type, a.shape, b.type, b.shape);
            !same.ok())
            return same;
    }
    for (size_t k = 0; k < from.outputs().size(); k++) {
        const OutputFormat &a = from.outputs()[k], &b = to.outputs()[k];
        if (auto same = same_tensor("output " + a.name, b.type, b.shape, a.type, a.shape);
            !same.ok())
            return same;
    }
    return {};
}

bool is_as_wide(ElementType a, ElementType b) {
    return a == b || a == ElementType::F32 || (b == ElementType::U8 && is_real(a));
}

void convert(const InputFormat& from, const TensorView& values, const InputFormat& to,
             const TensorView& into) {
    convert(values.shape, values, is_permuted(from), into, is_permuted(to));
}

void convert(const TensorView& from, const TensorView& into) {
    convert(from.shape, from, false, into, false);
}

} // namespace infer::multi
