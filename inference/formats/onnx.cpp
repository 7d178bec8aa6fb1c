// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX models: from the file's messages to a Graph. No shapes are worked out here.
#include "inference/formats/onnx.h"
#include "inference/formats/format.h"
#include "inference/formats/onnx_parts.h"
#include "inference/model.h"
#include "inference/ops/kernel.h"

#include <filesystem>
#include <set>
#include <unordered_map>

namespace infer {
namespace {

constexpr int64_t oldest_opset = 1, newest_opset = 28;

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
    Result<void> read_outputs_of(const onnx_pb::Operation& operation, Node& node);
    Result<void> read_attributes(const onnx_pb::Operation& operation, Node& node);
    Result<void> read_constant(const Node& node);
    ValueId value_named(const std::string& name);
    Result<void> add_initializer(const std::string& name, const Result<Tensor>& content);
    Result<void> set_constant(ValueId id, const Tensor& content);
    Result<void> note(const Error& e, ValueId id);
    Result<void> check_supported() const;
    std::string users_of(ValueId id) const;

    const onnx_pb::ModelFile& model_;
    const std::string folder_, where_;
    Graph graph_;
    std::unordered_map<std::string, ValueId> by_name_;
    std::vector<bool> made_; // by value: an input, a constant, or some node's output
    std::vector<std::pair<std::string, ValueId>> odd_; // values that are not tensors of numbers
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

Result<void> Reader::set_constant(ValueId id, const Tensor& content) {
    Value& value = graph_.value(id);
    value.type = content.type();
    value.shape = content.shape();
    value.constant = content;
    return {};
}

// What cannot be computed with is named at the end, together with everything else of its kind.
Result<void> Reader::note(const Error& e, ValueId id) {
    if (e.kind != Error::Unsupported)
        return e;
    odd_.emplace_back(e.where.starts_with(where_ + ": ")
                          ? e.where.substr(where_.size() + 2) + " " + e.what
                          : e.what,
                      id);
    return {};
}

Result<void> Reader::add_initializer(const std::string& name, const Result<Tensor>& content) {
    const ValueId id = value_named(name);
    if (made_[size_t(id)])
        return wrong("has two tensors named '" + name + "'");
    made_[size_t(id)] = true;
    return content.ok() ? set_constant(id, content.value()) : note(content.error(), id);
}

Result<void> Reader::read_initializers() {
    const auto where = [&](const std::string& name) { return where_ + ": tensor '" + name + "'"; };
    for (const auto& data : model_.graph().initializer()) {
        const auto tensor = onnx::read_tensor(data, folder_, where(data.name()));
        if (auto ok = add_initializer(data.name(), tensor); !ok.ok())
            return ok;
    }
    for (const auto& data : model_.graph().sparse_initializer()) {
        const std::string& name = data.values().name();
        const auto tensor = onnx::read_sparse(data, folder_, where(name));
        if (auto ok = add_initializer(name, tensor); !ok.ok())
            return ok;
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
        Value& value = graph_.value(id);
        if (element)
            value.type = onnx::computed(*element);
        else
            odd_.emplace_back("input '" + input.name() + "' is not a tensor of numbers", id);
        for (const auto& dim : type.shape().dim())
            value.shape.push_back(dim.has_value() && dim.value() > 0 ? dim.value() : -1);
        if (!type.has_shape())
            value.shape = {unranked};
        graph_.inputs.push_back(id);
        made_[size_t(id)] = true;
    }
    return {};
}

Result<void> Reader::read_attributes(const onnx_pb::Operation& operation, Node& node) {
    for (const auto& a : operation.attribute()) {
        auto value = onnx::read_attribute(a, folder_, where_ + ": " + place(node));
        if (!value.ok() && find_op(node.op))
            return value.error();
        if (value.ok()) // else it will be named among the unsupported operators
            node.attrs[a.name()] = value.value();
    }
    return {};
}

// Constant becomes a constant value.
Result<void> Reader::read_constant(const Node& node) {
    auto content = onnx::constant_of(node, where_ + ": " + place(node));
    return content.ok() ? set_constant(node.outputs[0], content.value())
                        : note(content.error(), node.outputs[0]);
}

// Outputs that are left out before others are values that nobody reads, so that no later stage
// meets nodes with gaps.
Result<void> Reader::read_outputs_of(const onnx_pb::Operation& operation, Node& node) {
    int last = operation.output_size();
    while (last > 0 && operation.output(last - 1).empty())
        last--;
    for (int k = 0; k < last; k++) {
        std::string name = operation.output(k);
        if (name.empty())
            name = "unused/" + std::to_string(graph_.values.size());
        const ValueId id = value_named(name);
        if (made_[size_t(id)])
            return wrong("two nodes (or an input and a node) make a value named '" + name + "'");
        made_[size_t(id)] = true;
        node.outputs.push_back(id);
    }
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
    if (auto ok = read_outputs_of(operation, node); !ok.ok())
        return ok;
    if (node.outputs.empty())
        return {}; // nobody can use it
    const auto named = std::ranges::find_if(operation.output(),
                                            [](const std::string& name) { return !name.empty(); });
    node.name = !operation.name().empty() ? operation.name() : node.op + "_" + *named;
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
        const int32_t element = output.type().tensor_type().elem_type();
        if (output.has_type() &&
            (!output.type().has_tensor_type() || (element != 0 && !onnx::type_of(element))))
            odd_.emplace_back("output '" + output.name() + "' is not a tensor of numbers",
                              it->second);
        graph_.outputs.push_back(it->second);
    }
    if (graph_.outputs.empty())
        return wrong("has no outputs");
    return {};
}

// "read by node 'N' (Op)", or who makes it.
std::string Reader::users_of(ValueId id) const {
    for (const char* how : {"read", "made"})
        for (const Node& node : graph_.nodes) {
            const auto& list = how[0] == 'r' ? node.inputs : node.outputs;
            if (std::find(list.begin(), list.end(), id) != list.end())
                return std::string(how) + " by " + place(node);
        }
    return "read by nobody";
}

// Values of kinds that cannot be computed with, and operators that are not there: all of them.
Result<void> Reader::check_supported() const {
    if (odd_.empty())
        return {};
    std::string text;
    for (const auto& [what, id] : odd_)
        text += (text.empty() ? "" : "; ") + what + " (" + users_of(id) + ")";
    if (auto known = check_operators(graph_, where_); !known.ok())
        text += "; " + known.error().what;
    return Error{Error::Unsupported, where_, text};
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
    if (auto ok = check_supported(); !ok.ok())
        return ok.error();
    if (auto ok = sort_nodes(graph_, made_, where_); !ok.ok())
        return ok.error();
    return std::move(graph_);
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
    return Reader(model, folder, where).read();
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
