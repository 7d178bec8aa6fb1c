// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Resize of f32 images over height and width: nearest and linear, by tables of source rows and
// columns. ONNX Resize-19. [batch, channels, height, width] is wanted channels last; a network with
// its channels last, [batch, height, width, channels], is taken as it is.
#include "devices/cpu/kernel.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/resize.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

#ifndef GI_CPU_RESIZE_PLAN
#define GI_CPU_RESIZE_PLAN
namespace infer::cpu {
namespace {

// Where an output index reads: low * (1 - weight) + high * weight.
struct Source {
    int64_t low = 0, high = 0;
    float weight = 0;
};

struct ResizePlan {
    bool linear = false;
    int64_t batch = 1, channels = 1, height = 1, width = 1;
    int64_t in_stride = 1, out_stride = 1;
    std::vector<Source> rows, columns; // by output row and column
};

} // namespace
} // namespace infer::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

template <class F> HWY_INLINE void channels(int64_t count, F f) {
    const auto lanes = int64_t(hn::Lanes(d));
    for (int64_t k = 0; k < count; k += lanes)
        f(k, size_t(std::min(lanes, count - k)));
}

void resize_row(const ResizePlan& p, const float* in, float* out, int64_t n, int64_t oy) {
    const auto out_width = int64_t(p.columns.size());
    const Source y = p.rows[size_t(oy)];
    const float* low = in + (n * p.height + y.low) * p.width * p.in_stride;
    const float* high = in + (n * p.height + y.high) * p.width * p.in_stride;
    float* to = out + (n * int64_t(p.rows.size()) + oy) * out_width * p.out_stride;
    for (const Source& x : p.columns) {
        const float *a = low + x.low * p.in_stride, *b = low + x.high * p.in_stride;
        const float *c = high + x.low * p.in_stride, *e = high + x.high * p.in_stride;
        if (!p.linear)
            channels(p.channels, [&](int64_t k, size_t m) { store_some(load_some(d, a + k, m), d, to + k, m); });
        else
            channels(p.channels, [&](int64_t k, size_t m) {
                const V wx = hn::Set(d, x.weight), wy = hn::Set(d, y.weight);
                const V ak = load_some(d, a + k, m), ck = load_some(d, c + k, m);
                const V top = hn::MulAdd(hn::Sub(load_some(d, b + k, m), ak), wx, ak);
                const V bottom = hn::MulAdd(hn::Sub(load_some(d, e + k, m), ck), wx, ck);
                store_some(hn::MulAdd(hn::Sub(bottom, top), wy, top), d, to + k, m);
            });
        to += p.out_stride;
    }
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(resize_row);

class ResizeKernel final : public Kernel {
public:
    ResizeKernel(ResizePlan plan, int threads) : plan_(std::move(plan)) {
        rows_ = plan_.batch * int64_t(plan_.rows.size());
        const double elements = double(rows_) * double(plan_.columns.size()) * double(plan_.channels);
        slices_ = slices_for(elements / 4, rows_, threads);
    }
    std::string_view name() const override { return plan_.linear ? "resize linear" : "resize nearest"; }
    void run(const Call& call, int slice) const override {
        const Range rows = slice_of(rows_, slices_, slice);
        const auto height = int64_t(plan_.rows.size());
        for (int64_t r = rows.begin; r < rows.end; r++)
            HWY_DYNAMIC_DISPATCH(resize_row)
            (plan_, static_cast<const float*>(call.in[0]), static_cast<float*>(call.out[0]), r / height,
             r % height);
    }

private:
    ResizePlan plan_;
    int64_t rows_ = 0;
};

// Output over input, one a dimension; as the node gives it where it does, not rounded.
std::vector<double> scales_of(const NodeView& view) {
    const size_t rank = view.in[0].shape.size();
    std::vector<double> scales;
    std::vector<int64_t> axes;
    for (size_t k = 0; k < rank; k++) {
        scales.push_back(double(view.out[0].shape[k]) / double(view.in[0].shape[k]));
        axes.push_back(int64_t(k));
    }
    axes = view.node.attr("axes", axes);
    if (view.in.size() > 2 && view.in[2].constant && count(view.in[2].shape) == int64_t(axes.size()))
        for (size_t k = 0; k < axes.size(); k++)
            scales[size_t(axes[k] < 0 ? axes[k] + int64_t(rank) : axes[k])] =
                double(view.in[2].constant->span<float>()[k]);
    return scales;
}

bool has_channels_last(const NodeView& view) {
    return view.in[0].shape[1] != view.out[0].shape[1] && view.in[0].shape[3] == view.out[0].shape[3];
}

// Bytes that are only copied are as good as floats, four at a time.
bool moves_bytes(const NodeView& view) {
    return size_of(view.in[0].type) == 1 && view.node.attr("mode", "nearest") == std::string("nearest") &&
           view.in[0].shape.size() == 4 && view.in[0].shape[1] % 4 == 0 && !has_channels_last(view);
}

std::optional<Wish> accept(const NodeView& view) {
    const Node& node = view.node;
    if (node.op != "Resize" || view.in[0].shape.size() != 4 || !(view.in[0].type == ElementType::F32 || moves_bytes(view)) ||
        node.attr("antialias", int64_t(0)) != 0)
        return std::nullopt;
    const std::string mode = node.attr("mode", "nearest");
    const std::string where = node.attr("coordinate_transformation_mode", "half_pixel");
    if ((mode != "nearest" && mode != "linear") ||
        (where != "half_pixel" && where != "pytorch_half_pixel" && where != "asymmetric" && where != "align_corners") ||
        node.attr("keep_aspect_ratio_policy", "stretch") != std::string("stretch"))
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    if (view.in[0].shape[0] != view.out[0].shape[0])
        return std::nullopt;
    if (has_channels_last(view))
        return wish;
    if (view.in[0].shape[1] != view.out[0].shape[1])
        return std::nullopt;
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    wish.strided_in = wish.strided_out = view.in[0].type == ElementType::F32;
    return wish;
}

double source_of(const std::string& where, int64_t out, double scale, int64_t in_size, int64_t out_size) {
    if (where == "asymmetric")
        return double(out) / scale;
    if (where == "align_corners") { // ONNX counts with the size that is not rounded
        const double length = scale * double(in_size);
        return length > 1 ? double(out) * double(in_size - 1) / (length - 1) : 0;
    }
    if (where == "pytorch_half_pixel" && out_size == 1)
        return 0;
    return (double(out) + 0.5) / scale - 0.5;
}

int64_t nearest_of(const std::string& how, double x) {
    if (how == "floor")
        return int64_t(std::floor(x));
    if (how == "ceil")
        return int64_t(std::ceil(x));
    if (how == "round_prefer_ceil")
        return int64_t(std::floor(x + 0.5));
    return int64_t(std::ceil(x - 0.5));
}

std::vector<Source> sources(const Node& node, int64_t in_size, int64_t out_size, double scale) {
    const bool linear = node.attr("mode", "nearest") == std::string("linear");
    const std::string where = node.attr("coordinate_transformation_mode", "half_pixel");
    const std::string how = node.attr("nearest_mode", "round_prefer_floor");
    std::vector<Source> table;
    const auto inside = [&](int64_t k) { return std::clamp<int64_t>(k, 0, in_size - 1); };
    for (int64_t k = 0; k < out_size; k++) {
        const double x = source_of(where, k, scale, in_size, out_size);
        if (!linear) {
            table.push_back({.low = inside(nearest_of(how, x)), .high = 0, .weight = 0});
            table.back().high = table.back().low;
            continue;
        }
        const double clamped = std::clamp(x, 0.0, double(in_size - 1));
        const auto low = int64_t(std::floor(clamped));
        table.push_back({.low = low, .high = inside(low + 1), .weight = float(clamped - double(low))});
    }
    return table;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Shape& x = view.in[0].shape;
    const Shape& y = view.out[0].shape;
    const auto scales = scales_of(view);
    ResizePlan plan;
    plan.linear = view.node.attr("mode", "nearest") == std::string("linear");
    const bool last = has_channels_last(view);
    const size_t height = last ? 1 : 2, width = height + 1; // which dimension
    plan.batch = x[0], plan.channels = x[last ? 3 : 1], plan.height = x[height], plan.width = x[width];
    plan.in_stride = last ? x[3] : view.in[0].pixel_stride;
    plan.out_stride = last ? x[3] : view.out[0].pixel_stride;
    if (size_of(view.in[0].type) == 1)
        for (int64_t* n : {&plan.channels, &plan.in_stride, &plan.out_stride})
            *n /= 4;
    plan.rows = sources(view.node, x[height], y[height], scales[height]);
    plan.columns = sources(view.node, x[width], y[width], scales[width]);
    return std::unique_ptr<Kernel>(std::make_unique<ResizeKernel>(std::move(plan), view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_resize;
const KernelDef cpu_kernel_resize = {.name = "resize", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
