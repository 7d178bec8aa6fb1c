// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/onnx_rewriter.h"
#include "inference/formats/onnx_parts.h"

#include <algorithm>

namespace infer::onnx {

void Rewriter::put(size_t k, ValueId value) {
    if (node_.inputs.size() <= k)
        node_.inputs.resize(k + 1, none);
    node_.inputs[k] = value;
}

const Tensor* Rewriter::content(ValueId value) const {
    return value != none && graph_.value(value).constant ? &*graph_.value(value).constant : nullptr;
}

ValueId Rewriter::constant(Tensor tensor) {
    const std::string name =
        graph_.value(node_.outputs[0]).name + "/constant" + std::to_string(graph_.values.size());
    return graph_.add_value({name, tensor.type(), tensor.shape(), tensor});
}

ValueId Rewriter::ints(const std::vector<int64_t>& values) {
    return constant(make_tensor<int64_t>(ElementType::I64, {int64_t(values.size())}, values));
}

ValueId Rewriter::floats(const std::vector<float>& values) {
    return constant(make_tensor<float>(ElementType::F32, {int64_t(values.size())}, values));
}

ValueId Rewriter::number(float value) {
    return constant(make_tensor<float>(ElementType::F32, {}, std::span(&value, 1)));
}

void Rewriter::ints_to_input(const char* attr, size_t input) {
    const auto it = node_.attrs.find(attr);
    if (it == node_.attrs.end())
        return;
    std::vector<int64_t> values = node_.attr(attr, std::vector<int64_t>());
    if (const auto* one = std::get_if<int64_t>(&it->second))
        values = {*one};
    put(input, ints(values));
    node_.attrs.erase(attr);
}

void Rewriter::float_to_input(const char* attr, size_t input) {
    if (!node_.has(attr))
        return;
    put(input, number(node_.attr(attr, 0.0f)));
    node_.attrs.erase(attr);
}

ValueId Rewriter::emit(std::string op, std::vector<ValueId> inputs,
                       std::map<std::string, Attr> attrs) {
    const std::string name = node_.name + "/" + op + std::to_string(graph_.values.size());
    const ValueId result = graph_.add_value({name, ElementType::F32, {}, {}});
    graph_.nodes.push_back({std::move(op), name, std::move(attrs), std::move(inputs), {result}});
    return result;
}

void Rewriter::become(std::string op, std::vector<ValueId> inputs,
                      std::map<std::string, Attr> attrs) {
    node_.op = std::move(op);
    node_.inputs = std::move(inputs);
    node_.attrs = std::move(attrs);
}

void upgrade(Graph& graph, Node& node, int64_t opset) {
    if (node.outputs.empty() || node.outputs[0] == none)
        return;
    Rewriter rewriter(graph, node, opset);
    // in turn: what one table makes of a node is in the words of the next
    for (const auto table :
         {contrib_rewrites(), quantized_rewrites(), early_rewrites(), upgrade_rewrites()}) {
        const auto row = std::ranges::find(table, node.op, &Rewrite::op);
        if (row != table.end())
            row->run(rewriter);
    }
}

} // namespace infer::onnx
