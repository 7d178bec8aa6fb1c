// SPDX-License-Identifier: LGPL-2.1-or-later
//
// MatMul and Gemm with a known right-hand matrix: a pointwise convolution whose pixels are the rows.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>

namespace infer::cpu {
namespace {

bool is_vector_of(const Operand& bias, int64_t columns) {
    if (!bias.constant || bias.type != ElementType::F32)
        return false;
    const int64_t n = count(bias.shape);
    return n == 1 || (n == columns && !bias.shape.empty() && bias.shape.back() == columns);
}

bool is_one_matrix(const Shape& shape) {
    return std::all_of(shape.begin(), shape.end() - 2, [](int64_t n) { return n == 1; });
}

std::optional<Wish> accept(const NodeView& view) {
    const Node& node = view.node;
    if ((node.op != "MatMul" && node.op != "Gemm") || !activation_of(node))
        return std::nullopt;
    const Operand& a = view.in[0];
    const Operand& b = view.in[1];
    if (a.type != ElementType::F32 || b.type != ElementType::F32 || !b.constant || b.shape.size() < 2 || !is_one_matrix(b.shape) ||
        a.shape.size() < b.shape.size() || a.shape.size() < 2 || node.attr("transA", int64_t(0)) != 0)
        return std::nullopt;
    if (view.in.size() > 2 && view.in[2].present && !is_vector_of(view.in[2], view.out[0].shape.back()))
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    if (view.in.size() > 3 && view.in[3].present)
        wish.in_place = 3;
    return wish;
}

// b as [columns][depth], times `alpha`.
std::vector<float> rows_of_columns(const Operand& b, bool transposed, float alpha) {
    const size_t rank = b.shape.size();
    const int64_t depth = b.shape[rank - (transposed ? 1 : 2)], columns = b.shape[rank - (transposed ? 2 : 1)];
    const auto from = b.constant->span<float>();
    std::vector<float> to(static_cast<size_t>(depth * columns));
    for (int64_t n = 0; n < columns; n++)
        for (int64_t k = 0; k < depth; k++)
            to[size_t(n * depth + k)] = alpha * from[size_t(transposed ? n * depth + k : k * columns + n)];
    return to;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Node& node = view.node;
    const bool gemm = node.op == "Gemm", transposed = gemm && node.attr("transB", int64_t(0)) != 0;
    const float alpha = gemm ? node.attr("alpha", 1.0f) : 1, beta = gemm ? node.attr("beta", 1.0f) : 1;
    ConvPlan plan;
    plan.in_channels = plan.in_stride = view.in[0].shape.back();
    plan.out_channels = plan.out_stride = plan.residual_stride = view.out[0].shape.back();
    plan.width = plan.out_width = count(view.in[0].shape) / plan.in_channels;
    plan.has_residual = view.in.size() > 3 && view.in[3].present;
    plan.activation = *activation_of(node);
    plan.rows_are_dense = true;
    std::vector<float> bias;
    if (view.in.size() > 2 && view.in[2].present) {
        const auto given = view.in[2].constant->span<float>();
        for (int64_t n = 0; n < plan.out_channels; n++)
            bias.push_back(beta * given[given.size() == 1 ? 0 : size_t(n)]);
    }
    pack_conv(plan, rows_of_columns(view.in[1], transposed, alpha).data(), bias.empty() ? nullptr : bias.data());
    return make_conv_kernel(std::move(plan), view.threads);
}

} // namespace

extern const KernelDef cpu_kernel_matmul;
const KernelDef cpu_kernel_matmul = {.name = "matmul", .accept = accept, .make = make};

} // namespace infer::cpu
