// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Convolution of channels-last f32 images by register tiles: P pixels x V vectors of output channels
// are summed over all taps and input channels without leaving the registers. Also 1x1 (all pixels
// are one row) and grouped convolutions. A pixel's sum is always in the same order, so results do
// not depend on slices, lanes or batch.
#include "devices/cpu/ops/conv.h"

#include "devices/cpu/kernel.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/conv.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;

// Registers: 32 with AVX-512, 16 else; P * V accumulators + V weights + 1 input.
constexpr bool many_registers = HWY_TARGET <= HWY_AVX3;
constexpr int max_vectors = many_registers ? 4 : 2;
constexpr int tile_pixels(int vectors) {
    if (many_registers) // one vector alone needs more pixels to hide how long a sum takes
        return vectors == 4 ? 6 : vectors == 1 ? 12 : 8;
    return vectors == 2 ? 6 : 8;
}

// What one tile works on.
struct Tile {
    const ConvPlan& plan;
    const float* image;   // of this batch row and group
    const float* weights; // of this block: [taps][ic][V * lanes]
    const float* bias;    // of this block
    const float* residual; // at the first output pixel and channel of the tile; nullptr: none
    float* out;           // same
    const float* zeros;   // a pixel of padding
    int64_t oy, ox;       // first output pixel
    int64_t channels;     // of the block that exist, <= V * lanes
    int64_t oz;           // of volumes
};

template <int V, int P>
HWY_INLINE void finish_tile(const Tile& t, hn::Vec<D> (&acc)[P][V]) {
    const auto lanes = int64_t(hn::Lanes(d));
    const ConvPlan& c = t.plan;
    const bool full = t.channels == V * lanes;
#pragma GCC unroll 12
    for (int p = 0; p < P; p++) {
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) {
            auto y = acc[p][v];
            float* to = t.out + p * c.out_stride + v * lanes;
            if (full || (v + 1) * lanes <= t.channels) {
                if (t.residual)
                    y = hn::Add(y, hn::LoadU(d, t.residual + p * c.residual_stride + v * lanes));
                hn::StoreU(clamp(d, y, c.clamp), d, to);
            } else {
                const auto n = size_t(t.channels - v * lanes);
                if (t.residual)
                    y = hn::Add(y, load_first(d, t.residual + p * c.residual_stride + v * lanes, n));
                store_first(clamp(d, y, c.clamp), d, to, n);
            }
        }
    }
    if (!c.clamp.is_all)
        activate_pixels(c.activation, t.out, P, c.out_stride, t.channels);
}

// Sums `n` consecutive inputs of each pixel into the accumulators.
template <int V, int P>
HWY_INLINE const float* accumulate(const float* const (&in)[P], const float* HWY_RESTRICT w, int64_t n,
                                   hn::Vec<D> (&acc)[P][V]) {
    const size_t lanes = hn::Lanes(d);
    for (int64_t i = 0; i < n; i++) {
        hn::Vec<D> weight[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++)
            weight[v] = hn::LoadU(d, w + size_t(v) * lanes);
        w += V * lanes;
#pragma GCC unroll 12
        for (int p = 0; p < P; p++) {
            const auto x = hn::Set(d, in[p][i]);
#pragma GCC unroll 4
            for (int v = 0; v < V; v++)
                acc[p][v] = hn::MulAdd(x, weight[v], acc[p][v]);
        }
    }
    return w;
}

// `row`, from pixel `ix` on, with zeros where it lies outside the image, so that the taps at an edge
// are as dense as in the middle.
constexpr int64_t edge_floats = 256;

HWY_INLINE void copy_edge(const ConvPlan& c, const float* row, int64_t ix, int64_t pixels, float* edge) {
    const int64_t first = std::clamp<int64_t>(-ix, 0, pixels), last = std::clamp<int64_t>(c.width - ix, first, pixels);
    std::fill(edge, edge + first * c.in_channels, 0.0f);
    std::copy(row + (ix + first) * c.in_channels, row + (ix + last) * c.in_channels, edge + first * c.in_channels);
    std::fill(edge + last * c.in_channels, edge + pixels * c.in_channels, 0.0f);
}

