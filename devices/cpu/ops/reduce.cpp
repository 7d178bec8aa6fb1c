// SPDX-License-Identifier: LGPL-2.1-or-later
//
// ReduceMean, ReduceSum, ReduceMax... over any dimensions, in the order of memory: the last two runs of
// dimensions are [reduced, inner] and worked on as a matrix; what lies before is walked over.
#include "devices/cpu/kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/reduce.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

#ifndef GI_CPU_REDUCE_PLAN
#define GI_CPU_REDUCE_PLAN
namespace infer::cpu {
namespace {

enum class Reduction { Sum, Squares, Sizes, Max, Min };

} // namespace
} // namespace infer::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

// What is done to a number before it is added, and how numbers are put together.
struct SumOp {
    static constexpr float start = 0;
    static V of(V v) { return v; }
    static V join(V a, V b) { return hn::Add(a, b); }
    static float join1(float a, float b) { return a + b; }
};
struct SquareOp : SumOp {
    static V of(V v) { return hn::Mul(v, v); }
};
struct AbsOp : SumOp {
    static V of(V v) { return hn::Abs(v); }
};
struct MaxOp {
    static constexpr float start = -std::numeric_limits<float>::infinity();
    static V of(V v) { return v; }
    static V join(V a, V b) { return hn::Max(a, b); }
    static float join1(float a, float b) { return std::max(a, b); }
};
struct MinOp : MaxOp {
    static constexpr float start = std::numeric_limits<float>::infinity();
    static V join(V a, V b) { return hn::Min(a, b); }
    static float join1(float a, float b) { return std::min(a, b); }
};

constexpr size_t most_narrow = 4;

template <class Op> float of_one(float x) { return hn::GetLane(Op::of(hn::Set(d, x))); }

// Whole groups of vectors of reduce_narrow(): joins them into `found` and says how many values they were.
template <class Op> size_t reduce_groups(const float* x, float* found, size_t all, size_t inner) {
    const size_t lanes = hn::Lanes(d), group = inner * lanes;
    V sum[most_narrow];
    for (size_t k = 0; k < inner; k++)
        sum[k] = hn::Set(d, Op::start);
    size_t i = 0;
    for (; i + group <= all; i += group)
        for (size_t k = 0; k < inner; k++)
            sum[k] = Op::join(sum[k], Op::of(hn::LoadU(d, x + i + k * lanes)));
    HWY_ALIGN float folded[most_narrow * hn::MaxLanes(d)];
    for (size_t k = 0; k < inner; k++)
        hn::Store(sum[k], d, folded + k * lanes);
    for (size_t k = 0; k < group; k++)
        found[k % inner] = Op::join1(found[k % inner], folded[k]);
    return i;
}

// inner == 1..4: that many vectors hold whole groups of inner values, folded at the end.
template <class Op> void reduce_narrow(const float* x, float* y, size_t n, size_t inner) {
    const size_t all = n * inner;
    float found[most_narrow];
    std::fill(found, found + inner, Op::start);
    size_t i = all >= inner * hn::Lanes(d) ? reduce_groups<Op>(x, found, all, inner) : 0;
    for (; i < all; i += inner)
        for (size_t k = 0; k < inner; k++)
            found[k] = Op::join1(found[k], of_one<Op>(x[i + k]));
    for (size_t k = 0; k < inner; k++)
        y[k] = Op::join1(y[k], found[k]);
}

// Rows of `inner` values, put together one vector of columns at a time.
template <class Op> void reduce_wide(const float* x, float* y, size_t n, size_t inner, size_t stride) {
    const size_t lanes = hn::Lanes(d);
    for (size_t k = 0; k < inner; k += lanes) {
        const size_t m = std::min(lanes, inner - k);
        V a = hn::Set(d, Op::start), b = a;
        size_t r = 0;
        for (; r + 2 <= n; r += 2) {
            a = Op::join(a, Op::of(load_some(d, x + r * stride + k, m)));
            b = Op::join(b, Op::of(load_some(d, x + (r + 1) * stride + k, m)));
        }
        if (r < n)
            a = Op::join(a, Op::of(load_some(d, x + r * stride + k, m)));
        store_some(Op::join(load_some(d, y + k, m), Op::join(a, b)), d, y + k, m);
    }
}

