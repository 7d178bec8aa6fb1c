// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of two tensors by element, with numpy's broadcasting: Add, Mul, Less, And...
//
//   in   a, b  of one type (Pow: b may be of another), shapes that broadcast
//   out  c     their broadcast shape; Bool for comparisons, else the type of a
//
// ONNX operators of the same names; Mod has attribute fmod, BitShift has direction. Integers wrap
// around; an integer divided by zero gives zero (ONNX leaves it open) and PRelu is a b where a < 0.
#include "inference/ops/kernel.h"

#include <array>
#include <cmath>
#include <functional>
#include <limits>

namespace infer {
namespace {

enum class Takes { Numbers, Bools, Integers, Anything };

struct Rule {
    std::string_view op;
    Takes takes;
    bool compares; // gives Bool
};

constexpr Rule rules[] = {
    {"Add", Takes::Numbers, false},
    {"Sub", Takes::Numbers, false},
    {"Mul", Takes::Numbers, false},
    {"Div", Takes::Numbers, false},
    {"Pow", Takes::Numbers, false},
    {"Mod", Takes::Numbers, false},
    {"PRelu", Takes::Numbers, false},
    {"And", Takes::Bools, false},
    {"Or", Takes::Bools, false},
    {"Xor", Takes::Bools, false},
    {"BitwiseAnd", Takes::Integers, false},
    {"BitwiseOr", Takes::Integers, false},
    {"BitwiseXor", Takes::Integers, false},
    {"BitShift", Takes::Integers, false},
    {"Equal", Takes::Anything, true},
    {"Less", Takes::Numbers, true},
    {"Greater", Takes::Numbers, true},
    {"LessOrEqual", Takes::Numbers, true},
    {"GreaterOrEqual", Takes::Numbers, true},
};

const Rule& rule_of(const Node& node) {
    return *std::find_if(std::begin(rules), std::end(rules),
                         [&](const Rule& r) { return r.op == node.op; });
}

bool accepts(Takes takes, ElementType type) {
    switch (takes) {
    case Takes::Numbers:
        return type != ElementType::Bool;
    case Takes::Bools:
        return type == ElementType::Bool;
    case Takes::Integers:
        return type != ElementType::Bool && type != ElementType::F32;
    case Takes::Anything:
        break;
    }
    return true;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const Rule& rule = rule_of(node);
    if (!accepts(rule.takes, in[0].type) || !accepts(rule.takes, in[1].type))
        return invalid(node, "cannot take " + std::string(name_of(in[0].type)));
    if (in[0].type != in[1].type && node.op != "Pow")
        return invalid(node, "its inputs differ in type: " + std::string(name_of(in[0].type)) +
                                 " and " + std::string(name_of(in[1].type)));
    const auto shape = broadcast(in[0].shape, in[1].shape);
    if (!shape)
        return invalid(node, "shapes " + to_string(in[0].shape) + " and " + to_string(in[1].shape) +
                                 " do not broadcast");
    return one(rule.compares ? ElementType::Bool : in[0].type, *shape);
}

// c[i] = f(a[i], b[i]) over the broadcast shape.
template <typename A, typename B, typename C> void walk(Views in, Views out, C (*f)(A, B)) {
    const Shape& shape = out[0].shape;
    const auto a = in[0].span<A>();
    const auto b = in[1].span<B>();
    const auto c = out[0].span<C>();
    const std::vector<int64_t> strides[] = {broadcast_strides(in[0].shape, shape),
                                            broadcast_strides(in[1].shape, shape),
                                            strides_of(shape)};
    const int64_t step_a = shape.empty() ? 0 : strides[0].back();
    const int64_t step_b = shape.empty() ? 0 : strides[1].back();
    for_each_row(shape, strides, [&](const int64_t* at, int64_t length) {
        const A* pa = a.data() + at[0];
        const B* pb = b.data() + at[1];
        C* pc = c.data() + at[2];
        for (int64_t i = 0; i < length; i++)
            pc[i] = f(pa[i * step_a], pb[i * step_b]);
    });
}

// Wraps around as two's complement does, also for signed types and for those that promote to int.
template <typename T, typename F> T wrapping(T a, T b, F f) {
    if constexpr (std::is_integral_v<T>)
        return T(f(uint64_t(a), uint64_t(b)));
    else
        return f(a, b);
}

template <typename T> T divide(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
        if (b == 0)
            return 0;
        if constexpr (std::is_signed_v<T>)
            if (b == T(-1)) // the only quotient that may not fit
                return T(-uint64_t(a));
    }
    return T(a / b);
}

// Sign of the divisor (Python's %), or with fmod of the dividend (C's).
template <typename T> T modulo(T a, T b, bool fmod) {
    if constexpr (std::is_integral_v<T>) {
        if (b == 0 || T(b + 1) == 0) // x mod -1 is 0, and INT_MIN % -1 traps
            return std::is_signed_v<T> || b == 0 ? T(0) : T(a % b);
        const T r = T(a % b);
        return !fmod && r != 0 && ((r < 0) != (b < 0)) ? T(r + b) : r;
    } else {
        const T r = std::fmod(a, b);
        return !fmod && r != 0 && ((r < 0) != (b < 0)) ? T(r + b) : r;
    }
}

template <typename T, typename E> T power(T base, E exponent) {
    if constexpr (std::is_same_v<T, float> && std::is_same_v<E, float>)
        return std::pow(base, exponent);
    else {
        const double p = std::pow(double(base), double(exponent));
        if constexpr (std::is_integral_v<T>) // out of range gives the nearest there is
            return p >= double(std::numeric_limits<T>::max())   ? std::numeric_limits<T>::max()
                   : p <= double(std::numeric_limits<T>::min()) ? std::numeric_limits<T>::min()
                   : p == p                                     ? T(p)
                                                                : T(0);
        else
            return T(p);
    }
}

// The function of an operator for one type; nullptr if it is not of this kind. Pointers instead of
// templated loops: there are many operators and types, and this is the plain kernel.
template <typename T> using Function = T (*)(T, T);
template <typename T> using Test = uint8_t (*)(T, T);

template <typename T> Test<T> test_of(std::string_view op) {
    if (op == "Equal")
        return [](T a, T b) { return uint8_t(a == b); };
    if (op == "Less")
        return [](T a, T b) { return uint8_t(a < b); };
    if (op == "Greater")
        return [](T a, T b) { return uint8_t(a > b); };
    if (op == "LessOrEqual")
        return [](T a, T b) { return uint8_t(a <= b); };
    if (op == "GreaterOrEqual")
        return [](T a, T b) { return uint8_t(a >= b); };
    return nullptr;
}

template <typename T> Function<T> bits_of(const Node& node) {
    const std::string_view op = node.op;
    if (op == "And" || op == "BitwiseAnd")
        return [](T a, T b) { return T(a & b); };
    if (op == "Or" || op == "BitwiseOr")
        return [](T a, T b) { return T(a | b); };
    if (op == "Xor" || op == "BitwiseXor")
        return [](T a, T b) { return T(a ^ b); };
    if (op == "BitShift" && node.attr("direction", "LEFT") == "LEFT")
        return [](T a, T b) { return uint64_t(b) >= 8 * sizeof(T) ? T(0) : T(uint64_t(a) << b); };
    if (op == "BitShift")
        return [](T a, T b) {
            return uint64_t(b) < 8 * sizeof(T) ? T(a >> b) : a < T(0) ? T(-1) : T(0);
        };
    return nullptr;
}

template <typename T> Function<T> arithmetic_of(const Node& node) {
    const std::string_view op = node.op;
    if (op == "Add")
        return [](T a, T b) { return wrapping(a, b, std::plus<>()); };
    if (op == "Sub")
        return [](T a, T b) { return wrapping(a, b, std::minus<>()); };
    if (op == "Mul")
        return [](T a, T b) { return wrapping(a, b, std::multiplies<>()); };
    if (op == "Div")
        return [](T a, T b) { return divide(a, b); };
    if (op == "Mod" && node.attr("fmod", int64_t{0}))
        return [](T a, T b) { return modulo(a, b, true); };
    if (op == "Mod")
        return [](T a, T b) { return modulo(a, b, false); };
    return [](T a, T b) { return a < T(0) ? wrapping(a, b, std::multiplies<>()) : a; }; // PRelu
}

template <typename T> void run_pow(Views in, Views out) {
    visit(in[1].type,
          [&]<typename E>(std::type_identity<E>) { walk<T, E, T>(in, out, power<T, E>); });
}

void run(const Node& node, Views in, Views out) {
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        if (node.op == "Pow")
            return run_pow<T>(in, out);
        if (const Test<T> test = test_of<T>(node.op))
            return walk<T, T, uint8_t>(in, out, test);
        if constexpr (std::is_integral_v<T>)
            if (const Function<T> bits = bits_of<T>(node))
                return walk<T, T, T>(in, out, bits);
        walk<T, T, T>(in, out, arithmetic_of<T>(node));
    });
}

constexpr OpDef def(const Rule& rule) { return {rule.op, infer, run, !rule.compares}; }

template <size_t... k> constexpr auto table_of(std::index_sequence<k...>) {
    return std::array{def(rules[k])...};
}
constexpr auto table = table_of(std::make_index_sequence<std::size(rules)>());

} // namespace

extern constinit const OpList ops_binary = table;

} // namespace infer
