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
#include "inference/ops/grid_sample.h"

#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

bool is_cubic(const std::string& mode) { return mode == "cubic" || mode == "bicubic"; }

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &g = in[1].shape;
    const std::string padding = node.attr("padding_mode", "zeros"),
                      mode = node.attr("mode", "linear");
    if (x.size() != 4 || g.size() != 4 || g[0] != x[0] || g[3] != 2 || x[2] < 1 || x[3] < 1)
        return unsupported(node, "takes [N, C, H, W] and a grid [N, outH, outW, 2], not " +
                                     to_string(x) + " and " + to_string(g));
    const bool known =
        is_cubic(mode) || mode == "linear" || mode == "bilinear" || mode == "nearest";
    if (!known || (padding != "zeros" && padding != "border" && padding != "reflection"))
        return invalid(node, "its mode or padding_mode is not known");
    return one(ElementType::F32, {x[0], x[1], g[1], g[2]});
}

double cubic(double d) { // Keys' kernel with a = -0.75
    const double a = -0.75;
    d = std::abs(d);
    return d <= 1  ? ((a + 2) * d - (a + 3)) * d * d + 1
           : d < 2 ? (((d - 5) * d + 8) * d - 4) * a
                   : 0;
}

void run(const Node& node, Views in, Views out) {
    const Shape &xs = in[0].shape, &ys = out[0].shape;
    const GridSampler sampler(node, xs[2], xs[3]);
    const int64_t plane = ys[2] * ys[3];
    GridTaps taps;
    for (int64_t n = 0; n < ys[0]; n++)
        for (int64_t i = 0; i < plane; i++) {
            const float* at = in[1].span<float>().data() + (n * plane + i) * 2;
            const int count = sampler.taps(at[0], at[1], taps);
            for (int64_t c = 0; c < ys[1]; c++) {
                const float* x = in[0].span<float>().data() + (n * xs[1] + c) * xs[2] * xs[3];
                double sum = 0;
                for (int k = 0; k < count; k++)
                    sum += taps[size_t(k)].weight * double(x[taps[size_t(k)].pixel]);
                out[0].span<float>()[size_t((n * ys[1] + c) * plane + i)] = float(sum);
            }
        }
}

constexpr OpDef table[] = {{"GridSample", infer, run}};

} // namespace

GridSampler::GridSampler(const Node& node, int64_t height, int64_t width)
    : height_(height), width_(width), align_(node.attr("align_corners", int64_t{0}) != 0) {
    const std::string mode = node.attr("mode", "linear"),
                      padding = node.attr("padding_mode", "zeros");
    mode_ = is_cubic(mode) ? Mode::Cubic : mode == "nearest" ? Mode::Nearest : Mode::Linear;
    reflects_ = padding == "reflection";
    clamps_ = padding == "border";
}

double GridSampler::place(double at, int64_t size) const {
    return align_ ? (at + 1) / 2 * double(size - 1) : ((at + 1) * double(size) - 1) / 2;
}

// Mirrored at the image's edges.
double GridSampler::reflect(double at, int64_t size) const {
    const double low = align_ ? 0 : -0.5, span = double(align_ ? size - 1 : size);
    if (span <= 0)
        return 0;
    double d = std::fmod(std::abs(at - low), 2 * span);
    if (d > span)
        d = 2 * span - d;
    return d + low;
}

double GridSampler::settle(double at, int64_t size) const {
    if (reflects_)
        at = reflect(at, size);
    return reflects_ || clamps_ ? std::clamp(at, 0.0, double(size - 1)) : at;
}

void GridSampler::add(double row, double column, double weight, GridTaps& taps, int& n) const {
    row = settle(row, height_);
    column = settle(column, width_);
    if (weight != 0 && row > -0.5 && column > -0.5 && row < double(height_) - 0.5 &&
        column < double(width_) - 0.5)
        taps[size_t(n++)] = {int64_t(row + 0.5) * width_ + int64_t(column + 0.5), weight};
}

int GridSampler::taps(float x, float y, GridTaps& taps) const {
    double row = place(double(y), height_), column = place(double(x), width_);
    if (!std::isfinite(row) || !std::isfinite(column) || std::abs(row) > 1e15 ||
        std::abs(column) > 1e15)
        return 0;
    if (mode_ != Mode::Cubic) { // the cubic kernel settles each of its pixels
        row = settle(row, height_);
        column = settle(column, width_);
    }
    int n = 0;
    if (mode_ == Mode::Nearest) {
        add(std::nearbyint(row), std::nearbyint(column), 1, taps, n);
        return n;
    }
    const double top = std::floor(row), left = std::floor(column);
    const int first = mode_ == Mode::Cubic ? -1 : 0, last = mode_ == Mode::Cubic ? 2 : 1;
    for (int i = first; i <= last; i++)
        for (int j = first; j <= last; j++) {
            const double dy = row - top - i, dx = column - left - j;
            const double w = mode_ == Mode::Cubic ? cubic(dy) * cubic(dx)
                                                  : (1 - std::abs(dy)) * (1 - std::abs(dx));
            add(top + i, left + j, w, taps, n);
        }
    return n;
}

extern constinit const OpList ops_grid_sample = table;

} // namespace infer
