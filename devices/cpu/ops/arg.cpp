// SPDX-License-Identifier: LGPL-2.1-or-later
//
// ArgMax and ArgMin of f32 values over any axis, as [outer, n, inner] in the order of memory. Of
// equal values the first comes first.
#include "devices/cpu/kernel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/arg.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

// sign: 1 for the largest, -1 for the smallest.
int64_t arg_of_row(const float* x, int64_t n, float sign) {
    const auto lanes = int64_t(hn::Lanes(d));
    const V s = hn::Set(d, sign), lowest = hn::Set(d, hwy::LowestValue<float>());
    const auto load = [&](int64_t k) {
        if (k + lanes <= n)
            return hn::Mul(hn::LoadU(d, x + k), s);
        const auto m = size_t(n - k);
        return hn::IfThenElse(hn::FirstN(d, m), hn::Mul(load_first(d, x + k, m), s), lowest);
    };
    V most = load(0);
    for (int64_t k = lanes; k < n; k += lanes)
        most = hn::Max(most, load(k));
    most = hn::MaxOfLanes(d, most);
    for (int64_t k = 0; k < n; k += lanes)
        if (const auto at = hn::FindFirstTrue(d, hn::Eq(load(k), most)); at >= 0)
            return std::min<int64_t>(k + at, n - 1);
    return 0; // not a number
}

void arg_rows(const float* x, int64_t* y, int64_t rows, int64_t n, int64_t stride, float sign) {
    for (int64_t r = 0; r < rows; r++)
        y[r] = arg_of_row(x + r * stride, n, sign);
}

// Over the n rows of a matrix, for its columns [begin, end).
void arg_columns(const float* x, int64_t* y, int64_t n, int64_t stride, int64_t begin, int64_t end,
                 float sign) {
    const auto lanes = int64_t(hn::Lanes(d));
    const hn::RebindToSigned<D> di;
    const V s = hn::Set(d, sign);
    HWY_ALIGN int32_t found[hn::MaxLanes(d)];
    for (int64_t k = begin; k < end; k += lanes) {
        const auto m = size_t(std::min(lanes, end - k));
        const auto load = [&](int64_t i) {
            const float* from = x + i * stride + k;
            return hn::Mul(m == size_t(lanes) ? hn::LoadU(d, from) : load_first(d, from, m), s);
        };
        V most = load(0);
        auto at = hn::Zero(di);
        for (int64_t i = 1; i < n; i++) {
            const V v = load(i);
            const auto more = hn::Gt(v, most);
            most = hn::IfThenElse(more, v, most);
            at = hn::IfThenElse(hn::RebindMask(di, more), hn::Set(di, int32_t(i)), at);
        }
        hn::Store(at, di, found);
        std::copy(found, found + m, y + k);
    }
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(arg_rows);
HWY_EXPORT(arg_columns);

struct ArgPlan {
    int64_t outer = 1, n = 1, inner = 1;
    int64_t stride = 1; // elements from a row to the next, where inner is 1
    float sign = 1;
};

class ArgKernel final : public Kernel {
public:
    ArgKernel(const ArgPlan& plan, int threads) : plan_(plan) {
        units_ = plan.inner == 1 ? plan.outer : plan.outer * parts();
        slices_ = slices_for(double(plan.outer * plan.n * plan.inner) / 8, units_, threads);
    }
    std::string_view name() const override { return "arg"; }
    void run(const Call& call, int slice) const override {
        const Range units = slice_of(units_, slices_, slice);
        const auto* x = static_cast<const float*>(call.in[0]);
        auto* y = static_cast<int64_t*>(call.out[0]);
        const ArgPlan& p = plan_;
        if (p.inner == 1) {
            HWY_DYNAMIC_DISPATCH(arg_rows)
            (x + units.begin * p.stride, y + units.begin, units.end - units.begin, p.n, p.stride,
             p.sign);
            return;
        }
        for (int64_t u = units.begin; u < units.end; u++) {
            const int64_t k = u / parts(), first = u % parts() * columns;
            HWY_DYNAMIC_DISPATCH(arg_columns)
            (x + k * p.n * p.inner, y + k * p.inner, p.n, p.inner, first,
             std::min(first + columns, p.inner), p.sign);
        }
    }

private:
    static constexpr int64_t columns = 256;
    int64_t parts() const { return (plan_.inner + columns - 1) / columns; }

    ArgPlan plan_;
    int64_t units_ = 1;
};

size_t axis_of(const NodeView& view) {
    const auto rank = int64_t(view.in[0].shape.size());
    return size_t((view.node.attr("axis", int64_t(0)) + rank) % rank);
}

std::optional<Wish> accept(const NodeView& view) {
    const Operand& x = view.in[0];
    if ((view.node.op != "ArgMax" && view.node.op != "ArgMin") || x.type != ElementType::F32 ||
        x.shape.empty() || count(x.shape) == 0 ||
        view.node.attr("select_last_index", int64_t(0)) != 0)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    // Over the channels the rest lies in the order of a plain value.
    if (x.layout == Layout::ChannelsLast && axis_of(view) == 1)
        wish.in[0] = Layout::ChannelsLast, wish.strided_in = true;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Operand& x = view.in[0];
    ArgPlan plan;
    plan.n = x.shape[axis_of(view)];
    plan.sign = view.node.op == "ArgMax" ? 1.0f : -1.0f;
    plan.inner = x.layout == Layout::ChannelsLast ? 1 : strides_of(x)[axis_of(view)];
    plan.outer = count(x.shape) / plan.n / plan.inner;
    plan.stride = x.layout == Layout::ChannelsLast ? x.pixel_stride : plan.n;
    return std::unique_ptr<Kernel>(std::make_unique<ArgKernel>(plan, view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_arg;
const KernelDef cpu_kernel_arg = {.name = "arg", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
