// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/multiplications.h"

namespace infer {

// Conv, ConvBytes: each output element sums over the kernel and its group's input channels: the weights
//   [out, in / groups, kernel...] without the first extent.
// ConvTranspose: each input element meets the weights [in, out / groups, kernel...] likewise.
// Gemm, MatMul: each output element sums over the inner extent of the first factor.
int64_t multiplications(const Graph& graph, const Node& node) {
    const bool transposes = node.op == "ConvTranspose";
    if (transposes || node.op == "Conv" || node.op == "ConvBytes") {
        const Shape& w = graph.value(node.inputs[1]).shape;
        const ValueId elements = transposes ? node.inputs[0] : node.outputs[0];
        return w.empty() ? 0 : count(graph.value(elements).shape) * count({w.begin() + 1, w.end()});
    }
    if (node.op != "MatMul" && node.op != "Gemm")
        return 0;
    const Shape& a = graph.value(node.inputs[0]).shape;
    const bool transposed = node.attr("transA", int64_t{0}) != 0 && a.size() == 2;
    return a.empty() ? 0
                     : count(graph.value(node.outputs[0]).shape) * (transposed ? a[0] : a.back());
}

} // namespace infer
