// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/passes/rewrite.h"

#include <cmath>

namespace infer {

Uses::Uses(const Graph& graph)
    : maker(graph.values.size(), -1), users(graph.values.size()),
      is_output(graph.values.size(), false) {
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
    const bool alone = v != none && !is_output[size_t(v)] && users[size_t(v)].size() == 1;
    return alone ? users[size_t(v)][0] : -1;
}

const Node* Uses::made_by(const Graph& graph, ValueId v) const {
    return v == none || maker[size_t(v)] < 0 ? nullptr : &graph.nodes[size_t(maker[size_t(v)])];
}

const Node* Uses::private_maker(const Graph& graph, ValueId v, std::string_view op) const {
    const Node* node = only_user(v) < 0 ? nullptr : made_by(graph, v);
    return node && node->op == op ? node : nullptr;
}

void rewrite_each(Graph& graph, bool (*step)(Graph&, const Uses&, size_t)) {
    Uses uses(graph);
    for (size_t n = 0; n < graph.nodes.size(); n++)
        if (!graph.nodes[n].op.empty() && step(graph, uses, n))
            uses = Uses(graph);
    remove_unused(graph);
}

void drop(Node& node) { node = Node(); }

void remove_unused(Graph& graph) {
    std::vector<bool> used(graph.values.size(), false);
    for (ValueId v : graph.outputs)
        used[size_t(v)] = true;
    for (size_t n = graph.nodes.size(); n-- > 0;) {
        Node& node = graph.nodes[n];
        if (std::none_of(node.outputs.begin(), node.outputs.end(),
                         [&](ValueId v) { return v != none && used[size_t(v)]; }))
            drop(node);
        for (ValueId v : node.inputs)
            if (v != none)
                used[size_t(v)] = true;
    }
    std::erase_if(graph.nodes, [](const Node& node) { return node.op.empty(); });
    for (size_t v = 0; v < graph.values.size(); v++)
        if (!used[v])
            graph.values[v].constant.reset();
}

const Tensor* constant_of(const Graph& graph, ValueId v) {
    return v != none && graph.value(v).constant ? &*graph.value(v).constant : nullptr;
}

const Tensor* f32_of(const Graph& graph, ValueId v) {
    const Tensor* t = constant_of(graph, v);
    return t && t->type() == ElementType::F32 ? t : nullptr;
}

std::optional<float> scalar_of(const Graph& graph, ValueId v) {
    const Tensor* t = f32_of(graph, v);
    if (!t || count(t->shape()) != 1)
        return {};
    return t->span<float>()[0];
}

bool is_scalar(const Graph& graph, ValueId v, float wanted) {
    const auto s = scalar_of(graph, v);
    return s && std::abs(*s - wanted) <= 1e-6f * std::max(1.0f, std::abs(wanted));
}

ValueId other_input(const Node& node, ValueId v) {
    if (node.inputs.size() != 2)
        return none;
    return node.inputs[0] == v ? node.inputs[1] : node.inputs[1] == v ? node.inputs[0] : none;
}

ValueId add_constant(Graph& graph, const std::string& name, Tensor tensor) {
    return graph.add_value(
        {name + "/" + std::to_string(graph.values.size()), tensor.type(), tensor.shape(), tensor});
}

ValueId add_ints(Graph& graph, const std::string& name, const std::vector<int64_t>& values) {
    return add_constant(graph, name,
                        make_tensor<int64_t>(ElementType::I64, {int64_t(values.size())}, values));
}

ValueId add_floats(Graph& graph, const std::string& name, const std::vector<float>& values) {
    return add_constant(graph, name,
                        make_tensor<float>(ElementType::F32, {int64_t(values.size())}, values));
}

void set_input(Node& node, size_t k, ValueId v) {
    if (node.inputs.size() <= k)
        node.inputs.resize(k + 1, none);
    node.inputs[k] = v;
}

bool replace_value(Graph& graph, const Uses& uses, ValueId from, ValueId to) {
    if (uses.is_output[size_t(from)]) {
        if (uses.maker[size_t(to)] < 0 || uses.is_output[size_t(to)])
            return false;
        std::replace(graph.outputs.begin(), graph.outputs.end(), from, to);
        std::swap(graph.value(from).name, graph.value(to).name);
    }
    for (int user : uses.users[size_t(from)]) {
        auto& inputs = graph.nodes[size_t(user)].inputs;
        std::replace(inputs.begin(), inputs.end(), from, to);
    }
    return true;
}

} // namespace infer
