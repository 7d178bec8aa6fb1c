// SPDX-License-Identifier: LGPL-2.1-or-later
// RoiPooling and PSRoiPooling: regions of images brought to one size, by interpolation or with
// channels of their own for each bin (Dai et al., R-FCN).
//
//   RoiPooling    in x f32 [N, C, H, W], rois f32 [R, 5]: image, then x1, y1, x2, y2 as fractions
//   of
//                    the image: 1 is the last pixel
//                 attr pooled_shape [height, width]
//                 out f32 [R, C, height, width]
//   PSRoiPooling  in x f32 [N, C, H, W], rois f32 [R, 5] as above; without bilinear in pixels
//                 attr output_dim, group_size: rows and columns of bins, spatial_scale (1),
//                 bilinear
//                    (0); bilinear: spatial_bins_x, spatial_bins_y (1): parts of the region, of
//                    which each reads output_dim channels of its own; the result is their mean
//                 out f32 [R, output_dim, group_size, group_size]
//   a region of an image that is not there gives zeros, and so does what lies outside
//
// OpenVINO ROIPooling-1 (bilinear; max is MaxRoiPool), PSROIPooling-1.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

Result<void> check(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &rois = in[1].shape;
    if (x.size() != 4 || rois.size() != 2 || rois[1] != 5)
        return invalid(node, "takes [N, C, H, W] and [R, 5], not " + to_string(x) + " and " +
                                 to_string(rois));
    return {};
}

FactsResult infer_pool(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const auto pooled = node.attr("pooled_shape", std::vector<int64_t>());
    if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1)
        return invalid(node, "its pooled_shape must be a height and a width");
    return one(ElementType::F32, {in[1].shape[0], in[0].shape[1], pooled[0], pooled[1]});
}

FactsResult infer_sensitive(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const int64_t dim = node.attr("output_dim", int64_t{0}),
                  group = node.attr("group_size", int64_t{1}),
                  bins_x = node.attr("spatial_bins_x", int64_t{1}),
                  bins_y = node.attr("spatial_bins_y", int64_t{1});
    const int64_t channels = in[0].shape[1];
    if (dim < 1 || group < 1 || bins_x < 1 || bins_y < 1 ||
        std::max({dim, group, bins_x, bins_y}) > max_dim)
        return invalid(node, "output_dim, group_size and spatial_bins must be at least 1");
    const bool bilinear = node.attr("bilinear", int64_t{0}) != 0;
    const int64_t rows = bilinear ? bins_y : group, columns = bilinear ? bins_x : group;
    if (channels % rows != 0 || channels / rows % columns != 0 || channels / rows / columns != dim)
        return invalid(node, std::to_string(channels) + " channels are not output_dim " +
                                 std::to_string(dim) + " for each of " + std::to_string(rows) +
                                 " x " + std::to_string(columns) + " bins");
    return one(ElementType::F32, {in[1].shape[0], dim, group, group});
}

// Between pixels; outside the image 0.
float sample(const float* image, int64_t height, int64_t width, double y, double x) {
    if (!(y >= 0 && y <= double(height - 1) && x >= 0 && x <= double(width - 1)))
        return 0;
    const int64_t top = int64_t(y), left = int64_t(x), bottom = std::min(top + 1, height - 1),
                  right = std::min(left + 1, width - 1);
    const auto wy = float(y - double(top)), wx = float(x - double(left));
    const auto row = [&](int64_t r) {
        return image[r * width + left] * (1 - wx) + image[r * width + right] * wx;
    };
    return row(top) * (1 - wy) + row(bottom) * wy;
}

// Where bin b of `bins` reads, between fractions `from` and `to` of `size` pixels.
double place(double from, double to, int64_t b, int64_t bins, int64_t size) {
    const auto last = double(size - 1);
    if (bins == 1)
        return (from + to) / 2 * last;
    return from * last + double(b) * (to - from) * last / double(bins - 1);
}

// The image of a region, or -1; NaN and what no image has are none.
int64_t image_of(const float* roi, int64_t images) {
    return roi[0] >= 0 && roi[0] < float(images) ? int64_t(roi[0]) : -1;
}

