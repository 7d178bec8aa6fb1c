// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/formats/onnx_parts.h"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace infer::onnx {

constexpr int max_depth = 64; // of graphs in graphs and functions in functions

// The file all graphs are read from, and what they may still grow by: functions that call functions
// can be written down shortly and be endless.
struct Source {
    const onnx_pb::ModelFile& model;
    std::string folder, where;
    using FunctionKey = std::pair<std::string, std::string>; // domain, name
    std::map<FunctionKey, const onnx_pb::Function*> functions = {};
    std::vector<const onnx_pb::Function*> calls = {}; // being put in place, outermost first
    int depth = 0;                                    // of graphs in graphs and functions
    std::string odd = {};                             // what cannot be computed with, "; " between
    int64_t nodes_left = 200000;
    int64_t bytes_left = int64_t{1} << 30; // of tensors in functions
};

// The version of ONNX's own operators; 1 if none is named (onnx.proto).
template <typename Imports> int64_t opset_of(const Imports& imports, int64_t fallback) {
    for (const auto& set : imports)
        if (set.domain().empty() || set.domain() == "ai.onnx")
            return set.version();
    return fallback;
}

// What names mean in one place: in a graph, or in a function that is put where it is called.
struct Scope {
    std::unordered_map<std::string, ValueId> names; // none: an input that is not given
    using Attributes = std::map<std::string, onnx_pb::Attribute>;
    std::shared_ptr<const Attributes> attributes; // of the call, for ref_attr_name; nullptr: no call
    std::string prefix;                           // of the names of what is made here
    int64_t opset = 1;
    bool in_function = false;
};

// Reads one graph in the order of the file, then sorts the nodes. Functions are put in place of the
// nodes that call them. What a graph inside another one takes from around it becomes its last
// inputs.
class GraphReader {
public:
    // `outer`: reads the graph around this one, at the node that holds it; nullptr: the model's own.
    GraphReader(Source& source, int64_t opset, GraphReader* outer = nullptr);

    Result<Graph> read(const onnx_pb::GraphBody& body);

    // After read(), of a graph in another one: the outer values its last inputs are.
    const std::vector<ValueId>& captures() const { return captures_; }

private:
    Error wrong(std::string what) const;
    ValueId value_named(const std::string& name);
    ValueId add_value(Value value, bool made);
    Result<void> read_initializers(const onnx_pb::GraphBody& body);
    Result<void> read_inputs(const onnx_pb::GraphBody& body);
    void set_type(const onnx_pb::ValueDescription& input, ValueId id);
    Result<void> read_outputs(const onnx_pb::GraphBody& body);
    Result<void> capture();

    Result<void> read_node(const onnx_pb::Operation& operation);
    void upgrade_and_add(Node node);
    Result<void> name_outputs(const onnx_pb::Operation& operation, Node& node);
    Result<void> read_attributes(const onnx_pb::Operation& operation, Node& node);
    const onnx_pb::Attribute* resolve(const onnx_pb::Attribute& attribute) const;
    void set_constant(ValueId id, const Tensor& content);
    Result<void> read_constant(const Node& node);
    Result<void> add_initializer(const std::string& name, const Result<Tensor>& content);

    // What is no tensor of numbers is noted, to be named at the end with all else of its kind.
    Result<void> note(const Error& e, ValueId id);
    std::string users_of(ValueId id) const;
    void name_odd();
    Result<void> check_supported() const;

    const onnx_pb::Function* function_of(const onnx_pb::Operation& operation) const;
    Result<void> call(const onnx_pb::Function& function, const onnx_pb::Operation& operation);
    Scope scope_for(const onnx_pb::Function& function, const onnx_pb::Operation& operation);
    Result<void> read_call(const onnx_pb::Function& function, Scope& scope);
    void pass_through(const onnx_pb::Function& function, const onnx_pb::Operation& operation,
                      const Scope& scope);

    Result<void> read_bodies(const onnx_pb::Operation& operation, Node& node);
    Result<Graph> read_body(const onnx_pb::GraphBody& body, std::vector<ValueId>& captured);

    Source& source_;
    GraphReader* outer_;
    Graph graph_;
    std::vector<bool> made_; // by value: an input, a constant, or some node's output
    std::vector<std::pair<std::string, ValueId>> odd_; // values that are not tensors of numbers
    Scope root_;
    Scope* scope_ = &root_;
    std::vector<ValueId> captures_;
};

} // namespace infer::onnx
