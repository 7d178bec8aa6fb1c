// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/ops/elementwise.h"

#include <limits>

namespace infer::cpu {
namespace {

float number(std::span<const Operand> in, size_t k, float fallback) {
    if (k >= in.size() || !in[k].present || !in[k].constant || count(in[k].shape) != 1)
        return fallback;
    return in[k].constant->span<float>()[0];
}

bool is_known(std::span<const Operand> in, size_t k) {
    return k >= in.size() || !in[k].present ||
           (in[k].constant && in[k].type == ElementType::F32 && count(in[k].shape) == 1);
}

std::vector<MicroOp> chain_ops(const Node& node) {
    const auto* names = std::get_if<std::vector<std::string>>(&node.attrs.at("ops"));
    const auto* alphas = std::get_if<std::vector<float>>(&node.attrs.at("alphas"));
    const auto* betas = std::get_if<std::vector<float>>(&node.attrs.at("betas"));
    const auto operands = node.attr("operands", std::vector<int64_t>{});
    const auto reversed = node.attr("reversed", std::vector<int64_t>{});
    std::vector<MicroOp> ops;
    for (size_t k = 0; k < names->size(); k++) {
        auto op = micro_op((*names)[k], reversed[k] != 0, (*alphas)[k], (*betas)[k]);
        if (!op)
            return {};
        op->operand = int(operands[k]);
        ops.push_back(*op);
    }
    return ops;
}

} // namespace

std::optional<MicroOp> micro_op(const std::string& op, bool reversed, float alpha, float beta) {
    struct Row {
        std::string_view name;
        MicroOp::Kind kind, when_reversed;
    };
    static constexpr Row rows[] = {
        {"Add", MicroOp::Add, MicroOp::Add},       {"Sub", MicroOp::Sub, MicroOp::RevSub},
        {"Mul", MicroOp::Mul, MicroOp::Mul},       {"Div", MicroOp::Div, MicroOp::RevDiv},
        {"Min", MicroOp::Min, MicroOp::Min},       {"Max", MicroOp::Max, MicroOp::Max},
        {"PRelu", MicroOp::PRelu, MicroOp::Copy},  {"Abs", MicroOp::Abs, MicroOp::Copy},
        {"Neg", MicroOp::Neg, MicroOp::Copy},      {"Sqrt", MicroOp::Sqrt, MicroOp::Copy},
        {"Exp", MicroOp::Exp, MicroOp::Copy},      {"Reciprocal", MicroOp::Reciprocal, MicroOp::Copy},
        {"Square", MicroOp::Square, MicroOp::Copy},
    };
    for (const Row& row : rows)
        if (row.name == op) {
            const MicroOp::Kind kind = reversed ? row.when_reversed : row.kind;
            if (reversed && kind == MicroOp::Copy)
                return std::nullopt; // has no reversed form
            return MicroOp{.kind = kind, .operand = -1, .activation = {}};
        }
    if (op.empty() || reversed)
        return std::nullopt;
    const auto activation = activation_named(op, alpha, beta);
    if (!activation)
        return std::nullopt;
    return MicroOp{.kind = MicroOp::Activate, .operand = -1, .activation = *activation};
}

size_t operands_of(const Node& node) {
    return node.op == "Clip" || node.op == "Pow" ? 1 : node.inputs.size();
}

std::vector<MicroOp> micro_ops(const Node& node, std::span<const Operand> in) {
    if (node.op == "Chain")
        return chain_ops(node);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    if (node.op == "Clip" && is_known(in, 1) && is_known(in, 2))
        return {*micro_op("Clip", false, number(in, 1, -infinity), number(in, 2, infinity))};
    if (node.op == "Pow" && is_known(in, 1) && (number(in, 1, 0) == 2 || number(in, 1, 0) == 0.5f))
        return {*micro_op(number(in, 1, 0) == 2 ? "Square" : "Sqrt", false, 0, 0)};
    if (node.op == "Clip" || node.op == "Pow")
        return {};
    const auto [alpha, beta] = activation_defaults(node.op);
    auto op = micro_op(node.op, false, node.attr("alpha", alpha), node.attr("beta", beta));
    const bool binary = op && op->kind <= MicroOp::PRelu;
    if (!op || node.inputs.size() != (binary ? 2u : 1u))
        return {};
    if (binary)
        op->operand = 1;
    return {*op};
}

} // namespace infer::cpu
