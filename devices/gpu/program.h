// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/gpu/context.h"
#include "devices/lanes/lanes.h"
#include "inference/device.h"
#include "inference/interpreter.h"
#include "inference/op.h"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace infer::gpu {

// A pointer into the arena or the constants: a kernel gets the buffer and the offset.
struct DevicePointer {
    bool is_constant = false;
    int32_t offset = 0; // elements
};

// A tensor on the host's side: a constant, or in a mirror of a piece of device memory.
struct HostPlace {
    ElementType type = ElementType::F32;
    Shape shape = {};
    int mirror = -1;
    size_t offset = 0;              // bytes into it
    const void* constant = nullptr; // a constant's memory, which the program holds
    bool present = true;
};

struct Step {
    enum Kind { Kernel, Host, Upload, Download } kind = Kernel;
    std::string name, op, kernel; // of the node; the function that runs it
    // Kernel
    cl_program program = nullptr; // the context's
    std::array<size_t, 3> size{}, group{};
    std::vector<std::variant<DevicePointer, int32_t, float>> arguments = {};
    // Host
    Node node = {};
    const OpDef* definition = nullptr;
    std::vector<HostPlace> in = {}, out = {};
    // Upload, Download: a mirror, and where it lies in the arena
    int mirror = -1;
    size_t offset = 0, bytes = 0;
};

struct InputSlot {
    size_t offset = 0, bytes = 0; // in the arena
};

// Read back from the arena, or copied on the host.
struct OutputSlot {
    bool on_host = false, is_of_tail = false;
    size_t offset = 0, bytes = 0; // in the arena
    HostPlace from = {};
};

struct TailStep {
    std::shared_ptr<const Interpreter> interpreter;
    std::vector<HostPlace> in;
    std::vector<int> outputs; // of the request, in the interpreter's order
};

// A model compiled for one device. Immutable; shared by all lanes.
struct Program {
    std::shared_ptr<Context> context;
    std::vector<Step> steps;
    std::optional<TailStep> tail; // after them, on the host
    MemoryHandle constants;
    std::vector<Tensor> host_constants; // kept for the steps on the host
    size_t constant_bytes = 0, arena_bytes = 0;
    std::vector<size_t> mirrors; // bytes of each
    std::vector<InputFormat> inputs;
    std::vector<OutputFormat> outputs;
    std::vector<InputSlot> input_slots;
    std::vector<OutputSlot> output_slots;
    int batch = 1;
};

} // namespace infer::gpu
