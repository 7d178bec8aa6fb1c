// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators that give the same elements another shape: Reshape, Flatten, Squeeze, Unsqueeze,
// Identity, Dropout (as inference uses it) and AlignAxis (ours, of ONNX's old broadcasting).
//
//   in   x      any type
//        shape  Reshape: i64 [rank], 0 copies a dimension (unless allowzero), one -1 takes the rest
//        axes   Squeeze (absent: all of size 1), Unsqueeze: i64 [n], counted from the front or back
//        like   AlignAxis: only its number of dimensions counts
//   out  y      the elements of x in the same order
//   attr axis   Flatten: dimensions before it become rows, default 1
//               AlignAxis: the dimension of like at which those of x start; ones follow them
//
// ONNX Reshape-14, Flatten-13, Squeeze-13, Unsqueeze-13, Identity-16, Dropout-13.
#include "inference/ops/kernel.h"

#include <cstring>

namespace infer {
namespace {

Result<std::vector<int64_t>> constant_ints(const Node& node, Facts in, size_t k, const char* what) {
    if (auto values = ints_of(in[k]))
        return *values;
    return unsupported(node, std::string(what) + " is not a constant list of i64; only shapes that "
                                                 "do not depend on the data can be run");
}

FactsResult infer_reshape(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    auto wanted = constant_ints(node, in, 1, "its shape");
    if (!wanted.ok())
        return wanted.error();
    Shape shape = wanted.value();
    const bool zero_copies = node.attr("allowzero", int64_t{0}) == 0;
    int64_t known = 1, rest = -1;
    for (size_t d = 0; d < shape.size(); d++) {
        if (shape[d] == 0 && zero_copies) {
            if (d >= in[0].shape.size())
                return invalid(node, "shape copies dimension " + std::to_string(d) +
                                         ", which its input " + to_string(in[0].shape) +
                                         " has not");
            shape[d] = in[0].shape[d];
        }
        if (shape[d] == -1 && rest < 0)
            rest = int64_t(d);
        else if (auto n = checked_count({known, shape[d]}))
            known = *n;
        else
            return invalid(node, "cannot reshape to " + to_string(shape));
    }
    const int64_t n = count(in[0].shape);
    if (rest >= 0 && known > 0 && n % known == 0)
        shape[size_t(rest)] = n / known;
    if (checked_count(shape) != n)
        return invalid(node, "cannot reshape " + to_string(in[0].shape) + " (" + std::to_string(n) +
                                 " elements) to " + to_string(wanted.value()));
    return one(in[0].type, shape);
}

FactsResult infer_flatten(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const int64_t rank = int64_t(in[0].shape.size());
    int64_t axis = node.attr("axis", int64_t{1});
    if (axis < -rank || axis > rank)
        return invalid(node,
                       "axis " + std::to_string(axis) + " is outside " + to_string(in[0].shape));
    axis += axis < 0 ? rank : 0;
    const auto& s = in[0].shape;
    return one(in[0].type,
               {count({s.begin(), s.begin() + axis}), count({s.begin() + axis, s.end()})});
}

// Marks axes[k] of `rank` dimensions; refuses those outside and those named twice.
Result<std::vector<bool>> mark(const Node& node, const std::vector<int64_t>& axes, size_t rank) {
    std::vector<bool> marked(rank, false);
    for (int64_t a : axes) {
        const auto axis = axis_of(a, rank);
        if (!axis || marked[*axis])
            return invalid(
                node,
                "axis " + std::to_string(a) + " is " +
                    (axis ? "named twice" : "outside its " + std::to_string(rank) + " dimensions"));
        marked[*axis] = true;
    }
    return marked;
}

FactsResult infer_squeeze(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 2); !ok.ok())
        return ok.error();
    const Shape& from = in[0].shape;
    std::vector<bool> gone(from.size());
    for (size_t d = 0; d < from.size(); d++)
        gone[d] = from[d] == 1;
    if (given(in, 1)) {
        auto axes = constant_ints(node, in, 1, "its list of axes");
        if (!axes.ok())
            return axes.error();
        auto marked = mark(node, axes.value(), from.size());
        if (!marked.ok())
            return marked.error();
        gone = marked.value();
    }
    Shape shape;
    for (size_t d = 0; d < from.size(); d++) {
        if (gone[d] && from[d] != 1)
            return invalid(node, "cannot squeeze dimension " + std::to_string(d) + " of " +
                                     to_string(from));
        if (!gone[d])
            shape.push_back(from[d]);
    }
    return one(in[0].type, shape);
}

FactsResult infer_unsqueeze(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    auto axes = constant_ints(node, in, 1, "its list of axes");
    if (!axes.ok())
        return axes.error();
    auto added = mark(node, axes.value(), in[0].shape.size() + axes.value().size());
    if (!added.ok())
        return added.error();
    Shape shape;
    size_t next = 0;
    for (bool is_new : added.value())
        shape.push_back(is_new ? 1 : in[0].shape[next++]);
    return one(in[0].type, shape);
}

FactsResult infer_align(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto axis = axis_of(node.attr("axis", int64_t{0}), in[1].shape.size());
    Shape shape = in[0].shape;
    if ((!axis && !shape.empty()) || (axis && *axis + shape.size() > in[1].shape.size()))
        return invalid(node, to_string(shape) + " does not fit into " + to_string(in[1].shape) +
                                 " at its axis");
    if (!shape.empty())
        shape.resize(in[1].shape.size() - *axis, 1);
    return one(in[0].type, shape);
}

// Whether a constant of one element is zero.
bool is_zero(const ValueFacts& fact) {
    bool zero = false;
    if (fact.constant && count(fact.shape) == 1 && computable(fact.type))
        visit(fact.type, [&]<typename T>(std::type_identity<T>) {
            zero = fact.constant->span<T>()[0] == T(0);
        });
    return zero;
}

// Dropout outside of training, or one that drops nothing (ratio 0); a mask that somebody uses is
// all true.
FactsResult infer_dropout(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 3); !ok.ok())
        return ok.error();
    const bool drops_nothing = given(in, 1) && is_zero(in[1]);
    if (given(in, 2) && !is_zero(in[2]) && !drops_nothing)
        return unsupported(node, "is in training mode; export the model for inference");
    std::vector<ValueFacts> out = one(in[0].type, in[0].shape);
    if (node.outputs.size() > 1)
        out.push_back(fact(ElementType::Bool, in[0].shape));
    return out;
}

void copy(const Node&, Views in, Views out) {
    if (out[0].data != in[0].data && out[0].size_bytes())
        std::memcpy(out[0].data, in[0].data, out[0].size_bytes());
    if (out.size() > 1 && out[1].data)
        std::memset(out[1].data, 1, out[1].size_bytes());
}

constexpr OpDef table[] = {
    {"Reshape", infer_reshape, copy, true}, {"Flatten", infer_flatten, copy, true},
    {"Squeeze", infer_squeeze, copy, true}, {"Unsqueeze", infer_unsqueeze, copy, true},
    {"Identity", same_any, copy, true},     {"Dropout", infer_dropout, copy, true},
    {"AlignAxis", infer_align, copy, true},
};

} // namespace

extern constinit const OpList ops_reshape = table;

} // namespace infer
