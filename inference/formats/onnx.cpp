// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX models: from the file's messages to a Graph. No shapes are worked out here.
#include "inference/formats/onnx.h"
#include "inference/formats/format.h"
#include "inference/formats/onnx_parts.h"
#include "inference/ops/kernel.h"

#include <filesystem>
#include <set>
#include <unordered_map>

namespace infer {
namespace {

constexpr int64_t oldest_opset = 1, newest_opset = 21;

// Builds the graph in the order of the file, then sorts the nodes.
class Reader {
public:
    Reader(const onnx_pb::ModelFile& model, std::string folder, std::string where)
        : model_(model), folder_(std::move(folder)), where_(std::move(where)) {}

    Result<Graph> read();

private:
    using Step = Result<void> (Reader::*)();

    Error wrong(std::string what) const { return {Error::InvalidModel, where_, std::move(what)}; }
    Result<void> read_opset();
    Result<void> read_initializers();
    Result<void> read_inputs();
    Result<void> read_nodes();
    Result<void> read_outputs();
    void read_metadata();

    Result<void> read_node(const onnx_pb::Operation& operation);
    Result<void> read_attributes(const onnx_pb::Operation& operation, Node& node);
    Result<Attr> read_attribute(const onnx_pb::Attribute& attribute, const std::string& where);
    Result<void> read_constant(Node& node);
    ValueId value_named(const std::string& name);

