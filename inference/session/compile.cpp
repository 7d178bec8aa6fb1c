// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/compile.h"

#include "inference/memory_error.h"
#include "inference/tuning.h"

namespace infer {
namespace {

Error cancelled() { return {Error::Cancelled, "", "nobody waits for this model any more"}; }

struct Made {
    std::unique_ptr<Executor> executor;
    std::map<std::string, std::string> metadata;
    std::map<std::string, Shape> declared;
    std::optional<Error> warning;
};

const DeviceDef& device_of(const Order& order) {
    return *order.parts.find_device(device_kind(order.config.device));
}

// Runs at `options.batch` rows a request.
Result<Made> compile_with(const CompileOptions& options, const Order& order, FrameSize picture) {
    const SessionConfig& config = order.config;
    Result<Graph> graph = order.parts.load(config.model, {.shapes = config.shapes,
                                                          .batch = options.batch,
                                                          .open_width = picture.width,
                                                          .open_height = picture.height});
    if (!graph.ok())
        return graph.error();
    if (order.abandoned)
        return cancelled();
    auto executor = device_of(order).compile(graph.value(), options);
    if (!executor.ok())
        return executor.error();
    if (const std::string odd = unbatched_tensor(*executor.value()); !odd.empty())
        return Error{Error::Unsupported, config.model,
                     odd + " has no row for each of " + std::to_string(options.batch) + " frames"};
    return Made{std::move(executor.value()), std::move(graph.value().metadata),
                std::move(graph.value().declared), std::nullopt};
}

// A model that cannot run in batches runs one by one, several requests at once. If a batch was asked
// for, that is worth a warning.
Result<Made> make_executor(CompileOptions options, const Order& order, FrameSize picture) {
    const int asked = options.batch;
    if (asked == 0)
        options.batch = std::min(device_of(order).preferred_batch(options.device, options.hint), int(FlowCounters::max_rows));
    auto executor = compile_with(options, order, picture);
    if (executor.ok() || options.batch == 1 || order.abandoned)
        return executor;
    options.batch = 1;
    auto single = compile_with(options, order, picture);
    if (single.ok() && asked > 0)
        single.value().warning = Error{
            Error::Unsupported, "batch-size=" + std::to_string(asked),
            "frames run one by one, several at once (" + executor.error().text() + ")"};
    return single;
}

// A model that runs at its sources' sizes has no size that could have been tuned.
Choice choose(const CompileOptions& own, const Order& order) {
    const SessionConfig& config = order.config;
    if (config.at_source_size)
        return {own, "rule (runs at its sources' sizes)"};
    return choose_settings(own, {"", config.device, own.hint, config.shapes, ""}, order.parts.devices(),
                           [&] { return order.parts.content_hash(config.model); });
}

// Fewer rows a request, or fewer lanes and so more threads for each, where the user left it open.
bool narrow(CompileOptions& options, const CompileOptions& given, const Executor& executor) {
    if (given.batch == 0 && executor.batch() > 1)
        options.batch = executor.batch() / 2;
    else if (given.streams == 0 && executor.lanes() > 1)
        options.streams = executor.lanes() / 2;
    else
        return false;
    return true;
}

Result<Compiled> compile_once(const Order& order, const CompileOptions& options, FrameSize picture, const std::string& settings_from) {
    auto compiled = make_executor(options, order, picture);
    if (!compiled.ok())
        return compiled.error();
    if (order.abandoned)
        return cancelled();
    auto& [executor, metadata, declared, warning] = compiled.value();
    auto requests =
        executor->make_requests(options.requests > 0 ? options.requests : executor->wanted_requests());
    if (!requests.ok())
        return requests.error();
    auto engine = std::make_unique<Engine>(
        std::move(executor), std::move(requests.value()),
        EngineOptions{options.hint, order.parts.clock, order.config.hang_timeout_ms, order.on_hang, settings_from}, order.counters);
    const int runs = order.config.latency_limit_ms > 0 ? 2 : 1; // the first is slower than those that come
    for (int run = 0; run < runs; run++)
        if (auto warm = engine->warm_up(); !warm.ok()) {
            Engine::end(std::move(engine));
            return warm.error();
        }
    return Compiled{std::move(engine), std::move(metadata), std::move(declared), std::move(warning)};
}

// Under a latency limit that one request alone would take most of, it is made narrower and tried again.
Result<Compiled> compile_whole(const Order& order, FrameSize picture) {
    const SessionConfig& config = order.config;
    auto own = options_for(config.device, config.options, order.parts.devices());
    if (!own.ok())
        return own.error();
    own.value().on_notice = [notices = order.notices](const DeviceNotice& notice) { notices->post(notice); };
    own.value().clock = order.parts.clock;
    const int64_t enough_us = int64_t(config.latency_limit_ms * 1000 * 0.6);
    auto [options, settings_from] = choose(own.value(), order);
    for (;;) {
        auto compiled = compile_once(order, options, picture, settings_from);
        if (!compiled.ok() || enough_us == 0 || compiled.value().engine->inference_us() <= enough_us ||
            !narrow(options, own.value(), compiled.value().engine->executor()))
            return compiled;
        settings_from = "latency-limit";
        Engine::end(std::move(compiled.value().engine));
    }
}

} // namespace

Result<Compiled> compile(const Order& order, FrameSize picture) {
    return or_memory_error(order.config.model, "use a smaller batch-size, fewer requests or streams, or a smaller model",
                           [&] { return compile_whole(order, picture); });
}

} // namespace infer
