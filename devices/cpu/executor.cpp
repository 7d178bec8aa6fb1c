// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/executor.h"

#include "devices/cpu/budget.h"
#include "devices/cpu/cores.h"
#include "devices/cpu/spin.h"

#include <omp.h>

#include <algorithm>

namespace infer::cpu {
namespace {

// Where there are several memory nodes, each lane has one of them; a lane that needs more threads
// than the node has runs anywhere.
std::vector<int> processors_of(int lane, int lanes, int threads) {
    const auto& nodes = core_map().nodes;
    const auto& node =
        lanes == 1 ? core_map().near : nodes[size_t(lane) * nodes.size() / size_t(lanes)];
    const bool is_even = nodes.size() == 1 && core_map().near.size() == nodes[0].size();
    return is_even || size_t(threads) > node.size() ? std::vector<int>{} : node;
}

} // namespace

Result<std::unique_ptr<Executor>>
CpuExecutor::make(std::unique_ptr<Program> program, int lanes, int threads_per_lane, bool profile,
                  std::map<std::string, std::string> description) {
    std::unique_ptr<CpuExecutor> executor(new CpuExecutor);
    executor->program_ = std::move(program);
    executor->description_ = std::move(description);
    executor->stands_by_ = threads_per_lane > 1;
    if (profile)
        executor->times_ = std::vector<lanes::StepTime>(executor->program_->steps.size() +
                                                        (executor->program_->tail ? 1 : 0));
    for (int k = 0; k < lanes; k++) {
        auto lane = Lane::make(*executor->program_, threads_per_lane,
                               processors_of(k, lanes, threads_per_lane));
        if (!lane.ok())
            return lane.error();
        executor->lanes_.push_back(std::move(lane.value()));
    }
    for (auto& lane : executor->lanes_)
        executor->threads_.emplace_back(
            [e = executor.get(), l = lane.get()](std::stop_token stop) { e->serve(stop, *l); });
    return std::unique_ptr<Executor>(std::move(executor));
}

CpuExecutor::~CpuExecutor() {
    for (std::jthread& thread : threads_)
        thread.request_stop();
}

Result<std::vector<Request>> CpuExecutor::make_requests(int count) {
    std::vector<Request> requests(static_cast<size_t>(count));
    for (Request& request : requests) {
        auto memory = std::make_shared<RequestMemory>();
        const auto add = [&](ElementType type, Shape shape) { // sizes of a tail come later: 0
            std::replace(shape.begin(), shape.end(), int64_t{-1}, int64_t{0});
            return memory->fixed.emplace_back(type, std::move(shape)).view();
        };
        for (const InputFormat& in : program_->inputs)
            request.inputs.push_back(add(in.type, in.shape));
        for (const OutputFormat& out : program_->outputs)
            request.outputs.push_back(add(out.type, out.shape));
        request.memory = memory;
    }
    return requests;
}

void CpuExecutor::serve(std::stop_token stop, Lane& lane) {
    omp_set_num_threads(1); // of this thread; see docs/decisions on the CPU device
    if (!lane.processors().empty())
        stay_on(lane.processors());
    while (Request* request = next(stop))
        lanes::answer(*request, "CPU", [&] { return run(*request, lane); });
}

// The cores are given back before `done`, which is not ours.
Result<void> CpuExecutor::run(Request& request, Lane& lane) {
    const CoreBudget::Share share(CoreBudget::of_process(), lane.threads());
    return lane.run(request, share.cores(), times_);
}

Request* CpuExecutor::next(std::stop_token stop) {
    // Latency counts: a frame that follows the last at once need not wake this thread.
    for (int spins = 0; stands_by_ && spins < short_spin && queue_.is_empty(); spins++)
        pause_cpu();
    return queue_.next(std::move(stop));
}

std::vector<Executor::LayerTime> CpuExecutor::layer_times() const {
    std::vector<LayerTime> layers;
    for (size_t k = 0; k < program_->steps.size() && !times_.empty(); k++) {
        const Step& step = program_->steps[k];
        layers.push_back(
            lanes::layer_time(step.name, step.op, std::string(step.kernel->name()), times_[k]));
    }
    if (program_->tail && !times_.empty())
        layers.push_back(lanes::layer_time("tail", "Tail", "interpreter", times_.back()));
    return layers;
}

} // namespace infer::cpu
