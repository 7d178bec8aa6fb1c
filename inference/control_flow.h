// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Nodes with graphs inside. The last attr("captures") inputs of the node are values from around it;
// they are the last inputs of each of its graphs too, so that graphs know nothing of each other.
//
//   If    in      condition (bool, one element)
//         bodies  then, else: no inputs but captures; outputs are the node's
//   Loop  in      count (i64, one element; absent: no limit), condition (bool; absent: true), states
//         body    in: iteration (i64), condition, states; out: condition, states, scans
//         out     last states, then each scan's values of all iterations, stacked
//   Scan  in      states, sequences (the last attr("num_scan_inputs"))
//         body    in: states, one slice of each sequence; out: states, scans
//         out     as of Loop
//         attr    scan_input_axes, scan_input_directions (1: backwards), scan_output_axes,
//                 scan_output_directions
//
// ONNX If-21, Loop-21, Scan-21. Where the condition and the count are known on loading, If and Loop
// are replaced by what they do (inference/infer_shapes.cpp); the rest is run by an Interpreter.
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace infer {

bool is_control_flow(std::string_view op);

// How a control flow node's inputs are divided.
struct FlowParts {
    size_t states = 0, sequences = 0, captures = 0;
    size_t first_state = 0; // input
    size_t scans = 0;       // outputs that are stacked, after the states
};
FlowParts parts_of(const Node& node);

// Whether numbers of inputs and outputs fit the graphs inside.
Result<void> check_bodies(const Node& node);

// A copy of `body` as part of `graph`: values and nodes get `prefix` before their names, `inputs`
// (of `graph`; none: not given) take the place of its inputs.
struct Copied {
    std::vector<Node> nodes;
    std::vector<ValueId> outputs;
};
Copied copy_into(Graph& graph, const Graph& body, const std::vector<ValueId>& inputs,
                 const std::string& prefix);

// The only element of a condition or a count; `absent` if there is none.
bool flag_of(const Tensor* t, bool absent);
int64_t count_of(const Tensor* t, int64_t absent);

// Entry k of a list among a Scan's attributes; 0 where it is left out.
int64_t listed(const Node& node, const char* attr, size_t k);

} // namespace infer
