// SPDX-License-Identifier: LGPL-2.1-or-later
// Transpose: dimension d of the output is dimension perm[d] of the input.
//
//   in   x     any type, any shape
//   out  y     type of x
//   attr perm  default: dimensions reversed
//
// ONNX Transpose-13.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

std::vector<int64_t> perm_of(const Node& node, size_t rank) {
    std::vector<int64_t> reversed(rank);
    for (size_t d = 0; d < rank; d++)
        reversed[d] = int64_t(rank - 1 - d);
    return node.attr("perm", reversed);
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const size_t rank = in[0].shape.size();
    const std::vector<int64_t> perm = perm_of(node, rank);
    std::vector<bool> seen(rank, false);
    Shape shape;
    for (int64_t p : perm) {
        if (p < 0 || size_t(p) >= rank || seen[size_t(p)])
            return invalid(node,
                           "perm is not an order of the dimensions of " + to_string(in[0].shape));
        seen[size_t(p)] = true;
        shape.push_back(in[0].shape[size_t(p)]);
    }
    if (shape.size() != rank)
        return invalid(node, "perm has " + std::to_string(perm.size()) + " entries for " +
                                 std::to_string(rank) + " dimensions");
    return one(in[0].type, shape);
}

void run(const Node& node, Views in, Views out) {
    const std::vector<int64_t> perm = perm_of(node, in[0].shape.size());
    const std::vector<int64_t> from = strides_of(in[0].shape);
    std::vector<int64_t> strides[] = {{}, strides_of(out[0].shape)};
    for (int64_t p : perm)
        strides[0].push_back(from[size_t(p)]);
    const int64_t step = perm.empty() ? 0 : strides[0].back();
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const T* x = in[0].span<T>().data();
        T* y = out[0].span<T>().data();
        for_each_row(out[0].shape, strides, [&](const int64_t* at, int64_t length) {
            for (int64_t i = 0; i < length; i++)
                y[at[1] + i] = x[at[0] + i * step];
        });
    });
}

constexpr OpDef table[] = {{"Transpose", infer, run}};

} // namespace

extern constinit const OpList ops_transpose = table;

} // namespace infer
