// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of one tensor, by element. Meanings: OpenVINO's operation sets, "Activation",
// "Arithmetic" and "Logical".
#include "inference/formats/ir_rules.h"

namespace infer::ir {
namespace {

// The same function with the same name there and in ONNX, or with another name there.
void same(Call& call) {
    constexpr std::pair<std::string_view, std::string_view> renamed[] = {
        {"ReLU", "Relu"},        {"SoftPlus", "Softplus"}, {"SoftSign", "Softsign"},
        {"Negative", "Neg"},     {"Ceiling", "Ceil"},      {"LogicalNot", "Not"},
        {"HSwish", "HardSwish"},
    };
    std::string op = call.layer().type;
    for (const auto& [ours, theirs] : renamed)
        op = op == ours ? std::string(theirs) : op;
    call.expect(1, 1);
    call.emit(op, {call.in(0)});
}

void elu(Call& call) {
    call.expect(1, 1);
    call.emit("Elu", {call.in(0)}, {{"alpha", call.number("alpha", 1)}});
}

void clamp(Call& call) {
    call.expect(1, 1);
    const float low = call.number("min", 0), high = call.number("max", 0);
    if (!(low <= high))
        call.invalid("its min is above its max");
    const ElementType type = call.type(call.in(0));
    call.emit("Clip", {call.in(0), call.as_type(call.add_number(low), type),
                       call.as_type(call.add_number(high), type)});
}

void hard_sigmoid(Call& call) {
    call.expect(3, 3);
    const float alpha = call.constant_float(1, "alpha"), beta = call.constant_float(2, "beta");
    call.emit("HardSigmoid", {call.in(0)}, {{"alpha", alpha}, {"beta", beta}});
}

// min(max(x + 3, 0), 6) / 6
void h_sigmoid(Call& call) {
    call.expect(1, 1);
    call.emit("HardSigmoid", {call.in(0)}, {{"alpha", 1.0f / 6.0f}, {"beta", 0.5f}});
}

void selu(Call& call) {
    call.expect(3, 3);
    const float alpha = call.constant_float(1, "alpha"), gamma = call.constant_float(2, "lambda");
    call.emit("Selu", {call.in(0)}, {{"alpha", alpha}, {"gamma", gamma}});
}

void swish(Call& call) {
    call.expect(1, 2);
    const ValueId x = call.in(0), beta = call.in(1);
    if (beta == none || call.constant(beta)) {
        const float alpha = beta == none ? 1.0f : call.constant_float(1, "beta");
        return call.emit("Swish", {x}, {{"alpha", alpha}});
    }
    const ValueId scaled = call.node("Mul", {x, beta}, {}, ElementType::F32, call.rank(x));
    const ValueId gate = call.node("Sigmoid", {scaled}, {}, ElementType::F32, call.rank(x));
    call.emit("Mul", {x, gate});
}

void gelu(Call& call) {
    call.expect(1, 1);
    const std::string mode = call.text("approximation_mode", "erf");
    if (mode != "erf" && mode != "tanh")
        call.invalid("approximation_mode is '" + mode + "'; known are erf and tanh");
    call.emit("Gelu", {call.in(0)}, {{"alpha", mode == "tanh" ? 1.0f : 0.0f}});
}

// half_away_from_zero: sign(x) * floor(|x| + 0.5)
void round(Call& call) {
    call.expect(1, 1);
    const ValueId x = call.in(0);
    const std::string mode = call.text("mode", "half_to_even");
    if (mode == "half_to_even")
        return call.emit("Round", {x});
    if (mode != "half_away_from_zero")
        call.invalid("mode is '" + mode + "'; known are half_to_even and half_away_from_zero");
    const ValueId size = call.node("Abs", {x});
    const ValueId moved = call.node("Add", {size, call.add_number(0.5f)});
    call.emit("Mul", {call.node("Sign", {x}), call.node("Floor", {moved})});
}

void is_inf(Call& call) {
    call.expect(1, 1);
    call.emit("IsInf", {call.in(0)},
              {{"detect_negative", int64_t(call.flag("detect_negative", true))},
               {"detect_positive", int64_t(call.flag("detect_positive", true))}});
}

void is_finite(Call& call) {
    call.expect(1, 1);
    const ValueId nan = call.node("IsNaN", {call.in(0)}, {}, ElementType::Bool);
    const ValueId inf = call.node("IsInf", {call.in(0)}, {}, ElementType::Bool);
    call.emit("Not", {call.node("Or", {nan, inf}, {}, ElementType::Bool)});
}

// A list of slopes belongs to the channels, dimension 1; ONNX counts from the last.
void prelu(Call& call) {
    call.expect(2, 2);
    const ValueId x = call.in(0);
    ValueId slope = call.in(1);
    if (call.rank(slope) == 1 && call.rank(x) > 2 && call.shape(slope)[0] != 1) {
        Shape shape(call.rank(x) - 1, 1);
        shape[0] = -1;
        slope =
            call.node("Reshape", {slope, call.add_ints(shape)}, {}, ElementType::F32, shape.size());
    }
    call.emit("PRelu", {x, slope});
}

constexpr Rule table[] = {
    {"Abs", 1, 15, "Abs", same},
    {"Acos", 1, 15, "Acos", same},
    {"Acosh", 1, 15, "Acosh", same},
    {"Asin", 1, 15, "Asin", same},
    {"Asinh", 1, 15, "Asinh", same},
    {"Atan", 1, 15, "Atan", same},
    {"Atanh", 1, 15, "Atanh", same},
    {"BitwiseNot", 13, 15, "BitwiseNot", same},
    {"Ceiling", 1, 15, "Ceil", same},
    {"Clamp", 1, 15, "Clip", clamp},
    {"Cos", 1, 15, "Cos", same},
    {"Cosh", 1, 15, "Cosh", same},
    {"Elu", 1, 15, "Elu", elu},
    {"Erf", 1, 15, "Erf", same},
    {"Exp", 1, 15, "Exp", same},
    {"Floor", 1, 15, "Floor", same},
    {"Gelu", 2, 15, "Gelu", gelu},
    {"HSigmoid", 5, 15, "HardSigmoid", h_sigmoid},
    {"HSwish", 4, 15, "HardSwish", same},
    {"HardSigmoid", 1, 15, "HardSigmoid", hard_sigmoid},
    {"Identity", 15, 16, "Identity", same},
    {"IsFinite", 10, 15, "Not, Or, IsNaN, IsInf", is_finite},
    {"IsInf", 10, 15, "IsInf", is_inf},
    {"IsNaN", 10, 15, "IsNaN", same},
    {"Log", 1, 15, "Log", same},
    {"LogicalNot", 1, 15, "Not", same},
    {"Mish", 4, 15, "Mish", same},
    {"Negative", 1, 15, "Neg", same},
    {"PReLU", 1, 15, "PRelu", prelu},
    {"ReLU", 1, 15, "Relu", same},
    {"Round", 5, 15, "Round", round},
    {"Selu", 1, 15, "Selu", selu},
    {"Sigmoid", 1, 15, "Sigmoid", same},
    {"Sign", 1, 15, "Sign", same},
    {"Sin", 1, 15, "Sin", same},
    {"Sinh", 1, 15, "Sinh", same},
    {"SoftPlus", 4, 15, "Softplus", same},
    {"SoftSign", 9, 15, "Softsign", same},
    {"Sqrt", 1, 15, "Sqrt", same},
    {"Swish", 4, 15, "Swish", swish},
    {"Tan", 1, 15, "Tan", same},
    {"Tanh", 1, 15, "Tanh", same},
};

} // namespace

extern constinit const std::span<const Rule> rules_activation = table;

} // namespace infer::ir
