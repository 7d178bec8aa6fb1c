// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/onnx_graph.h"
#include "inference/formats/format.h"
#include "inference/ops/kernel.h"
#include "inference/control_flow.h"

#include <algorithm>
#include <set>

namespace infer::onnx {

GraphReader::GraphReader(Source& source, int64_t opset, GraphReader* outer)
    : source_(source), outer_(outer) {
    root_.opset = opset;
    if (outer) { // inside a function if the graph around it is
        root_.attributes = outer->scope_->attributes;
        root_.prefix = outer->scope_->prefix;
    }
}

Error GraphReader::wrong(std::string what) const {
    return {Error::InvalidModel, source_.where, std::move(what)};
}

ValueId GraphReader::add_value(Value value, bool made) {
    made_.push_back(made);
    return graph_.add_value(std::move(value));
}

ValueId GraphReader::value_named(const std::string& name) {
    const auto [it, is_new] = scope_->names.try_emplace(name, ValueId(graph_.values.size()));
    if (is_new)
        add_value({scope_->prefix + name, ElementType::F32, {}, {}}, false);
    return it->second;
}

void GraphReader::set_constant(ValueId id, const Tensor& content) {
    Value& value = graph_.value(id);
    value.type = content.type();
    value.shape = content.shape();
    value.constant = content;
}

Result<void> GraphReader::add_initializer(const std::string& name, const Result<Tensor>& content) {
    const ValueId id = value_named(name);
    if (made_[size_t(id)])
        return wrong("has two tensors named '" + name + "'");
    made_[size_t(id)] = true;
    if (!content.ok())
        return note(content.error(), id);
    set_constant(id, content.value());
    return {};
}

Result<void> GraphReader::read_initializers(const onnx_pb::GraphBody& body) {
    const auto where = [&](const std::string& name) {
        return source_.where + ": tensor '" + name + "'";
    };
    for (const auto& data : body.initializer()) {
        const auto tensor = read_tensor(data, source_.folder, where(data.name()));
        if (auto ok = add_initializer(data.name(), tensor); !ok.ok())
            return ok;
    }
    for (const auto& data : body.sparse_initializer()) {
        const std::string& name = data.values().name();
        const auto tensor = read_sparse(data, source_.folder, where(name));
        if (auto ok = add_initializer(name, tensor); !ok.ok())
            return ok;
    }
    return {};
}

// Graphs inside others need not say of what type their inputs are.
void GraphReader::set_type(const onnx_pb::ValueDescription& input, ValueId id) {
    const auto& type = input.type().tensor_type();
    const auto element = type_of(type.elem_type());
    Value& value = graph_.value(id);
    if (element)
        value.type = computed(*element);
    else if (!outer_ || (input.has_type() && !input.type().has_tensor_type()))
        odd_.emplace_back("input '" + input.name() + "' is not a tensor of numbers", id);
    for (const auto& dim : type.shape().dim())
        value.shape.push_back(dim.has_value() && dim.value() > 0 ? dim.value() : -1);
    if (!type.has_shape())
        value.shape = {unranked};
}

// Inputs that are initializers as well are constants (IR version 3 demands that listing).
Result<void> GraphReader::read_inputs(const onnx_pb::GraphBody& body) {
    for (const auto& input : body.input()) {
        const ValueId id = value_named(input.name());
        if (graph_.value(id).constant)
            continue;
        if (made_[size_t(id)])
            return wrong("has two inputs named '" + input.name() + "'");
        set_type(input, id);
        graph_.inputs.push_back(id);
        made_[size_t(id)] = true;
    }
    return {};
}

// Graphs inside others may hand on what is not theirs, and the same twice.
Result<void> GraphReader::read_outputs(const onnx_pb::GraphBody& body) {
    std::set<ValueId> seen;
    for (const auto& output : body.output()) {
        const ValueId id = value_named(output.name());
        const int32_t element = output.type().tensor_type().elem_type();
        if (output.has_type() &&
            (!output.type().has_tensor_type() || (element != 0 && !type_of(element))))
            odd_.emplace_back("output '" + output.name() + "' is not a tensor of numbers", id);
        if (!outer_ && !made_[size_t(id)])
            return wrong("no node makes output '" + output.name() + "'");
        if (!seen.insert(id).second && !outer_)
            return wrong("lists output '" + output.name() + "' twice");
        graph_.outputs.push_back(id);
    }
    if (graph_.outputs.empty() && !outer_)
        return wrong("has no outputs");
    return {};
}

// What nothing here makes comes from the graph around this one, which will say if it has no such.
Result<void> GraphReader::capture() {
    std::map<ValueId, std::string> missing; // in the order they were met
    for (const auto& [name, id] : root_.names)
        if (id != none && !made_[size_t(id)])
            missing[id] = name;
    for (const auto& [id, name] : missing) {
        graph_.inputs.push_back(id);
        captures_.push_back(outer_->value_named(name));
        made_[size_t(id)] = true;
    }
    return {};
}

const onnx_pb::Attribute* GraphReader::resolve(const onnx_pb::Attribute& attribute) const {
    if (attribute.ref_attr_name().empty())
        return &attribute;
    if (!scope_->attributes)
        return nullptr;
    const auto it = scope_->attributes->find(attribute.ref_attr_name());
    return it == scope_->attributes->end() ? nullptr : &it->second;
}

Result<void> GraphReader::read_attributes(const onnx_pb::Operation& operation, Node& node) {
    for (const auto& named : operation.attribute()) {
        const onnx_pb::Attribute* a = resolve(named);
        if (!a || (a->has_g() && is_control_flow(node.op)))
            continue;
        auto value = read_attribute(*a, source_.folder, source_.where + ": " + place(node));
        if (!value.ok() && find_op(node.op))
            return value.error();
        if (const auto* t = value.ok() ? std::get_if<Tensor>(&value.value()) : nullptr;
            t && scope_->in_function)
            source_.bytes_left -= int64_t(t->view().size_bytes());
        if (source_.bytes_left < 0)
            return wrong("would hold more than 1 GiB of constants once its functions are put in "
                         "the place of their calls");
        if (value.ok()) // else it will be named among the unsupported operators
            node.attrs[named.name()] = value.value();
    }
    return {};
}

Result<void> GraphReader::read_constant(const Node& node) {
    auto content = constant_of(node, source_.where + ": " + place(node));
    if (!content.ok())
        return note(content.error(), node.outputs[0]);
    set_constant(node.outputs[0], content.value());
    return {};
}

// Outputs that are left out before others are values that nobody reads, so that no later stage
// meets nodes with gaps.
Result<void> GraphReader::name_outputs(const onnx_pb::Operation& operation, Node& node) {
    int last = operation.output_size();
    while (last > 0 && operation.output(last - 1).empty())
        last--;
    for (int k = 0; k < last; k++) {
        std::string name = operation.output(k);
        if (name.empty())
            name = "unused/" + std::to_string(graph_.values.size());
        const ValueId id = value_named(name);
        if (id == none || made_[size_t(id)])
            return wrong("two nodes (or an input and a node) make a value named '" + name + "'");
        made_[size_t(id)] = true;
        node.outputs.push_back(id);
    }
    return {};
}

Result<void> GraphReader::read_node(const onnx_pb::Operation& operation) {
    if (--source_.nodes_left < 0)
        return wrong("has more than 200,000 nodes once its functions are put in the place of "
                     "their calls");
    if (const onnx_pb::Function* function = function_of(operation))
        return call(*function, operation);
    Node node;
    const bool ours = operation.domain().empty() || operation.domain() == "ai.onnx";
    node.op = ours ? operation.op_type() : operation.domain() + "." + operation.op_type();
    for (const std::string& name : operation.input())
        node.inputs.push_back(name.empty() ? none : value_named(name));
    while (!node.inputs.empty() && node.inputs.back() == none)
        node.inputs.pop_back();
    if (auto ok = name_outputs(operation, node); !ok.ok())
        return ok;
    if (node.outputs.empty())
        return {}; // nobody can use it
    const auto named = std::ranges::find_if(operation.output(),
                                            [](const std::string& name) { return !name.empty(); });
    node.name = !operation.name().empty() ? scope_->prefix + operation.name()
                                          : node.op + "_" + scope_->prefix + *named;
    if (auto ok = read_attributes(operation, node); !ok.ok())
        return ok;
    if (node.op == "Constant")
        return read_constant(node);
    if (is_control_flow(node.op))
        if (auto ok = read_bodies(operation, node); !ok.ok())
            return ok;
    upgrade_and_add(std::move(node));
    return {};
}

// Outputs that the newest meaning does not have are made by nobody then.
void GraphReader::upgrade_and_add(Node node) {
    const size_t before = graph_.nodes.size();
    const std::vector<ValueId> named = node.outputs;
    upgrade(graph_, node, scope_->opset);
    graph_.nodes.push_back(std::move(node));
    made_.resize(graph_.values.size(), true);
    for (ValueId v : named)
        if (v != none)
            made_[size_t(v)] = false;
    for (size_t k = before; k < graph_.nodes.size(); k++)
        for (ValueId v : graph_.nodes[k].outputs)
            if (v != none)
                made_[size_t(v)] = true;
}

Result<Graph> GraphReader::read(const onnx_pb::GraphBody& body) {
    if (++source_.depth > max_depth)
        return wrong("has graphs in graphs, or functions in functions, more than " +
                     std::to_string(max_depth) + " deep");
    for (const auto step : {&GraphReader::read_initializers, &GraphReader::read_inputs})
        if (auto ok = (this->*step)(body); !ok.ok())
            return ok.error();
    for (const auto& operation : body.node())
        if (auto ok = read_node(operation); !ok.ok())
            return ok.error();
    if (auto ok = read_outputs(body); !ok.ok())
        return ok.error();
    name_odd();
    if (auto ok = outer_ ? capture() : check_supported(); !ok.ok())
        return ok.error();
    if (auto ok = sort_nodes(graph_, made_, source_.where); !ok.ok())
        return ok.error();
    source_.depth--;
    return std::move(graph_);
}

} // namespace infer::onnx
