// SPDX-License-Identifier: LGPL-2.1-or-later
// Reductions over axes: ReduceSum, ReduceMean, ReduceMax, ReduceL2...
//
//   in   x       numbers (ReduceMax, ReduceMin: also Bool)
//        axes    i64 [n], optional constant: default all (or none with noop_with_empty_axes)
//   out  y       type of x; reduced dimensions 1, or gone without keepdims
//   attr keepdims (default 1), noop_with_empty_axes (default 0)
//
// ONNX ReduceX-18. Sums run in double precision (integers: in 64 bits). Reducing nothing gives the
// operation's neutral element.
#include "inference/ops/kernel.h"

#include <cmath>
#include <limits>

namespace infer {
namespace {

std::optional<std::vector<bool>> reduced_axes(const Node& node, size_t rank,
                                              const std::vector<int64_t>& axes) {
    std::vector<bool> reduced(rank, axes.empty() && !node.attr("noop_with_empty_axes", int64_t{0}));
    for (int64_t a : axes) {
        const auto axis = axis_of(a, rank);
        if (!axis)
            return {};
        reduced[*axis] = true;
    }
    return reduced;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 2); !ok.ok())
        return ok.error();
    const bool extremes = node.op == "ReduceMax" || node.op == "ReduceMin";
    if (in[0].type == ElementType::Bool && !extremes)
        return invalid(node, "cannot reduce bool");
    std::vector<int64_t> axes;
    if (given(in, 1)) {
        const auto values = ints_of(in[1]);
        if (!values)
            return unsupported(node, "its axes are not constant");
        axes = *values;
    }
    const auto reduced = reduced_axes(node, in[0].shape.size(), axes);
    if (!reduced)
        return invalid(node, "an axis is outside the dimensions of " + to_string(in[0].shape));
    Shape y;
    for (size_t d = 0; d < reduced->size(); d++)
        if (!(*reduced)[d])
            y.push_back(in[0].shape[d]);
        else if (node.attr("keepdims", int64_t{1}))
            y.push_back(1);
    return one(in[0].type, y);
}

enum class Kind { Sum, Mean, Max, Min, Prod, L1, L2, SumSquare, LogSum, LogSumExp };

struct Named {
    std::string_view op;
    Kind kind;
};
constexpr Named kinds[] = {
    {"ReduceSum", Kind::Sum},       {"ReduceMean", Kind::Mean},
    {"ReduceMax", Kind::Max},       {"ReduceMin", Kind::Min},
    {"ReduceProd", Kind::Prod},     {"ReduceL1", Kind::L1},
    {"ReduceL2", Kind::L2},         {"ReduceSumSquare", Kind::SumSquare},
    {"ReduceLogSum", Kind::LogSum}, {"ReduceLogSumExp", Kind::LogSumExp},
};

Kind kind_of(const Node& node) {
    return std::find_if(std::begin(kinds), std::end(kinds),
                        [&](const Named& k) { return k.op == node.op; })
        ->kind;
}

template <typename Sum, typename T> Sum start_of(Kind kind) {
    using Limits = std::numeric_limits<T>;
    if (kind == Kind::Max || kind == Kind::LogSumExp)
        return Limits::has_infinity ? Sum(-Limits::infinity()) : Sum(Limits::lowest());
    if (kind == Kind::Min)
        return Limits::has_infinity ? Sum(Limits::infinity()) : Sum(Limits::max());
    return kind == Kind::Prod ? Sum(1) : Sum(0);
}

// Integers wrap around.
template <typename Sum> Sum times(Sum a, Sum b) {
    if constexpr (std::is_integral_v<Sum>)
        return Sum(uint64_t(a) * uint64_t(b));
    else
        return a * b;
}

template <typename Sum> Sum plus(Sum a, Sum b) {
    if constexpr (std::is_integral_v<Sum>)
        return Sum(uint64_t(a) + uint64_t(b));
    else
        return a + b;
}

template <typename Sum> Sum add(Kind kind, Sum sum, Sum v) {
    switch (kind) {
    case Kind::Max:
        return v > sum || v != v ? v : sum;
    case Kind::Min:
        return v < sum || v != v ? v : sum;
    case Kind::Prod:
        return times(sum, v);
    case Kind::L1:
        return plus(sum, v < Sum(0) ? times(v, Sum(-1)) : v);
    case Kind::L2:
    case Kind::SumSquare:
        return plus(sum, times(v, v));
    case Kind::LogSumExp: { // log(e^sum + e^v) without overflow
        const double a = double(std::max(sum, v)), b = double(std::min(sum, v));
        return std::isinf(a) ? Sum(a) : Sum(a + std::log1p(std::exp(b - a)));
    }
    default:
        return plus(sum, v);
    }
}

template <typename Sum> Sum finish(Kind kind, Sum sum, double n) {
    switch (kind) {
    case Kind::Mean:
        return n > 0 ? Sum(double(sum) / n) : Sum(0);
    case Kind::L2:
        return Sum(std::sqrt(double(sum)));
    case Kind::LogSum:
        return Sum(std::log(double(sum)));
    default:
        return sum;
    }
}

template <typename T>
void run_typed(const Node& node, Views in, Views out, const std::vector<bool>& reduced) {
    using Value = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
    const Kind kind = kind_of(node);
    Shape kept = in[0].shape;
    for (size_t d = 0; d < kept.size(); d++)
        kept[d] = reduced[d] ? 1 : kept[d];
    std::vector<Value> sums(size_t(count(kept)), start_of<Value, T>(kind));
    const std::vector<int64_t> strides[] = {strides_of(in[0].shape),
                                            broadcast_strides(kept, in[0].shape)};
    const int64_t step = kept.empty() || reduced.back() ? 0 : 1;
    const T* x = in[0].span<T>().data();
    for_each_row(in[0].shape, strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < length; i++) {
            Value& sum = sums[size_t(at[1] + i * step)];
            sum = add(kind, sum, Value(x[at[0] + i]));
        }
    });
    const double n = sums.empty() ? 0 : double(count(in[0].shape)) / double(sums.size());
    for (size_t i = 0; i < sums.size(); i++)
        out[0].span<T>()[i] = T(finish(kind, sums[i], n));
}

void run(const Node& node, Views in, Views out) {
    std::vector<int64_t> axes;
    if (given(in, 1)) {
        if (in[1].type == ElementType::I64)
            axes.assign(in[1].span<int64_t>().begin(), in[1].span<int64_t>().end());
        else
            axes.assign(in[1].span<int32_t>().begin(), in[1].span<int32_t>().end());
    }
    const std::vector<bool> reduced = *reduced_axes(node, in[0].shape.size(), axes);
    visit(in[0].type,
          [&]<typename T>(std::type_identity<T>) { run_typed<T>(node, in, out, reduced); });
}

constexpr OpDef def(const Named& k) { return {k.op, infer, run}; }

constexpr OpDef table[] = {def(kinds[0]), def(kinds[1]), def(kinds[2]), def(kinds[3]),
                           def(kinds[4]), def(kinds[5]), def(kinds[6]), def(kinds[7]),
                           def(kinds[8]), def(kinds[9])};

} // namespace

extern constinit const OpList ops_reduce = table;

} // namespace infer