    const onnx_pb::ModelFile& model_;
    const std::string folder_, where_;
    Graph graph_;
    std::unordered_map<std::string, ValueId> by_name_;
    std::vector<bool> made_; // by value: an input, a constant, or some node's output
};

ValueId Reader::value_named(const std::string& name) {
    const auto [it, is_new] = by_name_.try_emplace(name, ValueId(graph_.values.size()));
    if (is_new) {
        graph_.add_value({name, ElementType::F32, {}, {}});
        made_.push_back(false);
    }
    return it->second;
}

Result<void> Reader::read_opset() {
    graph_.opset = 1; // absent: version 1 (onnx.proto)
    for (const auto& set : model_.opset_import())
        if (set.domain().empty() || set.domain() == "ai.onnx")
            graph_.opset = set.version();
    if (graph_.opset < oldest_opset || graph_.opset > newest_opset)
        return Error{Error::Unsupported, where_,
                     "is of opset " + std::to_string(graph_.opset) + "; opsets " +
                         std::to_string(oldest_opset) + " to " + std::to_string(newest_opset) +
                         " can be read. Export it again with one of these"};
    return {};
}

Result<void> Reader::read_initializers() {
    for (const auto& data : model_.graph().initializer()) {
        auto tensor = onnx::read_tensor(data, folder_, where_ + ": tensor '" + data.name() + "'");
        if (!tensor.ok())
            return tensor.error();
        const ValueId id = value_named(data.name());
        if (made_[size_t(id)])
            return wrong("has two tensors named '" + data.name() + "'");
        Value& value = graph_.value(id);
        value.type = tensor.value().type();
        value.shape = tensor.value().shape();
        value.constant = tensor.value();
        made_[size_t(id)] = true;
    }
    return {};
}

// Inputs that are initializers as well are constants (IR version 3 demands that listing).
Result<void> Reader::read_inputs() {
    for (const auto& input : model_.graph().input()) {
        const ValueId id = value_named(input.name());
        if (graph_.value(id).constant)
            continue;
        if (made_[size_t(id)])
            return wrong("has two inputs named '" + input.name() + "'");
        const auto& type = input.type().tensor_type();
        const auto element = onnx::type_of(type.elem_type());
        if (!element)
            return Error{Error::Unsupported, where_,
                         "input '" + input.name() + "' is not a tensor of numbers"};
        Value& value = graph_.value(id);
        value.type = onnx::computed(*element);
        for (const auto& dim : type.shape().dim())
            value.shape.push_back(dim.has_value() && dim.value() > 0 ? dim.value() : -1);
        if (!type.has_shape())
            value.shape = {unranked};
        graph_.inputs.push_back(id);
        made_[size_t(id)] = true;
    }
    return {};
}

Result<Attr> Reader::read_attribute(const onnx_pb::Attribute& a, const std::string& where) {
    enum { Float = 1, Int, String, TensorType, Floats = 6, Ints, Strings }; // AttributeProto.type
    int type = a.type();
    if (type == 0) // older files leave it out
        type = a.has_f()          ? Float
               : a.has_i()        ? Int
               : a.has_s()        ? String
               : a.has_t()        ? TensorType
               : a.floats_size()  ? Floats
               : a.strings_size() ? Strings
                                  : Ints;
    const auto clamp = [](int64_t v) { return std::clamp<int64_t>(v, -max_dim, max_dim); };
    switch (type) {
    case Float:
        return Attr(a.f());
    case Int:
        return Attr(clamp(a.i()));
    case String:
        return Attr(a.s());
    case Floats:
        return Attr(std::vector<float>(a.floats().begin(), a.floats().end()));
    case Strings:
        return Attr(std::vector<std::string>(a.strings().begin(), a.strings().end()));
    case Ints: {
        std::vector<int64_t> values(a.ints().begin(), a.ints().end());
        std::transform(values.begin(), values.end(), values.begin(), clamp);
        return Attr(std::move(values));
    }
    case TensorType: {
        auto tensor = onnx::read_tensor(a.t(), folder_, where);
        if (!tensor.ok())
            return tensor.error();
        return Attr(tensor.value());
    }
    default:
        return Error{Error::Unsupported, where,
                     "attribute '" + a.name() +
                         "' is of a kind (graph, sparse tensor) that cannot be read"};
    }
}

Result<void> Reader::read_attributes(const onnx_pb::Operation& operation, Node& node) {
    for (const auto& a : operation.attribute()) {
        auto value = read_attribute(a, where_ + ": " + place(node));
        if (!value.ok() && find_op(node.op))
            return value.error();
        if (value.ok()) // else it will be named among the unsupported operators
            node.attrs[a.name()] = value.value();
    }
    return {};
}

// Constant in any of its forms becomes a constant value.
Result<void> Reader::read_constant(Node& node) {
    Value& value = graph_.value(node.outputs[0]);
    if (node.attrs.empty())
        return wrong(place(node) + " has no value");
    const Attr& attr = node.attrs.begin()->second;
    if (const auto* t = std::get_if<Tensor>(&attr))
        value.constant = *t;
    else if (const auto* i = std::get_if<int64_t>(&attr))
        value.constant = make_tensor<int64_t>(ElementType::I64, {}, std::span(i, 1));
    else if (const auto* f = std::get_if<float>(&attr))
        value.constant = make_tensor<float>(ElementType::F32, {}, std::span(f, 1));
    else if (const auto* is = std::get_if<std::vector<int64_t>>(&attr))
        value.constant = make_tensor<int64_t>(ElementType::I64, {int64_t(is->size())}, *is);
    else if (const auto* fs = std::get_if<std::vector<float>>(&attr))
        value.constant = make_tensor<float>(ElementType::F32, {int64_t(fs->size())}, *fs);
    else
        return Error{Error::Unsupported, where_, place(node) + " is not a tensor of numbers"};
    value.type = value.constant->type();
    value.shape = value.constant->shape();
    return {};
}

Result<void> Reader::read_node(const onnx_pb::Operation& operation) {
    Node node;
    const bool ours = operation.domain().empty() || operation.domain() == "ai.onnx";
    node.op = ours ? operation.op_type() : operation.domain() + "." + operation.op_type();
    for (const std::string& name : operation.input())
        node.inputs.push_back(name.empty() ? none : value_named(name));
    while (!node.inputs.empty() && node.inputs.back() == none)
        node.inputs.pop_back();
    for (const std::string& name : operation.output()) {
        if (name.empty()) {
            node.outputs.push_back(none);
            continue;
        }
        const ValueId id = value_named(name);
        if (made_[size_t(id)])
            return wrong("two nodes (or an input and a node) make a value named '" + name + "'");
        made_[size_t(id)] = true;
        node.outputs.push_back(id);
    }
    while (!node.outputs.empty() && node.outputs.back() == none)
        node.outputs.pop_back();
    if (node.outputs.empty())
        return {}; // nobody can use it
    const ValueId first = *std::find_if(node.outputs.begin(), node.outputs.end(),
                                        [](ValueId v) { return v != none; });
    node.name =
        !operation.name().empty() ? operation.name() : node.op + "_" + graph_.value(first).name;
    if (auto ok = read_attributes(operation, node); !ok.ok())
        return ok;
    if (node.op == "Constant")
        return read_constant(node);
    const size_t before = graph_.values.size();
    onnx::upgrade(graph_, node, graph_.opset);
    made_.resize(made_.size() + graph_.values.size() - before, true);
    graph_.nodes.push_back(std::move(node));
    return {};
}

Result<void> Reader::read_nodes() {
    for (const auto& operation : model_.graph().node())
        if (auto ok = read_node(operation); !ok.ok())
            return ok;
    return {};
}

Result<void> Reader::read_outputs() {
    std::set<ValueId> seen;
    for (const auto& output : model_.graph().output()) {
        const auto it = by_name_.find(output.name());
        if (it == by_name_.end() || !made_[size_t(it->second)])
            return wrong("no node makes output '" + output.name() + "'");
        if (!seen.insert(it->second).second)
            return wrong("lists output '" + output.name() + "' twice");
        if (output.has_type() && !output.type().has_tensor_type())
            return Error{Error::Unsupported, where_,
                         "output '" + output.name() + "' is not a tensor of numbers"};
        graph_.outputs.push_back(it->second);
    }
    if (graph_.outputs.empty())
        return wrong("has no outputs");
    return {};
}

void Reader::read_metadata() {
    graph_.metadata["producer"] = model_.producer_name();
    for (const auto& entry : model_.metadata_props())
        graph_.metadata[entry.key()] = entry.value();
}

Result<Graph> Reader::read() {
    if (!model_.has_graph() || model_.graph().node_size() == 0)
        return wrong("is not an ONNX model, or has no nodes");
    read_metadata();
    for (Step step : {&Reader::read_opset, &Reader::read_initializers, &Reader::read_inputs,
                      &Reader::read_nodes, &Reader::read_outputs})
        if (auto ok = (this->*step)(); !ok.ok())
            return ok.error();
    if (auto ok = sort_nodes(graph_, made_, where_); !ok.ok())
        return ok.error();
    return std::move(graph_);
}

// A ModelProto starts with ir_version: field 1, varint.
bool matches(std::string_view head) { return head.size() > 1 && head[0] == 0x08; }

std::vector<std::string> files(const std::string& path) { return {path}; }

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
    return Reader(model, folder, where).read();
}

Result<Graph> load_onnx(const std::string& path) {
    auto bytes = read_file(path);
    if (!bytes.ok())
        return bytes.error();
    return parse_onnx(bytes.value(), std::filesystem::path(path).parent_path().string(), path);
}

extern const FormatDef format_onnx;
const FormatDef format_onnx = {"ONNX", ".onnx", matches, load_onnx, files};

} // namespace infer
