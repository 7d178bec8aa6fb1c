// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A program while it is being made: which kernels run each node and where values lie.
#pragma once

#include "devices/gpu/launch.h"
#include "devices/gpu/program.h"
#include "inference/device.h"

#include <memory>
#include <optional>
#include <vector>

namespace infer::gpu {

// A piece of device memory with a life of its own, or a part of another.
struct Root {
    size_t bytes = 0;
    int base = -1;                                 // the root it is a part of
    size_t offset = 0;                             // bytes into that
    std::optional<Tensor> constant = std::nullopt; // as it is to lie there
    std::optional<Tensor> original = std::nullopt; // what that was made from
    bool on_device = false, on_host = false;       // where its content is, so far
};

// One step as nodes asked for it; places name roots.
struct PlannedStep {
    enum Kind { Kernel, Host, Upload, Download } kind = Kernel;
    std::string name, op; // of the node
    Launch launch = {};   // Kernel
    Node node = {};       // Host: what the plain kernel runs
    std::vector<Place> in = {}, out = {};
    int root = -1; // Upload, Download
    std::optional<Place> part =
        std::nullopt; // a copy of a whole root, from `in[0]`, to here and no more
};

struct PlannedInput {
    int root = -1;
    InputFormat format;
};

// An output of the model: read from its root, on the device or on the host.
struct PlannedOutput {
    Place from;
    bool on_host = false;
    OutputFormat format;
};

struct PlannedTail {
    std::shared_ptr<const Graph> body;
    std::vector<Place> in; // on the host
    std::vector<int> outputs;
};

struct Draft {
    std::vector<Root> roots;
    std::vector<PlannedStep> steps;
    std::optional<PlannedTail> tail;
    std::vector<PlannedInput> inputs;
    std::vector<PlannedOutput> outputs; // those of the tail have no place

    int base_of(int root) const;      // the root whose memory it is
    size_t offset_of(int root) const; // bytes into that
};

struct DraftOptions {
    const Hardware& hardware;
    bool half = false; // f32 values lie on the device in 16 bits
};

// Chooses kernels in node order. A node without a GPU kernel runs on the host by its plain one,
// between a Download of what it reads and an Upload of what others read of it.
Result<Draft> draft_program(const Graph& graph, const DraftOptions& options);

// Lets the parts of a Concat be written where they end up, and drops its copies.
void place_concats(Draft& draft);

// Compiles the kernels, loads the constants and lays all roots into one arena.
Result<std::unique_ptr<Program>> finish_program(Draft draft, std::shared_ptr<Context> context);

} // namespace infer::gpu
