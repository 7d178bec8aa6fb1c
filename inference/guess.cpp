// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/guess.h"
#include "inference/evaluate.h"
#include "inference/ops/kernel.h"

#include <numeric>

namespace infer {
namespace {

constexpr int64_t most_parameters = 64; // elements of an input that may be a parameter

using Numbers = std::vector<int64_t>;

// Even parts of the axis; what is left goes to the last.
Numbers parts(const Node& node, const Shape& x, int64_t n) {
    const auto axis = axis_of(node.attr("axis", int64_t{0}), x.size());
    const int64_t whole = axis ? x[*axis] : n;
    Numbers sizes(size_t(n), n ? whole / n : 0);
    if (n)
        sizes.back() += whole - n * (whole / n);
    return sizes;
}

// As many elements as the input has, in a meaning that fits any tensor.
Numbers numbers_for(const Node& node, size_t k, const std::vector<ValueFacts>& in, int64_t size) {
    const auto n = count(in[k].shape);
    Numbers values(size_t(n), 1);
    if (node.op == "Reshape" && n > 0)
        values[0] = -1;
    else if (node.op == "Slice" && k == 1)
        std::fill(values.begin(), values.end(), 0);
    else if (node.op == "Slice" && k == 2)
        std::fill(values.begin(), values.end(), max_dim);
    else if (node.op == "Slice" && k == 3)
        std::iota(values.begin(), values.end(), 0);
    else if (node.op == "Pad")
        std::fill(values.begin(), values.end(), 0);
    else if (node.op == "Split")
        values = parts(node, in[0].shape, n);
    else if (node.op == "TopK" && !in[0].shape.empty() && n == 1)
        values[0] = std::min(
            size,
            in[0].shape[axis_of(node.attr("axis", int64_t{-1}), in[0].shape.size()).value_or(0)]);
    else if (node.op == "Range")
        values[0] = k == 0 ? 0 : k == 1 ? size : 1;
    else if (node.op == "ConstantOfShape" && n > 0)
        values[0] = size;
    return values;
}

bool may_be_parameter(const Node& node, const std::vector<ValueFacts>& in, size_t k) {
    const ValueFacts& f = in[k];
    const bool first_too = node.op == "Range" || node.op == "ConstantOfShape";
    return f.present && !f.constant && (k > 0 || first_too) && f.shape.size() <= 1 &&
           checked_count(f.shape).value_or(most_parameters + 1) <= most_parameters &&
           computable(f.type);
}

} // namespace

Result<std::vector<ValueFacts>> infer_guessing(const OpDef& op, const Node& node,
                                               std::vector<ValueFacts> in, int64_t size,
                                               bool& guessed) {
    guessed = false;
    auto first = infer_op(op, node, in);
    if (first.ok())
        return first;
    std::vector<Tensor> made(in.size()); // keeps what `in` points at
    for (size_t k = 0; k < in.size(); k++) {
        if (!may_be_parameter(node, in, k))
            continue;
        guessed = true;
        made[k] = Tensor(in[k].type, in[k].shape);
        const Numbers values = numbers_for(node, k, in, size);
        visit(in[k].type, [&]<typename T>(std::type_identity<T>) {
            std::transform(values.begin(), values.end(), made[k].span<T>().begin(),
                           [](int64_t v) { return T(v); });
        });
    }
    for (size_t k = 0; k < in.size(); k++)
        if (made[k].view().data)
            in[k].constant = &made[k];
    auto again = guessed ? infer_op(op, node, in) : first;
    return again.ok() ? again : first;
}

} // namespace infer
