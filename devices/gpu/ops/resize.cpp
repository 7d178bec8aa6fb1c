// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Resize of one dimension, or of two beside each other, in all modes: the plain kernel's weights
// become tables.
#include "inference/ops/resize.h"

#include "devices/gpu/kernels.h"
#include "devices/gpu/operator.h"

#include <algorithm>

namespace infer::gpu {
namespace {

using Taps = std::vector<ResizeTaps>;

// One dimension: as it is where `taps` is empty.
Taps along(const Taps& taps, int64_t size) {
    if (!taps.empty())
        return taps;
    Taps same(static_cast<size_t>(size));
    for (int64_t k = 0; k < size; k++)
        same[size_t(k)].taps = {{k, 1.0}};
    return same;
}

// Places and weights, as many a position as the most of any; how many that is.
int64_t add_table(const Taps& taps, std::vector<int64_t>& places, std::vector<float>& weights) {
    size_t most = 1;
    for (const ResizeTaps& position : taps)
        most = std::max(most, position.taps.size());
    for (const ResizeTaps& position : taps)
        for (size_t k = 0; k < most; k++) {
            const bool there = k < position.taps.size();
            places.push_back(there ? position.taps[k].first : position.taps[0].first);
            weights.push_back(there ? float(position.taps[k].second) : 0.0f);
        }
    return int64_t(most);
}

bool is_outside(const Taps& taps) {
    return std::ranges::any_of(taps,
                               [](const ResizeTaps& t) { return t.outside || t.taps.empty(); });
}

bool write(Writer& writer) {
    if (writer.node.op != "Resize" || !writer.is_float_at(0) || writer.in[0].constant)
        return false;
    const Shape &x = writer.in[0].shape, &y = writer.out[0].shape;
    const auto all = resize_taps(writer.node, writer.facts());
    std::vector<size_t> changed;
    for (size_t d = 0; d < all.size(); d++)
        if (!all[d].empty())
            changed.push_back(d);
    if (std::ranges::any_of(all, is_outside) || x.size() < 2 || changed.size() > 2 ||
        (changed.size() == 2 && changed[1] != changed[0] + 1))
        return false;
    const size_t first = changed.empty() ? 0 : std::min(changed[0], x.size() - 2);
    std::vector<int64_t> places;
    std::vector<float> weights;
    const int64_t a = add_table(along(all[first], x[first]), places, weights);
    const int64_t b = add_table(along(all[first + 1], x[first + 1]), places, weights);
    const int64_t outer = count({x.begin(), x.begin() + int64_t(first)}),
                  inner = count({x.begin() + int64_t(first) + 2, x.end()});
    const Place weight_table =
        writer.table(make_tensor<float>(ElementType::F32, {int64_t(weights.size())}, weights));
    writer.launch({.name = "resize",
                   .source = kernel_source("resize"),
                   .options = "-DA=" + std::to_string(a) + " -DB=" + std::to_string(b)},
                  {y[first + 1] * inner, y[first], outer},
                  {writer.in[0], writer.table(places), weight_table, writer.out[0], x[first],
                   x[first + 1], y[first], y[first + 1], inner},
                  writer.out[0]);
    return true;
}

} // namespace

extern const OperatorDef gpu_operator_resize;
const OperatorDef gpu_operator_resize = {.name = "resize", .write = write};

} // namespace infer::gpu