void run_pool(const Node&, Views in, Views out) {
    const Shape &x = in[0].shape, &y = out[0].shape;
    float* to = out[0].span<float>().data();
    for (int64_t r = 0; r < y[0]; r++) {
        const float* roi = in[1].span<float>().data() + 5 * r;
        const int64_t n = image_of(roi, x[0]);
        for (int64_t c = 0; c < y[1]; c++)
            for (int64_t i = 0; i < y[2]; i++)
                for (int64_t j = 0; j < y[3]; j++)
                    *to++ = n < 0
                                ? 0
                                : sample(in[0].span<float>().data() + (n * x[1] + c) * x[2] * x[3],
                                         x[2], x[3],
                                         place(double(roi[2]), double(roi[4]), i, y[2], x[2]),
                                         place(double(roi[1]), double(roi[3]), j, y[3], x[3]));
    }
}

struct Span {
    int64_t from, to;
};

// Pixels of bin b: the region's ends are rounded before they are scaled.
Span pixels(float from, float to, double scale, int64_t b, int64_t bins, int64_t size) {
    const auto bound = [](double v) { return v == v ? std::clamp(v, -1e9, 1e9) : 0; };
    const double start = bound(std::round(double(from)) * scale),
                 end = bound(std::round(double(to) + 1) * scale),
                 bin = std::max(end - start, 0.1) / double(bins);
    const auto inside = [&](double v) { return int64_t(std::clamp(v, 0.0, double(size))); };
    return {inside(std::floor(start + double(b) * bin)),
            inside(std::ceil(start + double(b + 1) * bin))};
}

float mean(const float* image, int64_t width, Span rows, Span columns) {
    double sum = 0;
    for (int64_t i = rows.from; i < rows.to; i++)
        for (int64_t j = columns.from; j < columns.to; j++)
            sum += double(image[i * width + j]);
    const int64_t n =
        std::max<int64_t>(rows.to - rows.from, 0) * std::max<int64_t>(columns.to - columns.from, 0);
    return n > 0 ? float(sum / double(n)) : 0;
}

// Mean of what all parts of the region give, each by its own channels.
float of_parts(const Node& node, const float* image, const Shape& x, const float* roi,
               const int64_t (&at)[3], const Shape& y) {
    const auto scale = double(node.attr("spatial_scale", 1.0f));
    const int64_t columns = node.attr("spatial_bins_x", int64_t{1}),
                  rows = node.attr("spatial_bins_y", int64_t{1});
    const double x1 = double(roi[1]) * scale, y1 = double(roi[2]) * scale,
                 width = double(roi[3]) * scale - x1, height = double(roi[4]) * scale - y1;
    float sum = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            const double top = y1 + double(r) * height / double(rows),
                         left = x1 + double(c) * width / double(columns);
            sum += sample(image + ((r * columns + c) * y[1] + at[0]) * x[2] * x[3], x[2], x[3],
                          place(top, top + height / double(rows), at[1], y[2], x[2]),
                          place(left, left + width / double(columns), at[2], y[3], x[3]));
        }
    return sum / float(rows * columns);
}

void run_sensitive(const Node& node, Views in, Views out) {
    const Shape &x = in[0].shape, &y = out[0].shape;
    const auto scale = double(node.attr("spatial_scale", 1.0f));
    const bool bilinear = node.attr("bilinear", int64_t{0}) != 0;
    float* to = out[0].span<float>().data();
    for (int64_t r = 0; r < y[0]; r++) {
        const float* roi = in[1].span<float>().data() + 5 * r;
        const int64_t n = image_of(roi, x[0]);
        const float* image =
            in[0].span<float>().data() + std::max<int64_t>(n, 0) * x[1] * x[2] * x[3];
        for (int64_t c = 0; c < y[1]; c++)
            for (int64_t i = 0; i < y[2]; i++)
                for (int64_t j = 0; j < y[3]; j++) {
                    const float* own = image + ((c * y[2] + i) * y[3] + j) * x[2] * x[3];
                    *to++ = n < 0 ? 0
                            : bilinear
                                ? of_parts(node, image, x, roi, {c, i, j}, y)
                                : mean(own, x[3], pixels(roi[2], roi[4], scale, i, y[2], x[2]),
                                       pixels(roi[1], roi[3], scale, j, y[3], x[3]));
                }
    }
}

constexpr OpDef table[] = {{"RoiPooling", infer_pool, run_pool},
                           {"PSRoiPooling", infer_sensitive, run_sensitive}};

} // namespace

extern constinit const OpList ops_roi_sensitive = table;

} // namespace infer
