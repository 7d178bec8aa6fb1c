// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A program while it is being made: which kernel runs each node, in which memory layouts, and which
// values share memory.
#pragma once

#include "devices/cpu/kernel.h"
#include "devices/cpu/program.h"
#include "devices/cpu/strips.h"

#include <array>
#include <optional>
#include <vector>

namespace infer::cpu {

// One value in one layout, with memory of its own or a view of another buffer's.
struct Buffer {
    ElementType type = ElementType::F32;
    Shape shape; // logical
    Layout layout = Layout::Plain;
    int64_t pixel_stride = 0; // as in Operand
    int base = -1;            // the buffer it is a view of, and where in it, in bytes
    size_t offset = 0;
    std::optional<Tensor> constant = std::nullopt;
    int input = -1, output = -1; // of the request

    size_t bytes() const; // dense
};

struct PlannedStep {
    const KernelDef* def = nullptr;
    Wish wish;
    Node node;                // what the kernel is to do; its value ids mean nothing here
    std::vector<int> in, out; // buffers; -1: absent
    // Not empty: the step is these, each reading first what the one before it makes (strips.h).
    std::vector<PlannedStep> chain = {};
};

// The part that depends on the data in size; `in` are dense plain buffers.
struct PlannedTail {
    std::shared_ptr<const Graph> body;
    std::vector<int> in;
    std::vector<int> outputs; // of the request
};

struct Draft {
    std::vector<Buffer> buffers;
    std::vector<PlannedStep> steps;
    std::optional<PlannedTail> tail; // after all steps
    std::vector<InputFormat> inputs;
    std::vector<OutputFormat> outputs;

    int root(int buffer) const;          // the buffer whose memory it is
    size_t offset_in_root(int buffer) const; // bytes
    Operand operand(int buffer) const;   // -1 gives one that is not present
};

struct DraftOptions {
    int threads = 1;
    bool bf16 = false;
    bool prefers_onednn = false;
};

// Chooses kernels and layouts in node order; inserts a Reorder only where a kernel wants a value in
// another layout than it has, once a value.
Result<Draft> draft_program(const Graph& graph, const DraftOptions& options);

// Lets the parts of a Concat be written straight into its output where kernels can, and drops the
// Concat steps that have nothing left to copy.
void place_concats(Draft& draft);

// Keeps in bf16 what every kernel that touches it can have so (Wish::takes_bf16, gives_bf16).
void keep_in_bf16(Draft& draft);

// Joins steps that pass large images on row by row.
void chain_steps(Draft& draft);

// What a step with a chain is made of, without the kernels.
std::vector<ChainMember> chain_members(const Draft& draft, const PlannedStep& step);

// Makes the kernels and lays all buffers into one arena.
Result<std::unique_ptr<Program>> finish_program(Draft draft, const DraftOptions& options);

} // namespace infer::cpu