template <int V, int P> void tile(const Tile& t) {
    const ConvPlan& c = t.plan;
    const size_t lanes = hn::Lanes(d);
    hn::Vec<D> acc[P][V];
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
        const auto b = hn::LoadU(d, t.bias + size_t(v) * lanes);
#pragma GCC unroll 12
        for (int p = 0; p < P; p++)
            acc[p][v] = b;
    }
    const int64_t ix0 = t.ox * c.stride_x - c.pad_x;
    const int64_t ix_last = ix0 + (P - 1) * c.stride_x + (c.kernel_x - 1) * c.dilation_x;
    const bool inside = ix0 >= 0 && ix_last < c.width;
    const int64_t step = c.stride_x * c.in_stride, pixels = ix_last - ix0 + 1;
    const bool by_edge = !inside && c.rows_are_dense && pixels * c.in_channels <= edge_floats;
    float edge[edge_floats];
    const int64_t row_weights = c.kernel_x * c.in_channels * int64_t(V * lanes);
    for (int64_t k = 0; k < c.kernel_z * c.kernel_y; k++) {
        const int64_t iy = t.oy * c.stride_y - c.pad_y + k % c.kernel_y * c.dilation_y;
        const int64_t iz = t.oz * c.stride_z - c.pad_z + k / c.kernel_y * c.dilation_z;
        if (iy < 0 || iy >= c.height || iz < 0 || iz >= c.depth)
            continue;
        const float* row = t.image + (iz * c.height + iy) * c.width * c.in_stride;
        const float* w = t.weights + k * row_weights;
        const float* in[P];
        if (by_edge)
            copy_edge(c, row, ix0, pixels, edge);
        if (by_edge || (inside && c.rows_are_dense)) { // the taps of a row follow one another in memory
            const float* from = by_edge ? edge : row + ix0 * c.in_stride;
            for (int p = 0; p < P; p++)
                in[p] = from + p * step;
            accumulate<V, P>(in, w, c.kernel_x * c.in_channels, acc);
            continue;
        }
        for (int64_t kx = 0; kx < c.kernel_x; kx++) {
            const int64_t ix = ix0 + kx * c.dilation_x;
            for (int p = 0; p < P; p++) {
                const int64_t x = ix + p * c.stride_x;
                in[p] = inside || (x >= 0 && x < c.width) ? row + x * c.in_stride : t.zeros;
            }
            w = accumulate<V, P>(in, w, c.in_channels, acc);
        }
    }
    finish_tile<V, P>(t, acc);
}

// All pixels [ox, end) of one output row, for one block of output channels.
template <int V> void strip(Tile t, int64_t end) {
    constexpr int P = tile_pixels(V);
    const ConvPlan& c = t.plan;
    const auto advance = [&](int pixels) {
        t.ox += pixels;
        t.out += pixels * c.out_stride;
        if (t.residual)
            t.residual += pixels * c.residual_stride;
    };
    for (; t.ox + P <= end; advance(P))
        tile<V, P>(t);
    for (; t.ox + 4 <= end; advance(4))
        tile<V, 4>(t);
    if (t.ox + 2 <= end) {
        tile<V, 2>(t);
        advance(2);
    }
    for (; t.ox < end; advance(1))
        tile<V, 1>(t);
}

void conv_strip(const ConvPlan& plan, const ConvStrip& s) {
    const ConvBlock& block = plan.blocks[size_t(s.block)];
    Tile t{plan,
           s.image + block.group * plan.in_channels,
           s.weights ? s.weights : plan.weights.data() + block.weights,
           s.bias ? s.bias : plan.bias.data() + block.bias,
           s.residual ? s.residual + block.channel : nullptr,
           s.out + block.channel,
           plan.zeros.data(),
           s.oy,
           s.ox,
           block.channels,
           s.oz};
    switch (block.vectors) {
    case 1: return strip<1>(t, s.end);
    case 2: return strip<2>(t, s.end);
    case 3:
        if constexpr (max_vectors >= 3)
            return strip<3>(t, s.end);
        break;
    case 4:
        if constexpr (max_vectors >= 4)
            return strip<4>(t, s.end);
        break;
    }
}

// Cuts the output channels into blocks of vectors.
void conv_cut(ConvPlan& plan) {
    const auto lanes = int64_t(hn::Lanes(d));
    const int64_t oc = plan.out_channels / plan.groups; // of a group
    const int64_t vectors = (oc + lanes - 1) / lanes;
    const int64_t count = (vectors + max_vectors - 1) / max_vectors; // blocks of a group
    plan.blocks.clear();
    plan.zeros.assign(size_t(plan.in_channels + 16), 0.0f);
    for (int64_t g = 0; g < plan.groups; g++)
        for (int64_t k = 0; k < count; k++) {
            const int64_t first = vectors * k / count, last = vectors * (k + 1) / count;
            plan.blocks.push_back({.group = g, .channel = g * oc + first * lanes,
                                   .channels = std::min(oc, last * lanes) - first * lanes,
                                   .vectors = int(last - first)});
        }
}

