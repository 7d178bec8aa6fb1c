// SPDX-License-Identifier: LGPL-2.1-or-later
// FakeQuantize: f32 numbers rounded to those that `levels` steps of a range can hold.
//
//   in   x                    f32, any shape
//        in_low, in_high      f32, broadcast to x: the range that is cut into levels - 1 steps
//        out_low, out_high    f32, broadcast to x: what its ends become
//   out  y                    f32, shape of x; may be x's own memory
//   attr levels               at least 2
//
// OpenVINO FakeQuantize-1: x <= in_low gives out_low, x > in_high gives out_high, between them
// round_half_even((x - in_low) / (in_high - in_low) * (levels - 1)) steps of the output's range.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 5, 5); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    if (node.attr("levels", int64_t{0}) < 2)
        return invalid(node, "levels must be at least 2");
    for (size_t k = 1; k < 5; k++)
        if (broadcast(in[0].shape, in[k].shape) != in[0].shape)
            return invalid(node, "its range " + to_string(in[k].shape) +
                                     " does not broadcast to its input " + to_string(in[0].shape));
    return one(ElementType::F32, in[0].shape);
}

struct Range {
    float low, high, out_low, out_high;
};

// n elements of one range.
void quantize(const float* x, float* y, int64_t n, Range r, float steps) {
    const float first = std::min(r.low, r.high), last = std::max(r.low, r.high);
    const float scale = steps / (r.high - r.low), step = (r.out_high - r.out_low) / steps;
    for (int64_t i = 0; i < n; i++) {
        const float v = x[i];
        const float between = std::nearbyint((v - r.low) * scale) * step + r.out_low;
        y[i] = v <= first ? r.out_low : v > last ? r.out_high : between;
    }
}

void run(const Node& node, Views in, Views out) {
    const Shape& shape = in[0].shape;
    std::vector<int64_t> strides[5] = {strides_of(shape)};
    const float* range[4];
    int64_t step[4] = {};
    for (size_t k = 0; k < 4; k++) {
        strides[k + 1] = broadcast_strides(in[k + 1].shape, shape);
        step[k] = shape.empty() ? 0 : strides[k + 1].back();
        range[k] = in[k + 1].span<float>().data();
    }
    const bool by_row = step[0] + step[1] + step[2] + step[3] == 0;
    const auto steps = float(node.attr("levels", int64_t{2}) - 1);
    const float* x = in[0].span<float>().data();
    float* y = out[0].span<float>().data();
    for_each_row(shape, strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < (by_row ? 1 : length); i++) {
            const auto end = [&](size_t k) { return range[k][at[k + 1] + i * step[k]]; };
            quantize(x + at[0] + i, y + at[0] + i, by_row ? length : 1,
                     {end(0), end(1), end(2), end(3)}, steps);
        }
    });
}

constexpr OpDef table[] = {{"FakeQuantize", infer, run, true}};

} // namespace

extern constinit const OpList ops_fake_quantize = table;

} // namespace infer
