// SPDX-License-Identifier: LGPL-2.1-or-later
// What passes share: questions about a graph, and edits of it.
#pragma once

#include "inference/graph.h"
#include "inference/ops/kernel.h"
#include "inference/passes/pass.h"

#include <optional>
#include <string>
#include <vector>

namespace infer {

// Who makes and who uses each value. Valid until the graph changes.
struct Uses {
    explicit Uses(const Graph& graph);
    std::vector<int> maker;              // by value: node, or -1
    std::vector<std::vector<int>> users; // by value: nodes, once for each input that reads it
    std::vector<bool> is_output;         // by value: the model's

    // The only node that uses `v`, or -1 if there are others or `v` is an output of the model.
    int only_user(ValueId v) const;
    // The node that makes `v`, or nullptr.
    const Node* made_by(const Graph& graph, ValueId v) const;
    // The same if it is `op` and nobody else uses `v`.
    const Node* private_maker(const Graph& graph, ValueId v, std::string_view op) const;
};

// Calls `step` for each node from first to last. It says whether it has changed the graph; nodes it
// has no more use for it gives to drop(). Uses are worked out anew after each change; nodes whose
// results nobody uses any more are removed at the end.
void rewrite_each(Graph& graph, bool (*step)(Graph& graph, const Uses& uses, size_t node));
void drop(Node& node);

void remove_unused(Graph& graph);

// The value's content if it is a constant, else nullptr.
const Tensor* constant_of(const Graph& graph, ValueId v);
const Tensor* f32_of(const Graph& graph, ValueId v);
// The only element of an f32 constant.
std::optional<float> scalar_of(const Graph& graph, ValueId v);
bool is_scalar(const Graph& graph, ValueId v, float wanted); // within f32 rounding

// The other input of a node of two inputs, if one of them is `v`.
ValueId other_input(const Node& node, ValueId v);

ValueId add_constant(Graph& graph, const std::string& name, Tensor tensor);
ValueId add_ints(Graph& graph, const std::string& name, const std::vector<int64_t>& values);
ValueId add_floats(Graph& graph, const std::string& name, const std::vector<float>& values);

inline ValueId input(const Node& node, size_t k) {
    return k < node.inputs.size() ? node.inputs[k] : none;
}
void set_input(Node& node, size_t k, ValueId v);

// Lets everything that reads `from` read `to` instead. If `from` is an output of the model, `to`
// takes its place under its name; that needs a `to` that is made by a node and no output itself,
// else nothing happens and it says false. The maker of `from` is to be dropped by the caller.
bool replace_value(Graph& graph, const Uses& uses, ValueId from, ValueId to);

} // namespace infer
