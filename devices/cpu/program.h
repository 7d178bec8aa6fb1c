// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/cpu/arena.h"
#include "devices/cpu/kernel.h"
#include "devices/cpu/team.h"
#include "inference/device.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace infer::cpu {

// Where a step finds a value at run time.
struct Location {
    enum Kind { Absent, Arena, Constant, Input, Output } kind = Absent;
    int index = 0;     // of the constant, or of the request's input or output
    size_t offset = 0; // bytes
};

struct Step {
    std::unique_ptr<Kernel> kernel;
    std::string name, op; // of the node
    std::vector<Location> in, out;
};

// A compiled graph. Immutable; shared by all lanes.
struct Program {
    std::vector<Step> steps; // in order
    std::vector<Tensor> constants;
    size_t arena_bytes = 0;
    std::vector<InputFormat> inputs;
    std::vector<OutputFormat> outputs;
    int batch = 1;
};

// Time by step, added up over lanes.
struct StepTime {
    std::atomic<uint64_t> calls{0}, nanoseconds{0};
};

// What one lane needs to run a program: its arena, its scratch memory, its pointers. One request at
// a time; nothing is allocated after make().
class Lane {
public:
    static Result<std::unique_ptr<Lane>> make(const Program& program, int threads);

    // `times`: one entry a step, or empty for no measuring.
    void run(Request& request, std::span<StepTime> times);

private:
    struct Bound {
        std::vector<void*> in, out;
        std::shared_ptr<void> state;
        bool uses_request = false; // pointers into the request change from run to run
    };

    Lane(const Program& program, int threads) : program_(program), team_(threads) {}
    void bind(const Step& step, Bound& bound, const Request* request) const;
    void run_step(size_t k, const Request& request);

    const Program& program_;
    Team team_;
    Arena arena_, scratch_;
    size_t scratch_stride_ = 0; // bytes a thread
    bool has_slices_ = false;
    std::vector<Bound> bound_;
};

} // namespace infer::cpu
