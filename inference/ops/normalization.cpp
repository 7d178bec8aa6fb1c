// SPDX-License-Identifier: LGPL-2.1-or-later
// Normalizations whose statistics come from the data: y = (x - mean) / sqrt(var + epsilon) and kin.
//
//   InstanceNormalization      in x [N, C, ...], scale [C], bias [C]; over each channel of each
//                              image
//   GroupNormalization         in x [N, C, ...], scale [C], bias [C]; attr num_groups
//                              ours: scale_by_group 1: scale and bias are [num_groups] (before
//                              opset 21)
//   LayerNormalization         in x, scale, bias (optional) that broadcast; attr axis (default -1):
//                              over all dimensions from there on; out y, mean and 1 / deviation
//                              (optional)
//   RMSNormalization           the same by the mean of squares alone, without bias; out y
//   MeanVarianceNormalization  in x; attr axes (default 0, 2, 3)
//                              ours: epsilon (default 1e-9), epsilon_inside (default 0): added to
//                              the variance instead of the deviation, normalize_variance (1)
//   LpNormalization            in x; attr axis (default -1), p (1 or 2, default 2): x / |x|_p, 0
//                              where that is 0
//   LRN                        in x [N, C, ...]; attr size, alpha, beta, bias: across channels
//   attr epsilon               default 1e-5;  all f32
//
// ONNX InstanceNormalization-6, GroupNormalization-21, LayerNormalization-17, RMSNormalization-23,
// MeanVarianceNormalization-13, LpNormalization-1, LRN-13.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

struct Moments {
    double mean = 0, deviation = 1; // sqrt(var + epsilon)
};

Moments moments_of(const float* x, int64_t n, double epsilon) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += double(x[i]);
    const double mean = n ? sum / double(n) : 0;
    for (int64_t i = 0; i < n; i++)
        squares += (double(x[i]) - mean) * (double(x[i]) - mean);
    return {mean, std::sqrt((n ? squares / double(n) : 0) + epsilon)};
}

Result<void> check(const Node& node, Facts in, size_t least, size_t most) {
    if (auto ok = expect_inputs(node, in, least, most); !ok.ok())
        return ok;
    return expect_f32(node, in);
}

int64_t groups_of(const Node& node, const Shape& x) {
    return node.op == "GroupNormalization" ? node.attr("num_groups", int64_t{1}) : x[1];
}

FactsResult infer_group(const Node& node, Facts in) {
    if (auto ok = check(node, in, 3, 3); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    if (x.size() < 3)
        return invalid(node, "takes [N, C, ...], not " + to_string(x));
    const int64_t groups = groups_of(node, x);
    const int64_t scales = node.attr("scale_by_group", int64_t{0}) ? groups : x[1];
    if (groups < 1 || x[1] % groups != 0 || in[1].shape != Shape{scales} ||
        in[2].shape != Shape{scales})
        return invalid(node, std::to_string(groups) + " groups, scale " + to_string(in[1].shape) +
                                 " and bias " + to_string(in[2].shape) + " do not fit " +
                                 to_string(x));
    return one(ElementType::F32, x);
}

void run_group(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const int64_t groups = groups_of(node, s), channels = s[1] / groups,
                  plane = count({s.begin() + 2, s.end()});
    const double epsilon = double(node.attr("epsilon", 1e-5f));
    const bool by_group = node.attr("scale_by_group", int64_t{0}) != 0;
    for (int64_t g = 0; g < s[0] * groups; g++) {
        const float* x = in[0].span<float>().data() + g * channels * plane;
        float* y = out[0].span<float>().data() + g * channels * plane;
        const Moments m = moments_of(x, channels * plane, epsilon);
        for (int64_t i = 0; i < channels * plane; i++) {
            const auto c = size_t(by_group ? g % groups : g % groups * channels + i / plane);
            y[i] = float((double(x[i]) - m.mean) / m.deviation) * in[1].span<float>()[c] +
                   in[2].span<float>()[c];
        }
    }
}

FactsResult infer_layer(const Node& node, Facts in) {
    if (auto ok = check(node, in, 2, 3); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    const auto axis = axis_of(node.attr("axis", int64_t{-1}), x.size());
    if (!axis || broadcast(x, in[1].shape) != x || (given(in, 2) && broadcast(x, in[2].shape) != x))
        return invalid(node, "axis, scale or bias do not fit " + to_string(x));
    Shape rows = x;
    std::fill(rows.begin() + int64_t(*axis), rows.end(), 1);
    return std::vector{fact(ElementType::F32, x), fact(ElementType::F32, rows),
                       fact(ElementType::F32, rows)};
}

void run_layer(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const auto axis = int64_t(*axis_of(node.attr("axis", int64_t{-1}), s.size()));
    const int64_t n = count({s.begin() + axis, s.end()}), rows = n ? count(s) / n : 0;
    float* y = out[0].span<float>().data();
    for (int64_t r = 0; r < rows; r++) {
        const float* x = in[0].span<float>().data() + r * n;
        const Moments m = moments_of(x, n, double(node.attr("epsilon", 1e-5f)));
        for (int64_t i = 0; i < n; i++)
            y[r * n + i] = float((double(x[i]) - m.mean) / m.deviation);
        if (out.size() > 1 && out[1].data)
            out[1].span<float>()[size_t(r)] = float(m.mean);
        if (out.size() > 2 && out[2].data)
            out[2].span<float>()[size_t(r)] = float(1 / m.deviation);
    }
    const std::vector<int64_t> none_given(s.size(), 0);
    const std::vector<int64_t> strides[] = {
        broadcast_strides(in[1].shape, s),
        given(in, 2) ? broadcast_strides(in[2].shape, s) : none_given, strides_of(s)};
    for_each_row(s, strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < length; i++) {
            const float bias =
                given(in, 2) ? in[2].span<float>()[size_t(at[1] + i * strides[1].back())] : 0;
            y[at[2] + i] =
                y[at[2] + i] * in[1].span<float>()[size_t(at[0] + i * strides[0].back())] + bias;
        }
    });
}

