// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators with inputs and the outputs worked out for them, as text in tests/ops/*.txt:
//
//   LeakyRelu: alpha is 0.01 if not given        the operator, and what the row shows
//     attr alpha = 0.1                           number (with . or e: float), list, or "text"
//     in f32 1x3 = -2 0 3                        one line an input, in order; "in none": left out
//     out f32 1x3 = -0.02 0 3                    one line an output
//     refuse                                     instead of out: the rule must refuse these inputs
//
// The reference kernels are tested against them, and each device is.
#pragma once

#include "inference/graph.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace infer {

struct OpRow {
    std::string op, what;
    std::string where; // file and line
    std::map<std::string, Attr> attrs;
    std::vector<std::optional<Tensor>> inputs;
    std::vector<Tensor> outputs;
    bool refuse = false;
};

const std::vector<OpRow>&
op_rows(); // all of them; empty and a message on stderr if one is malformed

// "f32 1x3 = -2 0 3"; inf and nan are numbers too. Nothing if it is malformed.
std::optional<Tensor> parse_tensor(const std::string& text);

// A model of one node. `constants` by input: true for those whose content is part of the model
// (weights, shapes); the others become its inputs.
Graph graph_of(const OpRow& row, const std::vector<bool>& constants);

} // namespace infer
