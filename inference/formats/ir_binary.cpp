// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of two tensors by element, with NumPy's broadcasting. Meanings: OpenVINO's operation
// sets, "Arithmetic", "Comparison", "Logical".
#include "inference/formats/ir_rules.h"

namespace infer::ir {
namespace {

void check(Call& call) {
    call.expect(2, 2);
    const std::string rule = call.text("auto_broadcast", "numpy");
    if (rule != "numpy" && rule != "none")
        call.unsupported("auto_broadcast is '" + rule + "'; numpy and none can be run");
}

void renamed(Call& call) {
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"Subtract", "Sub"},          {"Multiply", "Mul"}, {"Power", "Pow"},
        {"Maximum", "Max"},           {"Minimum", "Min"},  {"GreaterEqual", "GreaterOrEqual"},
        {"LogicalAnd", "And"},        {"LogicalOr", "Or"}, {"LogicalXor", "Xor"},
        {"LessEqual", "LessOrEqual"},
    };
    std::string op = call.layer().type;
    for (const auto& [theirs, ours] : names)
        op = op == theirs ? std::string(ours) : op;
    check(call);
    call.emit(op, {call.in(0), call.in(1)});
}

// Integers are divided downwards (m_pythondiv, the default): (a - a mod b) / b, exactly.
void divide(Call& call) {
    check(call);
    const ValueId a = call.in(0), b = call.in(1);
    const ElementType type = call.type(a);
    if (type == ElementType::F32 || !call.flag("m_pythondiv", true))
        return call.emit("Div", {a, b});
    const ValueId rest = call.node("Mod", {a, b}, {}, type);
    call.emit("Div", {call.node("Sub", {a, rest}, {}, type), b});
}

void modulo(Call& call) {
    check(call);
    const bool floors = call.layer().type == "FloorMod"; // sign of the divisor
    call.emit("Mod", {call.in(0), call.in(1)}, {{"fmod", int64_t(!floors)}});
}

void not_equal(Call& call) {
    check(call);
    call.emit("Not", {call.node("Equal", {call.in(0), call.in(1)}, {}, ElementType::Bool)});
}

void squared_difference(Call& call) {
    check(call);
    const ValueId d = call.node("Sub", {call.in(0), call.in(1)}, {}, call.type(call.in(0)));
    call.emit("Mul", {d, d});
}

constexpr Rule table[] = {
    {"Add", 1, 15, "Add", renamed},
    {"BitwiseAnd", 13, 15, "BitwiseAnd", renamed},
    {"BitwiseOr", 13, 15, "BitwiseOr", renamed},
    {"BitwiseXor", 13, 15, "BitwiseXor", renamed},
    {"Divide", 1, 15, "Div; whole numbers: Mod, Sub, Div", divide},
    {"Equal", 1, 15, "Equal", renamed},
    {"FloorMod", 1, 15, "Mod", modulo},
    {"Greater", 1, 15, "Greater", renamed},
    {"GreaterEqual", 1, 15, "GreaterOrEqual", renamed},
    {"Less", 1, 15, "Less", renamed},
    {"LessEqual", 1, 15, "LessOrEqual", renamed},
    {"LogicalAnd", 1, 15, "And", renamed},
    {"LogicalOr", 1, 15, "Or", renamed},
    {"LogicalXor", 1, 15, "Xor", renamed},
    {"Maximum", 1, 15, "Max", renamed},
    {"Minimum", 1, 15, "Min", renamed},
    {"Mod", 1, 15, "Mod", modulo},
    {"Multiply", 1, 15, "Mul", renamed},
    {"NotEqual", 1, 15, "Not, Equal", not_equal},
    {"Power", 1, 15, "Pow", renamed},
    {"SquaredDifference", 1, 15, "Sub, Mul", squared_difference},
    {"Subtract", 1, 15, "Sub", renamed},
    {"Xor", 1, 15, "Xor", renamed},
};

} // namespace

extern constinit const std::span<const Rule> rules_binary = table;

} // namespace infer::ir
