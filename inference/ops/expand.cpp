// SPDX-License-Identifier: LGPL-2.1-or-later
// Expand repeats dimensions of size 1 to fill a shape; Tile repeats the whole tensor.
//
//   in   x        any type
//        shape    Expand: i64 [rank], constant, broadcast with x's shape
//        repeats  Tile: i64 [rank of x], constant
//   out  y        type of x
//
// ONNX Expand-13, Tile-13.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

FactsResult infer_expand(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto wanted = ints_of(in[1]);
    if (!wanted)
        return unsupported(
            node,
            "its shape is not constant; only shapes that do not depend on the data can be run");
    const auto shape = checked_count(*wanted) ? broadcast(in[0].shape, *wanted) : std::nullopt;
    if (!shape)
        return invalid(node,
                       "cannot expand " + to_string(in[0].shape) + " to " + to_string(*wanted));
    return one(in[0].type, *shape);
}

FactsResult infer_tile(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 2); !ok.ok())
        return ok.error();
    const auto repeats = ints_of(in[1]);
    if (!repeats)
        return unsupported(node, "its repeats are not constant");
    Shape shape = in[0].shape;
    bool fits = repeats->size() == shape.size();
    for (size_t d = 0; fits && d < shape.size(); d++) {
        fits = (*repeats)[d] >= 0 && checked_count({shape[d], (*repeats)[d]});
        shape[d] = fits ? shape[d] * (*repeats)[d] : 0;
    }
    if (!fits)
        return invalid(node, "repeats do not fit its input " + to_string(in[0].shape));
    return one(in[0].type, shape);
}

void run_expand(const Node&, Views in, Views out) {
    const Shape& shape = out[0].shape;
    const std::vector<int64_t> strides[] = {broadcast_strides(in[0].shape, shape),
                                            strides_of(shape)};
    const int64_t step = shape.empty() ? 0 : strides[0].back();
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        for_each_row(shape, strides, [&](const int64_t* at, int64_t length) {
            for (int64_t i = 0; i < length; i++)
                out[0].span<T>()[size_t(at[1] + i)] = in[0].span<T>()[size_t(at[0] + i * step)];
        });
    });
}

// y seen as [repeat, size] by dimension: a tile repeats with step 0.
void run_tile(const Node&, Views in, Views out) {
    const Shape& x = in[0].shape;
    const std::vector<int64_t> from = strides_of(x);
    Shape split;
    std::vector<int64_t> strides[2];
    for (size_t d = 0; d < x.size(); d++) {
        split.insert(split.end(), {x[d] ? out[0].shape[d] / x[d] : 0, x[d]});
        strides[0].insert(strides[0].end(), {0, from[d]});
    }
    strides[1] = strides_of(split);
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        for_each_row(split, strides, [&](const int64_t* at, int64_t length) {
            std::copy_n(in[0].span<T>().data() + at[0], length, out[0].span<T>().data() + at[1]);
        });
    });
}

constexpr OpDef table[] = {{"Expand", infer_expand, run_expand}, {"Tile", infer_tile, run_tile}};

} // namespace

extern constinit const OpList ops_expand = table;

} // namespace infer
