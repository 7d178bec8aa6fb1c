// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The GPU device: any OpenCL 1.2 device, with kernels of our own.
#include "devices/gpu/draft.h"
#include "devices/gpu/executor.h"
#include "inference/lowering/fuse.h"
#include "inference/lowering/lower.h"

#include <algorithm>

namespace infer::gpu {
namespace {

Result<std::vector<std::string>> devices() {
    const auto& all = all_hardware();
    if (!all.ok())
        return all.error();
    std::vector<std::string> names;
    for (const Hardware& h : all.value())
        names.push_back(h.handle);
    return names;
}

Result<void> check(std::string_view device) {
    const auto found = find_hardware(device);
    return found.ok() ? Result<void>() : found.error();
}

int rank(std::string_view device) {
    const auto found = find_hardware(device);
    constexpr int better_than_the_cpu = 200,
                  beside_it = 150; // memory of its own, or the processor's
    if (!found.ok() || found.value()->is_processor)
        return 0;
    return found.value()->shares_memory ? beside_it : better_than_the_cpu;
}

// Whether values are to lie in 16 bits.
Result<bool> wants_half(Precision precision, const Hardware& hardware) {
    switch (precision) {
    case Precision::Auto:
        return hardware.has_fp16 && !hardware.is_processor;
    case Precision::F32:
        return false;
    case Precision::F16:
        return true; // OpenCL 1.2 converts everywhere; calculated is in 32 bits
    case Precision::BF16:
        return Error{Error::Unsupported, "precision",
                     "the GPU device has no bf16: use precision=auto, f16 or f32"};
    case Precision::Int8:
        return Error{Error::Unsupported, "precision",
                     "the GPU device does not calculate in int8: use precision=auto, f16 or f32"};
    }
    return false;
}

Result<void> check_extra(const std::map<std::string, std::string>& extra) {
    for (const auto& [key, value] : extra)
        if (key != "profile")
            return Error{Error::BadConfig, "device-options",
                         "GPU has no option '" + key + "'; it has profile (0, 1)"};
    return {};
}

std::map<std::string, std::string> words_of(const Program& program, bool half, int lanes) {
    const Hardware& h = program.context->hardware();
    const auto counted = [&](Step::Kind kind) {
        return std::to_string(std::ranges::count(program.steps, kind, &Step::kind));
    };
    std::string on_cpu;
    for (const Step& step : program.steps)
        if (step.kind == Step::Host)
            on_cpu += (on_cpu.empty() ? "" : ", ") + step.op + " (" + step.name + ")";
    std::map<std::string, std::string> words{
        {"device", h.handle},
        {"name", h.name},
        {"vendor", h.vendor},
        {"driver", h.platform_name + " " + h.driver},
        {"memory_mib", std::to_string(h.memory_bytes >> 20)},
        {"compute_units", std::to_string(h.units)},
        {"fp16", h.has_fp16 ? "yes" : "no"},
        {"sub_groups", h.has_sub_groups ? "yes" : "no"},
        {"precision", half ? "f16" : "f32"},
        {"lanes", std::to_string(lanes)},
        {"kernels", counted(Step::Kernel)},
        {"steps_on_cpu", counted(Step::Host)},
        {"kernels_compiled", std::to_string(program.context->compiled())},
        {"activations_kib", std::to_string(program.arena_bytes >> 10)},
        {"weights_kib", std::to_string(program.constant_bytes >> 10)},
    };
    if (!on_cpu.empty())
        words["on_cpu"] = on_cpu;
    return words;
}

Result<std::unique_ptr<Executor>> compile(const Graph& graph, const CompileOptions& options) {
    const auto hardware = find_hardware(options.device);
    if (!hardware.ok())
        return hardware.error();
    const auto half = wants_half(options.precision, *hardware.value());
    if (!half.ok())
        return half.error();
    if (auto known = check_extra(options.extra); !known.ok())
        return known.error();
    auto context = Context::of(*hardware.value());
    if (!context.ok())
        return context.error();
    Graph fused = graph; // constants are shared, not copied
    lowering::lower(fused);
    lowering::fuse(fused);
    auto draft = draft_program(fused, {.hardware = *hardware.value(), .half = half.value()});
    if (!draft.ok())
        return draft.error();
    place_concats(draft.value());
    auto program = finish_program(std::move(draft.value()), context.value());
    if (!program.ok())
        return program.error();
    program.value()->batch =
        options.batch > 0 ? options.batch : lanes::rows_of(program.value()->inputs);
    const int lanes = options.streams > 0 ? options.streams : options.hint == Hint::Latency ? 1 : 2;
    auto words = words_of(*program.value(), half.value(), lanes);
    return GpuExecutor::make(std::move(program.value()), lanes,
                             lanes::asks_for_times(options.extra), std::move(words));
}

// A GPU wants work for all its units at once; on a processor batches bring nothing.
int preferred_batch(std::string_view device, Hint hint) {
    const auto found = find_hardware(device);
    constexpr int rows = 8;
    return hint == Hint::Throughput && found.ok() && !found.value()->is_processor ? rows : 1;
}

} // namespace
} // namespace infer::gpu

namespace infer {

extern const DeviceDef device_gpu;
const DeviceDef device_gpu = {.name = "GPU",
                              .devices = gpu::devices,
                              .compile = gpu::compile,
                              .preferred_batch = gpu::preferred_batch,
                              .check = gpu::check,
                              .rank = gpu::rank};

} // namespace infer
