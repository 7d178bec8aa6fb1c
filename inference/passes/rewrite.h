// SPDX-License-Identifier: LGPL-2.1-or-later
// What passes share: questions about a graph, and edits of it.
#pragma once

#include "inference/graph.h"
#include "inference/ops/kernel.h"
#include "inference/passes/pass.h"

#include <string>
#include <vector>

namespace infer {

// Who makes and who uses each value. Valid until the graph's nodes change.
struct Uses {
    explicit Uses(const Graph& graph);
    std::vector<int> maker;              // by value: node, or -1
    std::vector<std::vector<int>> users; // by value: nodes, once for each input that reads it
    std::vector<bool> is_output;         // by value: the model's

    // The only node that uses `v`, or -1 if there are others or `v` is an output of the model.
    int only_user(ValueId v) const;
};

// The value's content if it is a constant of f32 or of i64, else nullptr.
const Tensor* constant_of(const Graph& graph, ValueId v);
// The only element of an f32 constant.
std::optional<float> scalar_of(const Graph& graph, ValueId v);

ValueId add_constant(Graph& graph, const std::string& name, Tensor tensor);

inline ValueId input(const Node& node, size_t k) { return k < node.inputs.size() ? node.inputs[k] : none; }
void set_input(Node& node, size_t k, ValueId v);

// Lets everything that reads `from` read `to` instead. If `from` is an output of the model, `to`
// takes its place under its name; that needs a `to` that is made by a node and no output itself,
// else nothing happens and it says false. The maker of `from` is to be removed by the caller.
bool replace_value(Graph& graph, ValueId from, ValueId to);

// Removes the marked nodes.
void erase_nodes(Graph& graph, const std::vector<bool>& gone);

} // namespace infer
