// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/gpu/lane.h"

#include <map>
#include <thread>

namespace infer::gpu {

// Lanes take requests from one queue, first come first served. Each has a thread and a queue of the
// device, so that one's transfers run beside another's kernels.
class GpuExecutor final : public Executor {
public:
    static Result<std::unique_ptr<Executor>> make(std::unique_ptr<Program> program, int lanes,
                                                  bool profile,
                                                  std::map<std::string, std::string> description);
    ~GpuExecutor() override; // empties the queue first

    std::span<const InputFormat> inputs() const override { return program_->inputs; }
    std::span<const OutputFormat> outputs() const override { return program_->outputs; }
    int batch() const override { return program_->batch; }
    Result<std::vector<Request>> make_requests(int count) override;
    void submit(Request& request) override { queue_.add(request); }
    int lanes() const override { return int(lanes_.size()); }
    std::map<std::string, std::string> describe() const override { return description_; }
    std::vector<LayerTime> layer_times() const override;

private:
    GpuExecutor() = default;
    void serve(std::stop_token stop, Lane& lane); // a lane's thread, from start to stop

    std::unique_ptr<Program> program_;
    std::map<std::string, std::string> description_;
    std::vector<lanes::StepTime> times_; // empty: not measured
    std::vector<std::unique_ptr<Lane>> lanes_;
    lanes::RequestQueue queue_;
    std::vector<std::jthread> threads_; // last member: stops and joins first
};

} // namespace infer::gpu
