// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-inference info: what a model is and how it would be used; or what devices there are.

#include "inference/calibrate/dead_channels.h"
#include "inference/image_layout.h"
#include "inference/model.h"
#include "inference/processing.h"
#include "inference/quantized.h"
#include "inference/tail.h"
#include "tools/command.h"
#include "tools/compile.h"
#include "tools/cost.h"
#include "tools/model_words.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace infer::tools {
namespace {

constexpr OptionDef own_options[] = {
    {"devices", "", "lists the devices of this build and what they can do, instead of a model"},
    {"shape", "[NAME=]1,3,H,W", "replaces the declared shape of an input", true},
    {"device", "DEVICE", "compiles the model too and says how this device runs it"},
    {"precision", "P",
     "the same in auto, f32, bf16, f16 or int8 (on the CPU unless --device says)"},
};
constexpr auto options = join(std::to_array(own_options), processing_options);

// What an open height and width are shown at.
constexpr int open_width = 640, open_height = 480;

void line(const std::string& left, const std::string& right) {
    std::printf("%-14s %s\n", left.c_str(), right.c_str());
}

// "x  ?x3x?x?  f32  (here 1x3x480x640)"
void print_values(const Graph& graph, const std::vector<ValueId>& ids, const char* what) {
    for (ValueId id : ids) {
        const Value& value = graph.value(id);
        const auto declared = graph.declared.find(value.name);
        const bool is_open = declared != graph.declared.end() && declared->second != value.shape;
        line(what, value.name + "  " + to_string(is_open ? declared->second : value.shape) + "  " +
                       std::string(name_of(value.type)) +
                       (is_open ? "  (here " + to_string(value.shape) + ")" : ""));
    }
}

bool leaves_size_open(const Graph& graph) {
    return std::ranges::any_of(graph.inputs, [&](ValueId id) {
        const Shape& shape = graph.declared.at(graph.value(id).name);
        const ImageAxes at = axes_of(is_channels_last(graph, id));
        return shape.size() == 4 && (shape[at.height] < 0 || shape[at.width] < 0);
    });
}

// Whether and why not several frames may be run as one request.
void print_batch(const std::string& model, LoadOptions options) {
    options.batch = 2;
    const auto pair = load_model(model, options);
    line("batch", pair.ok() ? "yes: the frames of a request run together"
                            : "no, because " + pair.error().text() +
                                  ": frames run one by one, several requests at once");
}

// What --device and --precision come to.
Result<void> print_device_use(Graph graph, const Arguments& arguments) {
    if (!arguments.has("device") && !arguments.has("precision"))
        return {};
    Job job;
    if (const auto read = read_options(arguments, Precision::Auto, job); !read.ok())
        return read.error();
    const auto executor = compile_graph(graph, job);
    if (!executor.ok())
        return executor.error();
    std::string words;
    for (const auto& [key, value] : executor.value()->describe())
        words += (words.empty() ? "" : ", ") + key + " " + value;
    line("runs", words);
    return {};
}

// Of nodes with graphs inside, what these are made of.
void count_operators(const Graph& graph, std::map<std::string, int>& histogram) {
    for (const Node& node : graph.nodes) {
        if (node.op != tail_op)
            histogram[node.op]++;
        for (const auto& body : node.bodies)
            count_operators(*body, histogram);
    }
}

// Whether what `tune` measured will be used.
Result<void> print_settings(const std::string& model, const Arguments& arguments) {
    std::string text;
    for (const Hint hint : {Hint::Throughput, Hint::Latency}) {
        Job job;
        if (const auto read = read_options(arguments, Precision::Auto, job); !read.ok())
            return read.error();
        job.model = model;
        job.options.hint = hint;
        const auto settings = settings_of(job);
        if (!settings.ok())
            return settings.error();
        text += (text.empty() ? "" : "; ") + std::string(name_of(hint)) + ": " + settings.value().from;
    }
    line("settings", text);
    return {};
}

void print_operators(const Graph& graph) {
    std::map<std::string, int> histogram;
    count_operators(graph, histogram);
    std::string list;
    for (const auto& [op, times] : histogram)
        list += (list.empty() ? "" : ", ") + op + " x" + std::to_string(times);
    line("operators", list);
    line("supported", "yes, all of them");
}

// How much of a quantised model a device with 8-bit products multiplies in them.
Result<void> print_bytes(Graph graph) {
    if (const auto optimized = optimize(graph); !optimized.ok())
        return optimized.error();
    const ByteWork work = run_in_bytes(graph);
    if (work.in_bytes == 0)
        return {};
    std::string text = work.share_text() + " of the work where the device has 8-bit products";
    if (!work.in_float.empty())
        text += "; in float: " + work.float_layers();
    line("int8", text);
    return {};
}

// Layers with weights that do nothing.
Result<void> print_zeros(Graph graph) {
    if (const auto simple = simplify(graph); !simple.ok())
        return simple.error();
    for (const calibrate::Zeros& zeros : calibrate::zeros_of(graph)) {
        if (zeros.share < 0.005 && zeros.dead_channels == 0)
            continue;
        char text[64];
        std::snprintf(text, sizeof text, ": %.1f %% of its weights", 100 * zeros.share);
        std::string words = zeros.layer + text;
        if (zeros.dead_channels > 0)
            words += ", " + std::to_string(zeros.dead_channels) + " of " +
                     std::to_string(zeros.channels) + " channels are dead (quantize --prune-dead)";
        line("zeros", words);
    }
    return {};
}

std::string with_unit(double value, const char* unit) {
    char text[64];
    std::snprintf(text, sizeof text, "%.3f %s", value, unit);
    return text;
}

void print_processing(const Processing& processing) {
    line("decoder", processing.why_decoder);
    line("picture", processing.why_preprocess);
    char text[128];
    std::snprintf(text, sizeof text, "%g, of overlaps (IoU) %g",
                  double(processing.options.threshold), double(processing.options.iou_threshold));
    line("threshold", text);
    std::string labels = std::to_string(processing.labels.size());
    for (size_t i = 0; i < processing.labels.size() && i < 5; i++)
        labels += (i == 0 ? ": " : ", ") + processing.labels[i];
    line("labels", processing.labels.size() > 5 ? labels + ", ..." : labels);
}

void print_graph(const std::string& model, const Graph& graph) {
    const Cost cost = cost_of(graph);
    line("model", model);
    if (graph.opset > 0)
        line("opset", std::to_string(graph.opset));
    print_values(graph, graph.inputs, "input");
    if (leaves_size_open(graph))
        line("size", "open: set by --shape, `shapes` in a model-config, or input-size=source");
    print_values(graph, graph.outputs, "output");
    print_operators(graph);
    line("parameters", with_unit(double(cost.parameters) * 1e-6, "million"));
    line("work", with_unit(cost.gflop, "GFLOP a run"));
}

// A model that cannot be shown at our size may be fine at another: says what it leaves open.
Error not_at_this_size(const std::string& model, const std::map<std::string, Shape>& shapes,
                       const Error& why) {
    const auto as_declared = load_model(model, {.shapes = shapes});
    if (as_declared.ok() || as_declared.error().text() == why.text())
        return why;
    Error open = as_declared.error();
    open.what += "; it cannot run at " + std::to_string(open_width) + "x" +
                 std::to_string(open_height) + " (" + why.what + ")";
    return open;
}

Result<ExitCode> print_model(const std::string& model, const Arguments& arguments) {
    const auto config = config_for(model, arguments);
    const auto given = arguments.shapes("shape");
    if (!config.ok() || !given.ok())
        return config.ok() ? given.error() : config.error();
    auto shapes = config.value().shapes;
    for (const auto& [name, shape] : given.value())
        shapes[name] = shape;
    LoadOptions load{.shapes = shapes, .open_width = open_width, .open_height = open_height};
    const auto graph = load_model(model, load);
    if (!graph.ok())
        return not_at_this_size(model, shapes, graph.error());
    print_graph(model, graph.value());
    if (const auto bytes = print_bytes(graph.value()); !bytes.ok())
        return bytes.error();
    if (const auto zeros = print_zeros(graph.value()); !zeros.ok())
        return zeros.error();
    print_batch(model, load);
    if (const auto used = print_device_use(graph.value(), arguments); !used.ok())
        return used.error();
    if (const auto told = print_settings(model, arguments); !told.ok())
        return told.error();
    const auto inputs = inputs_of(graph.value());
    const auto outputs = outputs_of(graph.value());
    const auto processing =
        make_processing(inputs, outputs, config.value(), graph.value().metadata);
    if (!processing.ok())
        return processing.error();
    print_processing(*processing.value());
    return Done;
}

// A model of one operator, to ask a device what it makes of its hints.
Graph smallest_model() {
    Graph graph;
    const ValueId in = graph.add_value({"in", ElementType::F32, {1, 3, 8, 8}, std::nullopt});
    const ValueId out = graph.add_value({"out", ElementType::F32, {1, 3, 8, 8}, std::nullopt});
    graph.nodes.push_back({"Relu", "relu", {}, {in}, {out}});
    graph.inputs = {in};
    graph.outputs = {out};
    return graph;
}

void print_device(const DeviceDef& device) {
    const auto names = device.devices();
    if (!names.ok())
        return line(std::string(device.name), "none here: " + names.error().text());
    for (const std::string& name : names.value())
        line(name, "ready");
    for (Hint hint : {Hint::Latency, Hint::Throughput}) {
        CompileOptions options;
        options.hint = hint;
        options.device = names.value().empty() ? "" : names.value().front();
        const auto executor = device.compile(smallest_model(), options);
        if (!executor.ok())
            return line("", executor.error().text());
        std::string words;
        for (const auto& [key, value] : executor.value()->describe())
            words += (words.empty() ? "" : ", ") + key + " " + value;
        line("  " + std::string(name_of(hint)), words);
    }
}

Result<ExitCode> run(const Arguments& arguments) {
    if (arguments.has("devices")) {
        for (const DeviceDef* device : all_devices())
            print_device(*device);
        return Done;
    }
    const auto model = arguments.only_positional("model file (or --devices)");
    if (!model.ok())
        return model.error();
    return print_model(model.value(), arguments);
}

} // namespace

extern const CommandDef command_info;
const CommandDef command_info = {
    {"info", "MODEL | --devices",
     "Says what a model is and how it would be used, or what devices there are.", options},
    run};

} // namespace infer::tools
