// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of one element that keep any type: Neg, Abs, Sign, Not, BitwiseNot; and the tests IsNaN
// and IsInf.
//
//   in   x  numbers (Not: Bool; BitwiseNot: integers; IsNaN, IsInf: f32), any shape
//   out  y  type and shape of x (IsNaN, IsInf: Bool)
//   attr detect_negative, detect_positive  IsInf: which infinities count, default both
//
// ONNX operators of the same names. Integers wrap around.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    auto out = same_any(node, in);
    if (!out.ok())
        return out;
    const bool is_bool = in[0].type == ElementType::Bool, is_float = in[0].type == ElementType::F32;
    const bool test = node.op == "IsNaN" || node.op == "IsInf";
    if (is_bool != (node.op == "Not") || (test && !is_float) ||
        (node.op == "BitwiseNot" && is_float))
        return invalid(node, "cannot take " + std::string(name_of(in[0].type)));
    return one(test ? ElementType::Bool : in[0].type, in[0].shape);
}

template <typename F> void each(Views in, Views out, F f) {
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const auto x = in[0].span<T>();
        const auto y = out[0].span<T>();
        for (size_t i = 0; i < x.size(); i++)
            y[i] = f(x[i]);
    });
}

template <typename T> T negated(T v) {
    if constexpr (std::is_integral_v<T>)
        return T(-uint64_t(v));
    else
        return -v;
}

void run_neg(const Node&, Views in, Views out) {
    each(in, out, [](auto v) { return negated(v); });
}

void run_abs(const Node&, Views in, Views out) {
    each(in, out, [](auto v) {
        if constexpr (std::is_floating_point_v<decltype(v)>)
            return std::abs(v);
        else
            return v < 0 ? negated(v) : v;
    });
}

void run_sign(const Node&, Views in, Views out) {
    each(in, out, [](auto v) { return decltype(v)((v > 0) - (v < 0)); });
}

void run_not(const Node&, Views in, Views out) {
    each(in, out, [](auto v) { return decltype(v)(v == 0); });
}

void run_bitwise_not(const Node&, Views in, Views out) {
    each(in, out, [](auto v) { return decltype(v)(~uint64_t(v)); });
}

void run_is_nan(const Node&, Views in, Views out) {
    for (size_t i = 0; i < in[0].span<float>().size(); i++)
        out[0].span<uint8_t>()[i] = std::isnan(in[0].span<float>()[i]);
}

void run_is_inf(const Node& node, Views in, Views out) {
    const bool negative = node.attr("detect_negative", int64_t{1}) != 0;
    const bool positive = node.attr("detect_positive", int64_t{1}) != 0;
    for (size_t i = 0; i < in[0].span<float>().size(); i++) {
        const float v = in[0].span<float>()[i];
        out[0].span<uint8_t>()[i] = std::isinf(v) && (v < 0 ? negative : positive);
    }
}

constexpr OpDef table[] = {
    {"Neg", infer, run_neg, true},
    {"Abs", infer, run_abs, true},
    {"Sign", infer, run_sign, true},
    {"Not", infer, run_not, true},
    {"BitwiseNot", infer, run_bitwise_not, true},
    {"IsNaN", infer, run_is_nan},
    {"IsInf", infer, run_is_inf},
};

} // namespace

extern constinit const OpList ops_sign = table;

} // namespace infer
