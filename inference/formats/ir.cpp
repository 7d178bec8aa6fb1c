// SPDX-License-Identifier: LGPL-2.1-or-later
// OpenVINO IR (NAME.xml and NAME.bin beside it), versions 10 and 11: from layers and edges to a
// Graph whose nodes are ONNX operators or our own. No shapes are worked out here.
#include "inference/formats/format.h"
#include "inference/formats/ir_parts.h"
#include "inference/ops/kernel.h"

#include <algorithm>
#include <filesystem>

namespace infer {
namespace {

using namespace ir;

// The weights lie beside the .xml, under its name.
std::string weights_path(const std::string& path) {
    return std::filesystem::path(path).replace_extension(".bin").string();
}

class Builder {
public:
    Builder(const File& file, const Order& order, std::string_view weights, std::string where)
        : file_(file), order_(order), weights_(weights), where_(std::move(where)) {}

    Result<Graph> build();

private:
    Error wrong(const Layer& layer, const Error& e) const {
        return {e.kind,
                where_ + ": layer '" + layer.name + "' (" + layer.type + "@" + layer.version + ")",
                e.what};
    }
    void reserve_names();
    std::string unique(const std::string& name);
    Result<void> add_layer(size_t k);
    Result<void> add_parameter(const Layer& layer, ValueId out);
    Result<void> add_constant(const Layer& layer, ValueId out);
    Result<void> translate(size_t k);
    ValueId feed(size_t k, size_t input) const;
    std::string output_name(size_t k) const;
    Result<void> add_results();

    const File& file_;
    const Order& order_;
    const std::string_view weights_;
    const std::string where_;
    Graph graph_;
    std::vector<std::vector<ValueId>> made_; // by layer: its outputs
    std::vector<std::vector<bool>> read_;    // by layer: whether an output is read
    std::set<std::string> names_;
    std::map<std::tuple<std::string, std::string, Shape>, Tensor> constants_; // offset, type, shape
    int64_t constant_bytes_ = 0;
};

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
    return {};
}

// Equal constants share their memory, so that a small .bin cannot fill a large memory.
Result<void> Builder::add_constant(const Layer& layer, ValueId out) {
    auto tensor = ir::read_constant(layer, weights_, "");
    if (!tensor.ok())
        return tensor.error();
    Value& value = graph_.value(out);
    value.type = tensor.value().type();
    value.shape = tensor.value().shape();
    const auto [it, is_new] = constants_.try_emplace(
        {layer.data.at("offset"), layer.data.at("element_type"), value.shape}, tensor.value());
    value.constant = it->second;
    constant_bytes_ += is_new ? int64_t(tensor.value().view().size_bytes()) : 0;
    if (constant_bytes_ > 8 * int64_t(weights_.size()) + (int64_t{1} << 24))
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

// All at once, so that somebody who converts models sees the whole of it.
Result<void> check_layers(const File& file, const Order& order, const std::string& path) {
    std::map<std::string, std::vector<std::string>> missing;
    for (size_t k : order.layers)
        if (const Layer& layer = file.layers[k]; !find_rule(layer))
            missing[layer.type + "@" + layer.version].push_back(layer.name);
    return missing.empty() ? Result<void>() : unsupported_operators(path, missing);
}

bool needs_weights(const File& file, const Order& order) {
    return std::any_of(order.layers.begin(), order.layers.end(),
                       [&](size_t k) { return file.layers[k].type == "Const"; });
}

Result<std::string> read_weights(const std::string& path) {
    std::error_code failure;
    const std::string beside = weights_path(path);
    if (!std::filesystem::exists(beside, failure))
        return Error{Error::BadConfig, beside,
                     "no such file; it holds the weights of " + path +
                         " and must lie beside it under this name"};
    return read_file(beside);
}

Result<Graph> load_ir(const std::string& path) {
    const auto file = ir::read_xml(path);
    if (!file.ok())
        return file.error();
    const auto order = ir::order_of(file.value(), path);
    if (!order.ok())
        return order.error();
    if (auto ok = check_layers(file.value(), order.value(), path); !ok.ok())
        return ok.error();
    std::string weights;
    if (needs_weights(file.value(), order.value())) {
        auto bytes = read_weights(path);
        if (!bytes.ok())
            return bytes.error();
        weights = std::move(bytes.value());
    }
    return Builder(file.value(), order.value(), weights, path).build();
}

// <?xml, <net or a byte order mark before them.
bool matches(std::string_view head) {
    if (head.starts_with("\xef\xbb\xbf"))
        head.remove_prefix(3);
    return head.starts_with("<?xml") || head.starts_with("<net");
}

std::vector<std::string> files(const std::string& path) {
    std::error_code failure;
    std::vector<std::string> both = {path};
    if (path.ends_with(".xml") && std::filesystem::exists(weights_path(path), failure))
        both.push_back(weights_path(path));
    return both;
}

} // namespace

extern const FormatDef format_ir;
const FormatDef format_ir = {"OpenVINO IR", ".xml", matches, load_ir, files};

} // namespace infer
