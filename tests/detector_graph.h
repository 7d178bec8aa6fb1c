// SPDX-License-Identifier: LGPL-2.1-or-later
// A detector that ends in a list of boxes: convolutions, the best of its cells, boxes that overlap
// left out, what is left as rows. All its weights are random.
#pragma once

#include "tests/graph_builder.h"

#include <random>

namespace infer {

inline Tensor random_weights(const Shape& shape, unsigned seed, float scale) {
    std::mt19937 rng(seed);
    std::uniform_real_distribution<float> uniform(-scale, scale);
    Tensor t(ElementType::F32, shape);
    for (float& x : t.span<float>())
        x = uniform(rng);
    return t;
}

// image [1, 3, 32, 32] -> boxes [?, 5] (x, y, x, y, score), labels [?] in i64. Cells of a picture
// of zeros score 0.5, which is not above the threshold: no boxes.
inline Graph detector_graph() {
    GraphBuilder b;
    const auto conv = [&](ValueId x, int64_t in, int64_t out, unsigned seed) {
        return b.node(
            "Conv", {x, b.constant(random_weights({out, in, 3, 3}, seed, 0.5f))},
            {{"strides", std::vector<int64_t>{2, 2}}, {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
    };
    const ValueId image = b.input("image", {1, 3, 32, 32});
    const ValueId features = b.node("Relu", {conv(image, 3, 8, 1)});
    const auto rows = [&](ValueId x, int64_t columns) { // [1, c, 8, 8] -> [1, 64, c]
        return b.node("Transpose", {b.node("Reshape", {x, b.ints({1, columns, 64})})},
                      {{"perm", std::vector<int64_t>{0, 2, 1}}});
    };
    const ValueId scores = rows(b.node("Sigmoid", {conv(features, 8, 2, 2)}), 2); // [1, 64, 2]
    const ValueId raw = rows(b.node("Tanh", {conv(features, 8, 4, 3)}), 4);       // [1, 64, 4]
    const ValueId offsets = b.node("Mul", {raw, b.floats({8, 8, 8, 8})});
    const ValueId boxes = b.node("Add", {offsets, b.floats({4, 4, 20, 20})});

    const ValueId best =
        b.node("ReduceMax", {scores, b.ints({-1})}, {{"keepdims", int64_t{0}}}); // [1, 64]
    const auto top = b.nodes("TopK", {best, b.ints({32})}, 2);
    const ValueId cells = b.node("Squeeze", {top[1], b.ints({0})}); // [32]
    const ValueId top_scores = b.node("Gather", {scores, cells}, {{"axis", int64_t{1}}});
    const ValueId top_boxes = b.node("Gather", {boxes, cells}, {{"axis", int64_t{1}}});
    const ValueId by_class =
        b.node("Transpose", {top_scores}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
    const ValueId picks = b.node("NonMaxSuppression", {top_boxes, by_class, b.ints({10}),
                                                       b.floats({0.5f}), b.floats({0.5f})});

    const auto column = [&](int64_t k) {
        return b.node(
            "Squeeze",
            {b.node("Slice", {picks, b.ints({k}), b.ints({k + 1}), b.ints({1})}), b.ints({1})});
    };
    const ValueId labels = column(1), chosen = column(2);
    const ValueId flat_boxes = b.node("Squeeze", {top_boxes, b.ints({0})});
    const ValueId at = b.node(
        "Concat",
        {b.node("Unsqueeze", {labels, b.ints({1})}), b.node("Unsqueeze", {chosen, b.ints({1})})},
        {{"axis", int64_t{1}}});
    const ValueId flat_scores = b.node("Squeeze", {by_class, b.ints({0})});
    const ValueId picked_scores = b.node("GatherND", {flat_scores, at});
    const ValueId found = b.node(
        "Concat",
        {b.node("Gather", {flat_boxes, chosen}), b.node("Unsqueeze", {picked_scores, b.ints({1})})},
        {{"axis", int64_t{1}}});
    // boxes whose score is not zero, as some exporters write it
    const ValueId sure = b.node("Greater", {picked_scores, b.floats({0.51f})});
    const ValueId rows_kept = b.node("Squeeze", {b.node("NonZero", {sure}), b.ints({0})});
    const ValueId kept = b.node("Gather", {found, rows_kept});
    const ValueId kept_labels = b.node("Gather", {labels, rows_kept});
    b.graph.value(kept).name = "boxes";
    b.graph.value(kept_labels).name = "labels";
    b.graph.outputs = {kept, kept_labels};
    return b.graph;
}

} // namespace infer
