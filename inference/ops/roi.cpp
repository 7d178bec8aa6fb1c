// SPDX-License-Identifier: LGPL-2.1-or-later
// RoiAlign and MaxRoiPool: regions of images, each brought to one size.
//
//   RoiAlign    in x f32 [N, C, H, W], rois f32 [R, 4]: x1, y1, x2, y2; batch_indices i64 [R]: the
//                  image of each
//               attr output_height, output_width (1), spatial_scale (1), sampling_ratio (0: as many
//                  samples as pixels), mode avg (default) or max, coordinate_transformation_mode
//                  half_pixel (default) or output_half_pixel
//   MaxRoiPool  in x, rois f32 [R, 5]: image, x1, y1, x2, y2
//               attr pooled_shape [height, width], spatial_scale (1)
//   out  y      f32 [R, C, height, width]; a region of an image that is not there gives zeros
//
// ONNX RoiAlign-16 (He et al., Mask R-CNN), MaxRoiPool-1 (Girshick, Fast R-CNN). As ONNX has it,
// max takes the largest of the four weighted neighbours of each sample.
#include "inference/ops/roi.h"

#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

constexpr int64_t max_samples = 4096; // along one side of a bin

FactsResult infer_align(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 3); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &rois = in[1].shape;
    const int64_t height = node.attr("output_height", int64_t{1}),
                  width = node.attr("output_width", int64_t{1});
    if (x.size() != 4 || rois.size() != 2 || rois[1] != 4 || in[2].shape != Shape{rois[0]} ||
        in[0].type != ElementType::F32 || in[1].type != ElementType::F32 ||
        in[2].type != ElementType::I64)
        return invalid(node, "takes f32 [N, C, H, W], f32 [R, 4] and i64 [R], not " + to_string(x) +
                                 ", " + to_string(rois) + " and " + to_string(in[2].shape));
    const std::string mode = node.attr("mode", "avg"),
                      place = node.attr("coordinate_transformation_mode", "half_pixel");
    if ((mode != "avg" && mode != "max") || (place != "half_pixel" && place != "output_half_pixel"))
        return invalid(node, "its mode or coordinate_transformation_mode is not known");
    if (height < 1 || width < 1 || node.attr("sampling_ratio", int64_t{0}) < 0 ||
        node.attr("sampling_ratio", int64_t{0}) > max_samples)
        return invalid(node, "its output size or sampling_ratio is out of range");
    return one(ElementType::F32, {rois[0], x[1], height, width});
}

// The average or maximum of one bin's samples.
float bin_value(const float* image, const Shape& x, const RoiSide (&sides)[2],
                const int64_t (&bin)[2], bool max) {
    double sum = 0;
    float top = -INFINITY;
    for (int64_t i = 0; i < sides[0].samples; i++)
        for (int64_t j = 0; j < sides[1].samples; j++) {
            const RoiBetween v = roi_between(sides[0].at(bin[0], i), x[2]),
                             h = roi_between(sides[1].at(bin[1], j), x[3]);
            if (!v.inside || !h.inside) {
                top = std::max(top, 0.0f);
                continue;
            }
            const float *low = image + v.low * x[3], *high = image + v.high * x[3];
            const float parts[] = {(1 - v.weight) * (1 - h.weight) * low[h.low],
                                   (1 - v.weight) * h.weight * low[h.high],
                                   v.weight * (1 - h.weight) * high[h.low],
                                   v.weight * h.weight * high[h.high]};
            for (float part : parts) {
                sum += double(part);
                top = std::max(top, part);
            }
        }
    const int64_t n = sides[0].samples * sides[1].samples;
    return n == 0 ? 0.0f : max ? top : float(sum / double(n));
}

void run_align(const Node& node, Views in, Views out) {
    const Shape &x = in[0].shape, &y = out[0].shape;
    const int64_t plane = x[2] * x[3];
    const bool max = node.attr("mode", "avg") == "max";
    float* to = out[0].span<float>().data();
    for (int64_t r = 0; r < y[0]; r++) {
        const float* roi = in[1].span<float>().data() + 4 * r;
        const int64_t n = in[2].span<int64_t>()[size_t(r)];
        const RoiSide sides[] = {roi_side(node, roi[1], roi[3], y[2], x[2]),
                                 roi_side(node, roi[0], roi[2], y[3], x[3])};
        const bool there = n >= 0 && n < x[0] && plane > 0;
        for (int64_t c = 0; c < y[1]; c++)
            for (int64_t i = 0; i < y[2]; i++)
                for (int64_t j = 0; j < y[3]; j++)
                    *to++ = there ? bin_value(in[0].span<float>().data() + (n * x[1] + c) * plane,
                                              x, sides, {i, j}, max)
                                  : 0.0f;
    }
}

