// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/cost.h"

#include <set>

namespace infer::tools {
namespace {

// Multiplications of one node.
//   Conv: each output element sums over the kernel and its group's input channels: the weights
//     [out, in / groups, kernel...] without the first extent.
//   ConvTranspose: each input element meets the weights [in, out / groups, kernel...] likewise.
//   Gemm, MatMul: each output element sums over the inner extent of the first factor.
double multiplications(const Graph& graph, const Node& node) {
    const auto shape = [&](size_t input) -> const Shape& {
        return graph.value(node.inputs[input]).shape;
    };
    const double outputs = double(count(graph.value(node.outputs[0]).shape));
    const auto per_channel = [](const Shape& weights) {
        return double(count(weights)) / double(weights[0]);
    };
    if (node.op == "Conv")
        return outputs * per_channel(shape(1));
    if (node.op == "ConvTranspose")
        return double(count(shape(0))) * per_channel(shape(1));
    if (node.op == "MatMul")
        return outputs * double(shape(0).back());
    if (node.op == "Gemm")
        return outputs * double(shape(0)[node.attr("transA", int64_t(0)) ? 0 : 1]);
    return 0;
}

bool is_weight(const Value& value) {
    return value.constant && (value.type == ElementType::F32 || value.type == ElementType::F16 ||
                              value.type == ElementType::BF16 || value.type == ElementType::I8 ||
                              value.type == ElementType::U8);
}

} // namespace

Cost cost_of(const Graph& graph) {
    Cost cost;
    std::set<ValueId> counted;
    for (const Node& node : graph.nodes) {
        cost.gflop += 2e-9 * multiplications(graph, node);
        for (ValueId id : node.inputs)
            if (id != none && is_weight(graph.value(id)) && counted.insert(id).second)
                cost.parameters += count(graph.value(id).shape);
    }
    return cost;
}

} // namespace infer::tools
