// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Normalizations by the data's own mean and variance, or length, of f32 values, in two forms:
//
//   rows    n values side by side, one row after another: LayerNormalization, LpNormalization and
//           MeanVarianceNormalization over the last dimensions (of a channels-last image: the channels)
//   images  groups of channels of channels-last images, over all pixels: InstanceNormalization,
//           GroupNormalization, MeanVarianceNormalization over height and width
//
// and LRN, across neighbouring channels of a pixel. Sums run in one order, whatever the slices.
#include "devices/cpu/kernel.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/normalize.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

#ifndef GI_CPU_NORMALIZE_PLAN
#define GI_CPU_NORMALIZE_PLAN
namespace infer::cpu {
namespace {

struct NormalizePlan {
    enum Kind { Moments, Length1, Length2, Lrn } kind = Moments;
    int64_t rows = 1, n = 1; // rows: of n values side by side
    int64_t batch = 1, pixels = 1, channels = 1, groups = 1; // images
    int64_t in_stride = 1, out_stride = 1; // elements from a row or pixel to the next
    float epsilon = 0;
    bool epsilon_outside = false; // added to the deviation, not to the variance
    bool divides = true;          // by the deviation
    bool scales_by_group = false;
    int64_t window = 1;                  // Lrn: channels
    float alpha = 0, beta = 0, bias = 0; // Lrn: x / (bias + alpha * sum of squares)^beta
};

// What a deviation divides by.
inline float divisor_of(const NormalizePlan& p, double variance) {
    if (!p.divides)
        return 1;
    return float(p.epsilon_outside ? std::sqrt(variance) + double(p.epsilon) : std::sqrt(variance + double(p.epsilon)));
}

} // namespace
} // namespace infer::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

constexpr int64_t block = 1024; // values or pixels that are summed in f32

// The sum of f(x) over n values; f(0 - filler) must not matter: the last vector is cut.
template <class F> HWY_INLINE double sum_of(const float* x, int64_t n, F f) {
    const auto lanes = int64_t(hn::Lanes(d));
    double sum = 0;
    for (int64_t from = 0; from < n; from += block) {
        const int64_t end = std::min(n, from + block);
        V a = hn::Zero(d), b = a;
        int64_t i = from;
        for (; i + 2 * lanes <= end; i += 2 * lanes) {
            a = hn::Add(a, f(hn::LoadU(d, x + i)));
            b = hn::Add(b, f(hn::LoadU(d, x + i + lanes)));
        }
        for (; i < end; i += lanes) {
            const auto mask = hn::FirstN(d, size_t(std::min(lanes, end - i)));
            a = hn::Add(a, hn::IfThenElseZero(mask, f(load_some(d, x + i, end - i))));
        }
        sum += double(hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b))));
    }
    return sum;
}

// y = (x - mean) / divisor * scale + bias; scale, bias: n values or nullptr.
HWY_INLINE void apply_row(const float* x, float* y, int64_t n, float mean, float divisor, const float* scale,
                          const float* bias) {
    const auto lanes = int64_t(hn::Lanes(d));
    const V m = hn::Set(d, mean), factor = hn::Set(d, 1.0f / divisor);
    for (int64_t i = 0; i < n; i += lanes) {
        V v = hn::Mul(hn::Sub(load_some(d, x + i, n - i), m), factor);
        if (scale)
            v = hn::Mul(v, load_some(d, scale + i, n - i));
        if (bias)
            v = hn::Add(v, load_some(d, bias + i, n - i));
        store_some(v, d, y + i, n - i);
    }
}

void normalize_row(const NormalizePlan& p, const float* x, float* y, const float* scale, const float* bias) {
    if (p.kind == NormalizePlan::Moments) {
        const auto mean = float(sum_of(x, p.n, [](V v) { return v; }) / double(p.n));
        const V m = hn::Set(d, mean);
        const double squares = sum_of(x, p.n, [&](V v) { return hn::Mul(hn::Sub(v, m), hn::Sub(v, m)); });
        return apply_row(x, y, p.n, mean, divisor_of(p, squares / double(p.n)), scale, bias);
    }
    const bool one = p.kind == NormalizePlan::Length1;
    const double sum = one ? sum_of(x, p.n, [](V v) { return hn::Abs(v); })
                           : sum_of(x, p.n, [](V v) { return hn::Mul(v, v); });
    const auto length = float(one ? sum : std::sqrt(sum));
    apply_row(x, y, p.n, 0, length == 0 ? 1 : length, nullptr, nullptr); // ONNX: 0 where the length is 0
}

