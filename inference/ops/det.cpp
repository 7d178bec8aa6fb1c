// SPDX-License-Identifier: LGPL-2.1-or-later
// Det: determinants of square matrices.
//
//   in   x  f32 [..., M, M]
//   out  y  f32 [...]
//
// ONNX Det-11. Gaussian elimination with the largest pivot, in double precision.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

FactsResult infer(const Node& node, Facts in) {
    auto out = same_f32(node, in);
    if (!out.ok())
        return out;
    Shape y = in[0].shape;
    if (y.size() < 2 || y.back() != y[y.size() - 2])
        return invalid(node, "takes square matrices, not " + to_string(y));
    y.resize(y.size() - 2);
    return one(ElementType::F32, y);
}

double determinant(std::vector<double> m, size_t n) {
    double product = 1;
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < n; i++)
            if (std::abs(m[i * n + k]) > std::abs(m[pivot * n + k]))
                pivot = i;
        if (m[pivot * n + k] == 0)
            return 0;
        if (pivot != k) {
            std::swap_ranges(&m[k * n], &m[k * n] + n, &m[pivot * n]);
            product = -product;
        }
        product *= m[k * n + k];
        for (size_t i = k + 1; i < n; i++) {
            const double factor = m[i * n + k] / m[k * n + k];
            for (size_t j = k; j < n; j++)
                m[i * n + j] -= factor * m[k * n + j];
        }
    }
    return product;
}

void run(const Node&, Views in, Views out) {
    const auto n = size_t(in[0].shape.back());
    const float* x = in[0].span<float>().data();
    for (float& y : out[0].span<float>()) {
        y = float(determinant({x, x + n * n}, n));
        x += n * n;
    }
}

constexpr OpDef table[] = {{"Det", infer, run}};

} // namespace

extern constinit const OpList ops_det = table;

} // namespace infer
