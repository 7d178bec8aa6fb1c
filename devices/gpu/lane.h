// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/gpu/program.h"

#include <memory>
#include <span>
#include <vector>

namespace infer::gpu {

// Memory that the device reads and writes fastest from the host's side, mapped for good.
class PinnedMemory {
public:
    static Result<std::unique_ptr<PinnedMemory>> make(const Context& context,
                                                      cl_command_queue queue, size_t bytes);
    ~PinnedMemory();
    void* data() const { return data_; }

private:
    PinnedMemory(MemoryHandle buffer, cl_command_queue queue, void* data)
        : buffer_(std::move(buffer)), queue_(queue), data_(data) {}
    MemoryHandle buffer_;
    cl_command_queue queue_; // outlives it
    void* data_;
};

// What Request::memory holds.
struct RequestMemory {
    std::shared_ptr<QueueHandle> queue;
    std::vector<std::unique_ptr<PinnedMemory>> fixed; // inputs and outputs of known size
    std::vector<Tensor> results;                      // of the tail's last run
};

// What runs a program: a queue of the device, an arena, and kernels with their arguments. One
// request at a time; one thread at a time.
class Lane {
public:
    static Result<std::unique_ptr<Lane>> make(const Program& program);

    // `times`: one entry a step and one for the tail, or empty for no measuring.
    Result<void> run(Request& request, std::span<lanes::StepTime> times);

private:
    explicit Lane(const Program& program) : program_(program) {}
    Result<void> make_kernels();
    cl_int set_arguments(cl_kernel kernel, const Step& step) const;
    cl_int start(size_t step);
    cl_int launch(size_t step);
    cl_int run_on_host(const Step& step);
    TensorView view_of(const HostPlace& place);
    cl_int read_outputs(Request& request);
    Result<void> run_tail(Request& request);

    const Program& program_;
    QueueHandle queue_;
    MemoryHandle arena_;
    std::vector<KernelHandle> kernels_; // by step; nothing where it is no kernel
    std::vector<std::vector<std::byte>> mirrors_;
};

} // namespace infer::gpu
