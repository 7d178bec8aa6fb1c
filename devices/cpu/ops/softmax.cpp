// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Softmax and LogSoftmax over any axis: rows of values that lie side by side, or columns of a matrix.
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

// x - largest - ln(sum of e^(x - largest))
void log_softmax_row(const float* x, float* y, size_t n) {
    const size_t lanes = hn::Lanes(d);
    const V most = hn::Set(d, largest(x, n));
    V sum = hn::Zero(d);
    for (size_t i = 0; i < n; i += lanes) {
        const size_t m = std::min(lanes, n - i);
        const V e = exp_of(d, hn::Sub(m == lanes ? hn::LoadU(d, x + i) : load_first(d, x + i, m), most));
        sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(d, m), e));
    }
    const V shift = hn::Add(most, hn::Log(d, hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum)))));
    for (size_t i = 0; i < n; i += lanes) {
        const size_t m = std::min(lanes, n - i);
        if (m == lanes)
            hn::StoreU(hn::Sub(hn::LoadU(d, x + i), shift), d, y + i);
        else
            store_first(hn::Sub(load_first(d, x + i, m), shift), d, y + i, m);
    }
}

void softmax_rows(const float* x, float* y, int64_t rows, int64_t n, bool log) {
    if (n == 2 && !log)
        return softmax_pairs(x, y, size_t(rows));
    for (int64_t r = 0; r < rows; r++)
        if (log)
            log_softmax_row(x + r * n, y + r * n, size_t(n));
        else
            softmax_row(x + r * n, y + r * n, size_t(n));
}

// Over the n rows of a matrix, for its columns [begin, end).
void softmax_columns(const float* x, float* y, int64_t n, int64_t stride, int64_t begin, int64_t end, bool log) {
    const auto lanes = int64_t(hn::Lanes(d));
    for (int64_t k = begin; k < end; k += lanes) {
        const auto m = size_t(std::min(lanes, end - k));
        const auto load = [&](const float* from) { return m == size_t(lanes) ? hn::LoadU(d, from) : load_first(d, from, m); };
        const auto store = [&](V v, float* to) {
            if (m == size_t(lanes))
                hn::StoreU(v, d, to);
            else
                store_first(v, d, to, m);
        };
        V most = load(x + k);
        for (int64_t i = 1; i < n; i++)
            most = hn::Max(most, load(x + i * stride + k));
        V sum = hn::Zero(d);
        for (int64_t i = 0; i < n; i++) {
            const V away = hn::Sub(load(x + i * stride + k), most), e = exp_of(d, away);
            sum = hn::Add(sum, e);
            store(log ? away : e, y + i * stride + k);
        }
        const V factor = hn::Div(hn::Set(d, 1.0f), sum), shift = log ? hn::Log(d, sum) : sum;
        for (int64_t i = 0; i < n; i++) {
            const V v = load(y + i * stride + k);
            store(log ? hn::Sub(v, shift) : hn::Mul(v, factor), y + i * stride + k);
        }
    }
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(softmax_rows);
HWY_EXPORT(softmax_columns);

// [outer, n, inner] in the order of memory; over n.
struct SoftmaxPlan {
    int64_t outer = 1, n = 1, inner = 1;
    bool log = false;
};

class SoftmaxKernel final : public Kernel {
public:
    SoftmaxKernel(const SoftmaxPlan& plan, int threads) : plan_(plan) {
        units_ = plan.inner == 1 ? plan.outer : plan.outer * parts();
        slices_ = slices_for(double(plan.outer * plan.n * plan.inner) / 2, units_, threads);
    }
    std::string_view name() const override { return plan_.inner == 1 ? "softmax" : "softmax of columns"; }
    void run(const Call& call, int slice) const override {
        const Range units = slice_of(units_, slices_, slice);
        const auto* x = static_cast<const float*>(call.in[0]);
        auto* y = static_cast<float*>(call.out[0]);
        if (plan_.inner == 1) {
            const int64_t at = units.begin * plan_.n;
            HWY_DYNAMIC_DISPATCH(softmax_rows)(x + at, y + at, units.end - units.begin, plan_.n, plan_.log);
            return;
        }
        for (int64_t u = units.begin; u < units.end; u++) {
            const int64_t at = u / parts() * plan_.n * plan_.inner, first = u % parts() * columns;
            HWY_DYNAMIC_DISPATCH(softmax_columns)
            (x + at, y + at, plan_.n, plan_.inner, first, std::min(first + columns, plan_.inner), plan_.log);
        }
    }

private:
    static constexpr int64_t columns = 64; // that are worked on at once
    int64_t parts() const { return (plan_.inner + columns - 1) / columns; }

    SoftmaxPlan plan_;
    int64_t units_ = 1;
};

std::optional<Wish> accept(const NodeView& view) {
    const std::string& op = view.node.op;
    const Operand& x = view.in[0];
    if ((op != "Softmax" && op != "LogSoftmax") || x.type != ElementType::F32 || x.shape.empty() || count(x.shape) == 0)
        return std::nullopt;
    Wish wish = all_in(x.shape.size() >= 3 ? x.layout : Layout::Plain, view);
    wish.in_place = 0;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Operand& x = view.in[0];
    const auto rank = int64_t(x.shape.size());
    const auto axis = size_t((view.node.attr("axis", int64_t(-1)) + rank) % rank);
    const auto strides = strides_of(x);
    SoftmaxPlan plan;
    plan.n = x.shape[axis], plan.inner = strides[axis], plan.log = view.node.op == "LogSoftmax";
    plan.outer = count(x.shape) / plan.n / plan.inner;
    return std::unique_ptr<Kernel>(std::make_unique<SoftmaxKernel>(plan, view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_softmax;
const KernelDef cpu_kernel_softmax = {.name = "softmax", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
