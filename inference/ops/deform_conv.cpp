// SPDX-License-Identifier: LGPL-2.1-or-later
// DeformConv: a convolution whose taps are moved by offsets, each output pixel's by its own.
//
//   in   x       f32 [N, C, H, W]
//        w       f32 [M, C / group, kH, kW]
//        offset  f32 [N, offset_group * kH * kW * 2, outH, outW]: of each tap, y then x
//        bias    f32 [M], optional
//        mask    f32 [N, offset_group * kH * kW, outH, outW], optional: factors of the taps
//   out  y       f32 [N, M, outH, outW]
//   attr group, offset_group (default 1), strides, dilations, pads
//
// ONNX DeformConv-19, images only. Between pixels the taps are bilinear, outside the image zero.
#include "inference/ops/window.h"

#include <cmath>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 5); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &w = in[1].shape;
    if (x.size() != 4 || w.size() != 4)
        return unsupported(node, "takes images and 2-D kernels, not " + to_string(x) + " and " +
                                     to_string(w));
    auto window = window_of(node, x, {w[2], w[3]});
    if (!window.ok())
        return window.error();
    const int64_t group = node.attr("group", int64_t{1}),
                  offsets = node.attr("offset_group", int64_t{1});
    const auto height = output_size(window.value(), 0, x[2], false),
               width = output_size(window.value(), 1, x[3], false);
    if (group < 1 || group > max_dim || w[1] * group != x[1] || w[0] % group != 0 || offsets < 1 ||
        x[1] % offsets != 0 || !height || !width)
        return invalid(node, "weights " + to_string(w) + " or groups do not fit " + to_string(x));
    const int64_t taps = offsets * w[2] * w[3];
    if (in[2].shape != Shape{x[0], 2 * taps, *height, *width} ||
        (given(in, 3) && in[3].shape != Shape{w[0]}) ||
        (given(in, 4) && in[4].shape != Shape{x[0], taps, *height, *width}))
        return invalid(node, "its offsets " + to_string(in[2].shape) + ", bias or mask do not fit");
    return one(ElementType::F32, {x[0], w[0], *height, *width});
}

// The pixel at (y, x) of a plane, between pixels too.
float sample(const float* plane, int64_t height, int64_t width, double y, double x) {
    if (!(y > -1 && y < double(height) && x > -1 && x < double(width)))
        return 0;
    const auto top = int64_t(std::floor(y)), left = int64_t(std::floor(x));
    const double down = y - double(top), right = x - double(left);
    double sum = 0;
    for (int64_t i = 0; i < 2; i++)
        for (int64_t j = 0; j < 2; j++) {
            const int64_t row = top + i, column = left + j;
            if (row >= 0 && row < height && column >= 0 && column < width)
                sum += (i ? down : 1 - down) * (j ? right : 1 - right) *
                       double(plane[row * width + column]);
        }
    return float(sum);
}

// What all taps of one output pixel see: [C, kH, kW].
void gather(const Node& node, Views in, const Window& w, int64_t n, int64_t pixel,
            int64_t out_width, int64_t out_plane, std::vector<float>& seen) {
    const Shape& x = in[0].shape;
    const int64_t offsets = node.attr("offset_group", int64_t{1}),
                  kernel = w.kernel[0] * w.kernel[1];
    const float* offset = in[2].span<float>().data() + n * 2 * offsets * kernel * out_plane + pixel;
    const float* mask = given(in, 4)
                            ? in[4].span<float>().data() + n * offsets * kernel * out_plane + pixel
                            : nullptr;
    const int64_t per_group = x[1] / offsets;
    for (int64_t c = 0; c < x[1]; c++)
        for (int64_t k = 0; k < kernel; k++) {
            const int64_t tap = c / per_group * kernel + k;
            const double row = double(pixel / out_width * w.stride[0] - w.begin[0] +
                                      k / w.kernel[1] * w.dilation[0]),
                         column = double(pixel % out_width * w.stride[1] - w.begin[1] +
                                         k % w.kernel[1] * w.dilation[1]);
            const float v = sample(in[0].span<float>().data() + (n * x[1] + c) * x[2] * x[3], x[2],
                                   x[3], row + double(offset[2 * tap * out_plane]),
                                   column + double(offset[(2 * tap + 1) * out_plane]));
            seen[size_t(c * kernel + k)] = mask ? v * mask[tap * out_plane] : v;
        }
}

void run(const Node& node, Views in, Views out) {
    const Shape &x = in[0].shape, &ws = in[1].shape, &y = out[0].shape;
    const Window w = window_of(node, x, {ws[2], ws[3]}).value();
    const int64_t plane = y[2] * y[3], taps = ws[1] * ws[2] * ws[3];
    const int64_t per_group = ws[0] / node.attr("group", int64_t{1});
    std::vector<float> seen(size_t(x[1] * ws[2] * ws[3]));
    for (int64_t n = 0; n < y[0]; n++)
        for (int64_t pixel = 0; pixel < plane; pixel++) {
            gather(node, in, w, n, pixel, y[3], plane, seen);
            for (int64_t m = 0; m < ws[0]; m++) {
                const float* weights = in[1].span<float>().data() + m * taps;
                const float* group = seen.data() + m / per_group * taps;
                float sum = given(in, 3) ? in[3].span<float>()[size_t(m)] : 0.0f;
                for (int64_t t = 0; t < taps; t++)
                    sum += weights[t] * group[t];
                out[0].span<float>()[size_t((n * ws[0] + m) * plane + pixel)] = sum;
            }
        }
}

constexpr OpDef table[] = {{"DeformConv", infer, run}};

} // namespace

extern constinit const OpList ops_deform_conv = table;

} // namespace infer
