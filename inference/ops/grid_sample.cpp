// SPDX-License-Identifier: LGPL-2.1-or-later
// GridSample: picks pixels of an image where a grid points.
//
//   in   x     f32 [N, C, H, W]
//        grid  f32 [N, outH, outW, 2]: (x, y), -1..1 from edge to edge
//   out  y     f32 [N, C, outH, outW]
//   attr mode           linear or bilinear (default), nearest, cubic or bicubic
//        padding_mode   zeros (default), border, reflection
//        align_corners  default 0: -1 and 1 are the outer edges of the corner pixels, not their
//        centres
//
// ONNX GridSample-20, images only.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

enum class Mode { Linear, Nearest, Cubic };

std::optional<Mode> mode_of(const Node& node) {
    const std::string mode = node.attr("mode", "linear");
    if (mode == "linear" || mode == "bilinear")
        return Mode::Linear;
    if (mode == "cubic" || mode == "bicubic")
        return Mode::Cubic;
    return mode == "nearest" ? std::optional(Mode::Nearest) : std::nullopt;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &g = in[1].shape;
    const std::string padding = node.attr("padding_mode", "zeros");
    if (x.size() != 4 || g.size() != 4 || g[0] != x[0] || g[3] != 2 || x[2] < 1 || x[3] < 1)
        return unsupported(node, "takes [N, C, H, W] and a grid [N, outH, outW, 2], not " +
                                     to_string(x) + " and " + to_string(g));
    if (!mode_of(node) || (padding != "zeros" && padding != "border" && padding != "reflection"))
        return invalid(node, "its mode or padding_mode is not known");
    return one(ElementType::F32, {x[0], x[1], g[1], g[2]});
}

struct Sampler {
    int64_t height, width;
    bool align, reflects, clamps;

    double place(double at, int64_t size) const {
        return align ? (at + 1) / 2 * double(size - 1) : ((at + 1) * double(size) - 1) / 2;
    }

    // Mirrored at the image's edges.
    double reflect(double at, int64_t size) const {
        const double low = align ? 0 : -0.5, span = double(align ? size - 1 : size);
        if (span <= 0)
            return 0;
        double d = std::fmod(std::abs(at - low), 2 * span);
        if (d > span)
            d = 2 * span - d;
        return d + low;
    }

    double settle(double at, int64_t size) const {
        if (reflects)
            at = reflect(at, size);
        return reflects || clamps ? std::clamp(at, 0.0, double(size - 1)) : at;
    }

    float pixel(const float* x, double row, double column) const {
        row = settle(row, height);
        column = settle(column, width);
        if (!(row > -0.5 && column > -0.5 && row < double(height) - 0.5 &&
              column < double(width) - 0.5))
            return 0;
        return x[int64_t(row + 0.5) * width + int64_t(column + 0.5)];
    }
};

double cubic(double d) { // Keys' kernel with a = -0.75
    const double a = -0.75;
    d = std::abs(d);
    return d <= 1  ? ((a + 2) * d - (a + 3)) * d * d + 1
           : d < 2 ? (((d - 5) * d + 8) * d - 4) * a
                   : 0;
}

float sample(const Sampler& s, const float* x, double row, double column, Mode mode) {
    if (!std::isfinite(row) || !std::isfinite(column) || std::abs(row) > 1e15 ||
        std::abs(column) > 1e15)
        return 0;
    if (mode != Mode::Cubic) { // the cubic kernel settles each of its pixels
        row = s.settle(row, s.height);
        column = s.settle(column, s.width);
    }
    if (mode == Mode::Nearest)
        return s.pixel(x, std::nearbyint(row), std::nearbyint(column));
    const double top = std::floor(row), left = std::floor(column);
    double sum = 0;
    const int first = mode == Mode::Cubic ? -1 : 0, last = mode == Mode::Cubic ? 2 : 1;
    for (int i = first; i <= last; i++)
        for (int j = first; j <= last; j++) {
            const double dy = row - top - i, dx = column - left - j;
            const double w = mode == Mode::Cubic ? cubic(dy) * cubic(dx)
                                                 : (1 - std::abs(dy)) * (1 - std::abs(dx));
            sum += w * double(s.pixel(x, top + i, left + j));
        }
    return float(sum);
}

void run(const Node& node, Views in, Views out) {
    const Shape &xs = in[0].shape, &ys = out[0].shape;
    const std::string padding = node.attr("padding_mode", "zeros");
    const Sampler s{xs[2], xs[3], node.attr("align_corners", int64_t{0}) != 0,
                    padding == "reflection", padding == "border"};
    const int64_t plane = ys[2] * ys[3];
    float* y = out[0].span<float>().data();
    for (int64_t n = 0; n < ys[0]; n++)
        for (int64_t c = 0; c < ys[1]; c++)
            for (int64_t i = 0; i < plane; i++) {
                const float* at = in[1].span<float>().data() + (n * plane + i) * 2;
                const float* x = in[0].span<float>().data() + (n * xs[1] + c) * xs[2] * xs[3];
                *y++ = sample(s, x, s.place(double(at[1]), xs[2]), s.place(double(at[0]), xs[3]),
                              *mode_of(node));
            }
}

constexpr OpDef table[] = {{"GridSample", infer, run}};

} // namespace

extern constinit const OpList ops_grid_sample = table;

} // namespace infer
