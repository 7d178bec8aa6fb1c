// SPDX-License-Identifier: LGPL-2.1-or-later
//
// MatMul and Gemm of any matrices, with what is fused into them.
#include "devices/gpu/kernels.h"
#include "devices/gpu/operator.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::gpu {
namespace {

struct Product {
    Shape lead = {}; // of the batch
    int64_t rows = 1, depth = 1, columns = 1;
    int64_t a_row = 0, a_column = 1, b_row = 0, b_column = 1;
    std::vector<int64_t> a_lead = {},
                         b_lead = {}; // elements from a matrix to the next, by dimension of `lead`
    float scale = 1, share = 1;
};

Product gemm_of(const Writer& writer) {
    const Node& node = writer.node;
    const Shape &a = writer.in[0].shape, &b = writer.in[1].shape;
    const bool turns_a = node.attr("transA", int64_t(0)), turns_b = node.attr("transB", int64_t(0));
    Product p{.scale = node.attr("alpha", 1.0f), .share = node.attr("beta", 1.0f)};
    p.rows = a[turns_a], p.depth = a[!turns_a], p.columns = b[!turns_b];
    p.a_row = turns_a ? 1 : a[1], p.a_column = turns_a ? a[1] : 1;
    p.b_row = turns_b ? 1 : b[1], p.b_column = turns_b ? b[1] : 1;
    return p;
}

Product matmul_of(const Writer& writer) {
    Shape a = writer.in[0].shape, b = writer.in[1].shape;
    if (a.size() == 1)
        a.insert(a.begin(), 1);
    if (b.size() == 1)
        b.push_back(1);
    Product p;
    p.rows = a[a.size() - 2], p.depth = a.back(), p.columns = b.back();
    p.a_row = p.depth, p.b_row = p.columns;
    const Shape a_lead(a.begin(), a.end() - 2), b_lead(b.begin(), b.end() - 2);
    p.lead = *broadcast(a_lead, b_lead);
    p.a_lead = broadcast_strides(a_lead, p.lead);
    p.b_lead = broadcast_strides(b_lead, p.lead);
    for (int64_t& step : p.a_lead)
        step *= p.rows * p.depth;
    for (int64_t& step : p.b_lead)
        step *= p.depth * p.columns;
    return p;
}

// Where the bias lies beside [lead, rows, columns].
std::vector<int64_t> bias_steps(const Writer& writer, const Product& p) {
    Shape full = p.lead;
    full.insert(full.end(), {p.rows, p.columns});
    if (!writer.has(2))
        return std::vector<int64_t>(full.size(), 0);
    // Products of vectors have no rows or no columns in their shape.
    Shape c = writer.in[2].shape;
    const bool no_columns = writer.node.op == "MatMul" && writer.in[1].shape.size() == 1;
    const bool no_rows = writer.node.op == "MatMul" && writer.in[0].shape.size() == 1;
    if (no_columns)
        c.push_back(1);
    if (no_rows && c.size() > 1)
        c.insert(c.end() - 1, 1);
    return broadcast_strides(c, full);
}

// For each matrix, where a, b and c begin.
std::vector<int64_t> places_of(const Product& p, const std::vector<int64_t>& c_steps) {
    std::vector<int64_t> places;
    for (int64_t matrix = 0; matrix < count(p.lead); matrix++) {
        int64_t left = matrix, at[3] = {};
        for (size_t d = p.lead.size(); d-- > 0; left /= p.lead[d]) {
            const int64_t k = left % p.lead[d];
            at[0] += k * p.a_lead[d], at[1] += k * p.b_lead[d], at[2] += k * c_steps[d];
        }
        places.insert(places.end(), std::begin(at), std::end(at));
    }
    return places;
}

// Weights by columns, which a row of numbers can be read of.
Tensor turned(const Tensor& t) {
    const int64_t rows = t.shape()[0], columns = t.shape()[1];
    Tensor to(ElementType::F32, {columns, rows});
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            to.span<float>()[size_t(c * rows + r)] = t.span<float>()[size_t(r * columns + c)];
    return to;
}

bool write(Writer& writer) {
    const bool gemm = writer.node.op == "Gemm";
    const auto activation = lowering::activation_of(writer.node);
    if ((!gemm && writer.node.op != "MatMul") || !activation || !writer.is_float())
        return false;
    Product p = gemm ? gemm_of(writer) : matmul_of(writer);
    Place b = writer.in[1];
    if (b.constant && p.b_row == 1 && p.b_column != 1) {
        b = writer.weights(turned(*b.constant));
        p.b_row = p.columns, p.b_column = 1;
    }
    const auto c_steps = bias_steps(writer, p);
    const auto optional = [&](size_t k) { return writer.has(k) ? writer.in[k] : Place(); };
    const int64_t rows_together = p.rows >= 4 ? 4 : 1;
    const int width = writer.hardware.vector_width;
    std::vector<Argument> arguments{writer.in[0],   b,
                                    optional(2),    int64_t(writer.has(2)),
                                    optional(3),    int64_t(writer.has(3)),
                                    writer.out[0],  writer.table(places_of(p, c_steps)),
                                    p.rows,         p.depth,
                                    p.columns,      p.a_row,
                                    p.a_column,     p.b_row,
                                    p.b_column,     c_steps[c_steps.size() - 2],
                                    c_steps.back(), p.scale,
                                    p.share};
    add_activation(*activation, arguments);
    writer.launch({.name = "product",
                   .source = kernel_source("product"),
                   .width = width,
                   .options = "-DM=" + std::to_string(rows_together),
                   .together = writer.hardware.is_processor ? 4 : 64},
                  {(p.columns + width - 1) / width, (p.rows + rows_together - 1) / rows_together,
                   count(p.lead)},
                  std::move(arguments), writer.out[0]);
    return true;
}

} // namespace

extern const OperatorDef gpu_operator_product;
const OperatorDef gpu_operator_product = {.name = "product", .write = write};

} // namespace infer::gpu