// Dimensions with the named ones made 1, or nothing if an axis is outside.
std::optional<Shape> kept_shape(const Shape& x, const std::vector<int64_t>& axes) {
    Shape kept = x;
    for (int64_t a : axes) {
        const auto axis = axis_of(a, x.size());
        if (!axis)
            return {};
        kept[*axis] = 1;
    }
    return kept;
}

std::vector<int64_t> mvn_axes(const Node& node) {
    return node.attr("axes", std::vector<int64_t>{0, 2, 3});
}

FactsResult infer_mvn(const Node& node, Facts in) {
    auto out = same_f32(node, in);
    if (out.ok() && !kept_shape(in[0].shape, mvn_axes(node)))
        return invalid(node, "an axis is outside the dimensions of " + to_string(in[0].shape));
    return out;
}

void run_mvn(const Node& node, Views in, Views out) {
    const Shape &s = in[0].shape, kept = *kept_shape(s, mvn_axes(node));
    const std::vector<int64_t> strides[] = {strides_of(s), broadcast_strides(kept, s)};
    const int64_t step = s.empty() ? 0 : strides[1].back();
    std::vector<double> sums(size_t(count(kept)), 0), squares = sums;
    const auto x = in[0].span<float>();
    const double n = sums.empty() ? 1 : double(x.size()) / double(sums.size());
    for_each_row(s, strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < length; i++)
            sums[size_t(at[1] + i * step)] += double(x[size_t(at[0] + i)]) / n;
    });
    for_each_row(s, strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < length; i++) {
            const double d = double(x[size_t(at[0] + i)]) - sums[size_t(at[1] + i * step)];
            squares[size_t(at[1] + i * step)] += d * d / n;
        }
    });
    const double epsilon =
        double(node.attr("epsilon", 1e-9f)); // MeanVarianceNormalization-13's function body
    const bool inside = node.attr("epsilon_inside", int64_t{0}) != 0;
    for (double& variance : squares)
        variance = node.attr("normalize_variance", int64_t{1}) == 0 ? 1
                   : inside                                         ? std::sqrt(variance + epsilon)
                                                                    : std::sqrt(variance) + epsilon;
    for_each_row(s, strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < length; i++) {
            const auto k = size_t(at[1] + i * step);
            out[0].span<float>()[size_t(at[0] + i)] =
                float((double(x[size_t(at[0] + i)]) - sums[k]) / squares[k]);
        }
    });
}

