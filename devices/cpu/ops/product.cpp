// SPDX-License-Identifier: LGPL-2.1-or-later
//
// MatMul and Gemm whose right-hand matrix comes at run time, or one for each of a batch: its columns are
// packed a block at a time as the weights of a pointwise convolution (conv.h) whose pixels are the rows.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::cpu {
namespace {

// Elements from one thing to the next.
struct Steps {
    int64_t row = 0, column = 0;
};

struct ProductPlan {
    ConvPlan conv; // of one matrix: width: rows, in_channels: depth, out_channels: columns
    Steps a, b;
    std::vector<int64_t> a_offsets, b_offsets; // of each matrix of the batch
    float alpha = 1, beta = 1;
    int bias = -1, residual = -1; // inputs; -1: none
    bool one_bias = false;        // for all columns
};

class ProductKernel final : public Kernel {
public:
    ProductKernel(ProductPlan plan, int threads) : plan_(std::move(plan)) {
        cut_conv(plan_.conv);
        const ConvPlan& c = plan_.conv;
        const auto batch = int64_t(plan_.a_offsets.size()), blocks = int64_t(c.blocks.size());
        for (int64_t k = 0; k < blocks; k++)
            widest_ = std::max(widest_, panel_width(c, k));
        // Rows are cut where there are fewer blocks than threads: each part packs the block for itself.
        parts_ = std::clamp<int64_t>((2 * threads + batch * blocks - 1) / (batch * blocks), 1, std::max<int64_t>(c.width / 48, 1));
        const double macs = double(batch * c.width) * double(c.in_channels * c.out_channels);
        slices_ = slices_for(macs / 40, batch * blocks * parts_, threads);
    }

    std::string_view name() const override { return "matrix product"; }

    // A panel, a bias, and the rows of a where they are not dense.
    size_t scratch_bytes() const override {
        const ConvPlan& c = plan_.conv;
        const int64_t rows = plan_.a.column == 1 ? 0 : c.width / parts_ + 1;
        return size_t(widest_ * (c.in_channels + 1) + rows * c.in_channels) * sizeof(float);
    }

    void run(const Call& call, int slice) const override {
        const auto blocks = int64_t(plan_.conv.blocks.size());
        const Range units = slice_of(int64_t(plan_.a_offsets.size()) * blocks * parts_, slices_, slice);
        for (int64_t u = units.begin; u < units.end; u++) {
            if (u == units.begin || u % parts_ == 0)
                pack(call, u / parts_ / blocks, u / parts_ % blocks);
            multiply(call, u / parts_ / blocks, u / parts_ % blocks, slice_of(plan_.conv.width, int(parts_), int(u % parts_)));
        }
    }

private:
    float* panel(const Call& call) const { return reinterpret_cast<float*>(call.scratch); }
    float* bias(const Call& call) const { return panel(call) + widest_ * plan_.conv.in_channels; }
    float* rows(const Call& call) const { return bias(call) + widest_; }

    void pack(const Call& call, int64_t matrix, int64_t block) const {
        const float* b = static_cast<const float*>(call.in[1]) + plan_.b_offsets[size_t(matrix)];
        pack_panel(plan_.conv, block, {b, plan_.b.row, plan_.b.column, plan_.alpha}, panel(call));
        const auto* given = plan_.bias < 0 ? nullptr : static_cast<const float*>(call.in[plan_.bias]);
        const ConvBlock& columns = plan_.conv.blocks[size_t(block)];
        for (int64_t k = 0; k < widest_; k++)
            bias(call)[k] = given && k < columns.channels
                                ? plan_.beta * given[plan_.one_bias ? 0 : columns.channel + k] : 0;
    }

    void multiply(const Call& call, int64_t matrix, int64_t block, Range range) const {
        const ConvPlan& c = plan_.conv;
        const float* a = static_cast<const float*>(call.in[0]) + plan_.a_offsets[size_t(matrix)];
        int64_t first = range.begin;
        if (plan_.a.column != 1) { // transposed
            for (int64_t k = 0; k < c.in_channels; k++)
                for (int64_t r = range.begin; r < range.end; r++)
                    rows(call)[(r - range.begin) * c.in_channels + k] = a[r * plan_.a.row + k * plan_.a.column];
            a = rows(call);
            first = 0;
        }
        const int64_t at = (matrix * c.width + range.begin) * c.out_channels;
        const auto* residual = plan_.residual < 0 ? nullptr : static_cast<const float*>(call.in[plan_.residual]);
        run_conv_strip(c, {.block = block, .image = a, .residual = residual ? residual + at : nullptr,
                           .out = static_cast<float*>(call.out[0]) + at, .oy = 0, .ox = first,
                           .end = first + range.end - range.begin, .weights = panel(call), .bias = bias(call)});
    }

