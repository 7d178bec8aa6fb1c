// SPDX-License-Identifier: LGPL-2.1-or-later
// Normalizations. Meanings: OpenVINO's operation sets, "Normalization".
#include "inference/formats/ir_rules.h"

#include <algorithm>

namespace infer::ir {
namespace {

// Version 1 has its weights before the data.
void batch_norm(Call& call) {
    call.expect(5, 5);
    const bool old = call.layer().opset < 5;
    const ValueId x = call.in(old ? 2 : 0), gamma = call.in(old ? 0 : 1),
                  beta = call.in(old ? 1 : 2);
    const float epsilon = call.number(call.has("eps") ? "eps" : "epsilon", 1e-5f);
    call.emit("BatchNormalization", {x, gamma, beta, call.in(3), call.in(4)},
              {{"epsilon", epsilon}});
}

// Version 1 names no axes: all but the batch, or all spatial ones.
std::vector<int64_t> mvn_axes(Call& call) {
    if (call.inputs() > 1)
        return call.constant_ints(1, "axes");
    std::vector<int64_t> axes = call.ints("reduction_axes");
    if (axes.empty())
        for (size_t d = call.flag("across_channels", true) ? 1 : 2; d < call.rank(call.in(0)); d++)
            axes.push_back(int64_t(d));
    return axes;
}

void mvn(Call& call) {
    call.expect(1, 2);
    const std::string mode = call.text("eps_mode", "inside_sqrt");
    if (mode != "inside_sqrt" && mode != "outside_sqrt")
        call.invalid("eps_mode is '" + mode + "'; known are inside_sqrt and outside_sqrt");
    call.emit("MeanVarianceNormalization", {call.in(0)},
              {{"axes", mvn_axes(call)},
               {"epsilon", call.number("eps", 1e-9f)},
               {"epsilon_inside", int64_t(mode == "inside_sqrt")},
               {"normalize_variance", int64_t(call.flag("normalize_variance", true))}});
}

// x / sqrt(sum(x^2) + eps), or x / sqrt(max(sum(x^2), eps))
void normalize_l2(Call& call) {
    call.expect(2, 2);
    const std::string mode = call.text("eps_mode", "add");
    if (mode != "add" && mode != "max")
        call.invalid("eps_mode is '" + mode + "'; known are add and max");
    const ValueId x = call.in(0), axes = call.as_i64(call.in(1));
    const size_t rank = call.rank(x);
    const Shape listed = call.shape(axes);
    const bool each = listed.size() == 1 && listed[0] == 0; // no axes: each by itself
    const ValueId sum = each ? call.node("Mul", {x, x}, {}, ElementType::F32, rank)
                             : call.node("ReduceSumSquare", {x, axes}, {}, ElementType::F32, rank);
    const ValueId epsilon = call.add_number(call.number("eps", 1e-9f));
    const ValueId safe =
        call.node(mode == "add" ? "Add" : "Max", {sum, epsilon}, {}, ElementType::F32, rank);
    call.emit("Div", {x, call.node("Sqrt", {safe}, {}, ElementType::F32, rank)});
}

// x / (bias + alpha / size^axes * sum of squares)^beta. Of an even size OpenVINO's window reaches
// (size - 1) / 2 to both sides. Across channels it is LRN; over an image a mean of squares.
void lrn(Call& call) {
    call.expect(2, 2);
    auto axes = call.constant_ints(1, "axes");
    const size_t rank = call.rank(call.in(0));
    for (int64_t& a : axes)
        a += a < 0 ? int64_t(rank) : 0;
    std::sort(axes.begin(), axes.end());
    const int64_t size = call.integer("size", 1), odd = (size - 1) / 2 * 2 + 1;
    const float bias = call.number("bias", 1), beta = call.number("beta", 0.75f);
    if (size < 1)
        return call.invalid("size must be at least 1");
    float alpha = call.number("alpha", 1e-4f);
    for (size_t k = 0; k < axes.size(); k++)
        alpha *= float(odd) / float(size);
    if (axes == std::vector<int64_t>{1})
        return call.emit("LRN", {call.in(0)},
                         {{"size", odd}, {"alpha", alpha}, {"beta", beta}, {"bias", bias}});
    if (rank != 4 || axes != std::vector<int64_t>{2, 3})
        return call.unsupported("normalizes over other axes than channels or the image");
    const std::vector<int64_t> kernel = {odd, odd}, pads(4, odd / 2);
    const ValueId x = call.in(0), squares = call.node("Mul", {x, x}, {}, ElementType::F32, rank);
    const ValueId mean =
        call.node("AveragePool", {squares},
                  {{"kernel_shape", kernel}, {"pads", pads}, {"count_include_pad", int64_t{1}}},
                  ElementType::F32, rank);
    const ValueId scaled = call.node("Mul", {mean, call.add_number(alpha)});
    const ValueId shifted = call.node("Add", {scaled, call.add_number(bias)});
    call.emit("Div", {x, call.node("Pow", {shifted, call.add_number(beta)})});
}

void group_norm(Call& call) {
    call.expect(3, 3);
    call.emit("GroupNormalization", {call.in(0), call.in(1), call.in(2)},
              {{"num_groups", call.integer("num_groups", 1)},
               {"epsilon", call.number("epsilon", 1e-5f)}});
}

constexpr Rule table[] = {
    {"BatchNormInference", 1, 15, "BatchNormalization", batch_norm},
    {"GroupNormalization", 12, 15, "GroupNormalization", group_norm},
    {"LRN", 1, 15, "LRN; over the image Mul, AveragePool, Add, Pow, Div", lrn},
    {"MVN", 1, 15, "MeanVarianceNormalization", mvn},
    {"NormalizeL2", 1, 15, "ReduceSumSquare, Add, Sqrt, Div", normalize_l2},
};

} // namespace

extern constinit const std::span<const Rule> rules_normalize = table;

} // namespace infer::ir
