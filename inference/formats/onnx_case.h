// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX test cases: a folder with model.onnx and test_data_set_N/input_K.pb, output_K.pb.
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <string>
#include <vector>

namespace infer {

struct OnnxCase {
    struct DataSet {
        std::vector<Tensor> inputs, outputs; // in the model's order, in the types computed in
        std::vector<ElementType> stored;     // by output: the type of the file
    };
    std::string model; // path
    Graph declared;    // as in the file, for the names of its inputs
    std::vector<DataSet> data;
};

// Unsupported: the case needs what cannot be run (an operator, a type). Other kinds: it is broken.
Result<OnnxCase> load_onnx_case(const std::string& folder);

// The model for the shapes of one data set's inputs. What shapes depend on becomes a constant and
// leaves data.inputs, which then are those of the graph, in its order. Not optimized.
Result<Graph> graph_for(const OnnxCase& from, OnnxCase::DataSet& data);

// "" if every element of `got` is within absolute + relative * |wanted| of `wanted` and types and
// shapes are equal, else what differs most. `stored`: where the wanted values come from f16 or
// bf16, `got` is rounded to it first, and may be two steps of it away.
std::string difference(const Tensor& got, const Tensor& wanted, float relative, float absolute,
                       ElementType stored = ElementType::F32);

} // namespace infer