// sums[k] = the sum of f(x, k) over all pixels, for channels [begin, end).
template <class F>
HWY_INLINE void sum_pixels(const NormalizePlan& p, const float* x, int64_t begin, int64_t end, float* sums, F f) {
    const auto lanes = int64_t(hn::Lanes(d));
    for (int64_t k = begin; k < end; k += lanes) {
        V total = hn::Zero(d);
        for (int64_t from = 0; from < p.pixels; from += block) {
            const int64_t last = std::min(p.pixels, from + block);
            V a = hn::Zero(d), b = a;
            int64_t i = from;
            for (; i + 2 <= last; i += 2) {
                a = hn::Add(a, f(load_some(d, x + i * p.in_stride + k, end - k), k));
                b = hn::Add(b, f(load_some(d, x + (i + 1) * p.in_stride + k, end - k), k));
            }
            if (i < last)
                a = hn::Add(a, f(load_some(d, x + i * p.in_stride + k, end - k), k));
            total = hn::Add(total, hn::Add(a, b));
        }
        store_some(total, d, sums + k, end - k);
    }
}

// Means of groups instead of sums of channels.
void average_groups(const NormalizePlan& p, int64_t begin, int64_t end, float* sums) {
    const int64_t each = p.channels / p.groups;
    for (int64_t k = begin; k < end; k += each) {
        double sum = 0;
        for (int64_t c = k; c < k + each; c++)
            sum += double(sums[c]);
        std::fill(sums + k, sums + k + each, float(sum / (double(each) * double(p.pixels))));
    }
}

// One image's channels [begin, end), whole groups. numbers: 2 * channels floats to work with.
void normalize_image(const NormalizePlan& p, const float* x, float* y, const float* scale, const float* bias,
                     int64_t begin, int64_t end, float* numbers) {
    const auto lanes = int64_t(hn::Lanes(d));
    float *mean = numbers, *factor = numbers + p.channels;
    sum_pixels(p, x, begin, end, mean, [](V v, int64_t) { return v; });
    average_groups(p, begin, end, mean);
    sum_pixels(p, x, begin, end, factor, [&](V v, int64_t k) {
        const V away = hn::Sub(v, load_some(d, mean + k, end - k));
        return hn::Mul(away, away);
    });
    average_groups(p, begin, end, factor);
    const int64_t each = p.channels / p.groups;
    for (int64_t c = begin; c < end; c++)
        factor[c] = (scale ? scale[p.scales_by_group ? c / each : c] : 1.0f) / divisor_of(p, double(factor[c]));
    for (int64_t i = 0; i < p.pixels; i++)
        for (int64_t k = begin; k < end; k += lanes) {
            V v = hn::Sub(load_some(d, x + i * p.in_stride + k, end - k), load_some(d, mean + k, end - k));
            v = hn::Mul(v, load_some(d, factor + k, end - k));
            if (bias && !p.scales_by_group)
                v = hn::Add(v, load_some(d, bias + k, end - k));
            store_some(v, d, y + i * p.out_stride + k, end - k);
        }
    for (int64_t i = 0; i < p.pixels && bias && p.scales_by_group; i++)
        for (int64_t c = begin; c < end; c++)
            y[i * p.out_stride + c] += bias[c / each];
}

