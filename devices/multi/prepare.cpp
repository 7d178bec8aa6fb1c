// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/multi/prepare.h"

#include "devices/multi/convert.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

namespace infer::multi {
namespace {

constexpr std::chrono::seconds longest_first_run{30};

// An answer that may come when nobody waits for it any more.
struct Answer {
    std::mutex mutex;
    std::condition_variable came;
    bool is_here = false;
    Result<void> result;
};

Result<void> run_once(Executor& executor, Request& request) {
    const auto answer = std::make_shared<Answer>();
    request.rows = 1;
    request.done = [answer](const Error* error) {
        std::lock_guard lock(answer->mutex);
        if (error)
            answer->result = *error;
        answer->is_here = true;
        answer->came.notify_one();
    };
    executor.submit(request);
    std::unique_lock lock(answer->mutex);
    if (!answer->came.wait_for(lock, longest_first_run, [&] { return answer->is_here; }))
        return Error{Error::Device, "", "gave no answer to its first request for 30 s"};
    return answer->result;
}

// How long a request takes: the second one, for the first finds all memory cold. On a test's clock
// one is enough.
Result<int64_t> warm_up(Executor& executor, Request& request, const Clock* test) {
    const MonotonicClock machine;
    const Clock& clock = test ? *test : machine;
    int64_t took_us = 0;
    for (int run = 0; run < (test ? 1 : 2); run++) {
        const int64_t begun_us = clock.now_us();
        if (auto ran = run_once(executor, request); !ran.ok())
            return ran.error();
        took_us = clock.now_us() - begun_us;
    }
    return took_us;
}

bool keeps_all_of(const Executor& a, const Executor& b) {
    for (size_t k = 0; k < std::min(a.inputs().size(), b.inputs().size()); k++)
        if (!is_as_wide(a.inputs()[k].type, b.inputs()[k].type))
            return false;
    return true;
}

} // namespace

Result<Core::Terms> read_terms(const CompileOptions& options, Policy policy) {
    Core::Terms terms{.policy = policy, .clock = options.clock, .on_notice = options.on_notice};
    const bool may_balance = policy == Policy::Fastest;
    for (const auto& [name, value] : options.extra) {
        const auto bad = [&](const std::string& what) {
            return Error{Error::BadConfig, "device-options=" + name + "=" + value, what};
        };
        if (name.find('.') != std::string::npos || name == "profile")
            continue;
        if (name == "balance" && may_balance) {
            if (value != "fastest" && value != "turns")
                return bad("must be fastest or turns");
            terms.policy = value == "turns" ? Policy::InTurn : Policy::Fastest;
        } else if (name == "timeout") {
            int64_t ms = 0;
            const auto [end, failed] =
                std::from_chars(value.data(), value.data() + value.size(), ms);
            if (failed != std::errc{} || end != value.data() + value.size() || ms < 1 ||
                ms > 3'600'000)
                return bad("must be 1 to 3600000 milliseconds");
            terms.patience_us = ms * 1000;
        } else {
            return bad(options.device + " has no such option; it has timeout (milliseconds)" +
                       (may_balance ? " and balance (fastest, turns)" : "") +
                       ". One of its devices is given options as in CPU.streams=2");
        }
    }
    return terms;
}

Result<Candidate> prepare(const std::string& device, const Graph& graph,
                          const CompileOptions& options) {
    auto own = options_for(device, options, devices);
    if (!own.ok())
        return own.error();
    for (const auto& [name, value] : options.extra) // ours
        if (name.find('.') == std::string::npos)
            own.value().extra.erase(name);
    own.value().on_notice = {};
    auto executor = find_device(device_kind(device))->compile(graph, own.value());
    if (!executor.ok())
        return executor.error();
    auto requests = executor.value()->make_requests(1);
    if (!requests.ok())
        return requests.error();
    auto canary = std::make_shared<Request>(std::move(requests.value()[0]));
    for (const TensorView& input : canary->inputs)
        std::memset(input.data, 0, input.size_bytes());
    const auto took = warm_up(*executor.value(), *canary, options.clock);
    if (!took.ok()) {
        std::thread([executor = std::move(executor.value()), canary]() mutable {
            executor.reset();
        }).detach();
        return took.error();
    }
    return Candidate{device, std::move(executor.value()), std::move(canary), took.value()};
}

size_t home_of(std::span<const Candidate> candidates) {
    size_t first = candidates.size();
    for (size_t d = candidates.size(); d-- > 0;) {
        if (!candidates[d].executor)
            continue;
        first = d;
        if (std::ranges::all_of(candidates, [&](const Candidate& other) {
                return !other.executor || keeps_all_of(*candidates[d].executor, *other.executor);
            }))
            return d;
    }
    return first;
}

} // namespace infer::multi
