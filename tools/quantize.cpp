// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-inference quantize: a float model becomes one that multiplies bytes, by what its numbers are
// like on frames of the user's own media.

#include "inference/calibrate/dead_channels.h"
#include "inference/calibrate/standard.h"
#include "inference/formats/onnx.h"
#include "inference/model.h"
#include "tools/command.h"
#include "tools/compile.h"
#include "tools/interrupt.h"
#include "tools/model_words.h"
#include "tools/quantizing/report.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <unistd.h>

namespace infer::tools {
namespace {

namespace fs = std::filesystem;

constexpr OptionDef own_options[] = {
    {"calibrate", "MEDIA ...", "videos, pictures, folders of them or URIs, like those it will see",
     true},
    {"output", "Q.onnx", "the quantised model; replaced only when all is done"},
    {"max-drop", "0..1", "how far its results may differ from the float model's (default 0.02)"},
    {"judge", "MEDIA", "frames to compare results on (default: every second one of --calibrate)",
     true},
    {"frames", "N", "frames to calibrate with, and as many to judge by (default 64)"},
    {"ranges", "HOW", "auto (default: the best), minmax, percentile, mse or kl"},
    {"prune-dead", "", "takes channels out whose results are always 0; nothing else changes by it"},
    {"json", "FILE", "writes the report as one line of JSON; -: to stdout"},
    {"plot", "FILE.svg", "draws speed against agreement of all that was tried"},
    {"shape", "[NAME=]1,3,H,W", "replaces the declared shape of an input", true},
};
constexpr auto options = join(std::to_array(own_options), processing_options);

// What the command line asks for.
struct Order {
    std::string model, output;
    std::vector<std::string> calibrate, judge;
    size_t frames = 64;
    bool prune_dead = false;
    SearchOptions search;
    LoadOptions load;
    ModelConfig config;
};

Result<std::optional<calibrate::Observer>> read_ranges(const Arguments& arguments) {
    using Choice = std::optional<calibrate::Observer>;
    std::vector<std::pair<std::string_view, Choice>> names = {{"auto", std::nullopt}};
    for (const auto observer : calibrate::all_observers)
        names.emplace_back(name_of(observer), observer);
    return one_of<Choice>("ranges", arguments.text("ranges", "auto"), names);
}

Result<void> check_output(const std::string& output) {
    if (output.empty())
        return Error{Error::BadConfig, "--output", "is missing: the name of the quantised model"};
    if (!output.ends_with(".onnx"))
        return Error{Error::BadConfig, "--output",
                     "'" + output + "' does not end in .onnx, which is what is written"};
    const fs::path folder = fs::absolute(output).parent_path();
    std::error_code failed;
    if (!fs::is_directory(folder, failed))
        return Error{Error::BadConfig, "--output", "there is no folder " + folder.string()};
    if (access(folder.c_str(), W_OK) != 0)
        return Error{Error::BadConfig, "--output",
                     "the folder " + folder.string() + " cannot be written to"};
    return {};
}

Result<void> read_numbers(const Arguments& arguments, Order& order) {
    const auto drop = arguments.number("max-drop", order.search.max_drop, 0);
    const auto frames = arguments.integer("frames", int(order.frames), 1);
    const auto ranges = read_ranges(arguments);
    if (!drop.ok() || !frames.ok())
        return drop.ok() ? frames.error() : drop.error();
    if (!ranges.ok())
        return ranges.error();
    if (drop.value() >= 1)
        return Error{Error::BadConfig, "--max-drop",
                     "is " + arguments.text("max-drop") + "; it is a part of 1, as 0.02"};
    order.search = {drop.value(), ranges.value()};
    order.frames = size_t(frames.value());
    return {};
}

// The words after the model are more media: `--calibrate a.mp4 b.mp4`.
Result<Order> read_order(const Arguments& arguments) {
    Order order;
    const auto& words = arguments.positional();
    if (words.empty())
        return Error{Error::BadConfig, "", "a model file is missing"};
    order.model = words[0];
    order.output = arguments.text("output");
    order.calibrate = arguments.all("calibrate");
    order.calibrate.insert(order.calibrate.end(), words.begin() + 1, words.end());
    order.judge = arguments.all("judge");
    order.prune_dead = arguments.has("prune-dead");
    if (order.calibrate.empty())
        return Error{Error::BadConfig, "--calibrate",
                     "is missing: videos or pictures like those the model will see"};
    if (const auto checked = check_output(order.output); !checked.ok())
        return checked.error();
    if (const auto read = read_numbers(arguments, order); !read.ok())
        return read.error();
    auto config = config_for(order.model, arguments);
    const auto shapes = arguments.shapes("shape");
    if (!config.ok() || !shapes.ok())
        return config.ok() ? shapes.error() : config.error();
    order.config = std::move(config.value());
    order.load.shapes = order.config.shapes;
    for (const auto& [name, shape] : shapes.value())
        order.load.shapes[name] = shape;
    std::error_code failed;
    if (fs::equivalent(order.model, order.output, failed))
        return Error{Error::BadConfig, "--output", "is the model itself; give it another name"};
    return order;
}

// Whether some of it is in bytes already.
bool is_quantized(const Graph& graph) {
    return std::ranges::any_of(graph.nodes, [](const Node& node) {
        return node.op == "QuantizeLinear" || node.op == "DequantizeLinear" ||
               node.op == "FakeQuantize" || node.op == "DynamicQuantizeLinear";
    });
}

Result<Graph> load_float(const Order& order) {
    auto graph = load_model(order.model, order.load);
    if (!graph.ok())
        return graph.error();
    if (is_quantized(graph.value()))
        return Error{Error::BadConfig, order.model,
                     "is quantised already; give the float model it was made from"};
    auto standard = standard_form(std::move(graph.value()));
    if (!standard.ok())
        return Error{standard.error().kind, order.model, standard.error().text()};
    if (const auto writable = write_onnx(standard.value()); !writable.ok())
        return Error{writable.error().kind, order.model, writable.error().text()};
    if (calibrate::layers_of(standard.value()).empty())
        return Error{Error::BadConfig, order.model,
                     "has no convolution or matrix product whose weights are known: nothing in it "
                     "can be quantised"};
    return standard;
}

// Frames for both, from the media for both or from each.
struct Material {
    std::vector<FrameInputs> calibrated, judged;
};

Result<Material> read_material(const Order& order, std::span<const InputFormat> inputs,
                               const Processing& how, Progress& progress) {
    progress.step("reading frames", 1);
    const size_t wanted = order.judge.empty() ? 2 * order.frames : order.frames;
    auto frames = read_inputs(order.calibrate, wanted, inputs, how);
    if (!frames.ok())
        return frames.error();
    for (const std::string& note : frames.value().notes)
        std::cerr << "gst-inference: " << note << "\n";
    Material material;
    if (order.judge.empty()) {
        auto& all = frames.value().all;
        for (size_t k = 0; k < all.size(); k++)
            (k % 2 == 0 ? material.calibrated : material.judged).push_back(std::move(all[k]));
        if (material.judged.empty()) // a single picture
            material.judged = material.calibrated;
        return material;
    }
    material.calibrated = std::move(frames.value().all);
    auto judged = read_inputs(order.judge, order.frames, inputs, how);
    if (!judged.ok())
        return judged.error();
    material.judged = std::move(judged.value().all);
    return material;
}

// A file beside the output until it takes its place; gone if it never does.
class Draft {
public:
    explicit Draft(const std::string& output)
        : output_(output), path_(output + "." + std::to_string(getpid()) + ".part.onnx") {}
    ~Draft() { std::remove(path_.c_str()); }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;

