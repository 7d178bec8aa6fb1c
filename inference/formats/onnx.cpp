// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX models: from the file's messages to a Graph. No shapes are worked out here.
#include "inference/formats/onnx.h"
#include "inference/formats/format.h"
#include "inference/formats/onnx_graph.h"

#include <filesystem>

namespace infer {
namespace {

constexpr int64_t oldest_opset = 1, newest_opset = 28;

Result<int64_t> checked_opset(const onnx::Source& source) {
    const int64_t opset = onnx::opset_of(source.model.opset_import(), 1);
    if (opset >= oldest_opset && opset <= newest_opset)
        return opset;
    return Error{Error::Unsupported, source.where,
                 "is of opset " + std::to_string(opset) + "; opsets " +
                     std::to_string(oldest_opset) + " to " + std::to_string(newest_opset) +
                     " can be read. Export it again with one of these"};
}

Result<Graph> read_model(onnx::Source& source) {
    const onnx_pb::ModelFile& model = source.model;
    if (!model.has_graph() || model.graph().node_size() == 0)
        return Error{Error::InvalidModel, source.where,
                     "is not an ONNX model, or has no nodes"};
    const auto opset = checked_opset(source);
    if (!opset.ok())
        return opset.error();
    for (const auto& function : model.functions())
        source.functions[{function.domain(), function.name()}] = &function;
    auto graph = onnx::GraphReader(source, opset.value()).read(model.graph());
    if (!graph.ok())
        return graph;
    graph.value().opset = opset.value();
    graph.value().metadata["producer"] = model.producer_name();
    for (const auto& entry : model.metadata_props())
        graph.value().metadata[entry.key()] = entry.value();
    return graph;
}

// A ModelProto starts with ir_version: field 1, varint.
bool matches(std::string_view head) { return head.size() > 1 && head[0] == 0x08; }

} // namespace

Result<Graph> parse_onnx(std::string_view bytes, const std::string& folder,
                         const std::string& where) {
    onnx_pb::ModelFile model;
    if (bytes.empty())
        return Error{Error::InvalidModel, where, "is empty"};
    if (bytes.size() > size_t(max_file_bytes) ||
        !model.ParseFromArray(bytes.data(), int(bytes.size())))
        return Error{Error::InvalidModel, where,
                     "is not an ONNX model, or is damaged or cut short"};
    onnx::Source source{.model = model, .folder = folder, .where = where};
    return read_model(source);
}

Result<Graph> load_onnx(const std::string& path) {
    auto bytes = read_file(path);
    if (!bytes.ok())
        return bytes.error();
    return parse_onnx(bytes.value(), std::filesystem::path(path).parent_path().string(), path);
}

extern const FormatDef format_onnx;
const FormatDef format_onnx = {"ONNX", ".onnx", matches, load_onnx, onnx::files_of};

} // namespace infer
