// SPDX-License-Identifier: LGPL-2.1-or-later
// One node at a time: its rule, and its reference kernel on tensors.
#pragma once

#include "inference/graph.h"
#include "inference/op.h"
#include "inference/result.h"

#include <functional>
#include <vector>

namespace infer {

// What is known of a value's content while shapes are worked out; nullptr: nothing.
using Known = std::function<const Tensor*(ValueId)>;

// What the operator's rule says of the node's outputs, at least as many as the node has. Refuses
// what is too large.
Result<std::vector<ValueFacts>> infer_op(const OpDef& op, const Node& node,
                                         std::span<const ValueFacts> in);

// Works out types and shapes of the node's outputs and writes them into the graph. A dimension is
// -1 if only running the node tells it.
Result<void> infer_node(Graph& graph, const Node& node, const Known& known);

// infer_shapes() of the whole graph with something to do before and after each node. `before` may
// change the node's inputs; an error of either ends it.
Result<void> infer_shapes(Graph& graph, const std::function<Result<void>(Node&)>& before,
                          const std::function<Result<void>(const Node&)>& after);

// Runs the reference kernel. inputs[k] is nullptr for an input that is not there, or whose content
// does not matter (Shape, Size). The node's shapes must have been worked out; those that depend on
// the data are told by the results.
std::vector<Tensor> evaluate(const Graph& graph, const Node& node,
                             const std::vector<const Tensor*>& inputs);

// Whether all the node needs to be run now is known.
bool can_evaluate(const Node& node, const Known& known);

// Rough number of multiplications to evaluate it, for limits.
int64_t cost_of(const Graph& graph, const Node& node);

} // namespace infer
