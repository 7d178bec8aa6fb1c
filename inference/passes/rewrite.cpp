// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/passes/rewrite.h"

namespace infer {

Uses::Uses(const Graph& graph)
    : maker(graph.values.size(), -1), users(graph.values.size()), is_output(graph.values.size(), false) {
    for (size_t n = 0; n < graph.nodes.size(); n++) {
        for (ValueId v : graph.nodes[n].outputs)
            if (v != none)
                maker[size_t(v)] = int(n);
        for (ValueId v : graph.nodes[n].inputs)
            if (v != none)
                users[size_t(v)].push_back(int(n));
    }
    for (ValueId v : graph.outputs)
        is_output[size_t(v)] = true;
}

int Uses::only_user(ValueId v) const {
    return v == none || is_output[size_t(v)] || users[size_t(v)].size() != 1 ? -1 : users[size_t(v)][0];
}

const Tensor* constant_of(const Graph& graph, ValueId v) {
    return v != none && graph.value(v).constant ? &*graph.value(v).constant : nullptr;
}

std::optional<float> scalar_of(const Graph& graph, ValueId v) {
    const Tensor* t = constant_of(graph, v);
    if (!t || t->type() != ElementType::F32 || count(t->shape()) != 1)
        return {};
    return t->span<float>()[0];
}

ValueId add_constant(Graph& graph, const std::string& name, Tensor tensor) {
    return graph.add_value({name + "/" + std::to_string(graph.values.size()), tensor.type(), tensor.shape(), tensor});
}

void set_input(Node& node, size_t k, ValueId v) {
    if (node.inputs.size() <= k)
        node.inputs.resize(k + 1, none);
    node.inputs[k] = v;
}

bool replace_value(Graph& graph, ValueId from, ValueId to) {
    const auto is_output = [&](ValueId v) {
        return std::find(graph.outputs.begin(), graph.outputs.end(), v) != graph.outputs.end();
    };
    if (is_output(from)) {
        const bool made = std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) {
            return std::find(n.outputs.begin(), n.outputs.end(), to) != n.outputs.end();
        });
        if (!made || is_output(to))
            return false;
        std::replace(graph.outputs.begin(), graph.outputs.end(), from, to);
        std::swap(graph.value(from).name, graph.value(to).name);
    }
    for (Node& node : graph.nodes)
        std::replace(node.inputs.begin(), node.inputs.end(), from, to);
    return true;
}

void erase_nodes(Graph& graph, const std::vector<bool>& gone) {
    std::vector<Node> kept;
    for (size_t n = 0; n < graph.nodes.size(); n++)
        if (!gone[n])
            kept.push_back(std::move(graph.nodes[n]));
    graph.nodes = std::move(kept);
}

} // namespace infer