FactsResult infer_lp(const Node& node, Facts in) {
    auto out = same_f32(node, in);
    const int64_t p = node.attr("p", int64_t{2});
    if (out.ok() &&
        (!axis_of(node.attr("axis", int64_t{-1}), in[0].shape.size()) || (p != 1 && p != 2)))
        return invalid(node, "axis or p do not fit " + to_string(in[0].shape));
    return out;
}

void run_lp(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const auto axis = int64_t(*axis_of(node.attr("axis", int64_t{-1}), s.size()));
    const int64_t n = s[size_t(axis)], inner = count({s.begin() + axis + 1, s.end()});
    const bool squares = node.attr("p", int64_t{2}) == 2;
    const int64_t rows = n ? count(s) / n : 0;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t at = r / inner * n * inner + r % inner;
        const float* x = in[0].span<float>().data() + at;
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += squares ? double(x[i * inner]) * double(x[i * inner])
                           : std::abs(double(x[i * inner]));
        const double norm = squares ? std::sqrt(sum) : sum;
        for (int64_t i = 0; i < n; i++)
            out[0].span<float>()[size_t(at + i * inner)] =
                norm > 0 ? float(double(x[i * inner]) / norm) : 0;
    }
}

FactsResult infer_lrn(const Node& node, Facts in) {
    auto out = same_f32(node, in);
    if (out.ok() && (in[0].shape.size() < 2 || node.attr("size", int64_t{0}) < 1))
        return invalid(node, "takes [N, C, ...] and a size of at least 1");
    return out;
}

void run_lrn(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const int64_t size = node.attr("size", int64_t{1}), channels = s[1],
                  plane = count({s.begin() + 2, s.end()});
    const double alpha = double(node.attr("alpha", 1e-4f)), beta = double(node.attr("beta", 0.75f)),
                 bias = double(node.attr("bias", 1.0f));
    for (int64_t n = 0; n < s[0]; n++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < plane; i++) {
                const float* x = in[0].span<float>().data() + n * channels * plane + i;
                double sum = 0;
                const int64_t last = std::min(channels - 1, c + size / 2);
                for (int64_t k = std::max<int64_t>(0, c - (size - 1) / 2); k <= last; k++)
                    sum += double(x[k * plane]) * double(x[k * plane]);
                out[0].span<float>()[size_t((n * channels + c) * plane + i)] =
                    float(double(x[c * plane]) / std::pow(bias + alpha / double(size) * sum, beta));
            }
}

FactsResult infer_rms(const Node& node, Facts in) {
    if (auto ok = check(node, in, 2, 2); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    if (!axis_of(node.attr("axis", int64_t{-1}), x.size()) || broadcast(x, in[1].shape) != x)
        return invalid(node, "axis or scale do not fit " + to_string(x));
    return one(ElementType::F32, x);
}

void run_rms(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const auto axis = int64_t(*axis_of(node.attr("axis", int64_t{-1}), s.size()));
    const int64_t n = count({s.begin() + axis, s.end()}), rows = n ? count(s) / n : 0;
    float* y = out[0].span<float>().data();
    for (int64_t r = 0; r < rows; r++) {
        const float* x = in[0].span<float>().data() + r * n;
        double squares = 0;
        for (int64_t i = 0; i < n; i++)
            squares += double(x[i]) * double(x[i]);
        const double root = std::sqrt(squares / double(n) + double(node.attr("epsilon", 1e-5f)));
        for (int64_t i = 0; i < n; i++)
            y[r * n + i] = float(double(x[i]) / root);
    }
    const std::vector<int64_t> strides[] = {broadcast_strides(in[1].shape, s), strides_of(s)};
    const int64_t step = s.empty() ? 0 : strides[0].back();
    for_each_row(s, strides, [&](const int64_t* at, int64_t length) {
        for (int64_t i = 0; i < length; i++)
            y[at[1] + i] *= in[1].span<float>()[size_t(at[0] + i * step)];
    });
}

constexpr OpDef table[] = {{"InstanceNormalization", infer_group, run_group},
                           {"GroupNormalization", infer_group, run_group},
                           {"LayerNormalization", infer_layer, run_layer},
                           {"MeanVarianceNormalization", infer_mvn, run_mvn},
                           {"LpNormalization", infer_lp, run_lp},
                           {"LRN", infer_lrn, run_lrn},
                           {"RMSNormalization", infer_rms, run_rms}};

} // namespace

extern constinit const OpList ops_normalization = table;

} // namespace infer
