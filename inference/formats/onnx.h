// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <string>
#include <string_view>

namespace infer {

// Reads a model of opset 1 to 28. Half and double precision values become f32: the precision a
// model runs in is the device's choice. `folder` is where external data lies.
Result<Graph> load_onnx(const std::string& path);
Result<Graph> parse_onnx(std::string_view bytes, const std::string& folder,
                         const std::string& where);

// The file of a graph made of ONNX's operators, as standard_form() gives it, at the shapes it has. An
// Error names the operators that ONNX has not.
Result<std::string> write_onnx(const Graph& graph);

// A tensor in the type it is computed in, and the type it has in its file.
struct StoredTensor {
    Tensor values;
    ElementType stored = ElementType::F32;
};

// Reads a file that holds one tensor (TensorProto), as ONNX's test cases have them.
Result<StoredTensor> load_onnx_tensor(const std::string& path);

} // namespace infer
