// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/program.h"

#include <chrono>

namespace infer::cpu {
namespace {

// Kernels may read one vector past the end of what they own.
constexpr size_t slack = 256;

using Clock = std::chrono::steady_clock;

} // namespace

Result<std::unique_ptr<Lane>> Lane::make(const Program& program, int threads, const std::vector<int>& processors) {
    std::unique_ptr<Lane> lane(new Lane(program, threads, processors));
    size_t scratch = 0;
    for (const Step& step : program.steps)
        scratch = std::max(scratch, step.kernel->scratch_bytes());
    lane->scratch_stride_ = (scratch + slack + 4095) / 4096 * 4096;
    lane->arena_ = Arena(program.arena_bytes + slack);
    lane->scratch_ = Arena(lane->scratch_stride_ * size_t(threads));
    if (!lane->arena_.data() || !lane->scratch_.data())
        return Error{Error::Device, "CPU",
                     "no memory for a lane (" + std::to_string(program.arena_bytes >> 20) +
                         " MiB): use fewer streams or a smaller batch-size"};
    lane->bound_.resize(program.steps.size());
    for (const Step& step : program.steps)
        lane->has_slices_ |= step.kernel->slices() > 1;
    for (size_t k = 0; k < program.steps.size(); k++) {
        const Step& step = program.steps[k];
        Bound& bound = lane->bound_[k];
        bound.in.resize(step.in.size());
        bound.out.resize(step.out.size());
        bound.state = step.kernel->make_state();
        for (const auto* side : {&step.in, &step.out})
            for (const Location& at : *side)
                bound.uses_request |= at.kind == Location::Input || at.kind == Location::Output;
        lane->bind(step, bound, nullptr);
    }
    return lane;
}

void* Lane::address_of(const Location& at, const Request* request) const {
    const auto in = [&](const void* base) {
        return const_cast<std::byte*>(static_cast<const std::byte*>(base)) + at.offset;
    };
    switch (at.kind) {
    case Location::Arena: return arena_.data() + at.offset;
    case Location::Constant: return in(program_.constants[size_t(at.index)].view().data);
    case Location::Input: return request ? in(request->inputs[size_t(at.index)].data) : nullptr;
    case Location::Output: return request ? in(request->outputs[size_t(at.index)].data) : nullptr;
    case Location::Absent: break;
    }
    return nullptr;
}

void Lane::bind(const Step& step, Bound& bound, const Request* request) const {
    for (size_t k = 0; k < step.in.size(); k++)
        bound.in[k] = address_of(step.in[k], request);
    for (size_t k = 0; k < step.out.size(); k++)
        bound.out[k] = address_of(step.out[k], request);
}

void Lane::run_step(size_t k, const Request& request) {
    const Step& step = program_.steps[k];
    Bound& bound = bound_[k];
    if (bound.uses_request)
        bind(step, bound, &request);
    team_.run(step.kernel->slices(), [&](int slice, int thread) {
        const Call call{bound.in.data(), bound.out.data(),
                        scratch_.data() + scratch_stride_ * size_t(thread), bound.state.get()};
        step.kernel->run(call, slice);
    });
}

void Lane::run_steps(const Request& request, std::span<lanes::StepTime> times) {
    if (times.empty()) {
        for (size_t k = 0; k < program_.steps.size(); k++)
            run_step(k, request);
        return;
    }
    auto before = Clock::now();
    for (size_t k = 0; k < program_.steps.size(); k++) {
        run_step(k, request);
        const auto now = Clock::now();
        times[k].add(now - before);
        before = now;
    }
}

Result<void> Lane::run_tail(Request& request) const {
    const TailStep& tail = *program_.tail;
    std::vector<Tensor> inputs;
    for (size_t k = 0; k < tail.in.size(); k++) {
        TensorView view = tail.formats[k];
        view.data = address_of(tail.in[k], &request);
        inputs.push_back(Tensor::borrow(std::move(view)));
    }
    auto& memory = *static_cast<RequestMemory*>(request.memory.get());
    return lanes::run_tail(*tail.interpreter, std::move(inputs), tail.outputs, memory.results,
                           request);
}

Result<void> Lane::run(Request& request, int threads, std::span<lanes::StepTime> times) {
    team_.work(threads, [&] { run_steps(request, times); });
    if (!program_.tail)
        return {};
    const auto before = Clock::now();
    auto done = run_tail(request);
    if (!times.empty())
        times.back().add(Clock::now() - before);
    return done;
}

} // namespace infer::cpu
