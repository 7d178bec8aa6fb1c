// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/feed.h"

#include "inference/half.h"

#include <cmath>
#include <cstring>
#include <random>

namespace infer::tools {
namespace {

bool is_float(ElementType type) {
    return type == ElementType::F32 || type == ElementType::F16 || type == ElementType::BF16;
}

// One f32 as an element of `type` at `to`.
void store(float value, ElementType type, std::byte* to) {
    if (type == ElementType::F32) {
        std::memcpy(to, &value, sizeof value);
    } else if (type == ElementType::U8) {
        *to = std::byte(std::lrint(std::clamp(value, 0.0f, 255.0f)));
    } else {
        const uint16_t half = type == ElementType::BF16 ? to_bf16(value) : to_f16(value);
        std::memcpy(to, &half, sizeof half);
    }
}

// The model says N, C, H, W and the executor wants N, H, W, C in memory. A model whose own shape is
// N, H, W, C has the same layout for itself.
bool is_permuted(const InputFormat& format) {
    return format.layout == InputFormat::NHWC && !format.channels_last && format.shape.size() == 4;
}

// Where element `i` of N, C, H, W lies in N, H, W, C.
size_t permuted(size_t i, const Shape& nchw) {
    const size_t channels = size_t(nchw[1]), plane = size_t(nchw[2] * nchw[3]);
    const size_t pixel = i % plane, channel = i / plane % channels, image = i / plane / channels;
    return (image * plane + pixel) * channels + channel;
}

} // namespace

Result<void> feed(const Tensor& values, const InputFormat& format, const TensorView& input) {
    const size_t elements = size_t(count(values.shape()));
    if (count(input.shape) != int64_t(elements))
        return Error{Error::BadConfig, format.name,
                     "got " + to_string(values.shape()) + " for an input of " +
                         to_string(format.shape)};
    const bool converts = values.type() == ElementType::F32 &&
                          (is_float(input.type) || input.type == ElementType::U8);
    if (!converts && values.type() != input.type)
        return Error{Error::BadConfig, format.name,
                     "got " + std::string(name_of(values.type())) + " for an input of " +
                         std::string(name_of(input.type))};
    const size_t size = size_of(input.type);
    const auto* from = static_cast<const std::byte*>(values.view().data);
    auto* to = static_cast<std::byte*>(input.data);
    const bool permutes = is_permuted(format);
    for (size_t i = 0; i < elements; i++) {
        std::byte* element = to + (permutes ? permuted(i, format.shape) : i) * size;
        if (converts)
            store(values.span<float>()[i], input.type, element);
        else
            std::memcpy(element, from + i * size, size);
    }
    return {};
}

uint64_t all_rows(const Executor& executor) {
    return executor.batch() >= 64 ? ~uint64_t(0) : (uint64_t(1) << executor.batch()) - 1;
}

Tensor make_feed(const InputFormat& format, uint32_t seed) {
    const bool floats = is_float(format.type) || format.layout != InputFormat::Plain;
    Tensor values(floats ? ElementType::F32 : format.type, format.shape);
    if (!floats)
        return values;
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(0, 1);
    for (float& value : values.span<float>())
        value = uniform(random);
    return values;
}

} // namespace infer::tools
