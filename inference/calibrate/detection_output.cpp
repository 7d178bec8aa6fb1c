// SPDX-License-Identifier: LGPL-2.1-or-later
// DetectionOutput of one image in ONNX's operators: boxes from priors and offsets,
// NonMaxSuppression, and a line for each object.
#include "inference/calibrate/standard.h"
#include "inference/ops/kernel.h"
#include "inference/passes/rewrite.h"

#include <limits>

namespace infer::calibrate {
namespace {

// Priors as what the offsets are multiplied with and added to, [priors][2] each.
struct Priors {
    int64_t count = 0;
    std::vector<float> centre, shift;     // centre + offset * shift
    std::vector<float> half, stretch;     // half * exp(offset * stretch)
    std::vector<float> corners, variance; // [priors][4]: corners + offset * variance
};

Priors priors_of(const Node& node, const Tensor& tensor) {
    const bool normalized = node.attr("normalized", int64_t{0}) != 0,
               encoded = node.attr("variance_encoded_in_target", int64_t{0}) != 0;
    const int64_t size = normalized ? 4 : 5;
    const float scale[2] = {normalized ? 1.0f : float(node.attr("input_width", int64_t{1})),
                            normalized ? 1.0f : float(node.attr("input_height", int64_t{1}))};
    Priors p;
    p.count = tensor.shape()[2] / size;
    const float* all = tensor.span<float>().data();
    for (int64_t k = 0; k < p.count; k++) {
        const float* corner = all + k * size + size - 4;
        const float* variance = all + p.count * size + k * 4;
        for (size_t d = 0; d < 4; d++) {
            p.corners.push_back(corner[d] / scale[d % 2]);
            p.variance.push_back(encoded ? 1.0f : variance[d]);
        }
        for (size_t d = 0; d < 2; d++) {
            const float low = corner[d] / scale[d], high = corner[d + 2] / scale[d];
            p.centre.push_back((low + high) / 2);
            p.shift.push_back((encoded ? 1.0f : variance[d]) * (high - low));
            p.half.push_back((high - low) / 2);
            p.stretch.push_back(encoded ? 1.0f : variance[d + 2]);
        }
    }
    return p;
}

// [1, priors, 4]
ValueId boxes_of(Writer& write, const Node& node, const Priors& p) {
    const ValueId offsets = write("Reshape", {node.inputs[0], write.ints({1, p.count, 4})});
    const Shape pairs = {1, p.count, 2}, quads = {1, p.count, 4};
    ValueId boxes;
    if (node.attr("centered", int64_t{0}) != 0) {
        const auto part = [&](int64_t from) {
            return write("Slice",
                         {offsets, write.ints({from}), write.ints({from + 2}), write.ints({2})});
        };
        const ValueId moved = write("Mul", {part(0), write.floats(pairs, p.shift)});
        const ValueId centre = write("Add", {moved, write.floats(pairs, p.centre)});
        const ValueId grown =
            write("Exp", {write("Mul", {part(2), write.floats(pairs, p.stretch)})});
        const ValueId half = write("Mul", {grown, write.floats(pairs, p.half)});
        boxes = write("Concat", {write("Sub", {centre, half}), write("Add", {centre, half})},
                      {{"axis", int64_t{2}}});
    } else {
        const ValueId moved = write("Mul", {offsets, write.floats(quads, p.variance)});
        boxes = write("Add", {moved, write.floats(quads, p.corners)});
    }
    if (node.attr("clip_before_nms", int64_t{0}) != 0)
        boxes = write("Clip", {boxes, write.floats({}, {0}), write.floats({}, {1})});
    return boxes;
}

// The best `most` lines of [lines, 7], by their third number.
ValueId best_lines(Writer& write, ValueId lines, ValueId scores, int64_t most) {
    const ValueId there = write("Shape", {scores}, {}, ElementType::I64);
    const ValueId wanted = write("Min", {there, write.ints({most})}, {}, ElementType::I64);
    const ValueId values = write("TopK", {scores, wanted}, {{"axis", int64_t{0}}});
    Node& top = write.nodes.back();
    const ValueId at = write("Identity", {values}, {}, ElementType::I64);
    write.nodes.pop_back(); // its value is the second output of the TopK
    top.outputs.push_back(at);
    return write("Gather", {lines, at}, {{"axis", int64_t{0}}});
}

std::optional<std::string> why_not(const Graph& graph, const Node& node) {
    const Tensor* priors = f32_of(graph, node.inputs[2]);
    if (graph.value(node.inputs[0]).shape[0] != 1)
        return "is about several images";
    if (!priors)
        return "has priors that are computed";
    if (node.attr("share_location", int64_t{1}) == 0)
        return "has a box for each class";
    if (node.attr("decrease_label_id", int64_t{0}) != 0)
        return "counts classes from 0 (decrease_label_id)";
    if (input(node, 3) != none || input(node, 4) != none)
        return "has a first stage (arm_conf_preds)";
    const int64_t background = node.attr("background_label_id", int64_t{0});
    if (background != 0 && background != -1)
        return "has its background in the middle (background_label_id)";
    return {};
}

} // namespace

Result<std::vector<Node>> without_detection_output(Graph& graph, const Node& node) {
    if (const auto reason = why_not(graph, node))
        return Error{Error::Unsupported, node.name,
                     "DetectionOutput " + *reason + ", which ONNX's operators cannot say"};
    Writer write(graph, node.name);
    const Priors priors = priors_of(node, *f32_of(graph, node.inputs[2]));
    const int64_t classes = graph.value(node.inputs[1]).shape[1] / priors.count;
    const int64_t first = node.attr("background_label_id", int64_t{0}) == 0 ? 1 : 0;
    const int64_t top_k = node.attr("top_k", int64_t{-1}),
                  keep = node.attr("keep_top_k", int64_t{-1});
    const ValueId boxes = boxes_of(write, node, priors);
    ValueId scores = write("Reshape", {node.inputs[1], write.ints({1, priors.count, classes})});
    scores = write("Transpose", {scores}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
    scores = write("Slice", {scores, write.ints({first}), write.ints({classes}), write.ints({1})});
    int64_t most = priors.count;
    for (const int64_t limit : {top_k, keep})
        most = limit > 0 ? std::min(most, limit) : most;
    const ValueId chosen = write("NonMaxSuppression",
                                 {boxes, scores, write.ints({most}),
                                  write.floats({1}, {node.attr("nms_threshold", 0.0f)}),
                                  write.floats({1}, {node.attr("confidence_threshold", 0.0f)})},
                                 {}, ElementType::I64); // [found, 3]: image, class, prior
    const auto column = [&](int64_t k) {
        return write("Slice", {chosen, write.ints({k}), write.ints({k + 1}), write.ints({1})}, {},
                     ElementType::I64);
    };
    const std::map<std::string, Attr> to_f32 = {{"to", std::string("f32")}};
    const ValueId image = write("Cast", {column(0)}, to_f32);
    const ValueId label =
        write("Add", {write("Cast", {column(1)}, to_f32), write.floats({}, {float(first)})});
    const ValueId score = write("GatherND", {scores, chosen}); // [found]
    const ValueId prior = write("Squeeze", {column(2), write.ints({1})}, {}, ElementType::I64);
    ValueId box = write("Gather", {write("Squeeze", {boxes, write.ints({0})}), prior},
                        {{"axis", int64_t{0}}});
    if (node.attr("clip_after_nms", int64_t{0}) != 0)
        box = write("Clip", {box, write.floats({}, {0}), write.floats({}, {1})});
    ValueId lines =
        write("Concat", {image, label, write("Unsqueeze", {score, write.ints({1})}), box},
              {{"axis", int64_t{1}}});
    if (keep > 0 && classes - first > 1)
        lines = best_lines(write, lines, score, keep);
    write.last("Unsqueeze", {lines, write.ints({0, 1})}, {}, node.outputs[0]);
    return std::move(write.nodes);
}

} // namespace infer::calibrate
