// SPDX-License-Identifier: LGPL-2.1-or-later
//
// MULTI:A,B,...: several devices as one, written against inference/device.h alone.
#include "devices/multi/convert.h"
#include "devices/multi/executor.h"
#include "devices/multi/list.h"
#include "devices/multi/prepare.h"

namespace infer::multi {
namespace {

struct Team {
    std::vector<Candidate> candidates;
    std::vector<std::string> reasons; // by candidate: why it has no executor

    void leave_out(size_t device, const Error& why) {
        candidates[device].executor.reset();
        candidates[device].canary.reset();
        reasons[device] = why.text();
    }
};

// Compiles for all; those that cannot work with the others are left out.
Team make_team(const std::vector<std::string>& names, const Graph& graph,
               const CompileOptions& options) {
    Team team{{}, std::vector<std::string>(names.size())};
    for (size_t d = 0; d < names.size(); d++) {
        auto made = prepare(names[d], graph, options);
        team.candidates.push_back(made.ok() ? std::move(made.value())
                                            : Candidate{.name = names[d]});
        if (!made.ok())
            team.leave_out(d, made.error());
    }
    const size_t home = home_of(team.candidates);
    for (size_t d = 0; d < names.size(); d++)
        if (d != home && team.candidates[d].executor)
            if (auto fits =
                    can_convert(*team.candidates[home].executor, *team.candidates[d].executor);
                !fits.ok())
                team.leave_out(d, fits.error());
    return team;
}

Result<std::unique_ptr<Executor>> compile(const Graph& graph, const CompileOptions& options) {
    const auto names = read_list(options.device, devices);
    if (!names.ok())
        return names.error();
    auto terms = read_terms(options, Policy::Fastest);
    if (!terms.ok())
        return terms.error();
    Team team = make_team(names.value(), graph, options);
    const size_t home = home_of(team.candidates);
    if (home == team.candidates.size()) {
        std::string all;
        for (size_t d = 0; d < names.value().size(); d++)
            all += (d ? "; " : "") + names.value()[d] + ": " + team.reasons[d];
        return Error{Error::Device, "device=" + options.device,
                     "none of them can run the model: " + all};
    }
    int lanes = 0, requests = 0;
    for (const Candidate& candidate : team.candidates)
        if (candidate.executor) {
            lanes += candidate.executor->lanes();
            requests += candidate.executor->wanted_requests();
        }
    const auto core =
        std::make_shared<Core>(std::move(terms.value()), std::move(team.candidates), home);
    core->start();
    for (size_t d = 0; d < names.value().size(); d++)
        if (!team.reasons[d].empty())
            core->leave_out(d, team.reasons[d]);
    return std::unique_ptr<Executor>(
        std::make_unique<MultiExecutor>(options.device, core, lanes, requests));
}

Result<void> check(std::string_view device) {
    const auto names = read_list(device, devices);
    return names.ok() ? Result<void>() : names.error();
}

// The one that has all of them.
Result<std::vector<std::string>> all() {
    const std::vector<std::string> names = best_first(devices);
    std::string list;
    for (const std::string& name : names)
        list += (list.empty() ? "MULTI:" : ",") + name;
    return list.empty() ? std::vector<std::string>{} : std::vector<std::string>{list};
}

// The user's first device is the one that counts.
int preferred_batch(std::string_view device, Hint hint) {
    const auto names = read_list(device, devices);
    if (!names.ok())
        return 1;
    const std::string& first = names.value().front();
    return find_device(device_kind(first))->preferred_batch(first, hint);
}

} // namespace
} // namespace infer::multi

namespace infer {

extern const DeviceDef device_multi;
const DeviceDef device_multi = {.name = "MULTI",
                                .devices = multi::all,
                                .compile = multi::compile,
                                .preferred_batch = multi::preferred_batch,
                                .check = multi::check,
                                .combines = true};

} // namespace infer
