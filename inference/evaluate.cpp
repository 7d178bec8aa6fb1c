// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/evaluate.h"
#include "inference/op.h"
#include "inference/ops/kernel.h"

namespace infer {
namespace {

// Operators that look only at their input's shape.
bool reads_shape_only(const Node& node) { return node.op == "Shape" || node.op == "Size"; }

} // namespace

Result<std::vector<ValueFacts>> infer_op(const OpDef& op, const Node& node,
                                         std::span<const ValueFacts> in) {
    auto out = op.infer(node, in);
    if (!out.ok())
        return out;
    if (out.value().size() < node.outputs.size())
        return invalid(node, "has " + std::to_string(node.outputs.size()) + " outputs, makes " +
                                 std::to_string(out.value().size()));
    for (size_t k = 0; k < node.outputs.size(); k++) {
        Shape shape = out.value()[k].shape;
        if (op.make)
            std::replace(shape.begin(), shape.end(), int64_t{-1}, int64_t{0});
        if (!checked_count(shape))
            return unsupported(node, "its output would be " + to_string(shape) + ", too large");
    }
    return out;
}

Result<void> infer_node(Graph& graph, const Node& node, const Known& known) {
    const OpDef* op = find_op(node.op);
    if (!op)
        return unsupported(node, "there is no such operator here");
    std::vector<ValueFacts> in;
    for (ValueId v : node.inputs)
        in.push_back(v == none
                         ? ValueFacts{ElementType::F32, {}, nullptr, false}
                         : ValueFacts{graph.value(v).type, graph.value(v).shape, known(v), true});
    auto out = infer_op(*op, node, in);
    if (!out.ok())
        return out.error();
    for (size_t k = 0; k < node.outputs.size(); k++) {
        if (node.outputs[k] == none)
            continue;
        graph.value(node.outputs[k]).type = out.value()[k].type;
        graph.value(node.outputs[k]).shape = out.value()[k].shape;
    }
    return {};
}

std::vector<Tensor> evaluate(const Graph& graph, const Node& node,
                             const std::vector<const Tensor*>& inputs) {
    std::vector<TensorView> in, out;
    for (size_t k = 0; k < node.inputs.size(); k++) {
        const ValueId v = node.inputs[k];
        in.push_back(inputs[k]   ? inputs[k]->view()
                     : v == none ? TensorView{}
                                 : TensorView{graph.value(v).type, graph.value(v).shape, nullptr});
    }
    const OpDef& op = *find_op(node.op);
    if (op.make) {
        std::vector<Tensor> made = op.make(node, in);
        made.resize(node.outputs.size());
        return made;
    }
    std::vector<Tensor> results;
    for (ValueId v : node.outputs) {
        results.push_back(v == none ? Tensor() : Tensor(graph.value(v).type, graph.value(v).shape));
        out.push_back(results.back().view());
    }
    op.run(node, in, out);
    return results;
}

bool can_evaluate(const Node& node, const Known& known) {
    if (!node.bodies.empty())
        return false;
    return reads_shape_only(node) || std::all_of(node.inputs.begin(), node.inputs.end(),
                                                 [&](ValueId v) { return v == none || known(v); });
}

int64_t cost_of(const Graph& graph, const Node& node) {
    int64_t made = 0, read = 0, most = 0; // elements
    for (ValueId v : node.outputs)
        made += v == none ? 0 : count(graph.value(v).shape);
    for (ValueId v : node.inputs) {
        const int64_t n = v == none ? 0 : count(graph.value(v).shape);
        read += n;
        most = std::max(most, n);
    }
    made = made < 0 ? most : made; // known only afterwards
    // what moves or maps elements looks at each once; the others may read an input for each result
    const bool heavy = node.op.find("Conv") != node.op.npos ||
                       node.op.find("Pool") != node.op.npos || node.op == "MatMul" ||
                       node.op == "Gemm" || node.op == "LRN" || node.op == "Einsum" ||
                       node.op == "NonMaxSuppression";
    if (!heavy)
        return made + read;
    const int64_t each = node.op == "Einsum" ? read * std::max<int64_t>(most, 1) : most;
    return each > 0 && made > INT64_MAX / each ? INT64_MAX : made * each;
}

} // namespace infer
