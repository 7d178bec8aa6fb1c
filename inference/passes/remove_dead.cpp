// SPDX-License-Identifier: LGPL-2.1-or-later
// Last of all: nodes and constants nobody uses go, and every output of the model is made by a node,
// so that devices need not know other cases.
#include "inference/passes/rewrite.h"

namespace infer {
namespace {

// An output that is a constant or an input of the model is copied.
void make_outputs(Graph& graph) {
    const Uses uses(graph);
    for (ValueId& output : graph.outputs) {
        if (uses.maker[size_t(output)] >= 0)
            continue;
        const Value& source = graph.value(output);
        const ValueId copy = graph.add_value({source.name, source.type, source.shape, {}});
        const bool is_input =
            std::find(graph.inputs.begin(), graph.inputs.end(), output) != graph.inputs.end();
        if (!is_input) // an input keeps its name: that is how its user gives it
            graph.value(output).name += "/constant";
        graph.nodes.push_back(
            {"Identity", "copy of " + graph.value(copy).name, {}, {output}, {copy}});
        output = copy;
    }
}

void run(Graph& graph) {
    remove_unused(graph);
    make_outputs(graph);
}

} // namespace

extern const PassDef pass_remove_dead;
const PassDef pass_remove_dead = {"remove_dead", run};

} // namespace infer
