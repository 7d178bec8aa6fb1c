// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators on quantized numbers as DequantizeLinear, the same operator on floats, QuantizeLinear:
// the form in which today's quantizers write models, and which devices know. Sums of products of
// bytes are exact in f32 up to 2^24.
//
//   QLinearConv-10, QLinearMatMul-21, ConvInteger-10, MatMulInteger-10
//   com.microsoft: QLinearAdd, QLinearMul, QLinearSigmoid, QLinearLeakyRelu, QLinearSoftmax,
//   QLinearAveragePool, QLinearGlobalAveragePool, QLinearConcat (public documentation of ONNX
//   Runtime, ContribOperators.md)
#include "inference/formats/onnx_rewriter.h"

#include <algorithm>

namespace infer::onnx {
namespace {

// (x - zero point) * scale from inputs k (x), k + 1, k + 2. `axis` counts where there are several.
ValueId dequantized(Rewriter& r, size_t k, int64_t axis = 1) {
    return r.emit("DequantizeLinear", {r.input(k), r.input(k + 1), r.input(k + 2)},
                  {{"axis", axis}});
}

// x - zero point as floats.
ValueId centred(Rewriter& r, ValueId x, ValueId zero_point, int64_t axis) {
    const int64_t zeros = zero_point == none ? 1 : count(r.value(zero_point).shape);
    const std::vector<float> ones(size_t(std::clamp<int64_t>(zeros, 1, 1 << 20)), 1.0f);
    const ValueId scale = ones.size() == 1 ? r.number(1) : r.floats(ones);
    return r.emit("DequantizeLinear", {x, scale, zero_point}, {{"axis", axis}});
}

// This node quantizes `value`; scale and zero point are its own inputs.
void quantize(Rewriter& r, ValueId value, size_t scale, size_t zero_point) {
    r.become("QuantizeLinear", {value, r.input(scale), r.input(zero_point)});
}

void qlinear_conv(Rewriter& r) {
    std::vector<ValueId> inputs = {dequantized(r, 0), dequantized(r, 3, 0)};
    if (r.input(8) != none) // of scale x's times w's
        inputs.push_back(r.emit("DequantizeLinear",
                                {r.input(8), r.emit("Mul", {r.input(1), r.input(4)}), none},
                                {{"axis", int64_t{0}}}));
    quantize(r, r.emit("Conv", inputs, r.node().attrs), 6, 7);
}

void qlinear_matmul(Rewriter& r) {
    const ValueId a = dequantized(r, 0, -2), b = dequantized(r, 3, -1);
    quantize(r, r.emit("MatMul", {a, b}), 6, 7);
}

void conv_integer(Rewriter& r) {
    const ValueId y = r.emit(
        "Conv", {centred(r, r.input(0), r.input(2), 1), centred(r, r.input(1), r.input(3), 0)},
        r.node().attrs);
    r.become("Cast", {y}, {{"to", int64_t{6}}}); // INT32
}

void matmul_integer(Rewriter& r) {
    const ValueId y = r.emit(
        "MatMul", {centred(r, r.input(0), r.input(2), -2), centred(r, r.input(1), r.input(3), -1)});
    r.become("Cast", {y}, {{"to", int64_t{6}}});
}

// a, b: inputs 0 to 2 and 3 to 5; y's scale and zero point: 6 and 7.
template <const char* op> void binary(Rewriter& r) {
    quantize(r, r.emit(op, {dequantized(r, 0), dequantized(r, 3)}), 6, 7);
}

// x: inputs 0 to 2; y's scale and zero point: 3 and 4.
template <const char* op> void unary(Rewriter& r) {
    quantize(r, r.emit(op, {dequantized(r, 0)}, r.node().attrs), 3, 4);
}

// y's scale and zero point first, then three inputs for each part.
void qlinear_concat(Rewriter& r) {
    std::vector<ValueId> parts;
    for (size_t k = 2; k + 1 < r.node().inputs.size(); k += 3)
        parts.push_back(dequantized(r, k));
    quantize(r, r.emit("Concat", parts, r.node().attrs), 0, 1);
}

constexpr char add[] = "Add", mul[] = "Mul", sigmoid[] = "Sigmoid", leaky_relu[] = "LeakyRelu",
               softmax[] = "Softmax", average[] = "AveragePool",
               global_average[] = "GlobalAveragePool";

// Memory with channels last is not what the others expect.
template <const char* op> void pool(Rewriter& r) {
    if (!r.node().attr("channels_last", int64_t{0}))
        unary<op>(r);
}

constexpr Rewrite table[] = {
    {"QLinearConv", qlinear_conv},
    {"QLinearMatMul", qlinear_matmul},
    {"ConvInteger", conv_integer},
    {"MatMulInteger", matmul_integer},
    {"com.microsoft.QLinearAdd", binary<add>},
    {"com.microsoft.QLinearMul", binary<mul>},
    {"com.microsoft.QLinearSigmoid", unary<sigmoid>},
    {"com.microsoft.QLinearLeakyRelu", unary<leaky_relu>},
    {"com.microsoft.QLinearSoftmax", unary<softmax>},
    {"com.microsoft.QLinearAveragePool", pool<average>},
    {"com.microsoft.QLinearGlobalAveragePool", pool<global_average>},
    {"com.microsoft.QLinearConcat", qlinear_concat},
};

} // namespace

std::span<const Rewrite> quantized_rewrites() { return table; }

} // namespace infer::onnx
