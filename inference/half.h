// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers in 16 bits: IEEE 754 half precision (f16: 5 bits of exponent, 10 of mantissa) and
// bfloat16 (bf16: the upper half of an f32). Conversions round to the nearest, ties to even.
#pragma once

#include "inference/tensor.h"

#include <bit>
#include <cmath>

namespace infer {

float from_f16(uint16_t half);
uint16_t to_f16(float value); // too large: infinity
inline float from_bf16(uint16_t half) { return std::bit_cast<float>(uint32_t(half) << 16); }
inline uint16_t to_bf16(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    if (std::isnan(value)) // adding could carry into the sign
        return uint16_t((bits >> 16) | 0x40);
    return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// The numbers of an f16, bf16 or f64 tensor in f32; other tensors as they are.
Tensor widened(const Tensor& t);

// The value `type` has for an f32: itself unless type is f16 or bf16.
float rounded_to(ElementType type, float value);

} // namespace infer
