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
        std::vector<Tensor> inputs, outputs; // in the model's order
    };
    Graph graph; // loaded for the shapes of the inputs; not optimized
    std::vector<DataSet> data;
};

// Unsupported: the case needs what cannot be run (an operator, a type). Other kinds: it is broken.
Result<OnnxCase> load_onnx_case(const std::string& folder);

// "" if every element of `got` is within absolute + relative * |wanted| of `wanted` and types and
// shapes are equal, else what differs most.
std::string difference(const Tensor& got, const Tensor& wanted, float relative, float absolute);

} // namespace infer
