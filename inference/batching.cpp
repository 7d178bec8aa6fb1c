// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/batching.h"
#include "inference/model.h"
#include "inference/ops/kernel.h"

namespace infer {
namespace {

// Which input of an operator is a shape that may spell out the batch as its first entry.
int shape_input(const Node& node) {
    return node.op == "Reshape" || node.op == "Expand" ? int(node.inputs.size()) - 1 : -1;
}

bool has_rows(const Graph& graph, ValueId v, int64_t rows) {
    return v != none && !graph.value(v).shape.empty() && graph.value(v).shape[0] == rows;
}

// Gives the node a shape of its own that starts with `batch` where it said 1.
void rewrite_shape(Graph& graph, Node& node, size_t k, int batch) {
    const Value& old = graph.value(node.inputs[k]);
    if (!old.constant || old.constant->type() != ElementType::I64 || old.shape.size() != 1 ||
        old.shape[0] == 0)
        return;
    Tensor shape = old.constant->clone();
    if (shape.span<int64_t>()[0] != 1 || !has_rows(graph, node.outputs[0], 1))
        return;
    shape.span<int64_t>()[0] = batch;
    node.inputs[k] = graph.add_value(
        {old.name + "/batch" + std::to_string(graph.values.size()), old.type, old.shape, shape});
}

// A reduction over the batch of one row does nothing there; over several rows it would mix them.
void keep_rows_apart(Graph& graph, Node& node) {
    if (!node.op.starts_with("Reduce") || !node.attr("keepdims", int64_t{1}) ||
        !has_rows(graph, node.inputs[0], 1))
        return;
    const ValueId given = node.inputs.size() > 1 ? node.inputs[1] : none;
    if (given == none && node.attr("noop_with_empty_axes", int64_t{0}))
        return;
    std::vector<int64_t> axes, others;
    if (given != none) {
        const Value& value = graph.value(given);
        axes = ints_of({value.type, value.shape, value.constant ? &*value.constant : nullptr, true})
                   .value_or(axes);
    }
    const size_t rank = graph.value(node.inputs[0]).shape.size();
    for (size_t d = 1; d < rank; d++)
        if (axes.empty() ||
            std::any_of(axes.begin(), axes.end(), [&](int64_t a) { return axis_of(a, rank) == d; }))
            others.push_back(int64_t(d));
    node.inputs.resize(2);
    node.inputs[1] =
        graph.add_value({node.name + "/axes",
                         ElementType::I64,
                         {int64_t(others.size())},
                         make_tensor<int64_t>(ElementType::I64, {int64_t(others.size())}, others)});
    node.attrs["noop_with_empty_axes"] = int64_t{1};
}

// By value: whether its content comes from the model's inputs. Shapes of them do not count: these
// are worked out anew.
std::vector<bool> find_rows(const Graph& graph) {
    std::vector<bool> from_input(graph.values.size(), false);
    for (ValueId v : graph.inputs)
        from_input[size_t(v)] = true;
    for (const Node& node : graph.nodes) {
        const bool depends = node.op != "Shape" && node.op != "Size" &&
                             std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) {
                                 return v != none && from_input[size_t(v)];
                             });
        for (ValueId v : node.outputs)
            if (v != none && depends)
                from_input[size_t(v)] = true;
    }
    return from_input;
}

Error cannot(const Error& e, int batch) {
    return {Error::Unsupported, e.where,
            "cannot be batched (" + std::to_string(batch) + " rows): " + e.what};
}

// Each value has all rows; the model's outputs have them along their first dimension.
Result<void> check_rows(const Graph& graph, const Node& node, ValueId v, const Shape& single,
                        int batch) {
    const Shape& shape = graph.value(v).shape;
    const bool is_output =
        std::find(graph.outputs.begin(), graph.outputs.end(), v) != graph.outputs.end();
    Shape expected = single;
    if (!expected.empty())
        expected[0] *= batch;
    const bool all_rows = shape.size() == single.size() && count(shape) == batch * count(single);
    if (all_rows && (!is_output || shape == expected))
        return {};
    return Error{Error::Unsupported, place(node),
                 "'" + graph.value(v).name + "' is " + to_string(single) + " for one row and " +
                     to_string(shape) + " then"};
}

} // namespace

Result<void> set_batch(Graph& graph, int batch) {
    const std::vector<Value> single = graph.values; // shapes at one row
    for (ValueId v : graph.inputs) {
        if (!has_rows(graph, v, 1))
            return Error{Error::Unsupported, "input '" + graph.value(v).name + "'",
                         "cannot be batched: its first dimension is not 1 but it is " +
                             to_string(graph.value(v).shape)};
        graph.value(v).shape[0] = batch;
    }
    const std::vector<bool> from_input = find_rows(graph);
    for (Node& node : graph.nodes) {
        if (node.inputs.empty() || node.inputs[0] == none || !from_input[size_t(node.inputs[0])])
            continue;
        keep_rows_apart(graph, node);
        if (const int k = shape_input(node); k > 0 && node.inputs[size_t(k)] != none)
            rewrite_shape(graph, node, size_t(k), batch);
    }
    if (auto ok = infer_shapes(graph); !ok.ok())
        return cannot(ok.error(), batch);
    for (const Node& node : graph.nodes)
        for (ValueId v : node.outputs)
            if (v != none && from_input[size_t(v)])
                if (auto ok = check_rows(graph, node, v, single[size_t(v)].shape, batch); !ok.ok())
                    return cannot(ok.error(), batch);
    return {};
}

} // namespace infer
