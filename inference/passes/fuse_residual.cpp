// SPDX-License-Identifier: LGPL-2.1-or-later
// conv(x) + r, r of the same shape, becomes one node: a convolution (or matrix product) that adds
// to a residual. It takes the place of the addition, so that the residual is ready by then; of two
// convolutions the one computed later takes the other's result.
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

bool can_add(const Graph& graph, const Uses& uses, ValueId v) {
    const Node* node = uses.only_user(v) < 0 ? nullptr : uses.made_by(graph, v);
    if (!node || input(*node, 3) != none || node->has("activation"))
        return false;
    return node->op == "Conv" || node->op == "ConvTranspose" || node->op == "MatMul" ||
           node->op == "Gemm";
}

bool fuse(Graph& graph, const Uses& uses, size_t n) {
    const Node add = graph.nodes[n];
    if (add.op != "Add" || add.inputs[0] == add.inputs[1] ||
        graph.value(add.outputs[0]).type != ElementType::F32)
        return false;
    int best = -1; // the later node
    ValueId residual = none;
    for (size_t k : {size_t(0), size_t(1)}) {
        const ValueId v = add.inputs[k], other = add.inputs[1 - k];
        const bool same =
            graph.value(v).shape == graph.value(other).shape && !constant_of(graph, other);
        if (same && can_add(graph, uses, v) && uses.maker[size_t(v)] > best) {
            best = uses.maker[size_t(v)];
            residual = other;
        }
    }
    if (best < 0)
        return false;
    Node product = std::move(graph.nodes[size_t(best)]);
    drop(graph.nodes[size_t(best)]);
    set_input(product, 3, residual);
    product.outputs = add.outputs;
    graph.nodes[n] = std::move(product);
    return true;
}

void run(Graph& graph) { rewrite_each(graph, fuse); }

} // namespace

extern const PassDef pass_fuse_residual;
const PassDef pass_fuse_residual = {"fuse_residual", run, false};

} // namespace infer
