// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What reads an f32 image at weighted places, channels last: Resize in any mode over height and
// width (rows first, then columns, by tables of taps), and GridSample.
#include "devices/cpu/kernel.h"
#include "devices/cpu/weigh.h"
#include "inference/ops/grid_sample.h"
#include "inference/ops/resize.h"

#include <algorithm>

namespace infer::cpu {
namespace {

// The reads of each output row or column, one after another.
struct Reads {
    std::vector<Read> all;
    std::vector<int64_t> starts; // of each output position, and the end
    std::vector<bool> outside;

    const Read* of(int64_t k) const { return all.data() + starts[size_t(k)]; }
    int64_t count(int64_t k) const { return starts[size_t(k) + 1] - starts[size_t(k)]; }
};

// step: elements from one input position to the next. No taps: the dimension stays.
Reads reads_of(const std::vector<ResizeTaps>& taps, int64_t size, int64_t step) {
    Reads reads;
    for (int64_t k = 0; k < size; k++) {
        reads.starts.push_back(int64_t(reads.all.size()));
        reads.outside.push_back(!taps.empty() && taps[size_t(k)].outside);
        if (taps.empty())
            reads.all.push_back({k * step, 1});
        else
            for (const auto& [at, weight] : taps[size_t(k)].taps)
                reads.all.push_back({at * step, float(weight)});
    }
    reads.starts.push_back(int64_t(reads.all.size()));
    return reads;
}

class ResampleKernel final : public Kernel {
public:
    ResampleKernel(const NodeView& view, const std::vector<std::vector<ResizeTaps>>& taps)
        : fill_(view.node.attr("extrapolation_value", 0.0f)) {
        const Operand &x = view.in[0], &y = view.out[0];
        batch_ = x.shape[0], channels_ = x.shape[1], height_ = x.shape[2], width_ = x.shape[3];
        out_height_ = y.shape[2], out_width_ = y.shape[3];
        in_stride_ = x.pixel_stride, out_stride_ = y.pixel_stride;
        rows_ = reads_of(taps[2], out_height_, width_ * in_stride_);
        columns_ = reads_of(taps[3], out_width_, channels_);
        const double reads = double(rows_.all.size()) * double(width_) +
                             double(columns_.all.size()) * double(out_height_);
        slices_ =
            slices_for(double(batch_ * channels_) * reads / 8, batch_ * out_height_, view.threads);
    }

    std::string_view name() const override { return "resample"; }
    size_t scratch_bytes() const override { return size_t(width_ * channels_) * sizeof(float); }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(batch_ * out_height_, slices_, slice);
        for (int64_t r = range.begin; r < range.end; r++) {
            const int64_t n = r / out_height_;
            run_row(static_cast<const float*>(call.in[0]) + n * height_ * width_ * in_stride_,
                    static_cast<float*>(call.out[0]) + r * out_width_ * out_stride_,
                    r % out_height_, reinterpret_cast<float*>(call.scratch));
        }
    }

private:
    void run_row(const float* image, float* to, int64_t oy, float* row) const {
        if (in_stride_ == channels_)
            weigh(image, rows_.of(oy), rows_.count(oy), row, width_ * channels_);
        else
            for (int64_t x = 0; x < width_; x++)
                weigh(image + x * in_stride_, rows_.of(oy), rows_.count(oy), row + x * channels_,
                      channels_);
        for (int64_t ox = 0; ox < out_width_; ox++, to += out_stride_)
            if (rows_.outside[size_t(oy)] || columns_.outside[size_t(ox)])
                std::fill(to, to + channels_, fill_);
            else
                weigh(row, columns_.of(ox), columns_.count(ox), to, channels_);
    }

    int64_t batch_, channels_, height_, width_, out_height_, out_width_, in_stride_, out_stride_;
    Reads rows_, columns_;
    float fill_;
};

class GridSampleKernel final : public Kernel {
public:
    explicit GridSampleKernel(const NodeView& view)
        : sampler_(view.node, view.in[0].shape[2], view.in[0].shape[3]) {
        const Shape &x = view.in[0].shape, &y = view.out[0].shape;
        channels_ = x[1], image_ = x[2] * x[3], plane_ = y[2] * y[3], pixels_ = y[0] * plane_;
        in_stride_ = view.in[0].pixel_stride, out_stride_ = view.out[0].pixel_stride;
        slices_ = slices_for(double(pixels_) * (40 + double(channels_) / 2), pixels_, view.threads);
    }

    std::string_view name() const override { return "grid sample"; }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(pixels_, slices_, slice);
        const auto* grid = static_cast<const float*>(call.in[1]);
        GridTaps taps;
        Read reads[std::tuple_size_v<GridTaps>];
        for (int64_t i = range.begin; i < range.end; i++) {
            const int count = sampler_.taps(grid[2 * i], grid[2 * i + 1], taps);
            for (int k = 0; k < count; k++)
                reads[k] = {taps[size_t(k)].pixel * in_stride_, float(taps[size_t(k)].weight)};
            weigh(static_cast<const float*>(call.in[0]) + i / plane_ * image_ * in_stride_, reads,
                  count, static_cast<float*>(call.out[0]) + i * out_stride_, channels_);
        }
    }

private:
    GridSampler sampler_;
    int64_t channels_ = 1, image_ = 1, plane_ = 1, pixels_ = 1, in_stride_ = 1, out_stride_ = 1;
};

std::vector<ValueFacts> facts_of(const NodeView& view) {
    std::vector<ValueFacts> facts;
    for (const Operand& x : view.in)
        facts.push_back({x.type, x.shape, x.constant, x.present});
    return facts;
}

std::optional<Wish> accept(const NodeView& view) {
    const bool resize = view.node.op == "Resize";
    if ((!resize && view.node.op != "GridSample") || view.in[0].shape.size() != 4 ||
        view.in[0].type != ElementType::F32 || count(view.in[0].shape) == 0)
        return std::nullopt;
    if (resize) {
        for (size_t k = 1; k < view.in.size(); k++)
            if (view.in[k].present && !view.in[k].constant)
                return std::nullopt;
        const auto taps = resize_taps(view.node, facts_of(view));
        if (!taps[0].empty() || !taps[1].empty())
            return std::nullopt;
    }
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    wish.strided_in = wish.strided_out = true;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    if (view.node.op == "Resize")
        return std::unique_ptr<Kernel>(
            std::make_unique<ResampleKernel>(view, resize_taps(view.node, facts_of(view))));
    return std::unique_ptr<Kernel>(std::make_unique<GridSampleKernel>(view));
}

} // namespace

extern const KernelDef cpu_kernel_resample;
const KernelDef cpu_kernel_resample = {.name = "resample", .accept = accept, .make = make};

} // namespace infer::cpu
