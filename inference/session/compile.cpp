// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/compile.h"

#include "inference/memory_error.h"

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

Result<Compiled> compile_whole(const Order& order, FrameSize picture) {
    const SessionConfig& config = order.config;
    auto own = options_for(config.device, config.options, order.parts.devices());
    if (!own.ok())
        return own.error();
    CompileOptions& options = own.value();
    options.on_notice = [notices = order.notices](const DeviceNotice& notice) { notices->post(notice); };
    options.clock = order.parts.clock;
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
        EngineOptions{options.hint, order.parts.clock, config.hang_timeout_ms, order.on_hang}, order.counters);
    if (auto warm = engine->warm_up(); !warm.ok()) {
        Engine::end(std::move(engine));
        return warm.error();
    }
    return Compiled{std::move(engine), std::move(metadata), std::move(declared), std::move(warning)};
}

} // namespace

Result<Compiled> compile(const Order& order, FrameSize picture) {
    return or_memory_error(order.config.model, "use a smaller batch-size, fewer requests or streams, or a smaller model",
                           [&] { return compile_whole(order, picture); });
}

} // namespace infer
