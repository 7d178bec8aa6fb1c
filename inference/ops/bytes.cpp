// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators of ours on numbers that are bytes, as `run_in_bytes` (inference/quantized.h) makes
// them.
//
// ToBytes: y = saturate(round_half_even(x * scale + shift))
//   in   x             f32 [N, C, ...]
//        scale, shift  f32 [1] or [C]
//   out  y             u8 or i8, shape of x
//   attr to            "u8" or "i8"
//
// LookupBytes: y = table[x]; the bits of x are the index
//   in   x             u8 or i8
//        table         u8 or i8 [256]
//   out  y             type of table, shape of x
//
// AddBytes: y = saturate(round_half_even(a * scale_a + b * scale_b + shift))
//   in   a, b          u8 or i8, of one shape
//   out  y             u8 or i8
//   attr to            "u8" or "i8";  scale_a, scale_b, shift  floats
//
// GateBytes: y = saturate(round_half_even((x - zero) * scale * gate + shift))
//   in   x             u8 or i8 [N, C, H, W]
//        gate          f32 [N, C, 1, 1]
//   out  y             u8 or i8, shape of x
//   attr to            "u8" or "i8";  zero  integer;  scale, shift  floats
#include "inference/ops/kernel.h"

#include <cmath>
#include <limits>

namespace infer {
namespace {

std::optional<ElementType> target(const Node& node) {
    const std::string to = node.attr("to", "");
    if (to == "u8")
        return ElementType::U8;
    return to == "i8" ? std::optional(ElementType::I8) : std::nullopt;
}

void store(float value, const TensorView& out, size_t i) {
    const float rounded = std::nearbyint(value);
    if (out.type == ElementType::U8)
        out.span<uint8_t>()[i] = rounded > 0 ? uint8_t(std::min(rounded, 255.0f)) : uint8_t(0);
    else
        out.span<int8_t>()[i] =
            rounded == rounded ? int8_t(std::clamp(rounded, -128.0f, 127.0f)) : int8_t(0);
}

float number(const TensorView& x, size_t i) {
    return x.type == ElementType::U8 ? float(x.span<uint8_t>()[i]) : float(x.span<int8_t>()[i]);
}

FactsResult infer_to_bytes(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 3); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const auto to = target(node);
    if (!to)
        return invalid(node, "to must be u8 or i8");
    const Shape& x = in[0].shape;
    for (const size_t k : {size_t(1), size_t(2)})
        if (in[k].shape != Shape{1} && (x.size() < 2 || in[k].shape != Shape{x[1]}))
            return invalid(node, "its scale or shift " + to_string(in[k].shape) +
                                     " is not one number for each channel of " + to_string(x));
    return one(*to, x);
}

void run_to_bytes(const Node&, Views in, Views out) {
    const Shape& x = in[0].shape;
    const int64_t channels = x.size() < 2 ? 1 : x[1];
    const int64_t inner = x.size() < 2 ? count(x) : count({x.begin() + 2, x.end()});
    const auto scale = in[1].span<float>(), shift = in[2].span<float>();
    const auto values = in[0].span<float>();
    for (size_t i = 0; i < values.size(); i++) {
        const auto c = size_t(int64_t(i) / inner % channels);
        store(
            std::fma(values[i], scale[scale.size() == 1 ? 0 : c], shift[shift.size() == 1 ? 0 : c]),
            out[0], i);
    }
}

FactsResult infer_lookup(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    if (!is_byte(in[0].type) || !is_byte(in[1].type) || in[1].shape != Shape{256})
        return invalid(node,
                       "looks bytes up in a table of 256 bytes, not " + to_string(in[1].shape));
    return one(in[1].type, in[0].shape);
}

void run_lookup(const Node&, Views in, Views out) {
    const auto x = in[0].span<uint8_t>(), table = in[1].span<uint8_t>();
    std::transform(x.begin(), x.end(), out[0].span<uint8_t>().begin(),
                   [&](uint8_t i) { return table[i]; });
}

FactsResult infer_add(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto to = target(node);
    if (!to || !is_byte(in[0].type) || !is_byte(in[1].type))
        return invalid(node, "adds bytes and makes u8 or i8");
    if (in[0].shape != in[1].shape)
        return invalid(node, "adds " + to_string(in[0].shape) + " and " + to_string(in[1].shape));
    return one(*to, in[0].shape);
}

void run_add(const Node& node, Views in, Views out) {
    const float a = node.attr("scale_a", 1.0f), b = node.attr("scale_b", 1.0f),
                shift = node.attr("shift", 0.0f);
    for (size_t i = 0; i < size_t(count(out[0].shape)); i++)
        store(std::fma(number(in[0], i), a, std::fma(number(in[1], i), b, shift)), out[0], i);
}

FactsResult infer_gate(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto to = target(node);
    const Shape& x = in[0].shape;
    if (!to || !is_byte(in[0].type) || in[1].type != ElementType::F32)
        return invalid(node, "takes bytes and f32, and makes u8 or i8");
    if (x.size() != 4 || in[1].shape != Shape{x[0], x[1], 1, 1})
        return invalid(node, "its gate " + to_string(in[1].shape) +
                                 " is not one number for each channel of " + to_string(x));
    return one(*to, x);
}

void run_gate(const Node& node, Views in, Views out) {
    const Shape& x = in[0].shape;
    const auto zero = float(node.attr("zero", int64_t{0}));
    const float scale = node.attr("scale", 1.0f), shift = node.attr("shift", 0.0f);
    for (size_t i = 0; i < size_t(count(x)); i++) {
        const float gate = in[1].span<float>()[i / size_t(x[2] * x[3])] * scale;
        store(std::fma(number(in[0], i), gate, shift - zero * gate), out[0], i);
    }
}

constexpr OpDef table[] = {{"ToBytes", infer_to_bytes, run_to_bytes},
                           {"LookupBytes", infer_lookup, run_lookup, true},
                           {"AddBytes", infer_add, run_add, true},
                           {"GateBytes", infer_gate, run_gate, true}};

} // namespace

extern constinit const OpList ops_bytes = table;

} // namespace infer
