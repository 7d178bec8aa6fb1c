// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/model.h"
#include "inference/batching.h"
#include "inference/control_flow.h"
#include "inference/evaluate.h"
#include "inference/formats/format.h"
#include "inference/image_layout.h"
#include "inference/interpreter.h"
#include "inference/op.h"
#include "inference/ops/kernel.h"
#include "inference/passes/pass.h"
#include "inference/tail.h"

#include <fstream>

namespace infer {
namespace {

// Nodes by operator that cannot be run, those of graphs in nodes too.
void find_missing(const Graph& graph, std::map<std::string, std::vector<std::string>>& missing) {
    for (const Node& node : graph.nodes) {
        if (!find_op(node.op) && !is_control_flow(node.op))
            missing[node.op].push_back(node.name);
        for (const auto& body : node.bodies)
            find_missing(*body, missing);
    }
}

// The input an entry of LoadOptions::shapes means: by name, or "" for the only one / only image.
ValueId input_named(const Graph& graph, const std::string& name) {
    ValueId image = none;
    int images = 0;
    for (ValueId v : graph.inputs) {
        if (graph.value(v).name == name)
            return v;
        if (graph.value(v).shape.size() == 4 || graph.inputs.size() == 1) {
            image = v;
            images++;
        }
    }
    return name.empty() && images == 1 ? image : none;
}

std::string input_names(const Graph& graph) {
    std::string names;
    for (ValueId v : graph.inputs)
        names += (names.empty() ? "" : ", ") + graph.value(v).name + " (" +
                 (graph.value(v).shape == Shape{unranked} ? "any shape"
                                                          : to_string(graph.value(v).shape)) +
                 ")";
    return names;
}

Result<void> override_shapes(Graph& graph, const LoadOptions& options, const std::string& path) {
    for (const auto& [name, shape] : options.shapes) {
        const ValueId id = input_named(graph, name);
        if (id == none)
            return Error{Error::BadConfig, path,
                         (name.empty()
                              ? "more than one input could be meant by a shape without a name"
                              : "has no input '" + name + "'") +
                             "; its inputs are " + input_names(graph)};
        const Shape& declared = graph.value(id).shape;
        const auto elements = checked_count(shape);
        if (!elements || *elements == 0)
            return Error{Error::BadConfig, path,
                         "shape " + to_string(shape) + " for input '" + graph.value(id).name +
                             "' must have positive dimensions and at most 2^30 elements"};
        if (declared != Shape{unranked} && declared.size() != shape.size())
            return Error{Error::BadConfig, path,
                         "input '" + graph.value(id).name + "' is " + to_string(declared) + "; " +
                             to_string(shape) + " has another number of dimensions"};
        graph.value(id).shape = shape;
    }
    return {};
}

// Inputs that are given a content once and for all.
Result<void> bind_constants(Graph& graph, const LoadOptions& options, const std::string& path) {
    for (const auto& [name, content] : options.constants) {
        const ValueId id = input_named(graph, name);
        if (id == none || content.type() != graph.value(id).type)
            return Error{Error::BadConfig, path,
                         "has no input '" + name + "' of " + std::string(name_of(content.type())) +
                             "; its inputs are " + input_names(graph)};
        graph.value(id).constant = content;
        graph.value(id).shape = content.shape();
        std::erase(graph.inputs, id);
    }
    return {};
}

// Height and width of a picture that leaves them open, as LoadOptions say.
void settle_picture(Graph& graph, ValueId v, const LoadOptions& options) {
    Shape& shape = graph.value(v).shape;
    if (shape.size() != 4 || options.open_width <= 0 || options.open_height <= 0)
        return;
    const ImageAxes at = axes_of(is_channels_last(graph, v));
    if (shape[at.channels] != 1 && shape[at.channels] != 3)
        return;
    const FrameSize size =
        picture_size(shape, at, {options.open_width, options.open_height});
    shape[at.width] = size.width;
    shape[at.height] = size.height;
}

Error left_open(const Value& input, const std::string& path, bool channels_last) {
    const bool any_rank = input.shape == Shape{unranked};
    Shape example = any_rank ? Shape{1, 3, 480, 640} : input.shape;
    const Shape usual = channels_last ? Shape{1, 480, 640, 3} : Shape{1, 3, 480, 640};
    for (size_t d = 0; d < example.size(); d++)
        if (example[d] < 0)
            example[d] = example.size() == 4 ? usual[d] : 1;
    std::string json;
    for (const int64_t extent : example)
        json += (json.empty() ? "[" : ", ") + std::to_string(extent);
    return {Error::BadConfig, path,
            "input '" + input.name + "' is " +
                (any_rank ? "of any shape" : to_string(input.shape)) +
                ", which the model leaves open; say what it is, for example --shape " + input.name +
                "=" + to_string(example) + " or, in the model-config, {\"shapes\": {\"" +
                input.name + "\": " + json + "]}}" +
                (input.shape.size() == 4 ? "; with input-size=source it is each video's own size"
                                         : "")};
}

// A free first dimension is the batch and becomes 1; what the others are must be said.
Result<void> settle_free_dimensions(Graph& graph, const LoadOptions& options,
                                    const std::string& path) {
    for (ValueId v : graph.inputs) {
        Value& input = graph.value(v);
        graph.declared[input.name] = input.shape;
        if (input.shape.size() > 1 && input.shape[0] == -1)
            input.shape[0] = 1;
        settle_picture(graph, v, options);
        if (input.shape == Shape{unranked} ||
            std::find(input.shape.begin(), input.shape.end(), -1) != input.shape.end())
            return left_open(input, path, is_channels_last(graph, v));
        if (!checked_count(input.shape))
            return Error{Error::InvalidModel, path,
                         "input '" + input.name + "' is declared " + to_string(input.shape) +
                             ", which is too large"};
    }
    return {};
}

Result<Graph> load_file(const std::string& path) {
    if (is_weights_of_a_model(path))
        return Error{Error::BadConfig, path, "holds weights and no model; give the .xml beside it"};
    std::ifstream file(path, std::ios::binary);
    char head[64] = {};
    file.read(head, sizeof head);
    const std::string_view start(head, size_t(file.gcount()));
    for (bool by_content : {false, true})
        for (const FormatDef* format : all_formats())
            if (by_content ? format->matches(start) : path.ends_with(format->extension))
                return format->load(path);
    if (auto bytes = read_file(path); !bytes.ok())
        return bytes.error();
    std::string names;
    for (const FormatDef* format : all_formats())
        names += (names.empty() ? "" : ", ") + std::string(format->name) + ": " +
                 std::string(format->extension);
    return Error{Error::InvalidModel, path,
                 start.empty() ? "is empty" : "is not a model of a known format (" + names + ")"};
}

Result<void> check_inputs(const Graph& graph, const std::vector<Tensor>& inputs) {
    if (inputs.size() != graph.inputs.size())
        return Error{Error::BadConfig, "",
                     "the model has " + std::to_string(graph.inputs.size()) +
                         " inputs: " + input_names(graph)};
    for (size_t k = 0; k < inputs.size(); k++) {
        const Value& input = graph.value(graph.inputs[k]);
        if (inputs[k].type() != input.type || inputs[k].shape() != input.shape)
            return Error{Error::BadConfig, "input '" + input.name + "'",
                         "is " + to_string(input.shape) + " of " +
                             std::string(name_of(input.type)) + ", not " +
                             to_string(inputs[k].shape()) + " of " +
                             std::string(name_of(inputs[k].type()))};
    }
    return {};
}

// By value: the node after which nobody reads it; past the last node if it is an output or unread.
std::vector<size_t> last_uses(const Graph& graph) {
    std::vector<size_t> last(graph.values.size(), graph.nodes.size());
    for (size_t n = 0; n < graph.nodes.size(); n++)
        for (ValueId v : graph.nodes[n].inputs)
            if (v != none)
                last[size_t(v)] = n;
    for (ValueId v : graph.outputs)
        last[size_t(v)] = graph.nodes.size();
    return last;
}

Result<std::vector<Tensor>> run_node(const Graph& graph, const Node& node,
                                     const std::vector<const Tensor*>& in) {
    if (node.op != tail_op)
        return evaluate(graph, node, in);
    std::vector<Tensor> inputs;
    for (const Tensor* t : in)
        inputs.push_back(*t);
    return Interpreter(node.bodies[0]).run(std::move(inputs));
}

// Same kind and text, with the file in front.
Error in_file(const std::string& path, const Error& e) {
    return {e.kind, e.where.starts_with(path) ? e.where : path + ": " + e.where, e.what};
}

Result<void> run_passes(Graph& graph, bool (*wanted)(const PassDef&)) {
    for (const PassDef* pass : all_passes()) {
        if (!wanted(*pass))
            continue;
        pass->run(graph);
        if (auto ok = infer_shapes(graph); !ok.ok())
            return Error{ok.error().kind, ok.error().where,
                         ok.error().what + " (after pass " + std::string(pass->name) + ")"};
    }
    return {};
}

} // namespace

Result<void> check_operators(const Graph& graph, const std::string& path) {
    std::map<std::string, std::vector<std::string>> missing;
    find_missing(graph, missing);
    if (missing.empty())
        return {};
    return unsupported_operators(path, missing);
}

Result<Graph> load_model(const std::string& path, const LoadOptions& options) {
    auto loaded = load_file(path);
    if (!loaded.ok())
        return loaded.error();
    Graph& graph = loaded.value();
    if (auto ok = check_operators(graph, path); !ok.ok())
        return ok.error();
    if (auto ok = override_shapes(graph, options, path); !ok.ok())
        return ok.error();
    if (auto ok = bind_constants(graph, options, path); !ok.ok())
        return ok.error();
    if (auto ok = settle_free_dimensions(graph, options, path); !ok.ok())
        return ok.error();
    if (auto ok = infer_shapes(graph); !ok.ok())
        return in_file(path, ok.error());
    if (options.batch > 1)
        if (auto ok = set_batch(graph, options.batch); !ok.ok())
            return in_file(path, ok.error());
    return loaded;
}

Result<void> optimize(Graph& graph) {
    return run_passes(graph, [](const PassDef&) { return true; });
}

Result<void> simplify(Graph& graph) {
    return run_passes(graph, [](const PassDef& pass) { return pass.keeps_words; });
}

Result<std::vector<Tensor>> run_reference(const Graph& graph, const std::vector<Tensor>& inputs) {
    if (auto ok = check_inputs(graph, inputs); !ok.ok())
        return ok.error();
    std::vector<std::optional<Tensor>> values(graph.values.size());
    for (size_t k = 0; k < inputs.size(); k++)
        values[size_t(graph.inputs[k])] = inputs[k];
    const auto content = [&](ValueId v) -> const Tensor* {
        if (v == none)
            return nullptr;
        const auto& held = values[size_t(v)] ? values[size_t(v)] : graph.value(v).constant;
        return held ? &*held : nullptr;
    };
    const std::vector<size_t> last_use = last_uses(graph);
    for (size_t n = 0; n < graph.nodes.size(); n++) {
        const Node& node = graph.nodes[n];
        std::vector<const Tensor*> in;
        for (ValueId v : node.inputs)
            in.push_back(content(v));
        auto out = run_node(graph, node, in);
        if (!out.ok())
            return out.error();
        for (size_t k = 0; k < out.value().size(); k++)
            if (node.outputs[k] != none)
                values[size_t(node.outputs[k])] = out.value()[k];
        for (ValueId v : node.inputs)
            if (v != none && last_use[size_t(v)] == n)
                values[size_t(v)].reset();
    }
    std::vector<Tensor> outputs;
    for (ValueId v : graph.outputs)
        outputs.push_back(*content(v));
    return outputs;
}

} // namespace infer
