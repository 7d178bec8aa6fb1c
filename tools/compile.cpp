// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/compile.h"

namespace infer::tools {
namespace {

constexpr std::pair<std::string_view, Hint> hints[] = {{"latency", Hint::Latency},
                                                       {"throughput", Hint::Throughput}};
constexpr std::pair<std::string_view, Precision> precisions[] = {{"auto", Precision::Auto},
                                                                 {"f32", Precision::F32},
                                                                 {"bf16", Precision::BF16},
                                                                 {"f16", Precision::F16},
                                                                 {"int8", Precision::Int8}};

// The whole numbers of `options`, each with the option that sets it.
Result<void> read_counts(const Arguments& arguments, CompileOptions& options) {
    const std::pair<std::string_view, int*> counts[] = {{"batch", &options.batch},
                                                        {"requests", &options.requests},
                                                        {"streams", &options.streams},
                                                        {"threads", &options.threads}};
    for (const auto& [name, value] : counts) {
        const auto read = arguments.integer(name, 0, 1);
        if (!read.ok())
            return read.error();
        *value = read.value();
    }
    return {};
}

} // namespace

std::string_view name_of(Hint hint) { return hints[hint == Hint::Latency ? 0 : 1].first; }

Result<Job> read_job(const Arguments& arguments, Precision precision) {
    Job job;
    const auto model = arguments.only_positional("model file");
    if (!model.ok())
        return model.error();
    job.model = model.value();
    if (const auto read = read_options(arguments, precision, job); !read.ok())
        return read.error();
    return job;
}

Result<void> read_options(const Arguments& arguments, Precision precision, Job& job) {
    job.device = arguments.text("device", "CPU");
    const auto hint = one_of<Hint>("hint", arguments.text("hint", "throughput"), hints);
    if (!hint.ok())
        return hint.error();
    job.options.hint = hint.value();
    job.options.precision = precision;
    if (arguments.has("precision")) {
        const auto given = one_of<Precision>("precision", arguments.text("precision"), precisions);
        if (!given.ok())
            return given.error();
        job.options.precision = given.value();
    }
    if (const auto counts = read_counts(arguments, job.options); !counts.ok())
        return counts;
    auto extra = arguments.pairs("option");
    auto shapes = arguments.shapes("shape");
    if (!extra.ok() || !shapes.ok())
        return extra.ok() ? shapes.error() : extra.error();
    job.options.extra = std::move(extra.value());
    job.shapes = std::move(shapes.value());
    return {};
}

namespace {

constexpr DeviceTable devices{find_device, all_devices};

// The options of the job's device, which is there.
Result<CompileOptions> own_options(const Job& job) {
    if (const auto there = check_device(job.device, devices); !there.ok())
        return there.error();
    return options_for(job.device, job.options, devices);
}

} // namespace

Result<std::unique_ptr<Executor>> compile_graph(Graph& graph, const Job& job) {
    const auto options = own_options(job);
    if (!options.ok())
        return options.error();
    if (const auto optimized = optimize(graph); !optimized.ok())
        return optimized.error();
    return find_device(device_kind(job.device))->compile(graph, options.value());
}

Result<Choice> settings_of(const Job& job) {
    const auto own = own_options(job);
    if (!own.ok())
        return own.error();
    if (!job.uses_tuning)
        return Choice{own.value(), "as asked"};
    return choose_settings(own.value(), {"", job.device, job.options.hint, job.shapes, ""}, devices,
                           [&] { return content_hash(job.model); });
}

Result<std::unique_ptr<Executor>> compile(const Job& job) {
    const auto settings = settings_of(job);
    if (!settings.ok())
        return settings.error();
    Job chosen = job;
    chosen.options = settings.value().options;
    LoadOptions load{job.shapes};
    const int wanted = chosen.options.batch;
    load.batch = wanted > 0 ? wanted
                            : find_device(device_kind(job.device))->preferred_batch(job.device, job.options.hint);
    auto graph = load_model(job.model, load);
    if (!graph.ok())
        return graph.error();
    return compile_graph(graph.value(), chosen);
}

} // namespace infer::tools
