// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/control_flow.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer {

bool is_control_flow(std::string_view op) { return op == "If" || op == "Loop" || op == "Scan"; }

FlowParts parts_of(const Node& node) {
    FlowParts parts;
    parts.captures = size_t(std::max<int64_t>(node.attr("captures", int64_t{0}), 0));
    parts.first_state = node.op == "Loop" ? 2 : node.op == "If" ? 1 : 0;
    if (node.op == "Scan")
        parts.sequences = size_t(std::clamp<int64_t>(node.attr("num_scan_inputs", int64_t{0}), 0,
                                                     int64_t(node.inputs.size())));
    const size_t others = parts.first_state + parts.sequences + parts.captures;
    parts.states = node.inputs.size() - std::min(node.inputs.size(), others);
    const size_t made = node.bodies.empty() ? 0 : node.bodies[0]->outputs.size();
    const size_t before = parts.states + (node.op == "Loop" ? 1 : 0);
    parts.scans = node.op == "If" ? 0 : made - std::min(made, before);
    return parts;
}

Result<void> check_bodies(const Node& node) {
    const FlowParts parts = parts_of(node);
    for (const auto& body : node.bodies) {
        const size_t condition = node.op == "Loop" ? 1 : 0;
        const size_t formal = node.op == "If" ? 0
                              : node.op == "Loop"
                                  ? 2 + parts.states
                                  : parts.states + parts.sequences;
        const bool inputs = body->inputs.size() == formal + parts.captures &&
                            (node.op != "If" || parts.states == 0) &&
                            (node.op != "Scan" || parts.sequences > 0);
        const bool outputs = body->outputs.size() >= node.outputs.size() + condition &&
                             (node.op == "If" || body->outputs.size() >= parts.states + condition);
        if (!inputs || !outputs)
            return invalid(node, "its graph has " +
                                     std::to_string(body->inputs.size() - parts.captures) +
                                     " inputs and " + std::to_string(body->outputs.size()) +
                                     " outputs, which does not fit the node's " +
                                     std::to_string(node.inputs.size() - parts.captures) +
                                     " and " + std::to_string(node.outputs.size()));
    }
    return {};
}

Copied copy_into(Graph& graph, const Graph& body, const std::vector<ValueId>& inputs,
                 const std::string& prefix) {
    std::vector<ValueId> name(body.values.size(), none);
    std::vector<bool> is_input(body.values.size(), false);
    for (size_t k = 0; k < body.inputs.size(); k++) {
        name[size_t(body.inputs[k])] = inputs[k];
        is_input[size_t(body.inputs[k])] = true;
    }
    for (size_t v = 0; v < body.values.size(); v++)
        if (!is_input[v]) {
            Value value = body.values[v];
            value.name = prefix + value.name;
            name[v] = graph.add_value(std::move(value));
        }
    Copied copy;
    for (Node node : body.nodes) {
        node.name = prefix + node.name;
        for (auto* side : {&node.inputs, &node.outputs})
            for (ValueId& v : *side)
                v = v == none ? none : name[size_t(v)];
        copy.nodes.push_back(std::move(node));
    }
    for (ValueId v : body.outputs)
        copy.outputs.push_back(name[size_t(v)]);
    return copy;
}

bool flag_of(const Tensor* t, bool absent) {
    return t && count(t->shape()) == 1 && t->type() == ElementType::Bool
               ? t->span<uint8_t>()[0] != 0
               : absent;
}

int64_t count_of(const Tensor* t, int64_t absent) {
    return t && count(t->shape()) == 1 && t->type() == ElementType::I64 ? t->span<int64_t>()[0]
                                                                         : absent;
}

int64_t listed(const Node& node, const char* attr, size_t k) {
    const auto values = node.attr(attr, std::vector<int64_t>());
    return k < values.size() ? values[k] : 0;
}

} // namespace infer