// One pixel. squares: channels + window floats to work with.
void lrn_pixel(const NormalizePlan& p, const float* x, float* y, float* squares) {
    const auto lanes = int64_t(hn::Lanes(d));
    const int64_t before = (p.window - 1) / 2;
    std::fill(squares, squares + p.channels + p.window, 0.0f);
    for (int64_t k = 0; k < p.channels; k += lanes) {
        const V v = load_some(d, x + k, p.channels - k);
        store_some(hn::Mul(v, v), d, squares + before + k, p.channels - k);
    }
    for (int64_t k = 0; k < p.channels; k += lanes) {
        V sum = hn::Zero(d);
        for (int64_t w = 0; w < p.window; w++)
            sum = hn::Add(sum, load_some(d, squares + k + w, p.channels - k));
        const V base = hn::MulAdd(sum, hn::Set(d, p.alpha), hn::Set(d, p.bias));
        store_some(hn::Mul(load_some(d, x + k, p.channels - k), power_of(d, base, -p.beta)), d, y + k, p.channels - k);
    }
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(normalize_row);
HWY_EXPORT(normalize_image);
HWY_EXPORT(lrn_pixel);

const float* input_of(const Call& call, const std::array<bool, 3>& present, size_t k) {
    return present[k] ? static_cast<const float*>(call.in[k]) : nullptr;
}

std::array<bool, 3> present_inputs(const NodeView& view) {
    std::array<bool, 3> present{};
    for (size_t k = 0; k < view.in.size() && k < 3; k++)
        present[k] = view.in[k].present;
    return present;
}

class RowKernel final : public Kernel {
public:
    RowKernel(const NormalizePlan& plan, const NodeView& view) : plan_(plan), present_(present_inputs(view)) {
        slices_ = slices_for(double(plan.rows * plan.n) / 4, plan.rows, view.threads);
    }
    std::string_view name() const override { return "normalize rows"; }
    size_t scratch_bytes() const override { return size_t(plan_.channels + plan_.window) * sizeof(float); }
    void run(const Call& call, int slice) const override {
        const Range rows = slice_of(plan_.rows, slices_, slice);
        for (int64_t r = rows.begin; r < rows.end; r++) {
            const float* x = static_cast<const float*>(call.in[0]) + r * plan_.in_stride;
            float* y = static_cast<float*>(call.out[0]) + r * plan_.out_stride;
            if (plan_.kind == NormalizePlan::Lrn)
                HWY_DYNAMIC_DISPATCH(lrn_pixel)(plan_, x, y, reinterpret_cast<float*>(call.scratch));
            else
                HWY_DYNAMIC_DISPATCH(normalize_row)
                (plan_, x, y, input_of(call, present_, 1), input_of(call, present_, 2));
        }
    }

private:
    NormalizePlan plan_;
    std::array<bool, 3> present_;
};

class ImageKernel final : public Kernel {
public:
    ImageKernel(const NormalizePlan& plan, const NodeView& view) : plan_(plan), present_(present_inputs(view)) {
        const int64_t each = plan.channels / plan.groups;
        groups_a_unit_ = std::clamp<int64_t>(64 / each, 1, plan.groups);
        units_ = (plan.groups + groups_a_unit_ - 1) / groups_a_unit_;
        slices_ = slices_for(double(plan.batch * plan.pixels * plan.channels) / 4, plan.batch * units_, view.threads);
    }
    std::string_view name() const override { return "normalize images"; }
    size_t scratch_bytes() const override { return size_t(2 * plan_.channels) * sizeof(float); }
    void run(const Call& call, int slice) const override {
        const Range units = slice_of(plan_.batch * units_, slices_, slice);
        const int64_t each = plan_.channels / plan_.groups;
        for (int64_t u = units.begin; u < units.end; u++) {
            const int64_t n = u / units_, first = u % units_ * groups_a_unit_;
            HWY_DYNAMIC_DISPATCH(normalize_image)
            (plan_, static_cast<const float*>(call.in[0]) + n * plan_.pixels * plan_.in_stride,
             static_cast<float*>(call.out[0]) + n * plan_.pixels * plan_.out_stride, input_of(call, present_, 1),
             input_of(call, present_, 2), first * each, std::min(first + groups_a_unit_, plan_.groups) * each,
             reinterpret_cast<float*>(call.scratch));
        }
    }

private:
    NormalizePlan plan_;
    std::array<bool, 3> present_;
    int64_t groups_a_unit_ = 1, units_ = 1;
};

// How a node is to be run.
struct Form {
    Layout layout = Layout::Plain;
    bool images = false;
    size_t first = 0; // rows of a plain value: the first dimension of a row
};

bool is_even(const Operand& x, const Shape& row) { // the shape of a row, or no such input
    if (!x.present)
        return true;
    Shape own = x.shape;
    while (own.size() > row.size() && own.front() == 1)
        own.erase(own.begin());
    return own == row && x.type == ElementType::F32;
}

// Dimensions of 1 count either way. by_image: there is a kernel for images too.
std::optional<Form> form_of_axes(const Operand& x, const std::vector<int64_t>& axes, bool by_image) {
    const Shape& s = x.shape;
    std::vector<bool> in(s.size(), false);
    for (const int64_t axis : axes)
        in[size_t(axis < 0 ? axis + int64_t(s.size()) : axis)] = true;
    const auto all = [&](size_t from, size_t to, bool wanted) {
        for (size_t k = from; k < to; k++)
            if (s[k] != 1 && in[k] != wanted)
                return false;
        return true;
    };
    const size_t rank = s.size();
    const bool image = rank >= 3 && all(0, 1, false);
    if (image && by_image && all(2, rank, true) && x.layout == Layout::ChannelsLast)
        return Form{Layout::ChannelsLast, true, 0};
    for (size_t first = 0; first < rank; first++)
        if (all(0, first, false) && all(first, rank, true))
            return Form{Layout::Plain, false, first};
    if (image && in[1] && all(2, rank, false))
        return Form{Layout::ChannelsLast, false, 1};
    return {};
}

std::optional<Form> form_of(const NodeView& view) {
    const std::string& op = view.node.op;
    const Operand& x = view.in[0];
    const auto rank = int64_t(x.shape.size());
    if (op == "InstanceNormalization" || op == "GroupNormalization")
        return Form{Layout::ChannelsLast, true, 0};
    if (op == "LRN")
        return rank < 3 ? std::nullopt : std::optional(Form{Layout::ChannelsLast, false, 1});
    if (op == "MeanVarianceNormalization")
        return form_of_axes(x, view.node.attr("axes", std::vector<int64_t>{0, 2, 3}), true);
    const int64_t axis = view.node.attr("axis", int64_t(-1));
    if (op == "LpNormalization")
        return form_of_axes(x, {axis}, false);
    if (op != "LayerNormalization" || view.out.size() > 1)
        return {};
    const auto first = size_t(axis < 0 ? axis + rank : axis);
    const Shape row(x.shape.begin() + int64_t(first), x.shape.end());
    if (!is_even(view.in[1], row) || (view.in.size() > 2 && !is_even(view.in[2], row)))
        return {};
    return Form{Layout::Plain, false, first};
}

std::optional<Wish> accept(const NodeView& view) {
    constexpr std::string_view ops[] = {"InstanceNormalization", "GroupNormalization", "LayerNormalization",
                                        "MeanVarianceNormalization", "LpNormalization", "LRN"};
    if (std::find(std::begin(ops), std::end(ops), view.node.op) == std::end(ops) || view.in[0].type != ElementType::F32 ||
        count(view.in[0].shape) == 0)
        return std::nullopt;
    const auto form = form_of(view);
    if (!form)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = form->layout;
    wish.strided_in = wish.strided_out = form->layout == Layout::ChannelsLast;
    wish.in_place = 0; // a row is read before it is written
    return wish;
}

void set_numbers(NormalizePlan& plan, const NodeView& view) {
    const Node& node = view.node;
    const bool mvn = node.op == "MeanVarianceNormalization";
    plan.epsilon = node.attr("epsilon", mvn ? 1e-9f : 1e-5f);
    plan.epsilon_outside = mvn && node.attr("epsilon_inside", int64_t(0)) == 0;
    plan.divides = !mvn || node.attr("normalize_variance", int64_t(1)) != 0;
    plan.scales_by_group = node.attr("scale_by_group", int64_t(0)) != 0;
    if (node.op == "LpNormalization")
        plan.kind = node.attr("p", int64_t(2)) == 1 ? NormalizePlan::Length1 : NormalizePlan::Length2;
    if (node.op != "LRN")
        return;
    plan.kind = NormalizePlan::Lrn;
    plan.window = node.attr("size", int64_t(1));
    plan.alpha = node.attr("alpha", 1e-4f) / float(plan.window);
    plan.beta = node.attr("beta", 0.75f), plan.bias = node.attr("bias", 1.0f);
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Operand& x = view.in[0];
    const Form form = *form_of(view);
    NormalizePlan plan;
    set_numbers(plan, view);
    if (form.layout == Layout::Plain) {
        for (size_t k = form.first; k < x.shape.size(); k++)
            plan.n *= x.shape[k];
        plan.rows = count(x.shape) / plan.n;
        plan.in_stride = plan.out_stride = plan.n;
        return std::unique_ptr<Kernel>(std::make_unique<RowKernel>(plan, view));
    }
    plan.channels = plan.n = x.shape[1];
    plan.in_stride = x.pixel_stride, plan.out_stride = view.out[0].pixel_stride;
    plan.rows = count(x.shape) / plan.n;
    if (!form.images)
        return std::unique_ptr<Kernel>(std::make_unique<RowKernel>(plan, view));
    plan.batch = x.shape[0];
    plan.pixels = plan.rows / plan.batch;
    const auto axes = view.node.attr("axes", std::vector<int64_t>{0, 2, 3});
    const bool all = view.node.op == "MeanVarianceNormalization" &&
                     std::any_of(axes.begin(), axes.end(), [&](int64_t a) { return a == 1 || a + int64_t(x.shape.size()) == 1; });
    plan.groups = view.node.op == "GroupNormalization" ? view.node.attr("num_groups", int64_t(1)) : all ? 1 : x.shape[1];
    return std::unique_ptr<Kernel>(std::make_unique<ImageKernel>(plan, view));
}

} // namespace

extern const KernelDef cpu_kernel_normalize;
const KernelDef cpu_kernel_normalize = {.name = "normalize", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