    const std::string& path() const { return path_; }
    Result<void> write(const std::string& bytes) const {
        std::ofstream file(path_, std::ios::binary);
        if (!file.write(bytes.data(), std::streamsize(bytes.size())).flush())
            return Error{Error::BadConfig, output_, "cannot be written: is the disk full?"};
        return {};
    }
    Result<void> finish() const {
        if (std::rename(path_.c_str(), output_.c_str()) != 0)
            return Error{Error::BadConfig, output_, "cannot be replaced"};
        return {};
    }

private:
    const std::string output_, path_;
};

// What lies beside the model and says how to use it goes beside the output, unless there is such a
// file.
void copy_side_file(const Order& order) {
    const auto side = [](const std::string& model) {
        return fs::path(model).replace_extension(".json");
    };
    std::error_code failed;
    if (fs::exists(side(order.model), failed))
        fs::copy_file(side(order.model), side(order.output), fs::copy_options::skip_existing,
                      failed);
}

Result<void> write_text(const std::string& option, const std::string& target,
                        const std::string& text) {
    if (target == "-") {
        std::cout << text;
        return {};
    }
    if (!target.empty() && !(std::ofstream(target) << text).flush())
        return Error{Error::BadConfig, option, "cannot write " + target};
    return {};
}

Result<void> write_report(const Report& report, const Arguments& arguments) {
    const std::string json = arguments.text("json");
    (json == "-" ? std::cerr : std::cout) << text_of(report);
    if (const auto written = write_text("--json", json, json_of(report)); !written.ok())
        return written;
    return write_text("--plot", arguments.text("plot"), plot_of(report));
}

ExitCode failed(const std::string& words) {
    std::cerr << "gst-inference: " << words << "\n";
    return Failed;
}

std::string too_far(const Found& found, const Order& order) {
    char text[200];
    std::snprintf(text, sizeof text,
                  ": no layers in int8 keep its results within --max-drop %g; the best of all "
                  "layers agrees to %.4f. Nothing was written",
                  order.search.max_drop, found.agreement.value);
    return order.model + text;
}

// Writes the file and runs it as anybody would who loads it.
Result<double> try_file(const Draft& draft, const Found& found, const Processing& how,
                        std::span<const FrameInputs> frames) {
    const auto bytes = write_onnx(found.graph);
    if (!bytes.ok())
        return bytes.error();
    if (const auto written = draft.write(bytes.value()); !written.ok())
        return written.error();
    auto graph = load_model(draft.path());
    if (!graph.ok())
        return graph.error();
    const auto trial = try_model(std::move(graph.value()), found.precision, frames, how);
    return trial.ok() ? Result<double>(trial.value().ms) : trial.error();
}

Result<ExitCode> quantize(const Order& order, const Arguments& arguments) {
    auto graph = load_float(order);
    if (!graph.ok())
        return graph.error();
    const auto inputs = inputs_of(graph.value());
    const auto how =
        make_processing(inputs, outputs_of(graph.value()), order.config, graph.value().metadata);
    if (!how.ok())
        return how.error();
    const int64_t pruned = order.prune_dead ? calibrate::prune_dead_channels(graph.value()) : 0;
    if (const auto shaped = infer_shapes(graph.value()); !shaped.ok())
        return shaped.error();
    const InterruptGuard guard;
    std::optional<Progress> progress(std::in_place);
    const auto material = read_material(order, inputs, *how.value(), *progress);
    if (!material.ok())
        return material.error();
    if (interrupted())
        return interruption();
    Search search(std::move(graph.value()), *how.value(), order.search, *progress);
    const auto found = search.run(material.value().calibrated, material.value().judged);
    if (!found.ok())
        return found.error();
    progress.reset();
    if (!found.value().holds) {
        std::cout << table_of(found.value().points);
        return failed(too_far(found.value(), order));
    }
    const Draft draft(order.output);
    const auto ms = try_file(draft, found.value(), *how.value(), material.value().judged);
    if (!ms.ok())
        return ms.error();
    if (const auto finished = draft.finish(); !finished.ok())
        return finished.error();
    copy_side_file(order);
    const Report report{order.model,
                        order.output,
                        material.value().calibrated.size(),
                        material.value().judged.size(),
                        order.search.max_drop,
                        ms.value(),
                        pruned,
                        found.value()};
    const auto written = write_report(report, arguments);
    return written.ok() ? Result<ExitCode>(Done) : written.error();
}

Result<ExitCode> run(const Arguments& arguments) {
    const auto order = read_order(arguments);
    if (!order.ok())
        return order.error();
    const auto code = quantize(order.value(), arguments);
    if (!code.ok() && code.error().kind == Error::Cancelled)
        return failed(code.error().text());
    return code;
}

} // namespace

extern const CommandDef command_quantize;
const CommandDef command_quantize = {
    {"quantize", "MODEL", "Makes an int8 model of a float one, by frames of your own media.",
     options},
    run};

} // namespace infer::tools
