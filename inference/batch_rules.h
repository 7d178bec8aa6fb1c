// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What running several rows at once means for each operator. In a graph at one row every value that
// comes from the model's inputs has a dimension that holds its rows: 1 there, or m where rows lie
// together with something else (the heads of an attention). At N rows it is N times as long, with
// the row as its outer part, and all else is as before.
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <string>
#include <vector>

namespace infer {

struct BatchTrace {
    Graph& graph;
    int64_t batch = 1;         // N
    std::vector<Shape> single; // by value: its shape at one row
    std::vector<int> axis;     // by value: the dimension that holds rows; -1: the same for all rows

    bool has_rows(ValueId v) const { return axis_of_rows(v) >= 0; }
    int axis_of_rows(ValueId v) const {
        return v == none || size_t(v) >= axis.size() ? -1 : axis[size_t(v)];
    }
};

// Changes what the node says about one row so that it says it of N: shapes spelled out, constants
// laid beside rows, reductions over a dimension of 1. Its inputs are worked out at N rows already.
Result<void> rewrite_for_rows(BatchTrace& trace, Node& node);

// "" if each row of its outputs comes from the same row of its inputs alone, or else why not.
// Outputs are worked out at N rows, and `trace.axis` has them.
std::string mixes_rows(const BatchTrace& trace, const Node& node);

} // namespace infer