int64_t conv_lanes() { return int64_t(hn::Lanes(d)); }

// Cuts the channels and brings the weights into the blocks' order.
void conv_pack(ConvPlan& plan, const float* weights, const float* bias) {
    conv_cut(plan);
    const int64_t taps = plan.taps(), ic = plan.in_channels;
    plan.weights.clear(), plan.bias.clear();
    for (ConvBlock& block : plan.blocks) {
        block.weights = plan.weights.size(), block.bias = plan.bias.size();
        const int64_t width = block.vectors * int64_t(hn::Lanes(d));
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t i = 0; i < ic; i++)
                for (int64_t o = 0; o < width; o++)
                    plan.weights.push_back(
                        o < block.channels ? weights[((block.channel + o) * ic + i) * taps + tap] : 0);
        for (int64_t o = 0; o < width; o++)
            plan.bias.push_back(bias && o < block.channels ? bias[block.channel + o] : 0);
    }
}

void conv_panel(const ConvPlan& plan, int64_t index, const Panel& p, float* to) {
    const auto lanes = int64_t(hn::Lanes(d));
    const ConvBlock& block = plan.blocks[size_t(index)];
    const int64_t width = block.vectors * lanes;
    const float* from = p.data + block.channel * p.column;
    const auto scale = hn::Set(d, p.scale);
    if (p.column == 1) {
        for (int64_t k = 0; k < plan.in_channels; k++, from += p.row, to += width)
            for (int64_t o = 0; o < width; o += lanes) {
                const int64_t n = block.channels - o;
                hn::StoreU(hn::Mul(n >= lanes ? hn::LoadU(d, from + o) : load_first(d, from + o, size_t(n)), scale), d, to + o);
            }
        return;
    }
    for (int64_t k0 = 0; k0 < plan.in_channels; k0 += 16) // columns in pieces of a cache line
        for (int64_t o = 0; o < width; o++)
            for (int64_t k = k0; k < std::min(k0 + 16, plan.in_channels); k++)
                to[k * width + o] = o < block.channels ? p.scale * from[o * p.column + k * p.row] : 0;
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(conv_cut);
HWY_EXPORT(conv_lanes);
HWY_EXPORT(conv_pack);
HWY_EXPORT(conv_panel);
HWY_EXPORT(conv_strip);

class ConvKernel final : public Kernel {
public:
    ConvKernel(ConvPlan plan, int threads) : plan_(std::move(plan)) {
        // 1x1 at stride 1: all pixels of an image are one row.
        const int64_t pixels = plan_.out_depth * plan_.out_height * plan_.out_width;
        strip_ = plan_.out_width;
        rows_ = plan_.batch * plan_.out_depth * plan_.out_height;
        if (plan_.out_height == 1 && plan_.is_pointwise()) {
            // Strips whose input stays in the second-level cache while all blocks read it.
            const int64_t most = std::max<int64_t>(48, 32768 / std::max<int64_t>(plan_.in_channels, 1));
            strip_ = std::min(pixels, most / 24 * 24);
        }
        strips_ = (plan_.out_width + strip_ - 1) / strip_;
        const double macs = double(plan_.batch * pixels) * double(plan_.out_channels) *
                            double(plan_.in_channels * plan_.taps());
        const bool can_cut_rows = plan_.is_pointwise() && plan_.out_height == 1;
        const int64_t shortest = can_cut_rows ? std::min<int64_t>(strip_, 24) : strip_;
        const int64_t most_strips = (plan_.out_width + shortest - 1) / shortest;
        slices_ = slices_for(macs / 40, rows_ * most_strips * int64_t(plan_.blocks.size()), threads);
        if (can_cut_rows && rows_ * strips_ < slices_) {
            strip_ = std::max<int64_t>(shortest, (plan_.out_width / slices_ + 23) / 24 * 24);
            strips_ = (plan_.out_width + strip_ - 1) / strip_;
        }
        units_ = rows_ * strips_ * int64_t(plan_.blocks.size());
        slices_ = int(std::min<int64_t>(slices_, units_));
    }

    std::string_view name() const override { return "tiled conv"; }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(units_, slices_, slice);
        const auto blocks = int64_t(plan_.blocks.size());
        for (int64_t unit = range.begin; unit < range.end; unit++) {
            const int64_t strip = unit / blocks % strips_, ox = strip * strip_;
            run_unit(call, unit / blocks / strips_, unit % blocks, {ox, std::min(ox + strip_, plan_.out_width)});
        }
    }

    void run_rows(const Call& call, int64_t image, Range rows) const override {
        const bool flat = plan_.is_pointwise(); // all its pixels are one row
        const int64_t first = image * plan_.image_rows;
        const Range lines = flat ? Range{0, 1} : Range{first + rows.begin, first + rows.end};
        const Range pixels = flat ? Range{(first + rows.begin) * plan_.row_pixels, (first + rows.end) * plan_.row_pixels} : Range{0, plan_.out_width};
        for (int64_t line = lines.begin; line < lines.end; line++)
            for (int64_t ox = pixels.begin; ox < pixels.end; ox += strip_)
                for (int64_t block = 0; block < int64_t(plan_.blocks.size()); block++)
                    run_unit(call, line, block, {ox, std::min(ox + strip_, pixels.end)});
    }

private:
    // One block of channels of some pixels of row `row` of all images and planes.
    void run_unit(const Call& call, int64_t row, int64_t block, Range pixels) const {
        const auto* in = static_cast<const float*>(call.in[0]);
        const auto* residual = static_cast<const float*>(plan_.has_residual ? call.in[3] : nullptr);
        const int64_t plane = row / plan_.out_height, n = plane / plan_.out_depth;
        const int64_t pixel = row * plan_.out_width + pixels.begin;
        run_conv_strip(plan_, {.block = block,
                               .image = in + n * plan_.depth * plan_.height * plan_.width * plan_.in_stride,
                               .residual = residual ? residual + pixel * plan_.residual_stride : nullptr,
                               .out = static_cast<float*>(call.out[0]) + pixel * plan_.out_stride,
                               .oy = row % plan_.out_height,
                               .ox = pixels.begin,
                               .end = pixels.end,
                               .oz = plane % plan_.out_depth});
    }

    ConvPlan plan_;
    int64_t strip_ = 0, strips_ = 1, rows_ = 0, units_ = 0;
};

