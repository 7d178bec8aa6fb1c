// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/lowering/micro_ops.h"

#include "inference/ops/activation.h"

#include <limits>

namespace infer::lowering {
namespace {

float number(std::span<const ValueFacts> in, size_t k, float fallback) {
    if (k >= in.size() || !in[k].present || !in[k].constant || count(in[k].shape) != 1)
        return fallback;
    return in[k].constant->span<float>()[0];
}

bool is_known(std::span<const ValueFacts> in, size_t k) {
    return k >= in.size() || !in[k].present ||
           (in[k].constant && in[k].type == ElementType::F32 && count(in[k].shape) == 1);
}

std::vector<MicroOp> chain_ops(const Node& node) {
    const auto* names = std::get_if<std::vector<std::string>>(&node.attrs.at("ops"));
    const auto* alphas = std::get_if<std::vector<float>>(&node.attrs.at("alphas"));
    const auto* betas = std::get_if<std::vector<float>>(&node.attrs.at("betas"));
    const auto operands = node.attr("operands", std::vector<int64_t>{});
    const auto reversed = node.attr("reversed", std::vector<int64_t>{});
    const auto* grids = std::get_if<std::vector<float>>(&node.attrs.at("grids"));
    std::vector<MicroOp> ops;
    for (size_t k = 0; k < names->size(); k++) {
        auto op = micro_op((*names)[k], reversed[k] != 0, (*alphas)[k], (*betas)[k]);
        if (!op)
            return {};
        op->operand = int(operands[k]);
        const float* grid = grids->data() + 4 * k;
        op->from = grid[0], op->step = grid[1], op->out_from = grid[2], op->out_step = grid[3];
        ops.push_back(*op);
    }
    return ops;
}

// QuantizeLinear and DequantizeLinear in one ("QuantizeDequantize", made by fuse.cpp; attrs alpha, beta, step)
// and FakeQuantize with one range for all elements.
std::vector<MicroOp> grid_ops(const Node& node, std::span<const ValueFacts> in) {
    MicroOp op = *micro_op("Grid", false, node.attr("alpha", 0.0f), node.attr("beta", 0.0f));
    op.step = op.out_step = node.attr("step", 1.0f);
    if (node.op == "FakeQuantize") {
        for (size_t k = 1; k < 5; k++)
            if (k >= in.size() || !in[k].present || !is_known(in, k))
                return {};
        const float low = number(in, 1, 0), high = number(in, 2, 0), steps = float(node.attr("levels", int64_t(256)) - 1);
        if (!(low < high))
            return {};
        op.activation.alpha = op.from = low, op.activation.beta = high;
        op.out_from = number(in, 3, 0);
        op.kind = MicroOp::ScaledGrid;
        op.step = steps / (high - low), op.out_step = (number(in, 4, 0) - op.out_from) / steps;
    }
    return {op};
}

} // namespace

std::optional<MicroOp> micro_op(const std::string& op, bool reversed, float alpha, float beta) {
    struct Row {
        std::string_view name;
        MicroOp::Kind kind, when_reversed;
    };
    static constexpr Row rows[] = {
        {"Add", MicroOp::Add, MicroOp::Add},
        {"Sub", MicroOp::Sub, MicroOp::RevSub},
        {"Mul", MicroOp::Mul, MicroOp::Mul},
        {"Div", MicroOp::Div, MicroOp::RevDiv},
        {"Min", MicroOp::Min, MicroOp::Min},
        {"Max", MicroOp::Max, MicroOp::Max},
        {"PRelu", MicroOp::PRelu, MicroOp::Copy},
        {"Abs", MicroOp::Abs, MicroOp::Copy},
        {"Neg", MicroOp::Neg, MicroOp::Copy},
        {"Sqrt", MicroOp::Sqrt, MicroOp::Copy},
        {"Exp", MicroOp::Exp, MicroOp::Copy},
        {"Reciprocal", MicroOp::Reciprocal, MicroOp::Copy},
        {"Square", MicroOp::Square, MicroOp::Copy},
        {"Log", MicroOp::Log, MicroOp::Copy},
        {"Erf", MicroOp::Erf, MicroOp::Copy},
        {"Floor", MicroOp::Floor, MicroOp::Copy},
        {"Ceil", MicroOp::Ceil, MicroOp::Copy},
        {"Round", MicroOp::Round, MicroOp::Copy},
        {"Softsign", MicroOp::Softsign, MicroOp::Copy},
        {"Sin", MicroOp::Sin, MicroOp::Copy},
        {"Cos", MicroOp::Cos, MicroOp::Copy},
        {"Power", MicroOp::Power, MicroOp::Copy},
        {"Sum", MicroOp::Add, MicroOp::Add},
        {"Grid", MicroOp::Grid, MicroOp::Copy},
        {"ScaledGrid", MicroOp::ScaledGrid, MicroOp::Copy},
    };
    for (const Row& row : rows)
        if (row.name == op) {
            const MicroOp::Kind kind = reversed ? row.when_reversed : row.kind;
            if (reversed && kind == MicroOp::Copy)
                return std::nullopt; // has no reversed form
            MicroOp found;
            found.kind = kind;
            found.activation.alpha = alpha, found.activation.beta = beta;
            return found;
        }
    if (op.empty() || reversed)
        return std::nullopt;
    const auto activation = activation_named(op, alpha, beta);
    if (!activation)
        return std::nullopt;
    MicroOp found;
    found.kind = MicroOp::Activate;
    found.activation = *activation;
    return found;
}

size_t operands_of(const Node& node) {
    return node.op == "Clip" || node.op == "Pow" || node.op == "FakeQuantize" ? 1 : node.inputs.size();
}

std::vector<MicroOp> micro_ops(const Node& node, std::span<const ValueFacts> in) {
    if (node.op == "Chain")
        return chain_ops(node);
    if (node.op == "QuantizeDequantize" || node.op == "FakeQuantize")
        return grid_ops(node, in);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    if (node.op == "Clip" && is_known(in, 1) && is_known(in, 2))
        return {*micro_op("Clip", false, number(in, 1, -infinity), number(in, 2, infinity))};
    if (node.op == "Pow" && is_known(in, 1)) {
        const float power = number(in, 1, 0);
        return {*micro_op(power == 2 ? "Square" : power == 0.5f ? "Sqrt" : "Power", false, power, 0)};
    }
    if (node.op == "Clip" || node.op == "Pow" || node.op == "Power")
        return {};
    const auto* f = find_activation(node.op);
    auto op = micro_op(node.op, false, f ? alpha_of(*f, node) : 0, f ? beta_of(*f, node) : 0);
    const bool binary = op && op->kind <= MicroOp::PRelu;
    if (!op || node.inputs.size() != (binary ? 2u : 1u))
        return {};
    if (binary)
        op->operand = 1;
    return {*op};
}

} // namespace infer::lowering
