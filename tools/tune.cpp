// SPDX-License-Identifier: LGPL-2.1-or-later
// gst-inference tune: measures which settings run a model fastest here, and keeps them.

#include "inference/tuning.h"
#include "tools/command.h"
#include "tools/settings_search.h"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace infer::tools {
namespace {

constexpr OptionDef options[] = {
    {"device", "DEVICE", "CPU, GPU, GPU.1, ... (default CPU)"},
    {"hint", "H", "latency or throughput (default: one after the other)"},
    {"precision", "P", "tunes for this one: auto (default), f32, bf16, f16 or int8"},
    {"shape", "[NAME=]1,3,H,W", "replaces the declared shape of an input", true},
    {"seconds", "S", "time for all of it (default 30)"},
};

constexpr double least_gain = 1.03; // below it is chance

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string today() {
    const std::time_t now = std::time(nullptr);
    char text[16];
    std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
    return text;
}

void print(const TimedRun& trial) {
    const auto fact = [&](const char* name) {
        const auto found = trial.facts.find(name);
        return found == trial.facts.end() ? "-" : found->second;
    };
    std::printf("  streams %2d  threads %2s  batch %2d  %-5s %10.2f frames/s\n", trial.lanes,
                fact("threads").c_str(), trial.batch, fact("precision").c_str(),
                trial.frames_per_s);
    std::fflush(stdout);
}

// The best settings found in about 60 % of `seconds`. Those that cannot be are passed over: a
// batch, a precision.
CompileOptions search(const Job& job, const TimedRun& rule, double seconds) {
    constexpr int usual_trials = 10;
    const auto start = Clock::now();
    SettingsSearch search(rule);
    while (const auto options =
               seconds_since(start) < 0.6 * seconds ? search.next() : std::nullopt) {
        Job other = job;
        other.options = *options;
        const auto trial = time_run(other, 0.4 * seconds / usual_trials);
        if (trial.ok())
            print(trial.value());
        search.tell(*options, trial.ok() ? trial.value().frames_per_s : 0);
    }
    return search.best();
}

// How much faster `best` is than the rule, measured in turns: what a single look found may be
// chance.
Result<double> gain_of(const Job& job, const CompileOptions& best, double seconds) {
    constexpr int rounds = 3;
    std::vector<double> gains;
    Job other = job;
    other.options = best;
    for (int round = 0; round < rounds; round++) {
        const auto rule = time_run(job, seconds / (3 * rounds)),
                   tuned = time_run(other, seconds / (3 * rounds));
        if (!rule.ok() || !tuned.ok())
            return rule.ok() ? tuned.error() : rule.error();
        gains.push_back(tuned.value().frames_per_s / rule.value().frames_per_s);
    }
    std::ranges::sort(gains);
    return gains[rounds / 2];
}

bool is_rule(const CompileOptions& o, const Job& job) {
    return o.streams == 0 && o.threads == 0 && o.batch == 0 && o.precision == job.options.precision;
}

Result<void> tune(Job job, Hint hint, TuningKey key, double seconds) {
    job.options.hint = key.hint = hint;
    std::printf("%s on %s, hint %s\n", job.model.c_str(), job.device.c_str(),
                std::string(name_of(hint)).c_str());
    const auto rule = time_run(job, seconds / 20);
    if (!rule.ok())
        return rule.error();
    print(rule.value());
    CompileOptions best = search(job, rule.value(), seconds);
    double gain = 1;
    if (!is_rule(best, job)) {
        const auto found = gain_of(job, best, 0.3 * seconds);
        if (!found.ok())
            return found.error();
        gain = found.value();
        if (gain < least_gain) {
            best = job.options;
            gain = 1;
        }
    }
    const auto kept =
        keep_tuning(key, {best.streams, best.threads, best.batch, best.precision, gain, today()});
    if (!kept.ok())
        return kept.error();
    if (is_rule(best, job))
        std::printf("the rule's settings are the fastest; noted in %s\n", kept.value().c_str());
    else
        std::printf("%.2f times as fast as the rule's settings; kept in %s\n", gain,
                    kept.value().c_str());
    return {};
}

Result<void> check_tunable(const Job& job) {
    if (const auto there = check_device(job.device, {find_device, all_devices}); !there.ok())
        return there.error();
    if (find_device(device_kind(job.device))->combines)
        return Error{Error::BadConfig, "--device",
                     job.device + " is made of other devices: tune those, one by one"};
    return {};
}

Result<ExitCode> run(const Arguments& arguments) {
    auto job = read_job(arguments, Precision::Auto);
    const auto seconds = arguments.number("seconds", 30, 0.1);
    if (!job.ok() || !seconds.ok())
        return job.ok() ? seconds.error() : job.error();
    job.value().uses_tuning = false;
    if (const auto tunable = check_tunable(job.value()); !tunable.ok())
        return tunable.error();
    const auto hash = content_hash(job.value().model);
    if (!hash.ok())
        return hash.error();
    const TuningKey key{hash.value(), job.value().device, Hint::Throughput, job.value().shapes,
                        machine_of(job.value().device, {find_device, all_devices})};
    std::vector<Hint> hints = {Hint::Throughput, Hint::Latency};
    if (arguments.has("hint"))
        hints = {job.value().options.hint};
    for (const Hint hint : hints)
        if (const auto tuned = tune(job.value(), hint, key, seconds.value() / double(hints.size()));
            !tuned.ok())
            return tuned.error();
    return Done;
}

} // namespace

extern const CommandDef command_tune;
const CommandDef command_tune = {{"tune", "MODEL",
                                  "Measures the fastest settings for a model on this machine, and "
                                  "keeps them for whoever runs it.",
                                  options},
                                 run};

} // namespace infer::tools
