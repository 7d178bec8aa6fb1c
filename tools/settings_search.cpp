// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/settings_search.h"

#include "tools/feed.h"

#include <algorithm>
#include <charconv>

namespace infer::tools {
namespace {

int count_of(const std::map<std::string, std::string>& facts, const std::string& name) {
    int count = 0;
    if (const auto found = facts.find(name); found != facts.end())
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), count);
    return count;
}

std::string fact(const TimedRun& trial, const std::string& name) {
    const auto found = trial.facts.find(name);
    return found == trial.facts.end() ? "" : found->second;
}

// Lanes and threads in all; 0 threads: the device has none to speak of.
std::vector<std::pair<int, int>> shares(const TimedRun& rule) {
    const int threads = count_of(rule.facts, "threads");
    if (rule.options.hint == Hint::Latency) {
        if (threads <= 1)
            return {};
        return threads == 2 ? std::vector<std::pair<int, int>>{{1, 1}}
                            : std::vector<std::pair<int, int>>{{1, threads / 2}, {1, 1}};
    }
    std::vector<std::pair<int, int>> shares;
    if (threads == 0)
        shares = {{1, 0}, {2, 0}, {3, 0}, {4, 0}};
    else
        for (const auto& [lanes, of] :
             {std::pair{threads / 2, threads}, {1, threads}, {threads - 1, threads - 1}, {1, 1}})
            if (lanes > 0 && of > 0 &&
                std::ranges::find(shares, std::pair{lanes, of}) == shares.end())
                shares.emplace_back(lanes, of);
    std::erase_if(shares, [&](const auto& s) {
        return s.first == rule.lanes && (s.second == 0 || s.second == threads);
    });
    return shares;
}

} // namespace

Result<std::vector<Request>> make_requests(Executor& executor, int wanted) {
    auto requests = executor.make_requests(wanted > 0 ? wanted : executor.wanted_requests());
    if (!requests.ok())
        return requests;
    for (Request& request : requests.value()) {
        request.rows =
            executor.batch() >= 64 ? ~uint64_t(0) : (uint64_t(1) << executor.batch()) - 1;
        for (size_t i = 0; i < request.inputs.size(); i++) {
            const InputFormat& format = executor.inputs()[i];
            const auto fed = feed(make_feed(format, uint32_t(i)), format, request.inputs[i]);
            if (!fed.ok())
                return fed.error();
        }
    }
    return requests;
}

Result<TimedRun> time_run(const Job& job, double seconds) {
    auto executor = compile(job);
    if (!executor.ok())
        return executor.error();
    const bool single = job.options.hint == Hint::Latency;
    auto requests = make_requests(*executor.value(), single ? 1 : 0);
    if (!requests.ok())
        return requests.error();
    const auto load = [&](double time) {
        return single ? one_at_a_time(*executor.value(), requests.value()[0], time)
                      : keep_in_flight(*executor.value(), requests.value(), time);
    };
    if (const auto warm = load(seconds / 5); !warm.ok())
        return warm.error();
    const auto measured = load(seconds);
    if (!measured.ok())
        return measured.error();
    TimedRun trial{job.options, executor.value()->describe(), executor.value()->lanes(),
                   executor.value()->batch()};
    const Measured& m = measured.value();
    trial.frames_per_s = single ? 1000 * trial.batch / m.percentile(0.5)
                                : double(m.latency_ms.size()) * trial.batch / m.elapsed_s;
    return trial;
}

SettingsSearch::SettingsSearch(const TimedRun& rule)
    : rule_(rule), best_(rule.options), best_rate_(rule.frames_per_s) {
    enter(Streams);
}

void SettingsSearch::enter(Stage stage) {
    stage_ = stage;
    const auto add = [&](auto change) { change(left_.emplace_back(best_)); };
    if (stage == Streams)
        for (const auto& [lanes, threads] : shares(rule_))
            add([&](CompileOptions& o) { o.streams = lanes, o.threads = threads; });
    if (stage == Batches && rule_.options.hint == Hint::Throughput)
        for (const int batch : {1, 2, 4, 8, 16})
            if (batch != rule_.batch)
                add([&](CompileOptions& o) { o.batch = batch; });
    if (stage == Precisions && rule_.options.precision == Precision::Auto &&
        fact(rule_, "precision") != "f32")
        add([](CompileOptions& o) { o.precision = Precision::F32; });
    std::ranges::reverse(left_);
}

std::optional<CompileOptions> SettingsSearch::next() {
    while (left_.empty() && stage_ != Over)
        enter(Stage(stage_ + 1));
    if (left_.empty())
        return std::nullopt;
    CompileOptions options = std::move(left_.back());
    left_.pop_back();
    return options;
}

void SettingsSearch::tell(const CompileOptions& options, double frames_per_s) {
    // Larger batches than one that lost much lose more.
    if (stage_ == Batches && options.batch > rule_.batch && frames_per_s < 0.9 * best_rate_)
        left_.clear();
    if (frames_per_s <= best_rate_)
        return;
    best_ = options;
    best_rate_ = frames_per_s;
}

} // namespace infer::tools