std::optional<Wish> accept(const NodeView& view) {
    const bool volume =
        is_f32_conv(view, 5) && view.node.attr("auto_pad", "NOTSET") == std::string("NOTSET");
    if (view.node.op != "Conv" || !(is_f32_conv(view) || volume) || !activation_of(view.node))
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    if (view.in.size() > 3 && view.in[3].present)
        wish.in[3] = Layout::ChannelsLast, wish.in_place = 3;
    wish.strided_in = wish.strided_out = true;
    if (!volume)
        wish.rows = row_use(view);
    return wish;
}

} // namespace

Result<std::unique_ptr<Kernel>> make_tiled_conv(const NodeView& view) {
    ConvPlan plan = conv_plan(view);
    const bool has_bias = view.in.size() > 2 && view.in[2].present;
    pack_conv(plan, view.in[1].constant->span<float>().data(),
              has_bias ? view.in[2].constant->span<float>().data() : nullptr);
    return make_conv_kernel(std::move(plan), view.threads);
}

void pack_conv(ConvPlan& plan, const float* weights, const float* bias) {
    plan.clamp = clamp_of(plan.activation);
    HWY_DYNAMIC_DISPATCH(conv_pack)(plan, weights, bias);
}

void cut_conv(ConvPlan& plan) {
    plan.clamp = clamp_of(plan.activation);
    HWY_DYNAMIC_DISPATCH(conv_cut)(plan);
}

int64_t panel_width(const ConvPlan& plan, int64_t block) {
    return plan.blocks[size_t(block)].vectors * HWY_DYNAMIC_DISPATCH(conv_lanes)();
}

void pack_panel(const ConvPlan& plan, int64_t block, const Panel& panel, float* to) {
    HWY_DYNAMIC_DISPATCH(conv_panel)(plan, block, panel, to);
}

void run_conv_strip(const ConvPlan& plan, const ConvStrip& strip) {
    HWY_DYNAMIC_DISPATCH(conv_strip)(plan, strip);
}

std::unique_ptr<Kernel> make_conv_kernel(ConvPlan plan, int threads) {
    return std::make_unique<ConvKernel>(std::move(plan), threads);
}

bool is_f32_conv(const NodeView& view, size_t rank) {
    const auto constant = [&](size_t k) { return view.in.size() > k && view.in[k].constant; };
    return view.in[0].shape.size() == rank && view.in[0].type == ElementType::F32 && constant(1) &&
           view.in[1].type == ElementType::F32 &&
           (view.in.size() < 3 || !view.in[2].present || constant(2));
}

