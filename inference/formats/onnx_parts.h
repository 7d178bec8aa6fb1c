// SPDX-License-Identifier: LGPL-2.1-or-later
// What the files of the ONNX reader share. Only they know protobuf.
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include "inference/formats/onnx.pb.h"

#include <optional>
#include <string>

namespace infer::onnx {

// Our element type for ONNX's number (TensorProto.DataType), or nothing for strings, complex
// numbers and 4- or 8-bit floats.
std::optional<ElementType> type_of(int32_t data_type);

// The type a value of the file is computed in: half and double precision become f32.
ElementType computed(ElementType type);

// A tensor of the file in the type it is computed in. `folder` is where external data lies;
// `where` names the tensor in errors. Sizes are checked before anything is allocated.
Result<Tensor> read_tensor(const onnx_pb::TensorData& data, const std::string& folder,
                           const std::string& where);

// The bytes of a tensor that lie in a file beside the model.
Result<std::string> read_external(const onnx_pb::TensorData& data, const std::string& folder,
                                  const std::string& where, size_t bytes);

// The same of a sparse one, zeros filled in.
Result<Tensor> read_sparse(const onnx_pb::SparseTensor& data, const std::string& folder,
                           const std::string& where);

// The model's file, and those beside it in which its weights lie.
std::vector<std::string> files_of(const std::string& path);

// An attribute in our kinds. Whole numbers are clamped to +-max_dim.
Result<Attr> read_attribute(const onnx_pb::Attribute& attribute, const std::string& folder,
                            const std::string& where);

// The content of a Constant node, in any of its forms.
Result<Tensor> constant_of(const Node& node, const std::string& where);

// Rewrites a node of an older opset into its newest meaning, and operators that are others put
// together into these: attributes that have become inputs turn into constants. May add values to
// the graph, and nodes that work for this one (onnx_rewriter.h).
void upgrade(Graph& graph, Node& node, int64_t opset);

} // namespace infer::onnx
