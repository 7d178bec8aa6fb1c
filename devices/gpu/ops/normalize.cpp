// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Normalizations by the moments of rows that lie whole in memory.
#include "devices/gpu/kernels.h"
#include "devices/gpu/operator.h"
#include "inference/ops/kernel.h"

#include <algorithm>
#include <optional>

namespace infer::gpu {
namespace {

// Rows of n numbers; number k of row r has scale and shift (r * step + k / part) % count.
struct Rows {
    int64_t rows = 1, n = 1;
    int64_t step = 0, part = 1, count = 1;
    bool has_mean = true, has_deviation = true;
    float inside = 0, outside = 0; // added to the variance, to the deviation
};

std::optional<Rows> by_groups(const Writer& writer) {
    const Shape& x = writer.in[0].shape;
    const int64_t groups =
        writer.node.op == "GroupNormalization" ? writer.node.attr("num_groups", int64_t(1)) : x[1];
    const int64_t plane = count({x.begin() + 2, x.end()});
    Rows r{.rows = x[0] * groups,
           .n = x[1] / groups * plane,
           .inside = writer.node.attr("epsilon", 1e-5f)};
    const bool by_group = writer.node.attr("scale_by_group", int64_t(0)) != 0;
    r.step = by_group ? 1 : x[1] / groups;
    r.part = by_group ? r.n : plane;
    r.count = by_group ? groups : x[1];
    return r;
}

std::optional<Rows> by_last_axes(const Writer& writer) {
    const Shape& x = writer.in[0].shape;
    const auto axis = int64_t(*axis_of(writer.node.attr("axis", int64_t(-1)), x.size()));
    const bool has_shift = writer.has(2);
    Rows r{.rows = count({x.begin(), x.begin() + axis}), .n = count({x.begin() + axis, x.end()})};
    r.count = r.n;
    r.has_mean = writer.node.op == "LayerNormalization";
    r.inside = writer.node.attr("epsilon", 1e-5f);
    for (size_t k = 1; k < (has_shift ? 3u : 2u); k++) // the same for all rows
        if (count(writer.in[k].shape) != r.n)
            return std::nullopt;
    return r;
}

// Over all dimensions behind the first ones.
std::optional<Rows> by_mean_and_variance(const Writer& writer) {
    const Shape& x = writer.in[0].shape;
    std::vector<bool> reduced(x.size(), false);
    for (const int64_t axis : writer.node.attr("axes", std::vector<int64_t>{0, 2, 3}))
        reduced[*axis_of(axis, x.size())] = true;
    Rows r;
    bool inside = false;
    for (size_t d = 0; d < x.size(); d++) {
        if (x[d] == 1)
            continue;
        if (inside && !reduced[d])
            return std::nullopt;
        inside = inside || reduced[d];
        (inside ? r.n : r.rows) *= x[d];
    }
    const float epsilon = writer.node.attr("epsilon", 1e-9f);
    (writer.node.attr("epsilon_inside", int64_t(0)) != 0 ? r.inside : r.outside) = epsilon;
    r.has_deviation = writer.node.attr("normalize_variance", int64_t(1)) != 0;
    return r;
}

std::optional<Rows> rows_of(const Writer& writer) {
    const std::string& op = writer.node.op;
    if (op == "InstanceNormalization" || op == "GroupNormalization")
        return by_groups(writer);
    if ((op == "LayerNormalization" && writer.out.size() == 1) || op == "RMSNormalization")
        return by_last_axes(writer);
    return op == "MeanVarianceNormalization" ? by_mean_and_variance(writer) : std::nullopt;
}

// A parameter that is known, or as many times `fallback`.
std::optional<Place> parameter(Writer& writer, size_t k, int64_t n, float fallback) {
    if (writer.has(k))
        return writer.in[k].constant ? std::optional(writer.table(*writer.in[k].constant))
                                     : std::nullopt;
    return writer.table(
        make_tensor<float>(ElementType::F32, {n}, std::vector<float>(size_t(n), fallback)));
}

bool write(Writer& writer) {
    const auto r = !writer.in.empty() && writer.is_float() ? rows_of(writer) : std::nullopt;
    const auto scale = r ? parameter(writer, 1, r->count, 1) : std::nullopt;
    const auto shift = r ? parameter(writer, 2, r->count, 0) : std::nullopt;
    if (!scale || !shift)
        return false;
    const Place moments = writer.memory(ElementType::F32, {r->rows, 2});
    writer.launch({.name = "moments", .source = kernel_source("normalize"), .together = 4},
                  {r->rows, 1, 1},
                  {writer.in[0], moments, r->rows, r->n, int64_t(r->has_mean),
                   int64_t(r->has_deviation), r->inside, r->outside},
                  moments);
    writer.launch({.name = "apply_moments", .source = kernel_source("normalize")},
                  {r->n, r->rows, 1},
                  {writer.in[0], moments, *scale, *shift, writer.out[0], r->rows, r->n, r->step,
                   r->part, r->count},
                  writer.out[0]);
    return true;
}

} // namespace

extern const OperatorDef gpu_operator_normalize;
const OperatorDef gpu_operator_normalize = {.name = "normalize", .write = write};

} // namespace infer::gpu
