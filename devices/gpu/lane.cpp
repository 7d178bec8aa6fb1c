// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/lane.h"

#include <chrono>
#include <cstring>

namespace infer::gpu {
using Clock = std::chrono::steady_clock;

Result<std::unique_ptr<PinnedMemory>> PinnedMemory::make(const Context& context,
                                                         cl_command_queue queue, size_t bytes) {
    cl_int status = CL_SUCCESS;
    bytes = std::max<size_t>(bytes, 64);
    MemoryHandle buffer(cl().clCreateBuffer(
        context.handle(), CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, nullptr, &status));
    void* data = nullptr;
    if (status == CL_SUCCESS)
        data = cl().clEnqueueMapBuffer(queue, buffer.get(), CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                                       bytes, 0, nullptr, nullptr, &status);
    if (status != CL_SUCCESS)
        return device_error("memory for a request (" + std::to_string(bytes >> 20) + " MiB)",
                            status);
    std::memset(data, 0, bytes);
    return std::unique_ptr<PinnedMemory>(new PinnedMemory(std::move(buffer), queue, data));
}

PinnedMemory::~PinnedMemory() {
    cl().clEnqueueUnmapMemObject(queue_, buffer_.get(), data_, 0, nullptr, nullptr);
    cl().clFinish(queue_);
}

Result<std::unique_ptr<Lane>> Lane::make(const Program& program) {
    std::unique_ptr<Lane> lane(new Lane(program));
    const Context& context = *program.context;
    cl_int status = CL_SUCCESS;
    lane->queue_ =
        QueueHandle(cl().clCreateCommandQueue(context.handle(), context.hardware().id, 0, &status));
    if (status != CL_SUCCESS)
        return device_error("a command queue", status);
    lane->arena_ = MemoryHandle(cl().clCreateBuffer(context.handle(), CL_MEM_READ_WRITE,
                                                    std::max<size_t>(program.arena_bytes, 64),
                                                    nullptr, &status));
    if (status != CL_SUCCESS)
        return device_error(
            "memory for a lane (" + std::to_string(program.arena_bytes >> 20) + " MiB)", status);
    for (const size_t bytes : program.mirrors)
        lane->mirrors_.emplace_back(bytes);
    if (auto made = lane->make_kernels(); !made.ok())
        return made.error();
    return lane;
}

Result<void> Lane::make_kernels() {
    kernels_.resize(program_.steps.size());
    for (size_t k = 0; k < kernels_.size(); k++) {
        const Step& step = program_.steps[k];
        if (step.kind != Step::Kernel)
            continue;
        cl_int status = CL_SUCCESS;
        kernels_[k] = KernelHandle(cl().clCreateKernel(step.program, step.kernel.c_str(), &status));
        if (status == CL_SUCCESS)
            status = set_arguments(kernels_[k].get(), step);
        if (status != CL_SUCCESS)
            return device_error("kernel " + step.kernel + " of " + step.name, status);
    }
    return {};
}

cl_int Lane::set_arguments(cl_kernel kernel, const Step& step) const {
    cl_uint index = 0;
    cl_int status = CL_SUCCESS;
    const auto set = [&](const auto& value) {
        if (status == CL_SUCCESS)
            status = cl().clSetKernelArg(kernel, index++, sizeof value, &value);
    };
    for (const auto& argument : step.arguments)
        if (const auto* pointer = std::get_if<DevicePointer>(&argument)) {
            set(pointer->is_constant ? program_.constants.get() : arena_.get());
            set(cl_int{pointer->offset});
        } else if (const auto* number = std::get_if<int32_t>(&argument)) {
            set(cl_int{*number});
        } else {
            set(cl_float{std::get<float>(argument)});
        }
    return status;
}

cl_int Lane::launch(size_t k) {
    const Step& step = program_.steps[k];
    return cl().clEnqueueNDRangeKernel(queue_.get(), kernels_[k].get(), 3, nullptr,
                                       step.size.data(), step.group.data(), 0, nullptr, nullptr);
}

TensorView Lane::view_of(const HostPlace& place) {
    void* data = nullptr;
    if (place.constant)
        data = const_cast<void*>(place.constant);
    else if (place.present)
        data = mirrors_[size_t(place.mirror)].data() + place.offset;
    return {place.type, place.shape, data};
}

cl_int Lane::run_on_host(const Step& step) {
    std::vector<TensorView> in, out;
    for (const HostPlace& place : step.in)
        in.push_back(view_of(place));
    for (const HostPlace& place : step.out)
        out.push_back(view_of(place));
    step.definition->run(step.node, in, out);
    return CL_SUCCESS;
}

cl_int Lane::start(size_t k) {
    const Step& step = program_.steps[k];
    if (step.kind == Step::Kernel)
        return launch(k);
    if (step.kind == Step::Host)
        return run_on_host(step);
    std::byte* mirror = mirrors_[size_t(step.mirror)].data();
    if (step.bytes == 0)
        return CL_SUCCESS;
    if (step.kind == Step::Upload) // nobody writes the mirror before the next run
        return cl().clEnqueueWriteBuffer(queue_.get(), arena_.get(), CL_FALSE, step.offset,
                                         step.bytes, mirror, 0, nullptr, nullptr);
    return cl().clEnqueueReadBuffer(queue_.get(), arena_.get(), CL_TRUE, step.offset, step.bytes,
                                    mirror, 0, nullptr, nullptr);
}

cl_int Lane::read_outputs(Request& request) {
    cl_int status = CL_SUCCESS;
    for (size_t k = 0; k < program_.output_slots.size() && status == CL_SUCCESS; k++) {
        const OutputSlot& slot = program_.output_slots[k];
        if (slot.bytes == 0)
            continue;
        if (slot.on_host)
            std::memcpy(request.outputs[k].data, view_of(slot.from).data, slot.bytes);
        else
            status =
                cl().clEnqueueReadBuffer(queue_.get(), arena_.get(), CL_FALSE, slot.offset,
                                         slot.bytes, request.outputs[k].data, 0, nullptr, nullptr);
    }
    return status;
}

Result<void> Lane::run_tail(Request& request) {
    const TailStep& tail = *program_.tail;
    std::vector<Tensor> inputs;
    for (const HostPlace& place : tail.in)
        inputs.push_back(Tensor::borrow(view_of(place)));
    auto& memory = *static_cast<RequestMemory*>(request.memory.get());
    return lanes::run_tail(*tail.interpreter, std::move(inputs), tail.outputs, memory.results,
                           request);
}

// All is put into the queue at once, but for what the host computes in between. Measured, each step
// is waited for.
Result<void> Lane::run(Request& request, std::span<lanes::StepTime> times) {
    cl_int status = CL_SUCCESS;
    std::string where = "the input";
    for (size_t k = 0; k < program_.input_slots.size() && status == CL_SUCCESS; k++) {
        const InputSlot& slot = program_.input_slots[k];
        if (slot.bytes > 0)
            status =
                cl().clEnqueueWriteBuffer(queue_.get(), arena_.get(), CL_FALSE, slot.offset,
                                          slot.bytes, request.inputs[k].data, 0, nullptr, nullptr);
    }
    for (size_t k = 0; k < program_.steps.size() && status == CL_SUCCESS; k++) {
        where = program_.steps[k].name + " (" + program_.steps[k].kernel + ")";
        const auto before = Clock::now();
        status = start(k);
        if (!times.empty() && status == CL_SUCCESS) {
            status = cl().clFinish(queue_.get());
            times[k].add(Clock::now() - before);
        }
    }
    if (status == CL_SUCCESS)
        status = read_outputs(request);
    const cl_int finished = cl().clFinish(queue_.get());
    if (status != CL_SUCCESS || finished != CL_SUCCESS)
        return device_error("running " + where, status != CL_SUCCESS ? status : finished);
    if (!program_.tail)
        return {};
    const auto before = Clock::now();
    auto done = run_tail(request);
    if (!times.empty())
        times.back().add(Clock::now() - before);
    return done;
}

} // namespace infer::gpu
