// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Sums, means and extremes over any axes, and poolings of whole images.
#include "devices/gpu/kernels.h"
#include "devices/gpu/operator.h"
#include "inference/ops/kernel.h"

#include <algorithm>
#include <optional>

namespace infer::gpu {
namespace {

// As kernels/reduce.cl counts them.
std::optional<int64_t> kind_of(const std::string& op) {
    constexpr std::pair<std::string_view, int64_t> kinds[] = {
        {"ReduceSum", 0},     {"ReduceMean", 1},      {"GlobalAveragePool", 1}, {"ReduceMax", 2},
        {"GlobalMaxPool", 2}, {"ReduceMin", 3},       {"ReduceProd", 4},        {"ReduceL1", 5},
        {"ReduceL2", 6},      {"ReduceSumSquare", 7},
    };
    for (const auto& [name, kind] : kinds)
        if (name == op)
            return kind;
    return std::nullopt;
}

// By dimension; nothing if the axes are not known.
std::optional<std::vector<bool>> reduced_of(const Writer& writer) {
    const size_t rank = writer.in[0].shape.size();
    std::vector<bool> reduced(rank, false);
    if (writer.node.op.starts_with("Global")) {
        std::fill(reduced.begin() + 2, reduced.end(), true);
        return reduced;
    }
    std::vector<int64_t> axes;
    if (writer.has(1)) {
        const auto known = ints_of(writer.facts()[1]);
        if (!known)
            return std::nullopt;
        axes = *known;
    }
    if (axes.empty() && writer.node.attr("noop_with_empty_axes", int64_t(0)) == 0)
        reduced.assign(rank, true);
    for (const int64_t axis : axes)
        reduced[*axis_of(axis, rank)] = true;
    return reduced;
}

// The reduced dimensions lie beside each other, but for those of 1.
bool is_one_block(const Shape& x, const std::vector<bool>& reduced) {
    int changes = 0;
    bool before = false;
    for (size_t d = 0; d < x.size(); d++)
        if (x[d] != 1) {
            changes += reduced[d] != before;
            before = reduced[d];
        }
    return changes <= 2;
}

// A copy with the reduced dimensions last.
Place with_reduced_last(Writer& writer, const Shape& x, const std::vector<bool>& reduced) {
    const auto steps = strides_of(x);
    Move move;
    for (const bool last : {false, true})
        for (size_t d = 0; d < x.size(); d++)
            if (reduced[d] == last) {
                move.shape.push_back(x[d]);
                move.from_steps.push_back(steps[d]);
            }
    move.to_steps = strides_of(move.shape);
    if (!can_move(move))
        return Place();
    const Place to = writer.scratch(ElementType::F32, move.shape);
    write_move(writer, move, writer.in[0], to);
    return to;
}

bool write(Writer& writer) {
    const auto kind = kind_of(writer.node.op);
    const bool is_float = !writer.in.empty() && writer.is_float_at(0);
    const auto reduced = kind && is_float ? reduced_of(writer) : std::nullopt;
    if (!reduced || writer.in[0].constant)
        return false;
    const Shape& x = writer.in[0].shape;
    const int64_t n = count(x) / std::max<int64_t>(count(writer.out[0].shape), 1);
    int64_t inner = 1;
    Place from = writer.in[0];
    if (is_one_block(x, *reduced)) {
        for (size_t d = x.size(); d-- > 0 && (!(*reduced)[d] || x[d] == 1);)
            inner *= x[d];
    } else if (from = with_reduced_last(writer, x, *reduced); from.root < 0) {
        return false;
    }
    const int64_t outer = count(writer.out[0].shape) / inner;
    writer.launch({.name = "reduce", .source = kernel_source("reduce")}, {outer * inner, 1, 1},
                  {from, writer.out[0], *kind, outer, n, inner}, writer.out[0]);
    return true;
}

} // namespace

extern const OperatorDef gpu_operator_reduce;
const OperatorDef gpu_operator_reduce = {.name = "reduce", .write = write};

} // namespace infer::gpu
