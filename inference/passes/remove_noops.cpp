// SPDX-License-Identifier: LGPL-2.1-or-later
// Removes operators that change nothing: Identity, Dropout, casts to the same type, reshapes and
// slices that keep everything, additions of 0, multiplications by 1...
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

bool same_shape(const Graph& graph, const Node& node) {
    return graph.value(node.inputs[0]).shape == graph.value(node.outputs[0]).shape;
}

bool keeps_order(const Graph& graph, const Node& node) {
    const std::vector<int64_t> perm = node.attr("perm", std::vector<int64_t>());
    // dimensions of size 1 may move freely
    const Shape& shape = graph.value(node.inputs[0]).shape;
    int64_t last = -1;
    for (int64_t p : perm)
        if (shape[size_t(p)] != 1) {
            if (p < last)
                return false;
            last = p;
        }
    return !perm.empty() && same_shape(graph, node);
}

// x + 0, x - 0, x * 1, x / 1, x ^ 1 with x of the output's shape and type: which input x is, or
// none.
ValueId neutral(const Graph& graph, const Node& node) {
    const bool adds = node.op == "Add" || node.op == "Sub";
    const bool scales = node.op == "Mul" || node.op == "Div" || node.op == "Pow";
    if ((!adds && !scales) || graph.value(node.outputs[0]).type != ElementType::F32)
        return none;
    const bool commutes = node.op == "Add" || node.op == "Mul";
    for (size_t k : {size_t(1), size_t(0)}) {
        const Tensor* t = k == 1 || commutes ? f32_of(graph, node.inputs[k]) : nullptr;
        const ValueId x = node.inputs[1 - k];
        const float unit = adds ? 0.0f : 1.0f;
        if (t && graph.value(x).shape == graph.value(node.outputs[0]).shape &&
            !constant_of(graph, x) &&
            std::all_of(t->span<float>().begin(), t->span<float>().end(),
                        [&](float v) { return v == unit; }))
            return x;
    }
    return none;
}

bool all_zero(const Graph& graph, ValueId v) {
    const Tensor* t = constant_of(graph, v);
    return t && t->type() == ElementType::I64 &&
           std::all_of(t->span<int64_t>().begin(), t->span<int64_t>().end(),
                       [](int64_t p) { return p == 0; });
}

// The input that already is the result, or none.
ValueId result_of(const Graph& graph, const Node& node) {
    const std::string& op = node.op;
    const bool same = same_shape(graph, node);
    if (op == "Identity" || (op == "Dropout" && node.outputs.size() == 1))
        return node.inputs[0];
    if ((op == "Cast" || op == "CastLike") &&
        graph.value(node.inputs[0]).type == graph.value(node.outputs[0]).type)
        return node.inputs[0];
    for (const char* reshape : {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile"})
        if (op == reshape && same)
            return node.inputs[0];
    if ((op == "Transpose" && keeps_order(graph, node)) ||
        (op == "Pad" && same && all_zero(graph, node.inputs[1])) ||
        (op == "Concat" && node.inputs.size() == 1) || (op == "Split" && node.outputs.size() == 1))
        return node.inputs[0];
    // a slice of full size forwards is all there is; backwards it is a flip
    if (op == "Slice" && same && input(node, 4) == none)
        return node.inputs[0];
    return node.inputs.size() == 2 ? neutral(graph, node) : none;
}

bool remove(Graph& graph, const Uses& uses, size_t n) {
    Node& node = graph.nodes[n];
    if (node.inputs.empty() || node.inputs[0] == none || node.outputs[0] == none)
        return false;
    const ValueId x = result_of(graph, node);
    if (x == none || !replace_value(graph, uses, node.outputs[0], x))
        return false;
    drop(node);
    return true;
}

void run(Graph& graph) { rewrite_each(graph, remove); }

} // namespace

extern const PassDef pass_remove_noops;
const PassDef pass_remove_noops = {"remove_noops", run};

} // namespace infer
