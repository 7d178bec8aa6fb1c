// SPDX-License-Identifier: LGPL-2.1-or-later
//
// MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool on channels-last f32 images: vectors of
// channels.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

#ifndef GI_CPU_POOL_PLAN
#define GI_CPU_POOL_PLAN
namespace infer::cpu {
namespace {

struct PoolPlan {
    bool is_max = false;
    bool counts_padding = false; // of AveragePool: count_include_pad
    int64_t batch = 1, height = 1, width = 1, channels = 1, out_height = 1, out_width = 1;
    int64_t kernel_y = 1, kernel_x = 1, stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
    int64_t pad_y = 0, pad_x = 0, pad_y_end = 0, pad_x_end = 0;
    int64_t depth = 1, out_depth = 1, kernel_z = 1, stride_z = 1, dilation_z = 1, pad_z = 0,
            pad_z_end = 0; // volumes
    int64_t in_stride = 1, out_stride = 1;
    bool in_is_half = false, out_is_half = false; // bf16
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

// The window of one output pixel, clipped to the image.
struct Window {
    int64_t y0, y1, x0, x1, z0, z1; // steps of the kernel, [0, kernel)
    float scale;            // 1 / what an average divides by
};

template <bool is_max, typename In, typename Out>
HWY_INLINE void pool_pixel(const PoolPlan& c, const In* image, const Window& w, int64_t iz, int64_t iy, int64_t ix, Out* out) {
    const auto lanes = int64_t(hn::Lanes(d));
    for (int64_t k = 0; k < c.channels; k += lanes) {
        const auto n = size_t(std::min(lanes, c.channels - k));
        V sum = hn::Set(d, is_max ? -std::numeric_limits<float>::infinity() : 0.0f);
        for (int64_t z = w.z0; z < w.z1; z++)
            for (int64_t y = w.y0; y < w.y1; y++) {
                const int64_t line = (iz + z * c.dilation_z) * c.height + iy + y * c.dilation_y;
                const In* from = image + (line * c.width + ix + w.x0 * c.dilation_x) * c.in_stride + k;
                for (int64_t x = w.x0; x < w.x1; x++, from += c.dilation_x * c.in_stride) {
                    const V v = load_some(d, from, n);
                    sum = is_max ? hn::Max(sum, v) : hn::Add(sum, v);
                }
            }
        store_some(is_max ? sum : hn::Mul(sum, hn::Set(d, w.scale)), d, out + k, n);
    }
}

// Steps [first, last) of a kernel that lie inside [0, size).
HWY_INLINE void clip(int64_t start, int64_t kernel, int64_t dilation, int64_t size, int64_t& first,
                     int64_t& last) {
    first = 0, last = kernel;
    while (first < last && start + first * dilation < 0)
        first++;
    while (last > first && start + (last - 1) * dilation >= size)
        last--;
}

// row: of all images and planes.
// What an average at (iz, iy, ix) divides by where it counts padding, but not what lies behind that (ceil_mode).
int64_t padded_cells(const PoolPlan& c, int64_t iz, int64_t iy, int64_t ix) {
    int64_t y0, y1, x0, x1, z0, z1;
    clip(iy + c.pad_y, c.kernel_y, c.dilation_y, c.height + c.pad_y + c.pad_y_end, y0, y1);
    clip(ix + c.pad_x, c.kernel_x, c.dilation_x, c.width + c.pad_x + c.pad_x_end, x0, x1);
    clip(iz + c.pad_z, c.kernel_z, c.dilation_z, c.depth + c.pad_z + c.pad_z_end, z0, z1);
    return (z1 - z0) * (y1 - y0) * (x1 - x0);
}

template <bool is_max, typename In, typename Out> void pool_row_of(const PoolPlan& c, const In* in, Out* out, int64_t row) {
    const int64_t oy = row % c.out_height, oz = row / c.out_height % c.out_depth,
                  n = row / c.out_height / c.out_depth;
    const In* image = in + n * c.depth * c.height * c.width * c.in_stride;
    Out* to = out + row * c.out_width * c.out_stride;
    const int64_t iy = oy * c.stride_y - c.pad_y, iz = oz * c.stride_z - c.pad_z;
    Window w{};
    clip(iy, c.kernel_y, c.dilation_y, c.height, w.y0, w.y1);
    clip(iz, c.kernel_z, c.dilation_z, c.depth, w.z0, w.z1);
    for (int64_t ox = 0; ox < c.out_width; ox++, to += c.out_stride) {
        const int64_t ix = ox * c.stride_x - c.pad_x;
        clip(ix, c.kernel_x, c.dilation_x, c.width, w.x0, w.x1);
        if (!is_max) {
            const int64_t cells = c.counts_padding ? padded_cells(c, iz, iy, ix) : (w.z1 - w.z0) * (w.y1 - w.y0) * (w.x1 - w.x0);
            w.scale = 1.0f / float(std::max<int64_t>(cells, 1));
        }
        pool_pixel<is_max>(c, image, w, iz, iy, ix, to);
    }
}

void pool_row(const PoolPlan& c, const void* in, void* out, int64_t row) {
    const auto row_of = [&](auto* from, auto* to) {
        if (c.is_max)
            pool_row_of<true>(c, from, to, row);
        else
            pool_row_of<false>(c, from, to, row);
    };
    const auto to = [&](auto* from) {
        if (c.out_is_half)
            row_of(from, static_cast<uint16_t*>(out));
        else
            row_of(from, static_cast<float*>(out));
    };
    if (c.in_is_half)
        to(static_cast<const uint16_t*>(in));
    else
        to(static_cast<const float*>(in));
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(pool_row);

class PoolKernel final : public Kernel {
public:
    PoolKernel(const PoolPlan& plan, int threads) : plan_(plan) {
        rows_ = plan_.batch * plan_.out_depth * plan_.out_height;
        const double loads = double(rows_ * plan_.out_width * plan_.channels) *
                             double(plan_.kernel_z * plan_.kernel_y * plan_.kernel_x);
        slices_ = slices_for(loads / 16, rows_, threads);
    }

    std::string_view name() const override { return "pool"; }

    void run(const Call& call, int slice) const override {
        const Range rows = slice_of(rows_, slices_, slice);
        for (int64_t r = rows.begin; r < rows.end; r++)
            HWY_DYNAMIC_DISPATCH(pool_row)
        (plan_, call.in[0], call.out[0], r);
    }

private:
    PoolPlan plan_;
    int64_t rows_ = 0;
};

bool is_global(const std::string& op) { return op.starts_with("Global"); }

std::optional<Wish> accept(const NodeView& view) {
    const std::string& op = view.node.op;
    const bool known = op == "MaxPool" || op == "AveragePool" || op == "GlobalAveragePool" ||
                       op == "GlobalMaxPool";
    const bool volume = known && !view.in.empty() && view.in[0].shape.size() == 5 &&
                        view.node.attr("auto_pad", "NOTSET") == std::string("NOTSET");
    if (!known || view.in.empty() || !(view.in[0].shape.size() == 4 || volume) ||
        view.in[0].type != ElementType::F32 || view.out.size() != 1)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    wish.strided_in = wish.strided_out = wish.gives_bf16 = true;
    wish.takes_bf16 = {true};
    return wish;
}

void set_window(PoolPlan& plan, const NodeView& view) {
    const Node& node = view.node;
    const Shape& x = view.in[0].shape;
    const Shape& y = view.out[0].shape;
    const size_t dims = x.size() - 2, h = dims - 2; // h: where the height is in lists of dimensions
    const std::vector<int64_t> ones(dims, 1);
    const auto kernel = node.attr("kernel_shape", ones), strides = node.attr("strides", ones);
    const auto dilations = node.attr("dilations", ones);
    const auto pads = node.attr("pads", std::vector<int64_t>(2 * dims, 0));
    plan.kernel_y = kernel[h], plan.kernel_x = kernel[h + 1];
    plan.stride_y = strides[h], plan.stride_x = strides[h + 1];
    plan.dilation_y = dilations[h], plan.dilation_x = dilations[h + 1];
    plan.counts_padding = node.attr("count_include_pad", int64_t(0)) != 0;
    if (node.attr("auto_pad", "NOTSET") == std::string("NOTSET")) {
        plan.pad_y = pads[h], plan.pad_x = pads[h + 1];
        plan.pad_y_end = pads[dims + h], plan.pad_x_end = pads[dims + h + 1];
    } else {
        const auto begin = conv_pads(node, x, {1, 1, kernel[0], kernel[1]}, y);
        plan.pad_y = begin[0], plan.pad_x = begin[1];
        plan.pad_y_end = plan.pad_y + 1,
        plan.pad_x_end = plan.pad_x + 1; // SAME: at most one more at the end
    }
    if (dims == 3) {
        plan.kernel_z = kernel[0], plan.stride_z = strides[0], plan.dilation_z = dilations[0];
        plan.pad_z = pads[0], plan.pad_z_end = pads[3];
    }
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Shape& x = view.in[0].shape;
    const Shape& y = view.out[0].shape;
    PoolPlan plan;
    plan.is_max = view.node.op == "MaxPool" || view.node.op == "GlobalMaxPool";
    const size_t h = x.size() - 2;
    plan.batch = x[0], plan.channels = x[1], plan.height = x[h], plan.width = x[h + 1];
    plan.out_height = y[h], plan.out_width = y[h + 1];
    if (x.size() == 5)
        plan.depth = x[2], plan.out_depth = y[2];
    plan.in_is_half = view.in[0].type == ElementType::BF16;
    plan.out_is_half = view.out[0].type == ElementType::BF16;
    plan.in_stride = view.in[0].pixel_stride;
    plan.out_stride = view.out[0].pixel_stride;
    if (is_global(view.node.op))
        plan.kernel_z = plan.depth, plan.kernel_y = plan.height, plan.kernel_x = plan.width;
    else
        set_window(plan, view);
    return std::unique_ptr<Kernel>(std::make_unique<PoolKernel>(plan, view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_pool;
const KernelDef cpu_kernel_pool = {.name = "pool", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
