// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What depends on data in size. From the first such operator on (NonMaxSuppression, NonZero, a
// Reshape to a shape that is computed from the picture...) no shape is known before a run, so these
// nodes are cut off the graph into one last node, `Tail`, with a graph inside. Everything before it
// has fixed shapes; passes and devices treat it as always. The Tail is run by an Interpreter.
//
// inputs of the node and of its body: values of the part before it; outputs: outputs of the model.
#pragma once

#include "inference/graph.h"

#include <string_view>
#include <vector>

namespace infer {

constexpr std::string_view tail_op = "Tail";

// The model's Tail, or nullptr.
const Node* tail_of(const Graph& graph);

// Moves `nodes`, in an order in which they can run and made by nothing in `graph`, into a Tail.
// Types and shapes of its outputs are worked out at sizes made up; dimensions that follow from
// these, or cannot be told, are -1.
void add_tail(Graph& graph, std::vector<Node> nodes);

// The same model with the nodes of its Tail among the others, as a file has them.
Graph without_tail(Graph graph);

} // namespace infer