    ProductPlan plan_;
    int64_t widest_ = 0, parts_ = 1;
};

bool is_given(const NodeView& view, size_t k) { return view.in.size() > k && view.in[k].present; }

// The third input: one number for each column, one for all, or a whole summand.
bool is_bias(const Operand& c, int64_t columns) {
    return count(c.shape) == 1 || (count(c.shape) == columns && c.shape.back() == columns);
}

std::optional<Wish> accept(const NodeView& view) {
    const Node& node = view.node;
    if ((node.op != "MatMul" && node.op != "Gemm") || !activation_of(node))
        return std::nullopt;
    for (const Operand& x : view.in)
        if (x.present && x.type != ElementType::F32)
            return std::nullopt;
    if (count(view.out[0].shape) == 0 || count(view.in[0].shape) == 0)
        return std::nullopt;
    const Shape& b = view.in[1].shape;
    const int64_t columns = b.size() == 1 ? 1 : b[b.size() - (node.attr("transB", int64_t(0)) ? 2 : 1)];
    if (is_given(view, 2) && !is_bias(view.in[2], columns) &&
        (view.in[2].shape != view.out[0].shape || is_given(view, 3) || node.attr("beta", 1.0f) != 1))
        return std::nullopt;
    return all_in(Layout::Plain, view);
}

// Where each matrix of the batch begins; a batch of left-hand matrices that share the right-hand one is
// one of more rows.
void set_batch(ProductPlan& plan, const Shape& a, const Shape& b, int64_t rows, int64_t depth, int64_t columns) {
    const Shape a_lead(a.begin(), a.end() - 2), b_lead(b.begin(), b.end() - 2);
    const Shape lead = *broadcast(a_lead, b_lead);
    plan.conv.width = rows;
    if (count(b_lead) == 1 && count(a_lead) == count(lead)) {
        plan.conv.width = rows * count(lead);
        plan.a_offsets = plan.b_offsets = {0};
        return;
    }
    const auto a_steps = broadcast_strides(a_lead, lead), b_steps = broadcast_strides(b_lead, lead);
    for (int64_t k = 0; k < count(lead); k++) {
        int64_t left = k, a_at = 0, b_at = 0;
        for (size_t dim = lead.size(); dim-- > 0; left /= lead[dim]) {
            a_at += left % lead[dim] * a_steps[dim];
            b_at += left % lead[dim] * b_steps[dim];
        }
        plan.a_offsets.push_back(a_at * rows * depth);
        plan.b_offsets.push_back(b_at * depth * columns);
    }
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Node& node = view.node;
    Shape a = view.in[0].shape, b = view.in[1].shape;
    if (a.size() == 1)
        a.insert(a.begin(), 1);
    if (b.size() == 1)
        b.push_back(1);
    const bool gemm = node.op == "Gemm";
    const bool trans_a = gemm && node.attr("transA", int64_t(0)) != 0, trans_b = gemm && node.attr("transB", int64_t(0)) != 0;
    int64_t rows = a[a.size() - 2], depth = a.back();
    if (trans_a)
        std::swap(rows, depth);
    const int64_t columns = b[b.size() - (trans_b ? 2 : 1)];
    ProductPlan plan;
    plan.a = trans_a ? Steps{1, rows} : Steps{depth, 1};
    plan.b = trans_b ? Steps{1, depth} : Steps{columns, 1};
    set_batch(plan, a, b, rows, depth, columns);
    if (gemm)
        plan.alpha = node.attr("alpha", 1.0f), plan.beta = node.attr("beta", 1.0f);
    if (is_given(view, 3))
        plan.residual = 3;
    if (is_given(view, 2))
        (is_bias(view.in[2], columns) ? plan.bias : plan.residual) = 2;
    plan.one_bias = plan.bias >= 0 && count(view.in[2].shape) == 1;
    ConvPlan& c = plan.conv;
    c.out_width = c.width;
    c.in_channels = c.in_stride = depth;
    c.out_channels = c.out_stride = c.residual_stride = columns;
    c.has_residual = plan.residual >= 0;
    c.activation = *activation_of(node);
    c.rows_are_dense = true;
    return std::unique_ptr<Kernel>(std::make_unique<ProductKernel>(std::move(plan), view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_product;
const KernelDef cpu_kernel_product = {.name = "product", .accept = accept, .make = make};

} // namespace infer::cpu
