// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/ir_builder.h"

#include "inference/formats/format.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::ir {

// Names that users know come first; whatever else would have one of these gets another.
void Builder::reserve_names() {
    for (size_t k = 0; k < file_.layers.size(); k++)
        if (file_.layers[k].type == "Result")
            names_.insert(output_name(k));
}

std::string Builder::unique(const std::string& name) {
    if (names_.insert(name).second)
        return name;
    for (int n = 2;; n++)
        if (std::string other = name + "#" + std::to_string(n); names_.insert(other).second)
            return other;
}

ValueId Builder::feed(size_t k, size_t input) const {
    const auto& [layer, port] = order_.feeds[k][input];
    return made_[layer][port];
}

// What OpenVINO calls the output that this Result shows: the tensor's name if it has one, else the
// name of the layer that makes it (with its number, where the layer makes several).
std::string Builder::output_name(size_t k) const {
    if (const auto& names = file_.layers[k].output_names; !names.empty())
        return names[0];
    if (order_.feeds[k].empty() || order_.feeds[k][0].first >= file_.layers.size())
        return file_.layers[k].name;
    const auto& [from, port] = order_.feeds[k][0];
    const Layer& maker = file_.layers[from];
    if (!maker.outputs[port].names.empty())
        return maker.outputs[port].names[0];
    return maker.outputs.size() == 1 ? maker.name : maker.name + "." + std::to_string(port);
}

Result<void> Builder::add_parameter(const Layer& layer, ValueId out) {
    const auto attribute = [&](const char* key) {
        const auto it = layer.data.find(key);
        return it == layer.data.end() ? std::string() : it->second;
    };
    const auto type = type_of(attribute("element_type"));
    if (!type)
        return Error{Error::Unsupported, "",
                     "takes numbers of type '" + attribute("element_type") +
                         "', which cannot be computed with"};
    const auto shape = shape_of(attribute("shape"));
    if (!shape)
        return Error{Error::InvalidModel, "", "has shape '" + attribute("shape") + "'"};
    Value& value = graph_.value(out);
    const auto& names = layer.outputs[0].names;
    value.name = names.empty() ? layer.name : names[0];
    for (ValueId other : graph_.inputs)
        if (graph_.value(other).name == value.name)
            return Error{Error::InvalidModel, "", "has the name of another input"};
    names_.insert(value.name);
    value.type = computed(*type);
    value.shape = *shape;
    graph_.inputs.push_back(out);
    ends_[layer.id] = out;
    return {};
}

Result<void> Builder::add_constant(const Layer& layer, ValueId out) {
    auto tensor = ir::read_constant(layer, weights_.bytes, "");
    if (!tensor.ok())
        return tensor.error();
    Value& value = graph_.value(out);
    value.type = tensor.value().type();
    value.shape = tensor.value().shape();
    const auto [it, is_new] = weights_.constants.try_emplace(
        {layer.data.at("offset"), layer.data.at("element_type"), value.shape}, tensor.value());
    value.constant = it->second;
    weights_.constant_bytes += is_new ? int64_t(tensor.value().view().size_bytes()) : 0;
    if (weights_.constant_bytes > 8 * int64_t(weights_.bytes.size()) + (int64_t{1} << 24))
        return Error{Error::InvalidModel, "",
                     "shares its bytes of the .bin with too many other constants"};
    return {};
}

Result<void> Builder::translate(size_t k) {
    const Layer& layer = file_.layers[k];
    std::vector<ValueId> inputs, outputs;
    for (size_t p = 0; p < layer.inputs.size(); p++)
        inputs.push_back(feed(k, p));
    for (size_t p = 0; p < layer.outputs.size(); p++)
        outputs.push_back(p == 0 || read_[k][p] ? made_[k][p] : none);
    Call call(graph_, layer, std::move(inputs), std::move(outputs));
    find_rule(layer)->translate(call);
    if (call.problem())
        return *call.problem();
    return {};
}

Result<void> Builder::add_layer(size_t k) {
    const Layer& layer = file_.layers[k];
    if (layer.type == "Result")
        return {};
    if (layer.outputs.empty())
        return Error{Error::InvalidModel, "", "has no output"};
    const bool is_parameter = layer.type == "Parameter";
    for (size_t p = 0; p < layer.outputs.size(); p++) {
        const Port& port = layer.outputs[p];
        const std::string name = layer.name + (p ? "." + std::to_string(p) : "");
        made_[k].push_back(graph_.add_value({is_parameter ? name : unique(name),
                                             computed(port.type.value_or(ElementType::F32)),
                                             port.shape,
                                             {}}));
    }
    if (is_parameter)
        return add_parameter(layer, made_[k][0]);
    if (layer.type == "If")
        return add_if(k);
    return layer.type == "Const" ? add_constant(layer, made_[k][0]) : translate(k);
}

// An output that two Results show, or that has another name than its maker, is copied or renamed.
Result<void> Builder::add_results() {
    std::set<ValueId> shown;
    for (ValueId v : graph_.inputs)
        shown.insert(v);
    std::set<std::string> taken;
    for (size_t k = 0; k < file_.layers.size(); k++) {
        if (file_.layers[k].type != "Result")
            continue;
        if (order_.feeds[k].size() != 1)
            return Error{Error::InvalidModel, where_,
                         "result '" + file_.layers[k].name + "' has not one input"};
        ValueId v = feed(k, 0);
        std::string name = output_name(k);
        if (!taken.insert(name).second)
            name = unique(file_.layers[k].name);
        if (!shown.insert(v).second || graph_.value(v).constant) {
            const Value source = graph_.value(v);
            const ValueId copy = graph_.add_value({name, source.type, source.shape, {}});
            graph_.nodes.push_back({"Identity", file_.layers[k].name, {}, {v}, {copy}});
            v = copy;
        }
        graph_.value(v).name = name;
        graph_.outputs.push_back(v);
        ends_[file_.layers[k].id] = v;
    }
    if (graph_.outputs.empty())
        return Error{Error::InvalidModel, where_, "has no outputs (layers of type Result)"};
    return {};
}

Result<Graph> Builder::build() {
    graph_.metadata = file_.metadata;
    made_.resize(file_.layers.size());
    for (const Layer& layer : file_.layers)
        read_.emplace_back(layer.outputs.size(), false);
    for (size_t k : order_.layers)
        for (const auto& [from, port] : order_.feeds[k])
            read_[from][port] = true;
    reserve_names();
    for (size_t k : order_.layers)
        if (auto ok = add_layer(k); !ok.ok())
            return wrong(file_.layers[k], ok.error());
    if (auto ok = add_results(); !ok.ok())
        return ok.error();
    const std::vector<bool> made(graph_.values.size(), true);
    if (auto ok = sort_nodes(graph_, made, where_); !ok.ok())
        return ok.error();
    return std::move(graph_);
}

} // namespace infer::ir
