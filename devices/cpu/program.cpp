// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/program.h"

#include <chrono>

namespace infer::cpu {
namespace {

// Kernels may read one vector past the end of what they own.
constexpr size_t slack = 256;

} // namespace

Result<std::unique_ptr<Lane>> Lane::make(const Program& program, int threads) {
    std::unique_ptr<Lane> lane(new Lane(program, threads));
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

void Lane::bind(const Step& step, Bound& bound, const Request* request) const {
    const auto resolve = [&](const Location& at) -> void* {
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
    };
    for (size_t k = 0; k < step.in.size(); k++)
        bound.in[k] = resolve(step.in[k]);
    for (size_t k = 0; k < step.out.size(); k++)
        bound.out[k] = resolve(step.out[k]);
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

void Lane::run(Request& request, std::span<StepTime> times) {
    using Clock = std::chrono::steady_clock;
    const auto all = [&] {
        if (times.empty()) {
            for (size_t k = 0; k < program_.steps.size(); k++)
                run_step(k, request);
            return;
        }
        auto before = Clock::now();
        for (size_t k = 0; k < program_.steps.size(); k++) {
            run_step(k, request);
            const auto now = Clock::now();
            times[k].calls++;
            times[k].nanoseconds += uint64_t(std::chrono::nanoseconds(now - before).count());
            before = now;
        }
    };
    if (has_slices_)
        team_.work(all);
    else
        all(); // nothing to share: leave the workers asleep
}

} // namespace infer::cpu
