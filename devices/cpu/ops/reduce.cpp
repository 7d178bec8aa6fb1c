// SPDX-License-Identifier: LGPL-2.1-or-later
//
// ReduceMean and ReduceSum over dimensions that are neighbours in memory: [outer, reduced, inner].
#include "devices/cpu/kernel.h"

#include <algorithm>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/reduce.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

constexpr size_t most_narrow = 4;

// inner == 1..4: that many vectors hold whole groups of inner values, folded at the end.
void reduce_narrow(const float* x, float* y, size_t n, size_t inner, float scale) {
    const size_t lanes = hn::Lanes(d), all = n * inner, group = inner * lanes;
    V sum[most_narrow];
    for (size_t k = 0; k < inner; k++)
        sum[k] = hn::Zero(d);
    size_t i = 0;
    for (; i + group <= all; i += group)
        for (size_t k = 0; k < inner; k++)
            sum[k] = hn::Add(sum[k], hn::LoadU(d, x + i + k * lanes));
    HWY_ALIGN float folded[most_narrow * hn::MaxLanes(d)];
    for (size_t k = 0; k < inner; k++)
        hn::Store(sum[k], d, folded + k * lanes);
    std::fill(y, y + inner, 0.0f);
    for (size_t k = 0; k < group; k++)
        y[k % inner] += folded[k];
    for (; i < all; i++)
        y[i % inner] += x[i];
    for (size_t k = 0; k < inner; k++)
        y[k] *= scale;
}

// Rows of `inner` values, added up one vector of columns at a time.
void reduce_wide(const float* x, float* y, size_t n, size_t inner, size_t stride, float scale) {
    const size_t lanes = hn::Lanes(d);
    for (size_t k = 0; k < inner; k += lanes) {
        const size_t m = std::min(lanes, inner - k);
        V a = hn::Zero(d), b = a;
        size_t r = 0;
        for (; r + 2 <= n; r += 2) {
            a = hn::Add(a, m == lanes ? hn::LoadU(d, x + r * stride + k) : load_first(d, x + r * stride + k, m));
            const float* next = x + (r + 1) * stride + k;
            b = hn::Add(b, m == lanes ? hn::LoadU(d, next) : load_first(d, next, m));
        }
        if (r < n)
            a = hn::Add(a, m == lanes ? hn::LoadU(d, x + r * stride + k) : load_first(d, x + r * stride + k, m));
        const V mean = hn::Mul(hn::Add(a, b), hn::Set(d, scale));
        if (m == lanes)
            hn::StoreU(mean, d, y + k);
        else
            store_first(mean, d, y + k, m);
    }
}

void reduce_one(const float* x, float* y, size_t n, size_t inner, size_t stride, float scale) {
    if (inner <= most_narrow && stride == inner)
        reduce_narrow(x, y, n, inner, scale);
    else
        reduce_wide(x, y, n, inner, stride, scale);
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(reduce_one);

class ReduceKernel final : public Kernel {
public:
    ReduceKernel(int64_t outer, int64_t n, int64_t inner, int64_t stride, bool mean, int threads)
        : outer_(outer), n_(n), inner_(inner), stride_(stride), scale_(mean ? 1.0f / float(n) : 1.0f) {
        slices_ = slices_for(double(outer * n * inner) / 12, outer, threads);
    }
    std::string_view name() const override { return "reduce"; }
    void run(const Call& call, int slice) const override {
        const Range range = slice_of(outer_, slices_, slice);
        for (int64_t k = range.begin; k < range.end; k++)
            HWY_DYNAMIC_DISPATCH(reduce_one)
            (static_cast<const float*>(call.in[0]) + k * n_ * stride_, static_cast<float*>(call.out[0]) + k * inner_,
             size_t(n_), size_t(inner_), size_t(stride_), scale_);
    }

private:
    int64_t outer_, n_, inner_, stride_;
    float scale_;
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

// {outer, reduced, inner}, or nothing if the reduced dimensions are not neighbours.
std::optional<std::array<int64_t, 3>> split_up(const Operand& x, const std::vector<bool>& reduced) {
    std::array<int64_t, 3> sizes{1, 1, 1};
    size_t part = 0;
    for (const size_t dim : memory_order(x)) {
        if (x.shape[dim] == 1)
            continue;
        if (reduced[dim] && part == 0)
            part = 1;
        else if (!reduced[dim] && part == 1)
            part = 2;
        else if (reduced[dim] && part == 2)
            return {};
        sizes[part] *= x.shape[dim];
    }
    return sizes;
}

std::optional<Wish> accept(const NodeView& view) {
    if ((view.node.op != "ReduceMean" && view.node.op != "ReduceSum") || view.in[0].type != ElementType::F32 ||
        view.in[0].shape.empty() || count(view.in[0].shape) == 0)
        return std::nullopt;
    const auto reduced = reduced_of(view);
    if (!reduced || !split_up(view.in[0], *reduced))
        return std::nullopt;
    const Operand& x = view.in[0];
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = x.layout;
    if (x.layout == Layout::ChannelsLast) {
        // What is left must be in the order of the output: the spatial dimensions go, the channels stay.
        for (size_t dim = 2; dim < x.shape.size(); dim++)
            if (!(*reduced)[dim] && x.shape[dim] != 1)
                return std::nullopt;
        wish.strided_in = true;
    }
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Operand& x = view.in[0];
    const auto sizes = *split_up(x, *reduced_of(view));
    int64_t stride = sizes[2];
    if (x.is_strided())
        stride = x.pixel_stride;
    return std::unique_ptr<Kernel>(std::make_unique<ReduceKernel>(sizes[0], sizes[1], sizes[2], stride,
                                                                  view.node.op == "ReduceMean", view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_reduce;
const KernelDef cpu_kernel_reduce = {.name = "reduce", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
