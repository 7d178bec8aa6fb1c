// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/cpu/program.h"

#include <map>
#include <thread>

namespace infer::cpu {

// Lanes take requests from one queue, first come first served. A lane is a thread of ours, because
// oneTBB has one worker fewer than cores: requests enqueued into an arena would run one at a time
// on two cores.
class CpuExecutor final : public Executor {
public:
    static Result<std::unique_ptr<Executor>> make(std::unique_ptr<Program> program, int lanes,
                                                  int threads_per_lane, bool profile,
                                                  std::map<std::string, std::string> description);
    ~CpuExecutor() override; // empties the queue first

    std::span<const InputFormat> inputs() const override { return program_->inputs; }
    std::span<const OutputFormat> outputs() const override { return program_->outputs; }
    int batch() const override { return program_->batch; }
    Result<std::vector<Request>> make_requests(int count) override;
    void submit(Request& request) override { queue_.add(request); }
    int lanes() const override { return int(lanes_.size()); }
    std::map<std::string, std::string> describe() const override { return description_; }
    std::vector<LayerTime> layer_times() const override;

private:
    CpuExecutor() = default;
    void serve(std::stop_token stop, Lane& lane); // a lane's thread, from start to stop
    Result<void> run(Request& request, Lane& lane);
    Request* next(std::stop_token stop); // blocks; nullptr once stopped and empty

    std::unique_ptr<Program> program_;
    std::map<std::string, std::string> description_;
    std::vector<lanes::StepTime> times_; // empty: not measured
    std::vector<std::unique_ptr<Lane>> lanes_;
    bool stands_by_ = false; // lanes look for the next request a little before they sleep
    lanes::RequestQueue queue_;
    std::vector<std::jthread> threads_; // last member: stops and joins first
};

} // namespace infer::cpu
