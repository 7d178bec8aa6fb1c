// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/executor.h"

#include <algorithm>

namespace infer::gpu {

Result<std::unique_ptr<Executor>>
GpuExecutor::make(std::unique_ptr<Program> program, int lanes, bool profile,
                  std::map<std::string, std::string> description) {
    std::unique_ptr<GpuExecutor> executor(new GpuExecutor);
    executor->program_ = std::move(program);
    executor->description_ = std::move(description);
    if (profile)
        executor->times_ = std::vector<lanes::StepTime>(executor->program_->steps.size() +
                                                        (executor->program_->tail ? 1 : 0));
    for (int k = 0; k < lanes; k++) {
        auto lane = Lane::make(*executor->program_);
        if (!lane.ok())
            return lane.error();
        executor->lanes_.push_back(std::move(lane.value()));
    }
    for (auto& lane : executor->lanes_)
        executor->threads_.emplace_back(
            [e = executor.get(), l = lane.get()](std::stop_token stop) { e->serve(stop, *l); });
    return std::unique_ptr<Executor>(std::move(executor));
}

GpuExecutor::~GpuExecutor() {
    for (std::jthread& thread : threads_)
        thread.request_stop();
}

Result<std::vector<Request>> GpuExecutor::make_requests(int count) {
    const Context& context = *program_->context;
    cl_int status = CL_SUCCESS;
    auto queue = std::make_shared<QueueHandle>(
        cl().clCreateCommandQueue(context.handle(), context.hardware().id, 0, &status));
    if (status != CL_SUCCESS)
        return device_error("a command queue", status);
    std::vector<Request> requests(static_cast<size_t>(count));
    for (Request& request : requests) {
        auto memory = std::make_shared<RequestMemory>();
        memory->queue = queue;
        const auto add = [&](ElementType type, Shape shape,
                             std::vector<TensorView>& to) -> Result<void> {
            std::ranges::replace(shape, int64_t(-1), int64_t(0)); // sizes of a tail come later
            auto pinned = PinnedMemory::make(context, queue->get(),
                                             size_t(infer::count(shape)) * size_of(type));
            if (!pinned.ok())
                return pinned.error();
            to.push_back({type, std::move(shape), pinned.value()->data()});
            memory->fixed.push_back(std::move(pinned.value()));
            return {};
        };
        for (const InputFormat& in : program_->inputs)
            if (auto added = add(in.type, in.shape, request.inputs); !added.ok())
                return added.error();
        for (const OutputFormat& out : program_->outputs)
            if (auto added = add(out.type, out.shape, request.outputs); !added.ok())
                return added.error();
        request.memory = memory;
    }
    return requests;
}

void GpuExecutor::serve(std::stop_token stop, Lane& lane) {
    while (Request* request = queue_.next(stop))
        lanes::answer(*request, program_->context->hardware().handle,
                      [&] { return lane.run(*request, times_); });
}

std::vector<Executor::LayerTime> GpuExecutor::layer_times() const {
    std::vector<LayerTime> layers;
    for (size_t k = 0; k < program_->steps.size() && !times_.empty(); k++) {
        const Step& step = program_->steps[k];
        layers.push_back(lanes::layer_time(step.name, step.op, step.kernel, times_[k]));
    }
    if (program_->tail && !times_.empty())
        layers.push_back(lanes::layer_time("tail", "Tail", "interpreter", times_.back()));
    return layers;
}

} // namespace infer::gpu
