// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs what does not depend on the input once and for all: shape arithmetic, weights that are
// computed. Stops short of growing the model: a damaged file must not eat memory or time.
#include "inference/evaluate.h"
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

constexpr int64_t max_cost = int64_t{1} << 30; // multiplications in all

// Elements all results together may have: in proportion to the file's own constants.
int64_t max_total(const Graph& graph) {
    int64_t total = int64_t{1} << 22;
    for (const Value& value : graph.values)
        total += value.constant ? 4 * count(value.shape) : 0;
    return total;
}

void run(Graph& graph) {
    const Known known = [&](ValueId v) { return constant_of(graph, v); };
    int64_t cost_left = max_cost, elements_left = max_total(graph);
    for (size_t n = 0; n < graph.nodes.size(); n++) {
        Node& node = graph.nodes[n];
        int64_t elements = 0;
        for (ValueId v : node.outputs)
            elements += v == none ? 0 : count(graph.value(v).shape);
        const int64_t cost = cost_of(graph, node);
        if (!can_evaluate(node, known) || elements > elements_left || cost > cost_left)
            continue;
        std::vector<const Tensor*> inputs;
        for (ValueId v : node.inputs)
            inputs.push_back(constant_of(graph, v));
        const std::vector<Tensor> results = evaluate(graph, node, inputs);
        for (size_t k = 0; k < results.size(); k++)
            if (node.outputs[k] != none)
                graph.value(node.outputs[k]).constant = results[k];
        cost_left -= cost;
        elements_left -= elements;
        drop(node);
    }
    remove_unused(graph);
}

} // namespace

extern const PassDef pass_fold_constants;
const PassDef pass_fold_constants = {"fold_constants", run};

} // namespace infer
