// SPDX-License-Identifier: LGPL-2.1-or-later
// Graphs in a few words, for tests.
#pragma once

#include "inference/graph.h"

#include <map>
#include <string>
#include <vector>

namespace infer {

class GraphBuilder {
public:
    ValueId input(const std::string& name, const Shape& shape,
                  ElementType type = ElementType::F32) {
        graph.inputs.push_back(graph.add_value({name, type, shape}));
        return graph.inputs.back();
    }
    ValueId constant(Tensor t) {
        const std::string name = "constant" + std::to_string(graph.values.size());
        return graph.add_value({name, t.type(), t.shape(), t});
    }
    ValueId ints(const std::vector<int64_t>& values) {
        return constant(make_tensor<int64_t>(ElementType::I64, {int64_t(values.size())}, values));
    }
    ValueId floats(const std::vector<float>& values) {
        return constant(make_tensor<float>(ElementType::F32, {int64_t(values.size())}, values));
    }
    std::vector<ValueId> nodes(const std::string& op, std::vector<ValueId> in, size_t outputs,
                               std::map<std::string, Attr> attrs = {}) {
        Node node{op, op + std::to_string(graph.nodes.size()), std::move(attrs), std::move(in), {}};
        for (size_t k = 0; k < outputs; k++)
            node.outputs.push_back(
                graph.add_value({"value" + std::to_string(graph.values.size()), {}, {}}));
        graph.nodes.push_back(node);
        return node.outputs;
    }
    ValueId node(const std::string& op, std::vector<ValueId> in,
                 std::map<std::string, Attr> attrs = {}) {
        return nodes(op, std::move(in), 1, std::move(attrs))[0];
    }

    Graph graph;
};

} // namespace infer