template <class Op> void reduce_by(const float* x, float* y, size_t n, size_t inner, size_t stride) {
    if (inner <= most_narrow && stride == inner)
        reduce_narrow<Op>(x, y, n, inner);
    else
        reduce_wide<Op>(x, y, n, inner, stride);
}

// y, which holds a start or what came before, takes in a matrix [n, inner].
void reduce_one(Reduction how, const float* x, float* y, size_t n, size_t inner, size_t stride) {
    switch (how) {
    case Reduction::Sum: return reduce_by<SumOp>(x, y, n, inner, stride);
    case Reduction::Squares: return reduce_by<SquareOp>(x, y, n, inner, stride);
    case Reduction::Sizes: return reduce_by<AbsOp>(x, y, n, inner, stride);
    case Reduction::Max: return reduce_by<MaxOp>(x, y, n, inner, stride);
    case Reduction::Min: return reduce_by<MinOp>(x, y, n, inner, stride);
    }
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(reduce_one);

struct Named {
    std::string_view op;
    Reduction how;
    enum { Nothing, Average, Root } then;
};
constexpr Named names[] = {
    {"ReduceSum", Reduction::Sum, Named::Nothing},  {"ReduceMean", Reduction::Sum, Named::Average},
    {"ReduceMax", Reduction::Max, Named::Nothing},  {"ReduceMin", Reduction::Min, Named::Nothing},
    {"ReduceL1", Reduction::Sizes, Named::Nothing}, {"ReduceL2", Reduction::Squares, Named::Root},
    {"ReduceSumSquare", Reduction::Squares, Named::Nothing},
};

const Named* named(const std::string& op) {
    const auto found = std::find_if(std::begin(names), std::end(names), [&](const Named& n) { return n.op == op; });
    return found == std::end(names) ? nullptr : found;
}

struct ReducePlan {
    const Named* what = nullptr;
    int64_t n = 1, inner = 1, stride = 1; // the matrix; stride: elements from a row to the next
    struct Walk { // dimensions before it, outermost first
        int64_t size, step;
    };
    std::vector<Walk> kept, reduced;
    int64_t outer = 1, times = 1; // indices of kept and reduced
};

class ReduceKernel final : public Kernel {
public:
    ReduceKernel(ReducePlan plan, int threads) : plan_(std::move(plan)) {
        slices_ = slices_for(double(plan_.outer * plan_.times * plan_.n * plan_.inner) / 12, plan_.outer, threads);
    }
    std::string_view name() const override { return "reduce"; }
    void run(const Call& call, int slice) const override {
        const Range range = slice_of(plan_.outer, slices_, slice);
        const Reduction how = plan_.what->how;
        const float start = how == Reduction::Max   ? -std::numeric_limits<float>::infinity()
                            : how == Reduction::Min ? std::numeric_limits<float>::infinity()
                                                    : 0.0f;
        for (int64_t k = range.begin; k < range.end; k++) {
            const float* x = static_cast<const float*>(call.in[0]) + offset(plan_.kept, k);
            float* y = static_cast<float*>(call.out[0]) + k * plan_.inner;
            std::fill(y, y + plan_.inner, start);
            for (int64_t t = 0; t < plan_.times; t++)
                HWY_DYNAMIC_DISPATCH(reduce_one)
                (how, x + offset(plan_.reduced, t), y, size_t(plan_.n), size_t(plan_.inner), size_t(plan_.stride));
            finish(y);
        }
    }

private:
    static int64_t offset(const std::vector<ReducePlan::Walk>& walk, int64_t index) {
        int64_t at = 0;
        for (size_t k = walk.size(); k-- > 0; index /= walk[k].size)
            at += index % walk[k].size * walk[k].step;
        return at;
    }

    void finish(float* y) const {
        const float scale = 1.0f / float(plan_.n * plan_.times);
        for (int64_t k = 0; k < plan_.inner; k++)
            y[k] = plan_.what->then == Named::Average ? y[k] * scale
                   : plan_.what->then == Named::Root  ? std::sqrt(y[k])
                                                      : y[k];
    }

    ReducePlan plan_;
};

// The reduced dimensions; nothing if they are not known when compiling.
std::optional<std::vector<bool>> reduced_of(const NodeView& view) {
    const size_t rank = view.in[0].shape.size();
    std::vector<int64_t> axes = view.node.attr("axes", std::vector<int64_t>{});
    if (view.in.size() > 1 && view.in[1].present) {
        if (!view.in[1].constant || view.in[1].type != ElementType::I64)
            return {};
        const auto given = view.in[1].constant->span<int64_t>();
        axes.assign(given.begin(), given.end());
    }
    if (axes.empty() && view.node.attr("noop_with_empty_axes", int64_t(0)) != 0)
        return {};
    std::vector<bool> reduced(rank, axes.empty());
    for (const int64_t axis : axes)
        reduced[size_t(axis < 0 ? axis + int64_t(rank) : axis)] = true;
    return reduced;
}

// Dimensions in the order of memory.
std::vector<size_t> memory_order(const Operand& x) {
    std::vector<size_t> order(x.shape.size());
    std::iota(order.begin(), order.end(), size_t(0));
    if (x.layout == Layout::ChannelsLast)
        std::rotate(order.begin() + 1, order.begin() + 2, order.end());
    return order;
}

// Whether what is left of a channels-last image lies in the order of the output as a plain value.
bool stays_in_order(const Operand& x, const std::vector<bool>& reduced) {
    const bool channels = !reduced[1] && x.shape[1] != 1;
    for (size_t dim = 2; channels && dim < x.shape.size(); dim++)
        if (!reduced[dim] && x.shape[dim] != 1)
            return false;
    return true;
}

std::optional<Wish> accept(const NodeView& view) {
    const Operand& x = view.in[0];
    if (!named(view.node.op) || x.type != ElementType::F32 || x.shape.empty() || count(x.shape) == 0)
        return std::nullopt;
    const auto reduced = reduced_of(view);
    if (!reduced)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    if (x.layout != Layout::ChannelsLast)
        return wish;
    if (stays_in_order(x, *reduced))
        wish.in[0] = x.layout;
    else if (view.out[0].shape.size() == x.shape.size())
        wish.in[0] = wish.out[0] = x.layout;
    wish.strided_in = wish.in[0] == Layout::ChannelsLast;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Operand& x = view.in[0];
    const std::vector<bool> is_reduced = *reduced_of(view);
    const auto strides = strides_of(x);
    struct Run {
        bool reduced;
        int64_t size, step;
    };
    std::vector<Run> runs; // neighbours of one kind in one
    for (const size_t dim : memory_order(x)) {
        const int64_t n = x.shape[dim], step = strides[dim];
        if (n == 1)
            continue;
        if (!runs.empty() && runs.back().reduced == is_reduced[dim] && runs.back().step == step * n)
            runs.back().size *= n, runs.back().step = step;
        else
            runs.push_back({is_reduced[dim], n, step});
    }
    ReducePlan plan;
    plan.what = named(view.node.op);
    if (!runs.empty() && !runs.back().reduced && runs.back().step == 1)
        plan.inner = runs.back().size, runs.pop_back();
    if (!runs.empty() && runs.back().reduced)
        plan.n = runs.back().size, plan.stride = runs.back().step, runs.pop_back();
    for (const Run& run : runs) {
        (run.reduced ? plan.reduced : plan.kept).push_back({run.size, run.step});
        (run.reduced ? plan.times : plan.outer) *= run.size;
    }
    return std::unique_ptr<Kernel>(std::make_unique<ReduceKernel>(std::move(plan), view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_reduce;
const KernelDef cpu_kernel_reduce = {.name = "reduce", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
