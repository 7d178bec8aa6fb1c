// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/cpu/arena.h"
#include "devices/cpu/kernel.h"
#include "devices/cpu/team.h"
#include "devices/lanes/lanes.h"
#include "inference/device.h"
#include "inference/interpreter.h"

#include <memory>
#include <optional>
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

// What comes last and depends on the data in size (inference/tail.h).
struct TailStep {
    std::shared_ptr<const Interpreter> interpreter;
    std::vector<Location> in;
    std::vector<TensorView> formats; // of `in`, without memory
    std::vector<int> outputs;        // of the request, in the interpreter's order
};

// What Request::memory holds.
struct RequestMemory {
    std::vector<Tensor> fixed;   // inputs and outputs of known size
    std::vector<Tensor> results; // of the tail's last run
};

// A compiled graph. Immutable; shared by all lanes.
struct Program {
    std::vector<Step> steps;      // in order
    std::optional<TailStep> tail; // after them
    std::vector<Tensor> constants;
    size_t arena_bytes = 0;
    std::vector<InputFormat> inputs;
    std::vector<OutputFormat> outputs;
    int batch = 1;
};

// What one lane needs to run a program: its arena, its scratch memory, its pointers. One request at
// a time; nothing is allocated after make().
class Lane {
public:
    // `processors`: what its threads stay on; empty: any. The lane's own thread is its caller's.
    static Result<std::unique_ptr<Lane>> make(const Program& program, int threads, const std::vector<int>& processors);

    const std::vector<int>& processors() const { return processors_; }
    // Threads that a run can use.
    int threads() const { return has_slices_ ? team_.threads() : 1; }
    // On at most `threads` of them. `times`: one entry a step and one for the tail, or empty for no
    // measuring. Only a tail fails.
    Result<void> run(Request& request, int threads, std::span<lanes::StepTime> times);

private:
    struct Bound {
        std::vector<void*> in, out;
        std::shared_ptr<void> state;
        bool uses_request = false; // pointers into the request change from run to run
    };

    Lane(const Program& program, int threads, const std::vector<int>& processors)
        : program_(program), team_(threads, processors), processors_(processors) {}
    void* address_of(const Location& at, const Request* request) const;
    void bind(const Step& step, Bound& bound, const Request* request) const;
    void run_step(size_t k, const Request& request);
    void run_steps(const Request& request, std::span<lanes::StepTime> times);
    Result<void> run_tail(Request& request) const;

    const Program& program_;
    Team team_;
    const std::vector<int> processors_;
    Arena arena_, scratch_;
    size_t scratch_stride_ = 0; // bytes a thread
    bool has_slices_ = false;
    std::vector<Bound> bound_;
};

} // namespace infer::cpu