ConvPlan conv_plan(const NodeView& view, bool flatten) {
    const Node& node = view.node;
    const Shape& x = view.in[0].shape;
    const Shape& w = view.in[1].shape;
    const Shape& y = view.out[0].shape;
    const size_t rank = x.size(), h = rank - 2; // h: the dimension of the height
    const std::vector<int64_t> ones(rank - 2, 1);
    const auto strides = node.attr("strides", ones), dilations = node.attr("dilations", ones);
    ConvPlan plan;
    plan.batch = x[0], plan.height = x[h], plan.width = x[h + 1];
    plan.groups = node.attr("group", int64_t(1));
    plan.in_channels = w[1], plan.out_channels = w[0];
    plan.kernel_y = w[h], plan.kernel_x = w[h + 1];
    plan.out_height = y[h], plan.out_width = y[h + 1];
    plan.stride_y = strides[h - 2], plan.stride_x = strides[h - 1];
    plan.dilation_y = dilations[h - 2], plan.dilation_x = dilations[h - 1];
    if (rank == 5) {
        const auto pads = node.attr("pads", std::vector<int64_t>(6, 0));
        plan.depth = x[2], plan.out_depth = y[2], plan.kernel_z = w[2];
        plan.stride_z = strides[0], plan.dilation_z = dilations[0];
        plan.pad_z = pads[0], plan.pad_y = pads[1], plan.pad_x = pads[2];
    } else {
        const auto pads = conv_pads(node, x, w, y);
        plan.pad_y = pads[0], plan.pad_x = pads[1];
    }
    plan.in_stride = view.in[0].pixel_stride;
    plan.out_stride = view.out[0].pixel_stride;
    plan.has_residual = view.in.size() > 3 && view.in[3].present;
    plan.residual_stride = plan.has_residual ? view.in[3].pixel_stride : 0;
    plan.activation = *activation_of(node);
    plan.rows_are_dense = plan.groups == 1 && plan.in_stride == plan.in_channels &&
                          (plan.dilation_x == 1 || plan.kernel_x == 1);
    plan.image_rows = plan.out_height, plan.row_pixels = plan.out_width;
    if (flatten && plan.is_pointwise()) { // all pixels are one row
        plan.width = plan.out_width = plan.batch * plan.depth * plan.height * plan.width;
        plan.batch = plan.depth = plan.out_depth = plan.height = plan.out_height = 1;
    }
    return plan;
}

RowUse row_use(const NodeView& view) {
    const ConvPlan plan = conv_plan(view, false);
    return {.stride = plan.stride_y, .pad = plan.pad_y, .reach = (plan.kernel_y - 1) * plan.dilation_y + 1};
}

ConvBand band_of(const ConvPlan& p, Range rows) {
    const int64_t reach = (p.kernel_y - 1) * p.dilation_y + 1;
    const int64_t first = rows.begin * p.stride_y - p.pad_y, last = (rows.end - 1) * p.stride_y - p.pad_y + reach;
    const int64_t right = (p.out_width - 1) * p.stride_x - p.pad_x + (p.kernel_x - 1) * p.dilation_x + 1 - p.width;
    ConvBand band{.top = std::clamp<int64_t>(first, 0, p.height)};
    band.bottom = std::clamp<int64_t>(last, band.top, p.height);
    band.pad_top = band.top - first, band.pad_bottom = last - band.bottom;
    band.pad_right = std::max<int64_t>(0, right);
    return band;
}

std::array<int64_t, 2> conv_pads(const Node& node, const Shape& x, const Shape& w, const Shape& y) {
    const std::string how = node.attr("auto_pad", "NOTSET");
    const auto pads = node.attr("pads", std::vector<int64_t>{0, 0, 0, 0});
    if (how == "NOTSET")
        return {pads[0], pads[1]};
    if (how == "VALID")
        return {0, 0};
    const auto strides = node.attr("strides", std::vector<int64_t>{1, 1});
    const auto dilations = node.attr("dilations", std::vector<int64_t>{1, 1});
    std::array<int64_t, 2> begin;
    for (size_t k = 0; k < 2; k++) {
        const int64_t span = (y[2 + k] - 1) * strides[k] + (w[2 + k] - 1) * dilations[k] + 1;
        const int64_t all = std::max<int64_t>(span - x[2 + k], 0);
        begin[k] = how == "SAME_LOWER" ? all - all / 2 : all / 2;
    }
    return begin;
}

extern const KernelDef cpu_kernel_conv;
const KernelDef cpu_kernel_conv = {.name = "conv", .accept = accept, .make = make_tiled_conv};

} // namespace infer::cpu
#endif
