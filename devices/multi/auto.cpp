// SPDX-License-Identifier: LGPL-2.1-or-later
//
// AUTO: the CPU at once, and a better device as soon as it is ready. When that fails, the CPU
// again.
#include "devices/multi/executor.h"
#include "devices/multi/list.h"
#include "devices/multi/prepare.h"

namespace infer::multi {
namespace {

// Waits for nobody: the executor may be gone when a device is ready.
void join_better(const std::weak_ptr<Core>& waiting, const std::vector<std::string>& better,
                 const Graph& graph, const CompileOptions& options) {
    bool is_found = false;
    for (size_t d = 0; d < better.size() && !is_found; d++) {
        if (waiting.expired())
            return;
        auto made = prepare(better[d], graph, options);
        const auto core = waiting.lock();
        if (!core)
            return;
        const Result<void> joined =
            made.ok() ? core->join(d, std::move(made.value())) : made.error();
        is_found = joined.ok();
        if (!is_found)
            core->leave_out(d, joined.error().text());
    }
}

std::unique_ptr<Executor> start(Core::Terms terms, std::vector<Candidate> candidates, size_t home,
                                const Graph& graph, const CompileOptions& options) {
    std::vector<std::string> better;
    for (size_t d = 0; d < home; d++)
        better.push_back(candidates[d].name);
    const int lanes = candidates[home].executor->lanes();
    const int requests = candidates[home].executor->wanted_requests() + (better.empty() ? 0 : 2);
    const auto core = std::make_shared<Core>(std::move(terms), std::move(candidates), home);
    core->start();
    auto executor = std::make_unique<MultiExecutor>(options.device, core, lanes, requests);
    if (!better.empty())
        executor->set_background(
            std::thread([waiting = std::weak_ptr(core), better, graph, options] {
                join_better(waiting, better, graph, options);
            }));
    return executor;
}

// What the CPU cannot run waits for the first device that can.
Result<std::unique_ptr<Executor>> compile(const Graph& graph, const CompileOptions& options) {
    auto terms = read_terms(options, Policy::First);
    if (!terms.ok())
        return terms.error();
    std::vector<Candidate> candidates;
    for (const std::string& name : best_first(devices))
        candidates.push_back({.name = name});
    std::string reasons;
    for (size_t d = candidates.size(); d-- > 0;) {
        auto made = prepare(candidates[d].name, graph, options);
        if (made.ok()) {
            candidates[d] = std::move(made.value());
            candidates.resize(d + 1);
            return start(std::move(terms.value()), std::move(candidates), d, graph, options);
        }
        reasons += (reasons.empty() ? "" : "; ") + candidates[d].name + ": " + made.error().text();
    }
    return Error{Error::Device, "device=AUTO", reasons.empty() ? "there is no device" : reasons};
}

Result<std::vector<std::string>> itself() { return std::vector<std::string>{"AUTO"}; }

int preferred_batch(std::string_view, Hint hint) {
    const DeviceDef* cpu = find_device("CPU");
    return cpu ? cpu->preferred_batch("CPU", hint) : 1;
}

} // namespace
} // namespace infer::multi

namespace infer {

extern const DeviceDef device_auto;
const DeviceDef device_auto = {.name = "AUTO",
                               .devices = multi::itself,
                               .compile = multi::compile,
                               .preferred_batch = multi::preferred_batch,
                               .combines = true};

} // namespace infer
