// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Softmax over values that lie side by side: the last axis, or the channels of a channels-last image.
#include "devices/cpu/kernel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

float largest(const float* x, size_t n) {
    const size_t lanes = hn::Lanes(d);
    V most = hn::Set(d, x[0]);
    size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        most = hn::Max(most, hn::LoadU(d, x + i));
    float result = hn::GetLane(hn::MaxOfLanes(d, most));
    for (; i < n; i++)
        result = std::max(result, x[i]);
    return result;
}

void softmax_row(const float* x, float* y, size_t n) {
    const size_t lanes = hn::Lanes(d);
    const V most = hn::Set(d, largest(x, n));
    V sum = hn::Zero(d);
    size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const V e = exp_of(d, hn::Sub(hn::LoadU(d, x + i), most));
        hn::StoreU(e, d, y + i);
        sum = hn::Add(sum, e);
    }
    if (i < n) {
        const V e = exp_of(d, hn::Sub(load_first(d, x + i, n - i), most));
        store_first(e, d, y + i, n - i);
        sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(d, n - i), e));
    }
    const V scale = hn::Set(d, 1.0f / hn::GetLane(hn::SumOfLanes(d, sum)));
    for (i = 0; i + lanes <= n; i += lanes)
        hn::StoreU(hn::Mul(hn::LoadU(d, y + i), scale), d, y + i);
    if (i < n)
        store_first(hn::Mul(load_first(d, y + i, n - i), scale), d, y + i, n - i);
}

// Two values a row, as detectors' background and object: 1 / (1 + e^(b - a)) for many rows at once.
void softmax_pairs(const float* x, float* y, size_t rows) {
    const size_t lanes = hn::Lanes(d);
    size_t r = 0;
    V a, b;
    for (; r + lanes <= rows; r += lanes) {
        hn::LoadInterleaved2(d, x + 2 * r, a, b);
        hn::StoreInterleaved2(sigmoid_of(d, hn::Sub(a, b)), sigmoid_of(d, hn::Sub(b, a)), d, y + 2 * r);
    }
    if (r == rows)
        return;
    HWY_ALIGN float rest[2 * hn::MaxLanes(d)] = {}; // the same arithmetic for the last few
    std::copy(x + 2 * r, x + 2 * rows, rest);
    hn::LoadInterleaved2(d, rest, a, b);
    hn::StoreInterleaved2(sigmoid_of(d, hn::Sub(a, b)), sigmoid_of(d, hn::Sub(b, a)), d, rest);
    std::copy(rest, rest + 2 * (rows - r), y + 2 * r);
}

void softmax_rows(const float* x, float* y, int64_t rows, int64_t n) {
    if (n == 2)
        return softmax_pairs(x, y, size_t(rows));
    for (int64_t r = 0; r < rows; r++)
        softmax_row(x + r * n, y + r * n, size_t(n));
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(softmax_rows);

class SoftmaxKernel final : public Kernel {
public:
    SoftmaxKernel(int64_t rows, int64_t n, int threads) : rows_(rows), n_(n) {
        slices_ = slices_for(double(rows * n) / 2, rows, threads);
    }
    std::string_view name() const override { return "softmax"; }
    void run(const Call& call, int slice) const override {
        const Range rows = slice_of(rows_, slices_, slice);
        HWY_DYNAMIC_DISPATCH(softmax_rows)
        (static_cast<const float*>(call.in[0]) + rows.begin * n_,
         static_cast<float*>(call.out[0]) + rows.begin * n_, rows.end - rows.begin, n_);
    }

private:
    int64_t rows_, n_;
};

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "Softmax" || view.in[0].type != ElementType::F32 || view.in[0].shape.empty())
        return std::nullopt;
    const Operand& x = view.in[0];
    const auto rank = int64_t(x.shape.size());
    const int64_t axis = (view.node.attr("axis", int64_t(-1)) + rank) % rank;
    if (count(x.shape) == 0)
        return std::nullopt;
    const bool channels = axis == 1 && rank >= 3 && x.layout == Layout::ChannelsLast;
    if (!channels && axis != rank - 1)
        return std::nullopt;
    Wish wish = all_in(channels ? Layout::ChannelsLast : Layout::Plain, view);
    wish.in_place = 0;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Operand& x = view.in[0];
    const int64_t n = x.layout == Layout::ChannelsLast ? x.shape[1] : x.shape.back();
    return std::unique_ptr<Kernel>(std::make_unique<SoftmaxKernel>(count(x.shape) / n, n, view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_softmax;
const KernelDef cpu_kernel_softmax = {.name = "softmax", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
