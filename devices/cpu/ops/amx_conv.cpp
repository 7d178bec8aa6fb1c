// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Convolution in bf16 by the matrix units. A band of output rows is computed from its input rows,
// staged as bf16 with their padding, so that the pixels of the whole band follow one another at one
// distance: tiles run on from row to row, over a few pixels behind each row's end that are dropped.
// With a vertical stride s, rows that are s apart are staged side by side. All taps of a row of the
// kernel are one run of numbers. Images may be f32 or bf16, and channel slices of wider ones.
#include "devices/cpu/amx.h"
#include "devices/cpu/kernel.h"
#include "devices/cpu/onednn.h"
#include "devices/cpu/ops/conv.h"
#include "inference/half.h"

#include <algorithm>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/amx_conv.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

void activate_sums(const Activation& a, bool brief, float* sums, int64_t pixels, int64_t channels) {
    if (brief)
        activate_pixels<true>(a, sums, pixels, amx::sums_row, channels);
    else
        activate_pixels(a, sums, pixels, amx::sums_row, channels);
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(activate_sums);

constexpr int64_t block_pixels = 2 * amx::tile_pixels, block_channels = 2 * amx::tile_channels;
constexpr int64_t staged_bytes = 192 * 1024; // of a band: stays in the second-level cache beside the weights
constexpr size_t sums_bytes = size_t(block_pixels * amx::sums_row) * sizeof(float);

// An image in memory, f32 or bf16.
struct Pixels {
    const void* data = nullptr;
    bool is_half = false;
    const void* at(int64_t element) const {
        return static_cast<const char*>(data) + element * (is_half ? 2 : 4);
    }
};

// Rows and pixels of the output that one unit of work makes.
struct Area {
    int64_t image = 0, row = 0, rows = 1, pixel = 0, pixels = 0;
};

// What tiles read: pixel q of the area's virtual row is at `first + q * stride`.
struct Source {
    const uint16_t* first = nullptr;
    int64_t stride = 0; // elements
    int64_t begin = 0, end = 0; // of q
};

class AmxConvKernel final : public Kernel {
public:
    explicit AmxConvKernel(const NodeView& view);

    std::string_view name() const override { return "amx conv"; }
    size_t scratch_bytes() const override;
    void run(const Call& call, int slice) const override;
    void run_rows(const Call& call, int64_t image, Range rows) const override;

private:
    void cut(int threads);
    void set_steps();
    void pack(const NodeView& view);
    int64_t staged_rows(int64_t rows) const;
    Area area_of(int64_t band) const;

    uint16_t* staged(const Call& call) const { return reinterpret_cast<uint16_t*>(call.scratch + sums_bytes); }
    void stage_pixels(const void* image, int64_t pixel, int64_t pixels, uint16_t* to) const;
    void stage_row(const void* image, int64_t iy, uint16_t* to) const;
    void stage_band(const Call& call, const Area& area) const;
    void run_area(const Call& call, const Area& area, Range blocks) const;
    void run_source(const Call& call, const Area& area, Range blocks, const Source& source) const;
    void write(const Call& call, const Area& area, int64_t block, int64_t q, int64_t pixels) const;

    // A run of numbers of an input pixel's neighbourhood: taps of one row of the kernel.
    struct Run {
        int64_t ky = 0, kx = 0, taps = 1;
    };

    ConvPlan plan_; // geometry only
    bool in_is_half_, out_is_half_, residual_is_half_;
    bool hard_swish_ = false;
    bool is_direct_ = false;     // tiles read the image itself
    int64_t strip_ = 0;          // pixels of a row in an area
    int64_t band_rows_ = 1;      // rows of an area
    int64_t virtual_width_ = 0;  // output pixels from a row of the area to the next
    int64_t phase_rows_ = 1;     // staged rows of one phase of the vertical stride
    int64_t strips_ = 1, bands_ = 1, parts_ = 1, units_ = 1; // parts: of the channel blocks
    int64_t blocks_ = 1;
    std::vector<Run> runs_;
    std::vector<bool> phase_is_used_;
    std::vector<int64_t> offsets_; // of each step
    Tensor weights_;               // [block][step][channel tiles of the block][tile]
    std::vector<float> bias_;
};

bool is_half(const Operand& x) { return x.type == ElementType::BF16; }

AmxConvKernel::AmxConvKernel(const NodeView& view)
    : plan_(conv_plan(view)), in_is_half_(is_half(view.in[0])), out_is_half_(is_half(view.out[0])),
      residual_is_half_(plan_.has_residual && is_half(view.in[3])) {
    plan_.clamp = clamp_of(plan_.activation);
    hard_swish_ = plan_.activation.kind == Activation::HardSwish;
    blocks_ = (plan_.out_channels + block_channels - 1) / block_channels;
    cut(view.threads);
    set_steps();
    pack(view);
}

int64_t AmxConvKernel::staged_rows(int64_t rows) const {
    const int64_t reach = (plan_.kernel_y - 1) * plan_.dilation_y + 1;
    return ((rows - 1) * plan_.stride_y + reach + plan_.stride_y - 1) / plan_.stride_y;
}

void AmxConvKernel::cut(int threads) {
    const ConvPlan& p = plan_;
    const double macs = double(p.batch * p.out_height * p.out_width * p.out_channels) * double(p.in_channels * p.taps());
    const bool flat = p.is_pointwise() && p.out_height == 1;
    const int64_t wanted = slices_for(macs / 300, p.batch * p.out_height * p.out_width * blocks_, threads);
    const int64_t row_bytes = 2 * p.in_channels * (p.width + p.kernel_x);
    strip_ = virtual_width_ = p.out_width;
    if (flat) {
        is_direct_ = in_is_half_ && p.in_channels % amx::tile_depth == 0;
        const int64_t most = std::min(staged_bytes / (2 * p.in_channels), (p.out_width + wanted - 1) / wanted);
        strip_ = std::max(block_pixels, most / block_pixels * block_pixels);
        virtual_width_ = strip_;
    } else {
        const int64_t needed = (p.out_width - 1) * p.stride_x + (p.kernel_x - 1) * p.dilation_x + 1;
        virtual_width_ = std::max(p.out_width, (needed + p.stride_x - 1) / p.stride_x);
        const int64_t most = std::max<int64_t>(1, staged_bytes / (row_bytes * p.stride_y));
        const int64_t share = (p.batch * p.out_height + wanted - 1) / wanted;
        band_rows_ = std::clamp<int64_t>(std::min(most, share), 1, p.out_height);
    }
    phase_rows_ = staged_rows(band_rows_);
    strips_ = (p.out_width + strip_ - 1) / strip_;
    bands_ = p.batch * strips_ * ((p.out_height + band_rows_ - 1) / band_rows_);
    parts_ = std::clamp<int64_t>(wanted / bands_, 1, blocks_);
    units_ = bands_ * parts_;
    slices_ = int(std::clamp<int64_t>(wanted, 1, units_));
}

void AmxConvKernel::set_steps() {
    const ConvPlan& p = plan_;
    phase_is_used_.assign(size_t(p.stride_y), false);
    const int64_t pitch = virtual_width_ * p.stride_x;
    for (int64_t ky = 0; ky < p.kernel_y; ky++) {
        const bool together = p.dilation_x == 1;
        for (int64_t kx = 0; kx < p.kernel_x; kx += together ? p.kernel_x : 1) {
            runs_.push_back({ky, kx, together ? p.kernel_x : 1});
            const int64_t row = ky * p.dilation_y, phase = row % p.stride_y;
            phase_is_used_[size_t(phase)] = true;
            const int64_t base = ((phase * phase_rows_ + row / p.stride_y) * pitch + kx * p.dilation_x) * p.in_channels;
            for (int64_t k = 0; k < runs_.back().taps * p.in_channels; k += amx::tile_depth)
                offsets_.push_back(base + k);
        }
    }
}

void AmxConvKernel::pack(const NodeView& view) {
    const ConvPlan& p = plan_;
    const int64_t tiles = (p.out_channels + amx::tile_channels - 1) / amx::tile_channels, steps = int64_t(offsets_.size());
    weights_ = Tensor(ElementType::BF16, {tiles * steps * amx::tile_weights});
    auto* to = static_cast<uint16_t*>(weights_.view().data);
    std::fill(to, to + count(weights_.shape()), uint16_t(0));
    const float* from = view.in[1].constant->span<float>().data();
    for (int64_t o = 0; o < p.out_channels; o++) {
        const int64_t block = o / block_channels, tile = o % block_channels / amx::tile_channels;
        const int64_t of_block = std::min<int64_t>(2, tiles - 2 * block);
        int64_t step = 0;
        for (const Run& run : runs_) {
            const int64_t length = run.taps * p.in_channels;
            for (int64_t k = 0; k < length; k++) {
                const int64_t c = k % p.in_channels, kx = run.kx + k / p.in_channels;
                uint16_t* at = to + (2 * block * steps + (step + k / amx::tile_depth) * of_block + tile) * amx::tile_weights;
                at[amx::weight_at(o % amx::tile_channels, k % amx::tile_depth)] =
                    to_bf16(from[((o * p.in_channels + c) * p.kernel_y + run.ky) * p.kernel_x + kx]);
            }
            step += (length + amx::tile_depth - 1) / amx::tile_depth;
        }
    }
    bias_.assign(size_t(blocks_ * block_channels), 0.0f);
    if (view.in.size() > 2 && view.in[2].present)
        std::ranges::copy(view.in[2].constant->span<float>(), bias_.begin());
}

size_t AmxConvKernel::scratch_bytes() const {
    const ConvPlan& p = plan_;
    const int64_t rows = p.stride_y * phase_rows_ * virtual_width_ * p.stride_x;
    const int64_t behind = block_pixels * p.stride_x; // what the last tile reads and drops
    return sums_bytes + size_t((rows + behind) * p.in_channels + 2 * amx::tile_depth) * sizeof(uint16_t);
}

Area AmxConvKernel::area_of(int64_t band) const {
    const ConvPlan& p = plan_;
    const int64_t down = (p.out_height + band_rows_ - 1) / band_rows_;
    Area a{.image = band / strips_ / down, .row = band / strips_ % down * band_rows_, .pixel = band % strips_ * strip_};
    a.rows = std::min(band_rows_, p.out_height - a.row);
    a.pixels = std::min(strip_, p.out_width - a.pixel);
    return a;
}

// `pixels` pixels of the input one after another, as bf16.
void AmxConvKernel::stage_pixels(const void* image, int64_t pixel, int64_t pixels, uint16_t* to) const {
    const int64_t channels = plan_.in_channels, stride = plan_.in_stride;
    const Pixels in{image, in_is_half_};
    const bool dense = stride == channels;
    const int64_t runs = dense ? 1 : pixels, length = dense ? pixels * channels : channels;
    for (int64_t k = 0; k < runs; k++, to += length) {
        const void* from = in.at((pixel + k) * stride);
        if (in_is_half_)
            std::memcpy(to, from, size_t(length) * sizeof(uint16_t));
        else
            amx::narrow(static_cast<const float*>(from), to, length);
    }
}

// Input row iy, which may be outside, with its padding.
void AmxConvKernel::stage_row(const void* image, int64_t iy, uint16_t* to) const {
    const ConvPlan& p = plan_;
    const int64_t pitch = virtual_width_ * p.stride_x, channels = p.in_channels;
    if (iy < 0 || iy >= p.height) {
        std::fill(to, to + pitch * channels, uint16_t(0));
        return;
    }
    const int64_t left = std::min(p.pad_x, pitch), inside = std::min(p.width, pitch - left);
    std::fill(to, to + left * channels, uint16_t(0));
    stage_pixels(image, iy * p.width, inside, to + left * channels);
    std::fill(to + (left + inside) * channels, to + pitch * channels, uint16_t(0));
}

void AmxConvKernel::stage_band(const Call& call, const Area& area) const {
    const ConvPlan& p = plan_;
    const void* image = Pixels{call.in[0], in_is_half_}.at(area.image * p.height * p.width * p.in_stride);
    const int64_t row = virtual_width_ * p.stride_x * p.in_channels, rows = staged_rows(area.rows);
    for (int64_t phase = 0; phase < p.stride_y; phase++) {
        if (!phase_is_used_[size_t(phase)])
            continue;
        uint16_t* to = staged(call) + phase * phase_rows_ * row;
        for (int64_t k = 0; k < rows; k++)
            stage_row(image, (area.row + k) * p.stride_y + phase - p.pad_y, to + k * row);
        std::fill_n(to + rows * row, amx::tile_depth, uint16_t(0)); // is multiplied by weights of 0
    }
}

// One block of channels of pixels [q, q + pixels) goes from the sums to the output.
void AmxConvKernel::write(const Call& call, const Area& area, int64_t block, int64_t q, int64_t pixels) const {
    const ConvPlan& p = plan_;
    auto* sums = reinterpret_cast<float*>(call.scratch);
    const int64_t channel = block * block_channels;
    for (int64_t k = 0; k < pixels;) {
        const int64_t row = (q + k) / virtual_width_, x = (q + k) % virtual_width_;
        const int64_t run = std::min(pixels - k, area.pixels - x);
        if (run > 0) {
            const int64_t pixel = (area.image * p.out_height + area.row + row) * p.out_width + area.pixel + x;
            amx::Finish f{.bias = bias_.data() + channel, .low = p.clamp.low, .high = p.clamp.high, .slope = p.clamp.slope, .hard_swish = hard_swish_,
                          .channels = std::min(block_channels, p.out_channels - channel),
                          .residual_stride = p.residual_stride, .residual_is_half = residual_is_half_,
                          .out_stride = p.out_stride, .out_is_half = out_is_half_};
            if (p.has_residual)
                f.residual = Pixels{call.in[3], residual_is_half_}.at(pixel * p.residual_stride + channel);
            f.out = const_cast<void*>(Pixels{call.out[0], out_is_half_}.at(pixel * p.out_stride + channel));
            float* from = sums + k * amx::sums_row;
            if (!p.clamp.is_all && !hard_swish_) {
                static constexpr float none[block_channels] = {};
                amx::add_terms(f, from, run);
                HWY_DYNAMIC_DISPATCH(activate_sums)(p.activation, out_is_half_, from, run, f.channels);
                f.bias = none, f.residual = nullptr;
            }
            amx::finish(f, from, run);
        }
        k += virtual_width_ - x;
    }
}

void AmxConvKernel::run_source(const Call& call, const Area& area, Range blocks, const Source& source) const {
    const int64_t tiles = (plan_.out_channels + amx::tile_channels - 1) / amx::tile_channels;
    const auto steps = int64_t(offsets_.size());
    auto* sums = reinterpret_cast<float*>(call.scratch);
    for (int64_t block = blocks.begin; block < blocks.end; block++) {
        amx::Products products{.pixel_bytes = source.stride * int64_t(sizeof(uint16_t)), .offsets = offsets_.data(), .steps = steps,
                               .weights = static_cast<const uint16_t*>(weights_.view().data) + 2 * block * steps * amx::tile_weights};
        const int channel_tiles = int(std::min<int64_t>(2, tiles - 2 * block));
        for (int64_t q = source.begin; q < source.end; q += block_pixels) {
            const int64_t pixels = std::min(block_pixels, source.end - q);
            products.pixels = source.first + q * source.stride;
            amx::multiply(products, pixels > amx::tile_pixels ? 2 : 1, channel_tiles, sums);
            write(call, area, block, q, pixels);
        }
    }
}

void AmxConvKernel::run_area(const Call& call, const Area& area, Range blocks) const {
    const ConvPlan& p = plan_;
    const int64_t pixels = (area.rows - 1) * virtual_width_ + area.pixels, stride = p.stride_x * p.in_channels;
    if (!p.is_pointwise() || p.out_height != 1) {
        stage_band(call, area);
        return run_source(call, area, blocks, {staged(call), stride, 0, pixels});
    }
    // Tiles may not read behind the image's end: what does not fill a block is staged.
    const int64_t direct = is_direct_ ? pixels / block_pixels * block_pixels : 0;
    if (direct > 0) {
        const auto* first = static_cast<const uint16_t*>(call.in[0]) + area.pixel * p.in_stride;
        run_source(call, area, blocks, {first, p.in_stride, 0, direct});
    }
    if (direct == pixels)
        return;
    stage_pixels(call.in[0], area.pixel + direct, pixels - direct, staged(call));
    std::fill_n(staged(call) + (pixels - direct) * p.in_channels, amx::tile_depth, uint16_t(0));
    run_source(call, area, blocks, {staged(call) - direct * stride, stride, direct, pixels});
}

void AmxConvKernel::run(const Call& call, int slice) const {
    const amx::Tiles tiles;
    const Range units = slice_of(units_, slices_, slice);
    for (int64_t unit = units.begin; unit < units.end; unit++)
        run_area(call, area_of(unit / parts_), slice_of(blocks_, int(parts_), int(unit % parts_)));
}

void AmxConvKernel::run_rows(const Call& call, int64_t image, Range rows) const {
    const amx::Tiles tiles;
    const ConvPlan& p = plan_;
    const Range blocks{0, blocks_};
    if (!p.is_pointwise()) {
        for (int64_t row = rows.begin; row < rows.end; row += band_rows_)
            run_area(call, {image, row, std::min(band_rows_, rows.end - row), 0, p.out_width}, blocks);
        return;
    }
    const int64_t end = (image * p.image_rows + rows.end) * p.row_pixels; // all pixels are one row
    for (int64_t pixel = (image * p.image_rows + rows.begin) * p.row_pixels; pixel < end; pixel += strip_)
        run_area(call, {.pixel = pixel, .pixels = std::min(strip_, end - pixel)}, blocks);
}

bool is_usable() {
    static const bool usable = onednn::has_amx() && amx::is_allowed();
    return usable;
}

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "Conv" || !view.native_bf16 || view.prefers_onednn || !is_f32_conv(view) ||
        view.node.attr("group", int64_t(1)) != 1 || !activation_of(view.node) || !is_usable())
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    wish.takes_bf16 = {true};
    if (view.in.size() > 3 && view.in[3].present) {
        wish.in[3] = Layout::ChannelsLast, wish.in_place = 3;
        wish.takes_bf16 = {true, false, false, true};
    }
    wish.strided_in = wish.strided_out = wish.gives_bf16 = true;
    wish.rows = row_use(view);
    wish.rows->is_exact = view.in[1].shape[2] == 1 && wish.rows->stride == 1; // others stage whole groups of rows
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    return std::unique_ptr<Kernel>(std::make_unique<AmxConvKernel>(view));
}

} // namespace

extern const KernelDef cpu_kernel_amx_conv;
const KernelDef cpu_kernel_amx_conv = {.name = "amx conv", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
