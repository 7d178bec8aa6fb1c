// SPDX-License-Identifier: LGPL-2.1-or-later
// Functions of the model (FunctionProto): their nodes are put in the place of each call.
#include "inference/formats/onnx_graph.h"

#include <algorithm>

namespace infer::onnx {

const onnx_pb::Function* GraphReader::function_of(const onnx_pb::Operation& operation) const {
    const auto it = source_.functions.find({operation.domain(), operation.op_type()});
    return it == source_.functions.end() ? nullptr : it->second;
}

// Its inputs are the caller's values, and so are the outputs that the caller wants.
Scope GraphReader::scope_for(const onnx_pb::Function& function,
                             const onnx_pb::Operation& operation) {
    Scope scope;
    scope.in_function = true;
    scope.opset = opset_of(function.opset_import(), scope_->opset);
    const std::string name = operation.name().empty() ? function.name() : operation.name();
    scope.prefix = scope_->prefix + name + "#" + std::to_string(graph_.values.size()) + "/";
    for (int k = 0; k < function.input_size(); k++) {
        const bool is_given = k < operation.input_size() && !operation.input(k).empty();
        scope.names[function.input(k)] = is_given ? value_named(operation.input(k)) : none;
    }
    for (int k = 0; k < function.output_size() && k < operation.output_size(); k++)
        if (!operation.output(k).empty())
            scope.names.try_emplace(function.output(k), value_named(operation.output(k)));
    auto attributes = std::make_shared<Scope::Attributes>();
    for (const auto& fallback : function.attribute_proto())
        (*attributes)[fallback.name()] = fallback;
    for (const auto& named : operation.attribute())
        if (const onnx_pb::Attribute* a = resolve(named))
            (*attributes)[named.name()] = *a;
    scope.attributes = std::move(attributes);
    return scope;
}

// An output that is an input of the function is copied: the caller has a name for each.
void GraphReader::pass_through(const onnx_pb::Function& function,
                               const onnx_pb::Operation& operation, const Scope& scope) {
    for (int k = 0; k < function.output_size() && k < operation.output_size(); k++) {
        if (operation.output(k).empty())
            continue;
        const ValueId inside = scope.names.at(function.output(k));
        const ValueId wanted = value_named(operation.output(k));
        if (inside == wanted || inside == none || wanted == none || made_[size_t(wanted)])
            continue;
        made_[size_t(wanted)] = true;
        graph_.nodes.push_back(
            {"Identity", scope.prefix + function.output(k), {}, {inside}, {wanted}});
    }
}

Result<void> GraphReader::read_call(const onnx_pb::Function& function, Scope& scope) {
    Scope* const caller = scope_;
    scope_ = &scope;
    source_.calls.push_back(&function);
    Result<void> done;
    for (const auto& operation : function.node())
        if (done = read_node(operation); !done.ok())
            break;
    source_.calls.pop_back();
    scope_ = caller;
    return done;
}

Result<void> GraphReader::call(const onnx_pb::Function& function,
                               const onnx_pb::Operation& operation) {
    if (std::ranges::find(source_.calls, &function) != source_.calls.end())
        return wrong("function '" + function.name() + "' calls itself, directly or by others");
    if (int(source_.calls.size()) + source_.depth > max_depth)
        return wrong("has functions in functions more than " + std::to_string(max_depth) +
                     " deep");
    if (operation.input_size() > function.input_size() ||
        operation.output_size() > function.output_size())
        return wrong("node '" + operation.name() + "' gives function '" + function.name() +
                     "' more inputs, or wants more outputs, than it has");
    Scope scope = scope_for(function, operation);
    if (auto ok = read_call(function, scope); !ok.ok())
        return ok;
    pass_through(function, operation, scope);
    return {};
}

} // namespace infer::onnx
