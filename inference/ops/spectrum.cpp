// SPDX-License-Identifier: LGPL-2.1-or-later
// DFT and STFT: discrete Fourier transforms, by their definition.
//
//   DFT   in   x             f32 [batch, ..., 1 (real) or 2 (complex)]
//              dft_length    integer scalar, constant, optional: x is cut or filled up with zeros
//              axis          integer scalar, constant, optional, default -2
//         out  y             f32 [batch, ..., 2]
//         attr onesided (0: all; 1: the first half of a real signal's), inverse (0); with both, x
//              is such a half and y real, [batch, ..., 1]
//   STFT  in   signal        f32 [batch, length, 1 or 2]
//              frame_step    integer scalar, constant
//              window        f32 [frame_length], optional
//              frame_length  integer scalar, constant, optional: size of window, else length
//         out  y             f32 [batch, frames, bins, 2]
//         attr onesided (1)
//
// ONNX DFT-20, STFT-17.
#include "inference/ops/kernel.h"

#include <cmath>
#include <numbers>

namespace infer {
namespace {

// One transform over points `step` apart in x and `out_step` in y, in complex numbers or pairs.
struct Transform {
    int64_t given, length, bins; // points there are, points in all, results
    int64_t step, out_step;      // in complex numbers
    bool complex, inverse;

    // angles: cos and sin of 2 pi k / length.
    void run(const float* x, const float* window, float* y,
             const std::vector<double>& angles) const {
        const auto n = size_t(length);
        for (int64_t k = 0; k < bins; k++) {
            double re = 0, im = 0;
            for (int64_t i = 0; i < std::min(given, length); i++) {
                const size_t at = size_t(i * k % length);
                const double c = angles[at], s = inverse ? angles[n + at] : -angles[n + at];
                const double w = window ? double(window[i]) : 1;
                const double a = w * double(x[i * step * (complex ? 2 : 1)]);
                const double b = complex ? w * double(x[2 * i * step + 1]) : 0;
                re += a * c - b * s;
                im += a * s + b * c;
            }
            const double scale = inverse ? 1 / double(length) : 1;
            y[2 * k * out_step] = float(re * scale);
            y[2 * k * out_step + 1] = float(im * scale);
        }
    }
};

std::vector<double> angles_of(int64_t length) {
    std::vector<double> angles(size_t(2 * length));
    for (int64_t k = 0; k < length; k++) {
        const double at = 2 * std::numbers::pi * double(k) / double(length);
        angles[size_t(k)] = std::cos(at);
        angles[size_t(length + k)] = std::sin(at);
    }
    return angles;
}

constexpr int64_t max_length = int64_t{1} << 20;

// The constant number at input k, or `fallback` where the input is not there.
Result<int64_t> number_of(const Node& node, Facts in, size_t k, int64_t fallback) {
    if (!given(in, k))
        return fallback;
    const auto values = ints_of(in[k]);
    if (!values || values->size() != 1)
        return unsupported(node, "input " + std::to_string(k) + " is not a constant whole number");
    return (*values)[0];
}

bool is_signal(const ValueFacts& f) {
    return f.type == ElementType::F32 && !f.shape.empty() &&
           (f.shape.back() == 1 || f.shape.back() == 2);
}

int64_t bins_of(int64_t length, bool onesided) { return onesided ? length / 2 + 1 : length; }

// The inverse of one side of a spectrum, whose other side is its mirror image, is real.
bool makes_real(const Node& node) {
    return node.attr("onesided", int64_t{0}) != 0 && node.attr("inverse", int64_t{0}) != 0;
}

// The whole spectrum of `length` of one side: [outer, n, inner, 2] to [outer, length, inner, 2].
std::vector<float> mirrored(const float* x, int64_t outer, int64_t n, int64_t inner,
                            int64_t length) {
    std::vector<float> all(size_t(outer * length * inner * 2), 0.0f);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < length; k++) {
            const bool mirror = k > length / 2;
            const int64_t from = mirror ? length - k : k;
            for (int64_t i = 0; i < inner && from < n; i++) {
                const float* at = x + ((o * n + from) * inner + i) * 2;
                float* to = all.data() + ((o * length + k) * inner + i) * 2;
                to[0] = at[0];
                to[1] = mirror ? -at[1] : at[1];
            }
        }
    return all;
}

FactsResult infer_dft(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 3); !ok.ok())
        return ok.error();
    Shape y = in[0].shape;
    auto where = number_of(node, in, 2, -2);
    if (!where.ok())
        return where.error();
    const auto axis = axis_of(where.value(), y.size());
    const bool onesided = node.attr("onesided", int64_t{0}) != 0, real = makes_real(node);
    if (!is_signal(in[0]) || !axis || *axis + 1 == y.size() ||
        (onesided && y.back() != (real ? 2 : 1)))
        return invalid(node,
                       "takes f32 [batch, ..., 1 or 2] (onesided: 1, of the inverse 2) and an "
                       "axis before the last, not " +
                           to_string(y));
    auto length = number_of(node, in, 1, real ? 2 * (y[*axis] - 1) : y[*axis]);
    if (!length.ok())
        return length.error();
    if (length.value() < 1 || length.value() > max_length)
        return invalid(node, "its length is out of range");
    y[*axis] = real ? length.value() : bins_of(length.value(), onesided);
    y.back() = real ? 1 : 2;
    return one(ElementType::F32, y);
}

