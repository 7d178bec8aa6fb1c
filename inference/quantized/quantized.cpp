// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/quantized.h"

#include "inference/quantized/steps.h"

#include <algorithm>

namespace infer {
namespace {

// Multiplications of one run of a convolution or matrix product; 0 for other nodes.
int64_t multiplications(const Graph& graph, const Node& node) {
    const bool by_weights = node.op == "Conv" || node.op == "ConvBytes";
    if (by_weights) {
        const Shape& w = graph.value(node.inputs[1]).shape;
        return w.empty()
                   ? 0
                   : count(graph.value(node.outputs[0]).shape) * count({w.begin() + 1, w.end()});
    }
    if (node.op == "ConvTranspose") {
        const Shape& w = graph.value(node.inputs[1]).shape;
        return w.empty()
                   ? 0
                   : count(graph.value(node.inputs[0]).shape) * count({w.begin() + 1, w.end()});
    }
    if (node.op != "MatMul" && node.op != "Gemm")
        return 0;
    const Shape& a = graph.value(node.inputs[0]).shape;
    const bool transposed = node.attr("transA", int64_t{0}) != 0 && a.size() == 2;
    return a.empty() ? 0
                     : count(graph.value(node.outputs[0]).shape) * (transposed ? a[0] : a.back());
}

ByteWork work_of(const Graph& graph) {
    ByteWork work;
    std::vector<std::pair<int64_t, std::string>> floats;
    for (const Node& node : graph.nodes) {
        const int64_t n = multiplications(graph, node);
        work.total += n;
        if (node.op == "ConvBytes")
            work.in_bytes += n;
        else if (n > 0)
            floats.emplace_back(-n, node.name);
    }
    std::ranges::stable_sort(floats, {}, &std::pair<int64_t, std::string>::first);
    for (auto& [n, name] : floats)
        work.in_float.push_back(std::move(name));
    return work;
}

bool may_be_quantized(const Graph& graph) {
    return std::ranges::any_of(graph.nodes, [](const Node& node) {
        return node.op == "FakeQuantize" || node.op == "DequantizeLinear";
    });
}

} // namespace

ByteWork run_in_bytes(Graph& graph) {
    if (!may_be_quantized(graph))
        return work_of(graph);
    Graph bytes = graph; // constants are shared, not copied
    quantized::split_quantizers(bytes);
    quantized::drop_inner_roundings(bytes);
    quantized::move_borders(bytes);
    quantized::make_convolutions(bytes);
    quantized::make_lookups(bytes);
    quantized::restore_quantizers(bytes);
    const ByteWork work = work_of(bytes);
    if (work.in_bytes > 0)
        graph = std::move(bytes);
    return work;
}

} // namespace infer
