// SPDX-License-Identifier: LGPL-2.1-or-later
// Everything that only gives elements another shape (Flatten, Squeeze, Unsqueeze, Reshape with a
// computed shape) becomes Reshape with a constant shape; chains of reshapes or transposes become
// one.
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

bool reshapes(const Node& node) {
    return node.op == "Reshape" || node.op == "Flatten" || node.op == "Squeeze" ||
           node.op == "Unsqueeze";
}

bool merge_reshape(Graph& graph, const Uses& uses, Node& node) {
    const Shape shape = graph.value(node.outputs[0]).shape;
    const Node* before = uses.made_by(graph, node.inputs[0]);
    const ValueId x = before && before->op == "Reshape" ? before->inputs[0] : node.inputs[0];
    if (graph.value(x).shape == shape && replace_value(graph, uses, node.outputs[0], x)) {
        drop(node);
        return true;
    }
    const Tensor* old = node.op == "Reshape" ? constant_of(graph, node.inputs[1]) : nullptr;
    if (old && x == node.inputs[0] && std::ranges::equal(old->span<int64_t>(), shape) &&
        node.has("allowzero"))
        return false;
    node.op = "Reshape";
    node.attrs = {{"allowzero", int64_t{1}}};
    node.inputs = {x, add_ints(graph, graph.value(node.outputs[0]).name + "/shape", shape)};
    return true;
}

// perm of the second read through perm of the first.
bool merge_transpose(Graph& graph, const Uses& uses, Node& node) {
    const Node* before = uses.made_by(graph, node.inputs[0]);
    if (!before || before->op != "Transpose")
        return false;
    const auto first = before->attr("perm", std::vector<int64_t>()),
               second = node.attr("perm", std::vector<int64_t>());
    std::vector<int64_t> both;
    for (int64_t p : second)
        both.push_back(first[size_t(p)]);
    node.inputs[0] = before->inputs[0];
    node.attrs["perm"] = both;
    return true;
}

void write_out_perm(const Graph& graph, Node& node) {
    std::vector<int64_t> perm;
    for (size_t d = graph.value(node.inputs[0]).shape.size(); d-- > 0;)
        perm.push_back(int64_t(d));
    node.attrs.try_emplace("perm", perm);
}

bool merge(Graph& graph, const Uses& uses, size_t n) {
    Node& node = graph.nodes[n];
    if (node.op == "Transpose") {
        write_out_perm(graph, node);
        return merge_transpose(graph, uses, node);
    }
    return reshapes(node) && merge_reshape(graph, uses, node);
}

void run(Graph& graph) { rewrite_each(graph, merge); }

} // namespace

extern const PassDef pass_merge_reshapes;
const PassDef pass_merge_reshapes = {"merge_reshapes", run};

} // namespace infer
