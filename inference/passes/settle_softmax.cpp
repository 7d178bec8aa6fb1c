// SPDX-License-Identifier: LGPL-2.1-or-later
// Before opset 13 Softmax, LogSoftmax and Hardmax took all dimensions from axis on as one. Where
// only one of these is not 1 that is the axis; elsewhere reshapes around the node say the same.
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

// The only dimension from `axis` on that is not 1, or nothing if there are several.
std::optional<size_t> only_wide(const Shape& shape, size_t axis) {
    size_t wide = std::min(axis, shape.size() - 1), found = 0;
    for (size_t d = axis; d < shape.size(); d++)
        if (shape[d] != 1) {
            wide = d;
            found++;
        }
    return found <= 1 ? std::optional(wide) : std::nullopt;
}

Node reshape(Graph& graph, const std::string& name, ValueId from, ValueId to, const Shape& shape) {
    return {"Reshape",
            name,
            {{"allowzero", int64_t{1}}},
            {from, add_ints(graph, name + "/shape", shape)},
            {to}};
}

bool settle(Graph& graph, const Uses&, size_t n) {
    if (!graph.nodes[n].has("flatten"))
        return false;
    graph.nodes[n].attrs.erase("flatten");
    Node node = graph.nodes[n];
    const Shape shape = graph.value(node.inputs[0]).shape;
    const size_t axis = axis_of(node.attr("axis", int64_t{1}), shape.size()).value_or(shape.size());
    const int64_t columns = count({shape.begin() + int64_t(axis), shape.end()});
    if (const auto wide = axis < shape.size() ? only_wide(shape, axis) : std::nullopt) {
        graph.nodes[n].attrs["axis"] = int64_t(*wide);
        return false;
    }
    const Shape flat = {count({shape.begin(), shape.begin() + int64_t(axis)}), columns};
    const ValueId y = node.outputs[0], x = node.inputs[0];
    const std::string name = graph.value(y).name;
    node.inputs = {graph.add_value({name + "/rows", ElementType::F32, flat, {}})};
    node.outputs = {graph.add_value({name + "/flat", ElementType::F32, flat, {}})};
    node.attrs["axis"] = int64_t{1};
    graph.nodes[n] = reshape(graph, name + "/back", node.outputs[0], y, shape);
    const Node to_rows = reshape(graph, name + "/to_rows", x, node.inputs[0], flat);
    graph.nodes.insert(graph.nodes.begin() + int64_t(n), {to_rows, node});
    return true;
}

void run(Graph& graph) { rewrite_each(graph, settle); }

} // namespace

extern const PassDef pass_settle_softmax;
const PassDef pass_settle_softmax = {"settle_softmax", run};

} // namespace infer
