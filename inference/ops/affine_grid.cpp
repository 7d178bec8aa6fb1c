// SPDX-License-Identifier: LGPL-2.1-or-later
// AffineGrid: where GridSample looks, for an affine transform of each image.
//
//   in   theta  f32 [N, 2, 3], or [N, 3, 4] for volumes
//        size   i64 [4]: N, C, H, W, or [5]: N, C, D, H, W; constant
//   out  grid   f32 [N, H, W, 2], or [N, D, H, W, 3]
//   attr align_corners  default 0: -1 and 1 are the outer edges of the corner pixels, not their
//                       centres
//
// ONNX AffineGrid-20.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto size = ints_of(in[1]);
    if (!size)
        return unsupported(node, "its size is not a constant list");
    const int64_t n = int64_t(size->size()) - 2;
    if ((n != 2 && n != 3) || in[0].type != ElementType::F32 ||
        in[0].shape != Shape{(*size)[0], n, n + 1})
        return invalid(node, "takes f32 [N, 2, 3] and 4 sizes, or [N, 3, 4] and 5, not " +
                                 to_string(in[0].shape) + " and " + to_string(*size));
    Shape y = {(*size)[0]};
    y.insert(y.end(), size->begin() + 2, size->end());
    y.push_back(n);
    return one(ElementType::F32, y);
}

void run(const Node& node, Views in, Views out) {
    const Shape& y = out[0].shape;
    const auto n = size_t(y.back());
    const bool align = node.attr("align_corners", int64_t{0}) != 0;
    const std::vector<int64_t> strides = strides_of(y);
    const auto place = [&](int64_t k, int64_t size) {
        return align ? (size > 1 ? 2.0 * double(k) / double(size - 1) - 1 : 0.0)
                     : (2.0 * double(k) + 1) / double(size) - 1;
    };
    float* to = out[0].span<float>().data();
    for (int64_t i = 0; i < count(y) / y.back(); i++) {
        const int64_t at = i * y.back();
        const float* theta = in[0].span<float>().data() + size_t(at / strides[0]) * n * (n + 1);
        double position[4] = {}; // x, y, (z,) 1: the last dimension first
        for (size_t d = 0; d < n; d++)
            position[n - 1 - d] = place(at / strides[d + 1] % y[d + 1], y[d + 1]);
        position[n] = 1;
        for (size_t r = 0; r < n; r++) {
            double sum = 0;
            for (size_t c = 0; c <= n; c++)
                sum += double(theta[r * (n + 1) + c]) * position[c];
            *to++ = float(sum);
        }
    }
}

constexpr OpDef table[] = {{"AffineGrid", infer, run}};

} // namespace

extern constinit const OpList ops_affine_grid = table;

} // namespace infer
