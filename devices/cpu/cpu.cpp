// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The CPU device: oneDNN and kernels of our own, lanes of our own threads, slices over oneTBB.
#include "devices/cpu/cores.h"
#include "devices/cpu/draft.h"
#include "devices/cpu/executor.h"
#include "devices/cpu/lower_recurrent.h"
#include "devices/cpu/onednn.h"
#include "devices/cpu/simd.h"
#include "inference/lowering/fuse.h"
#include "inference/lowering/lower.h"
#include "inference/quantized.h"

#include <omp.h>

#include <algorithm>

namespace infer::cpu {
namespace {

// One OpenMP thread while primitives are made here; the caller's own count comes back after.
class OneOmpThread {
public:
    OneOmpThread() { omp_set_num_threads(1); }
    ~OneOmpThread() { omp_set_num_threads(before_); }

private:
    int before_ = omp_get_max_threads();
};

struct Shares {
    int lanes = 1, threads = 1; // threads: of one lane
};

Shares share(const CompileOptions& options) {
    const bool latency = options.hint == Hint::Latency;
    const int own = latency ? std::min(usable_cores(), std::max(1, int(core_map().near.size()))) : usable_cores();
    const int threads = options.threads > 0 ? options.threads : own;
    const int wanted = latency ? 1 : threads;
    const int lanes = options.streams > 0 ? options.streams : wanted;
    return {lanes, std::max(1, threads / lanes)};
}

Result<std::vector<std::string>> devices() { return std::vector<std::string>{"CPU"}; }

// bf16 by itself only where there are matrix units for it: without, it is slower than f32.
Result<bool> wants_bf16(Precision precision) {
    switch (precision) {
    case Precision::Auto: return onednn::has_amx();
    case Precision::F32: return false;
    case Precision::BF16:
        if (onednn::has_bf16())
            return true;
        return Error{Error::Unsupported, "precision",
                     "bf16 needs a processor with AVX-512 BF16 or AMX, which " + processor_name() +
                         " has not: use precision=auto or precision=f32"};
    case Precision::F16:
        return Error{Error::Unsupported, "precision",
                     "the CPU device does not calculate in f16: use precision=auto or precision=f32"};
    case Precision::Int8: break; // what is not quantised stays as it is
    }
    return false;
}

// Lets what is quantised in the model run on bytes, where `precision` and the processor allow; whether it did.
Result<bool> use_bytes(Graph& graph, Precision precision, std::map<std::string, std::string>& words) {
    const bool demanded = precision == Precision::Int8;
    if (!demanded && (precision != Precision::Auto || !onednn::has_vnni()))
        return false;
    if (!onednn::has_vnni())
        return Error{Error::Unsupported, "precision",
                     "int8 needs a processor with VNNI instructions, which " + processor_name() +
                         " has not: use precision=auto or precision=f32"};
    const ByteWork work = run_in_bytes(graph);
    if (work.in_bytes == 0)
        return demanded ? Result<bool>(Error{Error::Unsupported, "precision",
                                             "int8 needs a quantised model (QuantizeLinear, DequantizeLinear or FakeQuantize around "
                                             "its convolutions), which this one is not: use precision=auto or precision=f32"})
                        : Result<bool>(false);
    words["int8_share"] = work.share_text();
    if (!work.in_float.empty())
        words["in_float"] = work.float_layers();
    return true;
}

// Options of this device alone (device-options).
Result<void> check_extra(const std::map<std::string, std::string>& extra) {
    for (const auto& [key, value] : extra) {
        if (key == "profile")
            continue;
        if (key != "kernels")
            return Error{Error::BadConfig, "device-options",
                         "CPU has no option '" + key + "'; it has profile (0, 1) and kernels (own, onednn)"};
        if (value != "own" && value != "onednn")
            return Error{Error::BadConfig, "device-options", "kernels is '" + value + "'; it may be own or onednn"};
    }
    return {};
}

bool is_set(const std::map<std::string, std::string>& extra, const char* key, const char* value) {
    const auto at = extra.find(key);
    return at != extra.end() && at->second == value;
}

Result<std::unique_ptr<Executor>> compile(const Graph& graph, const CompileOptions& options) {
    const OneOmpThread one_thread;
    const auto bf16 = wants_bf16(options.precision);
    if (!bf16.ok())
        return bf16.error();
    if (auto known = check_extra(options.extra); !known.ok())
        return known.error();
    const Shares shares = share(options);
    const DraftOptions draft_options{.threads = shares.threads, .bf16 = bf16.value(),
                                     .prefers_onednn = is_set(options.extra, "kernels", "onednn")};
    Graph fused = graph; // constants are shared, not copied
    std::map<std::string, std::string> words;
    const auto in_bytes = use_bytes(fused, options.precision, words);
    if (!in_bytes.ok())
        return in_bytes.error();
    lowering::lower(fused, lower_recurrent);
    lowering::fuse(fused);
    auto draft = draft_program(fused, draft_options);
    if (!draft.ok())
        return draft.error();
    place_concats(draft.value());
    if (draft_options.bf16)
        keep_in_bf16(draft.value());
    chain_steps(draft.value());
    auto program = finish_program(std::move(draft.value()), draft_options);
    if (!program.ok())
        return program.error();
    Program& p = *program.value();
    p.batch = options.batch > 0 ? options.batch : lanes::rows_of(p.inputs);
    words.insert({
        {"device", "CPU"},
        {"processor", processor_name()},
        {"instructions", instruction_set()},
        {"precision", in_bytes.value() ? "int8" : bf16.value() ? "bf16" : "f32"},
        {"lanes", std::to_string(shares.lanes)},
        {"threads", std::to_string(shares.lanes * shares.threads)},
        {"steps", std::to_string(p.steps.size())},
        {"activations_kib", std::to_string(p.arena_bytes >> 10)},
    });
    const bool measured = lanes::asks_for_times(options.extra);
    return CpuExecutor::make(std::move(program.value()), shares.lanes, shares.threads, measured,
                             std::move(words));
}

int preferred_batch(std::string_view, Hint) { return 1; } // measured: batching brings nothing here, lanes do

} // namespace
} // namespace infer::cpu

namespace infer {

extern const DeviceDef device_cpu;
const DeviceDef device_cpu = {.name = "CPU",
                              .devices = cpu::devices,
                              .compile = cpu::compile,
                              .preferred_batch = cpu::preferred_batch,
                              .rank = [](std::string_view) { return 100; }};

} // namespace infer