FactsResult infer_pool(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &rois = in[1].shape;
    const auto pooled = node.attr("pooled_shape", std::vector<int64_t>());
    if (x.size() != 4 || rois.size() != 2 || rois[1] != 5 || pooled.size() != 2 || pooled[0] < 1 ||
        pooled[1] < 1)
        return invalid(node, "takes [N, C, H, W], [R, 5] and pooled_shape, not " + to_string(x) +
                                 " and " + to_string(rois));
    return one(ElementType::F32, {rois[0], x[1], pooled[0], pooled[1]});
}

struct Range {
    int64_t from, to;
};

// Pixels of bin `b` of `bins` between the rounded ends of a region, both of which belong to it.
Range bin_range(double from, double to, int64_t b, int64_t bins, int64_t size) {
    const double first = std::round(from), length = std::max(std::round(to) - first + 1, 1.0);
    const double bin = length / double(bins), end = double(size);
    const auto inside = [&](double at) { return int64_t(std::clamp(at, 0.0, end)); };
    return {inside(first + std::floor(double(b) * bin)),
            inside(first + std::ceil(double(b + 1) * bin))};
}

float largest(const float* image, int64_t width, Range rows, Range columns) {
    if (rows.from >= rows.to || columns.from >= columns.to)
        return 0;
    float top = image[rows.from * width + columns.from];
    for (int64_t i = rows.from; i < rows.to; i++)
        for (int64_t j = columns.from; j < columns.to; j++)
            top = std::max(top, image[i * width + j]);
    return top;
}

void run_pool(const Node& node, Views in, Views out) {
    const Shape &x = in[0].shape, &y = out[0].shape;
    const double scale = double(node.attr("spatial_scale", 1.0f));
    float* to = out[0].span<float>().data();
    for (int64_t r = 0; r < y[0]; r++) {
        const float* roi = in[1].span<float>().data() + 5 * r;
        double place[5];
        for (size_t k = 0; k < 5; k++) // NaN and what no image has become 0 and a bound
            place[k] =
                roi[k] == roi[k] ? std::clamp(double(roi[k]) * (k ? scale : 1), -1e9, 1e9) : 0;
        const auto n = int64_t(place[0]);
        const bool there = n >= 0 && n < x[0];
        for (int64_t c = 0; c < y[1]; c++)
            for (int64_t i = 0; i < y[2]; i++)
                for (int64_t j = 0; j < y[3]; j++)
                    *to++ = there
                                ? largest(in[0].span<float>().data() + (n * x[1] + c) * x[2] * x[3],
                                          x[3], bin_range(place[2], place[4], i, y[2], x[2]),
                                          bin_range(place[1], place[3], j, y[3], x[3]))
                                : 0.0f;
    }
}

constexpr OpDef table[] = {{"RoiAlign", infer_align, run_align},
                           {"MaxRoiPool", infer_pool, run_pool}};

} // namespace

RoiSide roi_side(const Node& node, float from, float to, int64_t bins, int64_t pixels) {
    const double scale = double(node.attr("spatial_scale", 1.0f));
    const bool half = node.attr("coordinate_transformation_mode", "half_pixel") == "half_pixel";
    const double start = double(from) * scale - (half ? 0.5 : 0),
                 end = double(to) * scale - (half ? 0.5 : 0);
    const double size = half ? end - start : std::max(end - start, 1.0);
    const int64_t fixed = node.attr("sampling_ratio", int64_t{0});
    const double own = std::ceil(size / double(bins)),
                 most = double(std::min(2 * pixels, max_samples));
    return {start, size / double(bins),
            fixed > 0 ? fixed : int64_t(own > 0 ? std::min(own, most) : 0)};
}

RoiBetween roi_between(double at, int64_t size) {
    if (!(at >= -1 && at <= double(size)))
        return {};
    at = std::max(at, 0.0);
    const int64_t low = std::min(int64_t(at), size - 1);
    return {low, std::min(low + 1, size - 1), low == size - 1 ? 0.0f : float(at - double(low)),
            true};
}

extern constinit const OpList ops_roi = table;

} // namespace infer
