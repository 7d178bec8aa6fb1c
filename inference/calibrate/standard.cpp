// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/calibrate/standard.h"

#include "inference/evaluate.h"
#include "inference/model.h"
#include "inference/passes/rewrite.h"
#include "inference/tail.h"

#include <algorithm>

namespace infer {
namespace calibrate {

std::string Writer::next_name() { return name_ + "/" + std::to_string(graph_.values.size()); }

ValueId Writer::operator()(const char* op, std::vector<ValueId> inputs,
                           std::map<std::string, Attr> attrs, ElementType type) {
    const ValueId out =
        graph_.add_value({.name = next_name(), .type = type, .shape = {}, .constant = {}});
    last(op, std::move(inputs), std::move(attrs), out);
    return out;
}

void Writer::last(const char* op, std::vector<ValueId> inputs, std::map<std::string, Attr> attrs,
                  ValueId out) {
    nodes.push_back({.op = op,
                     .name = name_ + "/" + op + std::to_string(nodes.size()),
                     .attrs = std::move(attrs),
                     .inputs = std::move(inputs),
                     .outputs = {out}});
}

ValueId Writer::floats(Shape shape, const std::vector<float>& values) {
    return add_constant(graph_, next_name(),
                        make_tensor<float>(ElementType::F32, std::move(shape), values));
}

ValueId Writer::ints(const std::vector<int64_t>& values) {
    return add_ints(graph_, next_name(), values);
}

ValueId Writer::scalar(int64_t value) {
    return add_constant(graph_, next_name(),
                        make_tensor<int64_t>(ElementType::I64, {}, std::vector{value}));
}

} // namespace calibrate

namespace {

using calibrate::Writer;

// x * sigmoid(alpha * x)
std::vector<Node> without_swish(Graph& graph, const Node& node) {
    Writer write(graph, node.name);
    const float alpha = node.attr("alpha", 1.0f);
    ValueId x = node.inputs[0];
    if (alpha != 1)
        x = write("Mul", {x, write.floats({}, {alpha})});
    write.last("Mul", {node.inputs[0], write("Sigmoid", {x})}, {}, node.outputs[0]);
    return std::move(write.nodes);
}

// A product with a bias, which ONNX's has not.
std::vector<Node> without_bias(Graph& graph, const Node& node) {
    Writer write(graph, node.name);
    const ValueId y = write("MatMul", {node.inputs[0], node.inputs[1]});
    write.last("Add", {y, node.inputs[2]}, {}, node.outputs[0]);
    return std::move(write.nodes);
}

Result<std::vector<Node>> written_out(Graph& graph, const Node& node) {
    if (node.op == "Swish")
        return without_swish(graph, node);
    if (node.op == "MatMul" && input(node, 2) != none)
        return without_bias(graph, node);
    if (node.op == "DetectionOutput")
        return calibrate::without_detection_output(graph, node);
    return std::vector<Node>{node};
}

} // namespace

Result<Graph> standard_form(Graph graph) {
    if (const auto simple = simplify(graph); !simple.ok())
        return simple.error();
    graph = without_tail(std::move(graph));
    const std::vector<Node> nodes = std::move(graph.nodes);
    graph.nodes.clear();
    for (const Node& node : nodes) {
        auto written = written_out(graph, node);
        if (!written.ok())
            return written.error();
        std::ranges::move(written.value(), std::back_inserter(graph.nodes));
    }
    if (const auto shaped = infer_shapes(graph); !shaped.ok())
        return shaped.error();
    return graph;
}

} // namespace infer
