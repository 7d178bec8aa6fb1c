// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/half.h"

namespace infer {

float from_f16(uint16_t half) {
    const uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = (half >> 10) & 31,
                   mantissa = half & 1023;
    if (exponent == 0) { // zero and subnormals: mantissa * 2^-24
        const float v = float(mantissa) * 0x1p-24f;
        return sign ? -v : v;
    }
    const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
    return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

uint16_t to_f16(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    const uint16_t sign = uint16_t((bits >> 16) & 0x8000);
    const float size = std::fabs(value);
    if (std::isnan(value))
        return sign | 0x7e00;
    if (size >= 65520)
        return sign | 0x7c00;
    if (size < 0x1p-14f) // subnormal: multiples of 2^-24
        return uint16_t(sign | uint16_t(std::lrint(size * 0x1p24f)));
    const uint32_t rounded = (bits & 0x7fffffff) + 0xfff + ((bits >> 13) & 1);
    return uint16_t(sign | uint16_t((rounded >> 13) - ((127 - 15) << 10)));
}

Tensor widened(const Tensor& t) {
    const ElementType type = t.type();
    if (type != ElementType::F16 && type != ElementType::BF16 && type != ElementType::F64)
        return t;
    Tensor wide(ElementType::F32, t.shape());
    const auto y = wide.span<float>();
    for (size_t i = 0; i < y.size(); i++)
        y[i] = type == ElementType::F16    ? from_f16(t.span<uint16_t>()[i])
               : type == ElementType::BF16 ? from_bf16(t.span<uint16_t>()[i])
                                           : float(t.span<double>()[i]);
    return wide;
}

float rounded_to(ElementType type, float value) {
    return type == ElementType::F16    ? from_f16(to_f16(value))
           : type == ElementType::BF16 ? from_bf16(to_bf16(value))
                                       : value;
}

} // namespace infer
