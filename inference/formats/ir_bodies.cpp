// SPDX-License-Identifier: LGPL-2.1-or-later
// Graphs inside layers: If (inference/control_flow.h says what is made of them).
#include "inference/control_flow.h"
#include "inference/formats/ir_builder.h"

#include <algorithm>

namespace infer::ir {

Result<std::shared_ptr<const Graph>> Builder::read_body(const Body& body, const Layer& around) {
    const std::string where = where_ + ": in layer '" + around.name + "'";
    const auto order = ir::order_of(*body.file, where);
    if (!order.ok())
        return order.error();
    auto graph = Builder(*body.file, order.value(), weights_, where).build_body(body, around);
    if (!graph.ok())
        return graph.error();
    return std::make_shared<const Graph>(std::move(graph.value()));
}

// Whatever either graph takes from around it, all inputs but the condition, is taken by both.
Result<void> Builder::add_if(size_t k) {
    const Layer& layer = file_.layers[k];
    Node node{"If", layer.name, {}, {}, made_[k]};
    for (size_t p = 0; p < layer.inputs.size(); p++)
        node.inputs.push_back(feed(k, p));
    if (node.inputs.empty() || layer.bodies.size() != 2)
        return Error{Error::InvalidModel, "", "has no condition"};
    node.attrs["captures"] = int64_t(node.inputs.size()) - 1;
    for (const Body& body : layer.bodies) {
        auto graph = read_body(body, layer);
        if (!graph.ok())
            return graph.error();
        node.bodies.push_back(std::move(graph.value()));
    }
    if (auto ok = check_bodies(node); !ok.ok())
        return ok.error();
    graph_.nodes.push_back(std::move(node));
    return {};
}

Result<Graph> Builder::build_body(const Body& body, const Layer& around) {
    auto built = build();
    if (!built.ok())
        return built.error();
    Graph graph = std::move(built.value());
    std::vector<ValueId> inputs, outputs;
    for (size_t p = 1; p < around.inputs.size(); p++) {
        const auto at = body.inputs.find(around.inputs[p].id);
        const auto end = at == body.inputs.end() ? ends_.end() : ends_.find(at->second);
        inputs.push_back(end != ends_.end()
                             ? end->second
                             : graph.add_value({"unused", ElementType::F32, {}, {}}));
    }
    for (const Port& port : around.outputs) {
        const auto at = body.outputs.find(port.id);
        const auto end = at == body.outputs.end() ? ends_.end() : ends_.find(at->second);
        if (end == ends_.end())
            return Error{Error::InvalidModel, where_,
                         "gives nothing to output port " + std::to_string(port.id)};
        outputs.push_back(end->second);
    }
    for (ValueId v : graph.inputs)
        if (std::find(inputs.begin(), inputs.end(), v) == inputs.end())
            return Error{Error::InvalidModel, where_,
                         "its input '" + graph.value(v).name + "' comes from no port"};
    graph.inputs = std::move(inputs);
    graph.outputs = std::move(outputs);
    return graph;
}

} // namespace infer::ir
