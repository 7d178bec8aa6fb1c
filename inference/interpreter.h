// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"
#include "inference/op.h"
#include "inference/result.h"

#include <memory>
#include <vector>

namespace infer {

// Runs a graph node by node with the reference kernels, working out every shape from what is there:
// for graphs whose sizes depend on the data. Made once, for any number of runs.
class Interpreter {
public:
    explicit Interpreter(std::shared_ptr<const Graph> graph); // operators are known

    // Inputs and outputs in the graph's order. Inputs may be borrowed; no output is. Sizes that do
    // not fit each other and absurd amounts of memory or work are errors. Thread-safe.
    Result<std::vector<Tensor>> run(std::vector<Tensor> inputs) const;

private:
    friend class Interpretation;

    struct Step {
        const Node* node = nullptr;
        const OpDef* op = nullptr;               // nullptr: control flow, by
        std::vector<Interpreter> bodies;         // these
        std::vector<ValueId> last_uses; // values nobody reads after this step
    };

    std::shared_ptr<const Graph> graph_;
    std::vector<Step> steps_;
};

} // namespace infer
