// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-inference run: raw tensors in, raw tensors out.

#include "inference/formats/npy.h"
#include "inference/half.h"
#include "tools/command.h"
#include "tools/compile.h"
#include "tools/feed.h"
#include "tools/load.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>

namespace infer::tools {
namespace {

constexpr OptionDef own_options[] = {
    {"input", "[NAME=]FILE.npy", "what goes into an input; one may be given without its name",
     true},
    {"output-dir", "DIR", "where NAME.npy of each output goes (made if it is not there)"},
};
constexpr auto options = join(std::to_array(own_options), compile_options);

// A file for an input of the model; name "": the only input without a file of its own.
struct Feed {
    std::string name, file;
    Tensor values;
};

Error wrong(std::string where, std::string what) {
    return {Error::BadConfig, std::move(where), std::move(what)};
}

Result<std::vector<Feed>> read_feeds(const Arguments& arguments) {
    std::vector<Feed> feeds;
    for (const std::string& word : arguments.all("input")) {
        const bool is_file = std::filesystem::exists(word); // names of files may hold '=' too
        const size_t equals = is_file ? std::string::npos : word.rfind('=');
        Feed feed;
        feed.name = equals == std::string::npos ? "" : word.substr(0, equals);
        feed.file = equals == std::string::npos ? word : word.substr(equals + 1);
        auto values = load_npy(feed.file);
        if (!values.ok())
            return values.error();
        feed.values = widened(values.value()); // what models compute in
        feeds.push_back(std::move(feed));
    }
    if (feeds.empty())
        return wrong("--input", "is missing; it is written NAME=FILE.npy, once for each input");
    return feeds;
}

std::string names_of(const Graph& graph) {
    std::string list;
    for (ValueId id : graph.inputs)
        list += (list.empty() ? "" : ", ") + graph.value(id).name + " (" +
                to_string(graph.value(id).shape) + ")";
    return list;
}

// Gives the one feed without a name the one input without a feed, and finds what does not match.
Result<void> name_feeds(std::vector<Feed>& feeds, const Graph& graph) {
    std::vector<std::string> open;
    for (ValueId id : graph.inputs)
        open.push_back(graph.value(id).name);
    for (const Feed& feed : feeds)
        if (!feed.name.empty() && std::erase(open, feed.name) == 0)
            return wrong("--input " + feed.name + "=" + feed.file,
                         "the model has no such input, or it is given twice; there are: " +
                             names_of(graph));
    for (Feed& feed : feeds) {
        if (!feed.name.empty())
            continue;
        if (open.size() != 1)
            return wrong("--input " + feed.file, "say for which input it is, NAME=" + feed.file +
                                                     "; there are: " + names_of(graph));
        feed.name = open[0];
        open.clear();
    }
    if (!open.empty())
        return wrong("--input",
                     "nothing is given for '" + open[0] + "'; there are: " + names_of(graph));
    return {};
}

// The shapes the files have, for inputs whose own shape leaves a dimension open.
std::map<std::string, Shape> shapes_of(const std::vector<Feed>& feeds) {
    std::map<std::string, Shape> shapes;
    for (const Feed& feed : feeds)
        shapes[feed.name] = feed.values.shape();
    return shapes;
}

// A model of fixed shape takes files of that shape only; for another the user says so by --shape.
Result<void> check_shapes(const std::vector<Feed>& feeds, const Graph& graph) {
    for (ValueId id : graph.inputs) {
        const Value& value = graph.value(id);
        const auto feed = std::ranges::find(feeds, value.name, &Feed::name);
        if (feed->values.shape() == value.shape)
            continue;
        std::string asked = to_string(feed->values.shape());
        return wrong(feed->file,
                     "is " + asked + ", and input '" + value.name + "' wants " +
                         to_string(value.shape) +
                         "; give a file of that shape, or run the model at this one: --shape " +
                         value.name + "=" + asked);
    }
    return {};
}

// Loads the model only to name the feeds and settle `job.shapes`: a model with open dimensions gets
// those of the files.
Result<void> settle(Job& job, std::vector<Feed>& feeds) {
    auto graph = load_model(job.model, {job.shapes});
    const bool has_all_names =
        std::ranges::none_of(feeds, [](const Feed& f) { return f.name.empty(); });
    if (!graph.ok() && job.shapes.empty() && (has_all_names || feeds.size() == 1)) {
        job.shapes = shapes_of(feeds);
        auto again = load_model(job.model, {job.shapes});
        if (!again.ok())
            return again.error();
        graph = std::move(again);
    }
    if (!graph.ok())
        return graph.error();
    if (const auto named = name_feeds(feeds, graph.value()); !named.ok())
        return named;
    return check_shapes(feeds, graph.value());
}

// A request that has run: its outputs are valid as long as it and the executor live.
Result<Request> infer_once(Executor& executor, const std::vector<Feed>& feeds) {
    auto requests = executor.make_requests(1);
    if (!requests.ok())
        return requests.error();
    Request request = std::move(requests.value()[0]);
    request.rows = all_rows(executor);
    for (size_t i = 0; i < request.inputs.size(); i++) {
        const InputFormat& format = executor.inputs()[i];
        const auto fed = std::ranges::find(feeds, format.name, &Feed::name);
        if (const auto ok = feed(fed->values, format, request.inputs[i]); !ok.ok())
            return wrong(fed->file, ok.error().what);
    }
    if (const auto ran = run_once(executor, request); !ran.ok())
        return ran.error();
    return request;
}

std::string file_name_of(std::string name) {
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_')
            c = '_';
    return name + ".npy";
}

Result<void> write_outputs(const std::filesystem::path& folder,
                           std::span<const OutputFormat> formats,
                           const std::vector<TensorView>& outputs) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        return wrong("--output-dir " + folder.string(), "cannot be made: " + error.message());
    for (size_t i = 0; i < outputs.size(); i++) {
        const std::filesystem::path file = folder / file_name_of(formats[i].name);
        if (const auto written = save_npy(file.string(), outputs[i]); !written.ok())
            return written;
        std::cout << formats[i].name << " " << to_string(outputs[i].shape) << " " << file.string()
                  << "\n";
    }
    return {};
}

Result<ExitCode> run(const Arguments& arguments) {
    auto job = read_job(arguments, Precision::F32);
    if (!job.ok())
        return job.error();
    auto feeds = read_feeds(arguments);
    if (!feeds.ok())
        return feeds.error();
    const std::string folder = arguments.text("output-dir");
    if (folder.empty())
        return wrong("--output-dir", "is missing; it is the folder the outputs are written to");
    job.value().options.hint = Hint::Latency;
    if (const auto settled = settle(job.value(), feeds.value()); !settled.ok())
        return settled.error();
    auto executor = compile(job.value());
    if (!executor.ok())
        return executor.error();
    const auto finished = infer_once(*executor.value(), feeds.value());
    if (!finished.ok()) {
        std::cerr << "gst-inference: " << finished.error().text() << "\n";
        return Failed;
    }
    if (const auto written =
            write_outputs(folder, executor.value()->outputs(), finished.value().outputs);
        !written.ok())
        return written.error();
    return Done;
}

} // namespace

extern const CommandDef command_run;
const CommandDef command_run = {
    {"run", "MODEL",
     "Runs a model once on tensors from .npy files and writes its outputs as .npy files.", options},
    run};

} // namespace infer::tools
