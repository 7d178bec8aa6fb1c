// SPDX-License-Identifier: LGPL-2.1-or-later
// Graphs inside nodes: If, Loop and Scan (inference/control_flow.h says what is made of them).
#include "inference/control_flow.h"
#include "inference/formats/onnx_graph.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::onnx {
namespace {

// All values that any of the bodies takes from around it, each once.
std::vector<ValueId> all_of(const std::vector<std::vector<ValueId>>& captured) {
    std::vector<ValueId> all;
    for (const auto& some : captured)
        for (ValueId v : some)
            if (std::find(all.begin(), all.end(), v) == all.end())
                all.push_back(v);
    return all;
}

// Lets the body, whose last inputs are `own`, take `all` instead, in that order.
void widen(Graph& body, const std::vector<ValueId>& own, const std::vector<ValueId>& all) {
    const size_t formal = body.inputs.size() - own.size();
    std::vector<ValueId> inputs(body.inputs.begin(), body.inputs.begin() + int64_t(formal));
    for (ValueId v : all) {
        const auto at = std::find(own.begin(), own.end(), v);
        inputs.push_back(at != own.end()
                             ? body.inputs[formal + size_t(at - own.begin())]
                             : body.add_value({"unused", ElementType::F32, {}, {}}));
    }
    body.inputs = std::move(inputs);
}

} // namespace

Result<Graph> GraphReader::read_body(const onnx_pb::GraphBody& body,
                                     std::vector<ValueId>& captured) {
    GraphReader reader(source_, scope_->opset, this);
    reader.root_.in_function = scope_->in_function;
    auto graph = reader.read(body);
    captured = reader.captures();
    return graph;
}

Result<void> GraphReader::read_bodies(const onnx_pb::Operation& operation, Node& node) {
    const std::vector<std::string> wanted =
        node.op == "If" ? std::vector<std::string>{"then_branch", "else_branch"}
                        : std::vector<std::string>{"body"};
    if (node.op == "Scan" && scope_->opset < 9)
        return Error{Error::Unsupported, source_.where,
                     place(node) + " is of opset 8, which had other inputs"};
    std::vector<Graph> bodies;
    std::vector<std::vector<ValueId>> captured(wanted.size());
    for (size_t k = 0; k < wanted.size(); k++) {
        const auto& all = operation.attribute();
        const auto it = std::find_if(all.begin(), all.end(),
                                     [&](const auto& a) { return a.name() == wanted[k]; });
        const onnx_pb::Attribute* a = it == all.end() ? nullptr : resolve(*it);
        if (!a || !a->has_g())
            return wrong(place(node) + " has no graph '" + wanted[k] + "'");
        auto body = read_body(a->g(), captured[k]);
        if (!body.ok())
            return body.error();
        bodies.push_back(std::move(body.value()));
    }
    const std::vector<ValueId> around = all_of(captured);
    node.inputs.resize(std::max<size_t>(node.inputs.size(), node.op == "Loop" ? 2 : 1), none);
    node.inputs.insert(node.inputs.end(), around.begin(), around.end());
    node.attrs["captures"] = int64_t(around.size());
    for (size_t k = 0; k < bodies.size(); k++) {
        widen(bodies[k], captured[k], around);
        node.bodies.push_back(std::make_shared<const Graph>(std::move(bodies[k])));
    }
    if (auto ok = check_bodies(node); !ok.ok())
        return Error{ok.error().kind, source_.where + ": " + ok.error().where, ok.error().what};
    return {};
}

} // namespace infer::onnx
