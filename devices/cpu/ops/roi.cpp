// SPDX-License-Identifier: LGPL-2.1-or-later
//
// RoiAlign by averages, channels last: the samples of a bin are summed up to a weight for each
// pixel, once for all channels.
#include "inference/ops/roi.h"

#include "devices/cpu/kernel.h"
#include "devices/cpu/weigh.h"

#include <algorithm>

namespace infer::cpu {
namespace {

// Weights of the rows (or columns) that one bin reads: [first, end).
struct Stretch {
    int64_t first = 0, end = 0;
    float* weights = nullptr; // by row of the image
};

Stretch stretch_of(const RoiSide& side, int64_t bin, int64_t size, float* weights) {
    Stretch stretch{size, 0, weights};
    std::fill_n(weights, size, 0.0f);
    for (int64_t k = 0; k < side.samples; k++) {
        const RoiBetween at = roi_between(side.at(bin, k), size);
        if (!at.inside)
            continue;
        weights[at.low] += (1 - at.weight) / float(side.samples);
        weights[at.high] += at.weight / float(side.samples);
        stretch.first = std::min(stretch.first, at.low);
        stretch.end = std::max(stretch.end, at.high + 1);
    }
    return stretch;
}

class RoiKernel final : public Kernel {
public:
    explicit RoiKernel(const NodeView& view) : node_(view.node) {
        const Shape &x = view.in[0].shape, &y = view.out[0].shape;
        batch_ = x[0], channels_ = x[1], height_ = x[2], width_ = x[3];
        regions_ = y[0], rows_ = y[2], columns_ = y[3];
        in_stride_ = view.in[0].pixel_stride, out_stride_ = view.out[0].pixel_stride;
        slices_ = slices_for(double(regions_ * rows_ * columns_) * (200 + double(channels_)),
                             regions_, view.threads);
    }

    std::string_view name() const override { return "roi align"; }

    size_t scratch_bytes() const override {
        return size_t(height_ * width_) * sizeof(Read) + size_t(height_ + width_) * sizeof(float);
    }

    void run(const Call& call, int slice) const override {
        const Range regions = slice_of(regions_, slices_, slice);
        const auto* corners = static_cast<const float*>(call.in[1]);
        const auto* images = static_cast<const int64_t*>(call.in[2]);
        for (int64_t r = regions.begin; r < regions.end; r++) {
            float* to = static_cast<float*>(call.out[0]) + r * rows_ * columns_ * out_stride_;
            const bool there = images[r] >= 0 && images[r] < batch_;
            const int64_t image = there ? images[r] * height_ * width_ * in_stride_ : 0;
            run_region(static_cast<const float*>(call.in[0]) + image, corners + 4 * r, there, to,
                       call.scratch);
        }
    }

private:
    void run_region(const float* image, const float* corners, bool there, float* to,
                    std::byte* scratch) const {
        auto* reads = reinterpret_cast<Read*>(scratch);
        auto* weights = reinterpret_cast<float*>(reads + height_ * width_);
        const RoiSide down = roi_side(node_, corners[1], corners[3], rows_, height_),
                      right = roi_side(node_, corners[0], corners[2], columns_, width_);
        for (int64_t i = 0; i < rows_; i++) {
            const Stretch rows = stretch_of(down, i, there ? height_ : 0, weights);
            for (int64_t j = 0; j < columns_; j++, to += out_stride_) {
                const Stretch columns = stretch_of(right, j, there ? width_ : 0, weights + height_);
                weigh(image, reads, read(rows, columns, reads), to, channels_);
            }
        }
    }

    // The pixels of a bin; says how many.
    int64_t read(const Stretch& rows, const Stretch& columns, Read* reads) const {
        int64_t count = 0;
        for (int64_t y = rows.first; y < rows.end; y++)
            for (int64_t x = columns.first; x < columns.end; x++)
                if (const float weight = rows.weights[y] * columns.weights[x]; weight != 0)
                    reads[count++] = {(y * width_ + x) * in_stride_, weight};
        return count;
    }

    Node node_;
    int64_t batch_, channels_, height_, width_, regions_, rows_, columns_, in_stride_, out_stride_;
};

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "RoiAlign" || view.node.attr("mode", "avg") != std::string("avg") ||
        count(view.in[0].shape) == 0)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    wish.strided_in = wish.strided_out = true;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    return std::unique_ptr<Kernel>(std::make_unique<RoiKernel>(view));
}

} // namespace

extern const KernelDef cpu_kernel_roi;
const KernelDef cpu_kernel_roi = {.name = "roi", .accept = accept, .make = make};

} // namespace infer::cpu
