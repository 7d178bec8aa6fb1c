// SPDX-License-Identifier: LGPL-2.1-or-later
// What is largest or smallest along an axis: TopK, ArgMax, ArgMin.
//
//   TopK    in   x        numbers;  k  i64 [1], constant
//           out  values   type of x;  indices  i64; the axis has size k
//           attr axis (default -1), largest (default 1), sorted (always done)
//   ArgMax  in   x        numbers
//           out  y        i64
//           attr axis (default 0), keepdims (default 1), select_last_index (default 0)
//
// ONNX TopK-11, ArgMax-13, ArgMin-13. Of equal values the first comes first.
#include "inference/ops/kernel.h"

#include <numeric>

namespace infer {
namespace {

FactsResult infer_topk(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto k = ints_of(in[1]);
    if (!k)
        return unsupported(node, "its k is not constant");
    const auto axis = axis_of(node.attr("axis", int64_t{-1}), in[0].shape.size());
    if (!axis || k->size() != 1 || (*k)[0] < 0 || (*k)[0] > in[0].shape[*axis] ||
        in[0].type == ElementType::Bool)
        return invalid(node, "cannot take " + (k->empty() ? "nothing" : std::to_string((*k)[0])) +
                                 " of " + to_string(in[0].shape));
    Shape y = in[0].shape;
    y[*axis] = (*k)[0];
    return std::vector{fact(in[0].type, y), fact(ElementType::I64, y)};
}

void run_topk(const Node& node, Views in, Views out) {
    const Shape& x = in[0].shape;
    const auto axis = int64_t(*axis_of(node.attr("axis", int64_t{-1}), x.size()));
    const int64_t outer = count({x.begin(), x.begin() + axis}), n = x[size_t(axis)],
                  k = out[0].shape[size_t(axis)];
    const int64_t inner = count({x.begin() + axis + 1, x.end()});
    const bool largest = node.attr("largest", int64_t{1}) != 0;
    std::vector<int64_t> order(static_cast<size_t>(n));
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        for (int64_t row = 0; row < outer * inner && k > 0; row++) {
            const T* from = in[0].span<T>().data() + row / inner * n * inner + row % inner;
            std::iota(order.begin(), order.end(), 0);
            std::partial_sort(order.begin(), order.begin() + k, order.end(),
                              [&](int64_t a, int64_t b) {
                                  const T u = from[a * inner], v = from[b * inner];
                                  return u == v ? a < b : largest ? u > v : u < v;
                              });
            for (int64_t i = 0; i < k; i++) {
                const auto at = size_t(row / inner * k * inner + i * inner + row % inner);
                if (out[0].data)
                    out[0].span<T>()[at] = from[order[size_t(i)] * inner];
                if (out.size() > 1 && out[1].data)
                    out[1].span<int64_t>()[at] = order[size_t(i)];
            }
        }
    });
}

FactsResult infer_arg(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const auto axis = axis_of(node.attr("axis", int64_t{0}), in[0].shape.size());
    if (!axis || in[0].shape[*axis] == 0)
        return invalid(node, "axis is outside the dimensions of " + to_string(in[0].shape) +
                                 ", or empty");
    Shape y = in[0].shape;
    if (node.attr("keepdims", int64_t{1}))
        y[*axis] = 1;
    else
        y.erase(y.begin() + int64_t(*axis));
    return one(ElementType::I64, y);
}

void run_arg(const Node& node, Views in, Views out) {
    const Shape& x = in[0].shape;
    const auto axis = int64_t(*axis_of(node.attr("axis", int64_t{0}), x.size()));
    const int64_t n = x[size_t(axis)], inner = count({x.begin() + axis + 1, x.end()});
    const bool largest = node.op == "ArgMax",
               last = node.attr("select_last_index", int64_t{0}) != 0;
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        for (size_t row = 0; row < out[0].span<int64_t>().size(); row++) {
            const auto r = int64_t(row);
            const T* from = in[0].span<T>().data() + r / inner * n * inner + r % inner;
            int64_t best = 0;
            for (int64_t i = 1; i < n; i++) {
                const T v = from[i * inner], top = from[best * inner];
                if ((largest ? v > top : v < top) || (last && v == top))
                    best = i;
            }
            out[0].span<int64_t>()[row] = best;
        }
    });
}

constexpr OpDef table[] = {
    {"TopK", infer_topk, run_topk}, {"ArgMax", infer_arg, run_arg}, {"ArgMin", infer_arg, run_arg}};

} // namespace

extern constinit const OpList ops_top = table;

} // namespace infer
