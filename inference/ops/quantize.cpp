// SPDX-License-Identifier: LGPL-2.1-or-later
// QuantizeLinear: y = saturate(round_half_even(x / scale) + zero_point); DequantizeLinear its
// inverse, y = (x - zero_point) * scale; DynamicQuantizeLinear finds scale and zero point itself.
//
//   in   x           Quantize: f32 or i32; Dequantize: i8, u8, i16, u16, i32
//        scale       f32: one number, one for each index of `axis`, or one for each block
//        zero_point  type of the quantized side, shape of scale, optional: 0 (Quantize: of type u8)
//   out  y           Quantize: type of zero_point; Dequantize: f32
//   attr axis        default 1;  block_size  default 0 (scale is not by blocks)
//        output_dtype  Quantize: name of y's type where there is no zero point, default u8
//
// ONNX QuantizeLinear-21, DequantizeLinear-21, DynamicQuantizeLinear-11.
#include "inference/ops/kernel.h"

#include <cmath>
#include <limits>

namespace infer {
namespace {

bool quantized(ElementType t) {
    return t == ElementType::I8 || t == ElementType::U8 || t == ElementType::I16 ||
           t == ElementType::U16 || t == ElementType::I32;
}

// Without a zero point output_dtype may say it.
ElementType output_type(const Node& node) {
    for (int k = 0; k <= int(ElementType::Bool); k++)
        if (name_of(ElementType(k)) == node.attr("output_dtype", "u8"))
            return ElementType(k);
    return ElementType::F32; // none that numbers are quantized to
}

// Shapes of scale: one number; [size of axis]; or x's with axis divided into blocks.
Result<void> check_scale(const Node& node, const Shape& x, const Shape& scale) {
    if (count(scale) == 1)
        return {};
    const auto axis = axis_of(node.attr("axis", int64_t{1}), x.size());
    const int64_t block = node.attr("block_size", int64_t{0});
    if (!axis || (block == 0 ? scale != Shape{x[*axis]} : scale.size() != x.size() || block < 0))
        return invalid(node, "scale " + to_string(scale) + " does not fit input " + to_string(x));
    Shape blocks = x;
    if (block > 0) {
        blocks[*axis] = (blocks[*axis] + block - 1) / block;
        if (scale != blocks)
            return invalid(node, "scale " + to_string(scale) + " is not " + to_string(blocks) +
                                     ", one for each block");
    }
    return {};
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 3); !ok.ok())
        return ok.error();
    const bool quantizes = node.op == "QuantizeLinear";
    if (auto ok = check_scale(node, in[0].shape, in[1].shape); !ok.ok())
        return ok.error();
    const ElementType type = !quantizes     ? in[0].type
                             : given(in, 2) ? in[2].type
                                            : output_type(node);
    if (!quantized(type) || in[1].type != ElementType::F32 ||
        (given(in, 2) && in[2].type != type) ||
        (quantizes && in[0].type != ElementType::F32 && in[0].type != ElementType::I32))
        return unsupported(node, "cannot work on " + std::string(name_of(in[0].type)) +
                                     " with a zero point of " + std::string(name_of(type)));
    if (given(in, 2) && count(in[2].shape) != count(in[1].shape))
        return invalid(node, "its scale and zero point differ in shape");
    return one(quantizes ? type : ElementType::F32, in[0].shape);
}

// Which scale belongs to element i of x.
struct ScaleIndex {
    int64_t inner = 1, size = 1, block = 1, blocks = 1; // around axis
    bool single = true;
    bool by_block = false;

    int64_t operator()(int64_t i) const {
        if (single)
            return 0;
        const int64_t at = i / inner % size;
        return by_block ? (i / inner / size * blocks + at / block) * inner + i % inner : at;
    }
};

ScaleIndex index_of(const Node& node, Views in) {
    const Shape& x = in[0].shape;
    ScaleIndex s;
    s.single = count(in[1].shape) == 1;
    if (s.single)
        return s;
    const auto axis = *axis_of(node.attr("axis", int64_t{1}), x.size());
    s.inner = count({x.begin() + int64_t(axis) + 1, x.end()});
    s.size = x[axis];
    s.block = node.attr("block_size", int64_t{0});
    s.by_block = s.block > 0;
    s.blocks = s.by_block ? (s.size + s.block - 1) / s.block : 1;
    return s;
}

template <typename Q> Q saturate(float rounded, Q zero) {
    const double v = double(rounded) + double(zero);
    return v != v ? Q(0)
                  : Q(std::clamp(v, double(std::numeric_limits<Q>::min()),
                                 double(std::numeric_limits<Q>::max())));
}

void run_quantize(const Node& node, Views in, Views out) {
    const ScaleIndex index = index_of(node, in);
    visit(out[0].type, [&]<typename Q>(std::type_identity<Q>) {
        const auto y = out[0].span<Q>();
        for (size_t i = 0; i < y.size(); i++) {
            const auto s = size_t(index(int64_t(i)));
            const float x = in[0].type == ElementType::F32 ? in[0].span<float>()[i]
                                                           : float(in[0].span<int32_t>()[i]);
            const Q zero = given(in, 2) ? in[2].span<Q>()[s] : Q(0);
            y[i] = saturate<Q>(std::nearbyint(x / in[1].span<float>()[s]), zero);
        }
    });
}

void run_dequantize(const Node& node, Views in, Views out) {
    const ScaleIndex index = index_of(node, in);
    visit(in[0].type, [&]<typename Q>(std::type_identity<Q>) {
        const auto x = in[0].span<Q>();
        for (size_t i = 0; i < x.size(); i++) {
            const auto s = size_t(index(int64_t(i)));
            const Q zero = given(in, 2) ? in[2].span<Q>()[s] : Q(0);
            out[0].span<float>()[i] = float(int64_t(x[i]) - int64_t(zero)) * in[1].span<float>()[s];
        }
    });
}

FactsResult infer_dynamic(const Node& node, Facts in) {
    auto out = same_f32(node, in);
    if (!out.ok())
        return out;
    return std::vector{fact(ElementType::U8, in[0].shape), fact(ElementType::F32, {}),
                       fact(ElementType::U8, {})};
}

void run_dynamic(const Node&, Views in, Views out) {
    const auto x = in[0].span<float>();
    float low = 0, high = 0; // zero is always in range
    for (float v : x) {
        low = std::min(low, v);
        high = std::max(high, v);
    }
    const float scale = high > low ? (high - low) / 255 : 1;
    const auto zero = uint8_t(std::clamp(std::nearbyint(-low / scale), 0.0f, 255.0f));
    for (size_t i = 0; i < x.size(); i++)
        out[0].span<uint8_t>()[i] = saturate<uint8_t>(std::nearbyint(x[i] / scale), zero);
    if (out.size() > 1 && out[1].data)
        out[1].span<float>()[0] = scale;
    if (out.size() > 2 && out[2].data)
        out[2].span<uint8_t>()[0] = zero;
}

constexpr OpDef table[] = {{"QuantizeLinear", infer, run_quantize},
                           {"DequantizeLinear", infer, run_dequantize},
                           {"DynamicQuantizeLinear", infer_dynamic, run_dynamic}};

} // namespace

extern constinit const OpList ops_quantize = table;

} // namespace infer