int64_t scalar_at(const TensorView& t) {
    return t.type == ElementType::I64 ? t.span<int64_t>()[0] : t.span<int32_t>()[0];
}

void run_dft(const Node& node, Views in, Views out) {
    const Shape& x = in[0].shape;
    const auto axis = *axis_of(given(in, 2) ? scalar_at(in[2]) : -2, x.size());
    const int64_t inner = count({x.begin() + int64_t(axis) + 1, x.end() - 1}),
                  outer = count({x.begin(), x.begin() + int64_t(axis)});
    const bool real = makes_real(node);
    const int64_t bins = out[0].shape[axis], length = given(in, 1) ? scalar_at(in[1])
                                                      : real       ? bins
                                                                   : x[axis];
    const float* from = in[0].span<float>().data();
    const std::vector<float> whole =
        real ? mirrored(from, outer, x[axis], inner, length) : std::vector<float>();
    const int64_t points = real ? length : x[axis], parts = x.back();
    if (real)
        from = whole.data();
    const Transform transform{
        points, length, bins, inner, inner, parts == 2, node.attr("inverse", int64_t{0}) != 0};
    const std::vector<double> angles = angles_of(length);
    std::vector<float> y(size_t(real ? 2 * outer * bins * inner : 0));
    float* to = real ? y.data() : out[0].span<float>().data();
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            transform.run(from + (o * points * inner + i) * parts, nullptr,
                          to + (o * bins * inner + i) * 2, angles);
    for (size_t k = 0; k < y.size() / 2; k++)
        out[0].span<float>()[k] = y[2 * k];
}

FactsResult infer_stft(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 4); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    const bool onesided = node.attr("onesided", int64_t{1}) != 0;
    if (!is_signal(in[0]) || x.size() != 3 || (onesided && x[2] != 1))
        return invalid(node,
                       "takes f32 [batch, length, 1 or 2] (onesided: 1), not " + to_string(x));
    if (given(in, 2) && (in[2].type != ElementType::F32 || in[2].shape.size() != 1))
        return invalid(node, "its window is not f32 of one dimension");
    auto step = number_of(node, in, 1, 1),
         length = number_of(node, in, 3, given(in, 2) ? in[2].shape[0] : x[1]);
    if (!step.ok() || !length.ok())
        return step.ok() ? length.error() : step.error();
    if (step.value() < 1 || length.value() < 1 || length.value() > std::min(x[1], max_length) ||
        (given(in, 2) && in[2].shape[0] != length.value()))
        return invalid(node, "its step, window and frame length do not fit " + to_string(x));
    return one(ElementType::F32, {x[0], (x[1] - length.value()) / step.value() + 1,
                                  bins_of(length.value(), onesided), 2});
}

void run_stft(const Node&, Views in, Views out) {
    const Shape &x = in[0].shape, &y = out[0].shape;
    const int64_t length = given(in, 3) ? scalar_at(in[3]) : given(in, 2) ? in[2].shape[0] : x[1];
    const Transform transform{length, length, y[2], 1, 1, x[2] == 2, false};
    const std::vector<double> angles = angles_of(length);
    const float* window = given(in, 2) ? in[2].span<float>().data() : nullptr;
    for (int64_t b = 0; b < y[0]; b++)
        for (int64_t f = 0; f < y[1]; f++)
            transform.run(in[0].span<float>().data() + (b * x[1] + f * scalar_at(in[1])) * x[2],
                          window, out[0].span<float>().data() + (b * y[1] + f) * y[2] * 2, angles);
}

constexpr OpDef table[] = {{"DFT", infer_dft, run_dft}, {"STFT", infer_stft, run_stft}};

} // namespace

extern constinit const OpList ops_spectrum = table;

} // namespace infer
