// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/compile.h"

namespace infer {
namespace {

Error cancelled() { return {Error::Cancelled, "", "nobody waits for this model any more"}; }

struct Compiled {
    std::unique_ptr<Executor> executor;
    std::map<std::string, std::string> metadata; // the model's own words
};

// Runs at `batch` rows a request.
Result<Compiled> compile_at(int batch, const SessionConfig& config,
                                             const SessionParts& parts,
                                             const std::atomic<bool>& abandoned) {
    Result<Graph> graph = parts.load(config.model, {.shapes = config.shapes, .batch = batch});
    if (!graph.ok())
        return graph.error();
    if (abandoned)
        return cancelled();
    CompileOptions options = config.options;
    options.batch = batch;
    const std::string_view kind = device_kind(config.device);
    if (kind != config.device)
        options.extra.emplace("device", config.device);
    auto executor = parts.find_device(kind)->compile(graph.value(), options);
    if (!executor.ok())
        return executor.error();
    if (const std::string odd = unbatched_tensor(*executor.value()); !odd.empty())
        return Error{Error::Unsupported, config.model,
                     "cannot run in batches: " + odd + " has no row for each of " +
                         std::to_string(batch) + " frames; batch-size=1 would do"};
    return Compiled{std::move(executor.value()), std::move(graph.value().metadata)};
}

// A batch the user asked for must work; one the device prefers is given up for 1.
Result<Compiled> make_executor(const SessionConfig& config, const SessionParts& parts,
                               const std::atomic<bool>& abandoned) {
    const CompileOptions& options = config.options;
    const DeviceDef& device = *parts.find_device(device_kind(config.device));
    const int batch = options.batch > 0 ? options.batch
                                        : std::min(device.preferred_batch(options.hint),
                                                   int(FlowCounters::max_rows));
    auto executor = compile_at(batch, config, parts, abandoned);
    if (!executor.ok() && options.batch == 0 && batch > 1 && !abandoned)
        return compile_at(1, config, parts, abandoned);
    return executor;
}

} // namespace

std::string_view device_kind(std::string_view device) {
    return device.substr(0, device.find_first_of(".:"));
}

Result<std::unique_ptr<Engine>> compile(const SessionConfig& config, const SessionParts& parts,
                                        const std::atomic<bool>& abandoned) {
    auto compiled = make_executor(config, parts, abandoned);
    if (!compiled.ok())
        return compiled.error();
    if (abandoned)
        return cancelled();
    // Two more than run at once: one being filled, one being decoded or filled.
    auto& [executor, metadata] = compiled.value();
    const int wanted = config.options.requests > 0 ? config.options.requests : executor->lanes() + 2;
    auto requests = executor->make_requests(wanted);
    if (!requests.ok())
        return requests.error();
    auto engine = std::make_unique<Engine>(std::move(executor), std::move(requests.value()),
                                           config.options.hint, parts.clock);
    engine->set_metadata(std::move(metadata));
    if (auto warm = engine->warm_up(); !warm.ok())
        return warm.error();
    return engine;
}

} // namespace infer
