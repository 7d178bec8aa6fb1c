// SPDX-License-Identifier: LGPL-2.1-or-later
// MatMul and Gemm.
//
//   MatMul  in   a         f32 [..., M, K] (1-D: a row), b f32 [..., K, N] (1-D: a column)
//                bias      f32 that broadcasts to y, optional (fused form)
//                residual  f32, shape of y, optional (fused form)
//           out  y         f32 [..., M, N], leading dimensions broadcast
//   Gemm    in   a, b      f32 2-D; c f32 that broadcasts to y, optional; residual as above
//           out  y         alpha * a' b' + beta * c, a' and b' transposed if transA, transB
//   attr activation, activation_alpha, activation_beta (fused form of graph.h)
//
// ONNX MatMul-13, Gemm-13.
#include "inference/ops/activation.h"
#include "inference/ops/kernel.h"

namespace infer {
namespace {

Result<void> check_fused(const Node& node, Facts in, const Shape& y) {
    if (given(in, 2) && broadcast(in[2].shape, y) != y)
        return invalid(node, "its third input " + to_string(in[2].shape) +
                                 " does not broadcast to " + to_string(y));
    if (given(in, 3) && in[3].shape != y)
        return invalid(node, "its residual is " + to_string(in[3].shape) + ", not " + to_string(y));
    if (node.has("activation") && !find_activation(node.attr("activation", "")))
        return invalid(node, "unknown activation '" + node.attr("activation", "") + "'");
    return {};
}

FactsResult infer_matmul(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 4); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    Shape a = in[0].shape, b = in[1].shape;
    if (a.empty() || b.empty())
        return invalid(node, "cannot multiply scalars");
    const bool row = a.size() == 1, column = b.size() == 1;
    if (row)
        a.insert(a.begin(), 1);
    if (column)
        b.push_back(1);
    const auto lead = broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
    if (!lead || a.back() != b[b.size() - 2])
        return invalid(node, "cannot multiply " + to_string(in[0].shape) + " by " +
                                 to_string(in[1].shape));
    Shape y = *lead;
    if (!row)
        y.push_back(a[a.size() - 2]);
    if (!column)
        y.push_back(b.back());
    if (auto ok = check_fused(node, in, y); !ok.ok())
        return ok.error();
    return one(ElementType::F32, y);
}

struct Matrix {
    const float* data;
    int64_t row, column; // steps in elements
};

// y [rows, columns] += scale * a b; y dense. Runs along rows of y, so that b is read in order.
void multiply(Matrix a, Matrix b, float* y, int64_t rows, int64_t depth, int64_t columns,
              float scale) {
    for (int64_t i = 0; i < rows; i++, y += columns)
        for (int64_t k = 0; k < depth; k++) {
            const float w = scale * a.data[i * a.row + k * a.column];
            const float* from = b.data + k * b.row;
            if (b.column == 1)
                for (int64_t j = 0; j < columns; j++)
                    y[j] += w * from[j];
            else
                for (int64_t j = 0; j < columns; j++)
                    y[j] += w * from[j * b.column];
        }
}

// y += scale * c, broadcast.
void add(const TensorView& c, const TensorView& y, float scale) {
    const std::vector<int64_t> strides[] = {broadcast_strides(c.shape, y.shape),
                                            strides_of(y.shape)};
    const int64_t step = y.shape.empty() ? 0 : strides[0].back();
    for_each_row(y.shape, strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < length; i++)
            y.span<float>()[size_t(at[1] + i)] += scale * c.span<float>()[size_t(at[0] + i * step)];
    });
}

void finish(const Node& node, Views in, const TensorView& y, float beta) {
    if (given(in, 2))
        add(in[2], y, beta);
    if (given(in, 3))
        add(in[3], y, 1);
    activate(node, y.span<float>().data(), y.span<float>().size());
}

void run_matmul(const Node& node, Views in, Views out) {
    Shape a = in[0].shape, b = in[1].shape;
    if (a.size() == 1)
        a.insert(a.begin(), 1);
    if (b.size() == 1)
        b.push_back(1);
    const int64_t rows = a[a.size() - 2], depth = a.back(), columns = b.back();
    const Shape a_lead(a.begin(), a.end() - 2), b_lead(b.begin(), b.end() - 2);
    Shape lead = *broadcast(a_lead, b_lead);
    lead.push_back(1); // rows of one matrix each
    std::vector<int64_t> strides[] = {broadcast_strides(a_lead, *broadcast(a_lead, b_lead)),
                                      broadcast_strides(b_lead, *broadcast(a_lead, b_lead))};
    for (auto& s : strides)
        s.push_back(0);
    const auto y = out[0].span<float>();
    std::fill(y.begin(), y.end(), 0.0f);
    float* at_y = y.data();
    for_each_row(lead, strides, [&](const int64_t* at, int64_t) {
        multiply({in[0].span<float>().data() + at[0] * rows * depth, depth, 1},
                 {in[1].span<float>().data() + at[1] * depth * columns, columns, 1}, at_y, rows,
                 depth, columns, 1);
        at_y += rows * columns;
    });
    finish(node, in, out[0], 1);
}

FactsResult infer_gemm(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 4); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    Shape a = in[0].shape, b = in[1].shape;
    if (a.size() != 2 || b.size() != 2)
        return invalid(node, "takes matrices, not " + to_string(a) + " and " + to_string(b));
    if (node.attr("transA", int64_t{0}))
        std::swap(a[0], a[1]);
    if (node.attr("transB", int64_t{0}))
        std::swap(b[0], b[1]);
    if (a[1] != b[0])
        return invalid(node, "cannot multiply " + to_string(a) + " by " + to_string(b));
    if (auto ok = check_fused(node, in, {a[0], b[1]}); !ok.ok())
        return ok.error();
    return one(ElementType::F32, {a[0], b[1]});
}

void run_gemm(const Node& node, Views in, Views out) {
    const bool ta = node.attr("transA", int64_t{0}), tb = node.attr("transB", int64_t{0});
    const int64_t wa = in[0].shape[1], wb = in[1].shape[1];
    const auto y = out[0].span<float>();
    std::fill(y.begin(), y.end(), 0.0f);
    multiply({in[0].span<float>().data(), ta ? 1 : wa, ta ? wa : 1},
             {in[1].span<float>().data(), tb ? 1 : wb, tb ? wb : 1}, y.data(), out[0].shape[0],
             ta ? in[0].shape[0] : wa, out[0].shape[1], node.attr("alpha", 1.0f));
    finish(node, in, out[0], node.attr("beta", 1.0f));
}

constexpr OpDef table[] = {{"MatMul", infer_matmul, run_matmul}, {"Gemm", infer_gemm, run_gemm}};

} // namespace

extern constinit const OpList ops_matmul = table;

} // namespace infer
