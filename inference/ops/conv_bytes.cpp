// SPDX-License-Identifier: LGPL-2.1-or-later
// ConvBytes, ours: a convolution that multiplies bytes, made by `run_in_bytes`
// (inference/quantized.h).
//
//   y = activation(scale * conv(x - x_zero, w) + bias + residual_scale * residual)
//   bytes: saturate(round_half_even(y * out_scale + out_shift))
//
//   in   x         u8 or i8 [N, C, H, W]; outside of it lies x_zero
//        w         i8 [M, C / group, KH, KW]
//        scale     f32 [M]
//        bias      f32 [M]
//        residual  shape of y; f32 if y is, else u8 or i8; optional
//   out  y         f32, u8 or i8 [N, M, OH, OW]
//   attr those of Conv;  to  "f32" (default), "u8" or "i8";  x_zero  integer, default 0
//        residual_scale, out_scale  default 1;  out_shift  default 0
#include "inference/ops/activation.h"
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

const OpDef& conv() { return *find_op("Conv"); }

// The same convolution on floats; its residual comes later.
Node float_conv(const Node& node) {
    Node plain = node;
    plain.op = "Conv";
    plain.attrs.erase("activation");
    return plain;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 4, 5); !ok.ok())
        return ok.error();
    const std::string to = node.attr("to", "f32");
    const ElementType type = to == "u8"   ? ElementType::U8
                             : to == "i8" ? ElementType::I8
                                          : ElementType::F32;
    if (!is_byte(in[0].type) || in[1].type != ElementType::I8 || in[2].type != ElementType::F32 ||
        in[3].type != ElementType::F32 || (to != "f32" && !is_byte(type)))
        return invalid(
            node,
            "takes bytes, weights in i8 and floats for scale and bias, and makes f32, u8 or i8");
    const std::vector<ValueFacts> floats{fact(ElementType::F32, in[0].shape),
                                         fact(ElementType::F32, in[1].shape)};
    auto out = conv().infer(float_conv(node), floats);
    if (!out.ok())
        return out;
    const int64_t channels = in[1].shape[0];
    if (in[2].shape != Shape{channels} || in[3].shape != Shape{channels})
        return invalid(node, "needs a scale and a bias for each of its " +
                                 std::to_string(channels) + " channels");
    const Shape y = out.value()[0].shape;
    const bool bytes = type != ElementType::F32;
    if (given(in, 4) && (in[4].shape != y || bytes != is_byte(in[4].type)))
        return invalid(node, "its residual is " + to_string(in[4].shape) + ", not " + to_string(y));
    return one(type, y);
}

// Bytes as floats, less `zero`.
Tensor floats_of(const TensorView& bytes, float zero) {
    Tensor out(ElementType::F32, bytes.shape);
    visit(bytes.type, [&]<typename T>(std::type_identity<T>) {
        std::transform(bytes.span<T>().begin(), bytes.span<T>().end(), out.span<float>().begin(),
                       [&](T v) { return float(v) - zero; });
    });
    return out;
}

void run(const Node& node, Views in, Views out) {
    const Tensor x = floats_of(in[0], float(node.attr("x_zero", int64_t{0}))),
                 w = floats_of(in[1], 0);
    Tensor y(ElementType::F32, out[0].shape);
    const std::vector<TensorView> floats{x.view(), w.view()};
    conv().run(float_conv(node), floats, std::vector<TensorView>{y.view()});

    const Shape& s = out[0].shape;
    const int64_t plane = s[2] * s[3], channels = s[1];
    const auto values = y.span<float>();
    const Tensor residual = given(in, 4) ? floats_of(in[4], 0) : Tensor();
    const float residual_scale = node.attr("residual_scale", 1.0f);
    for (size_t i = 0; i < values.size(); i++) {
        const auto c = size_t(int64_t(i) / plane % channels);
        values[i] = values[i] * in[2].span<float>()[c] + in[3].span<float>()[c];
        if (given(in, 4))
            values[i] += residual_scale * residual.span<float>()[i];
    }
    activate(node, values.data(), values.size());
    if (out[0].type == ElementType::F32) {
        std::copy(values.begin(), values.end(), out[0].span<float>().begin());
        return;
    }
    const std::vector<float> scale{node.attr("out_scale", 1.0f)},
        shift{node.attr("out_shift", 0.0f)};
    const Tensor factor = make_tensor<float>(ElementType::F32, {1}, scale),
                 offset = make_tensor<float>(ElementType::F32, {1}, shift);
    const std::vector<TensorView> to_bytes{y.view(), factor.view(), offset.view()};
    find_op("ToBytes")->run(node, to_bytes, out);
}

constexpr OpDef table[] = {{"ConvBytes", infer, run}};

} // namespace

extern constinit const OpList ops_conv_bytes = table;

} // namespace infer
