// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"
#include "inference/model.h"
#include "tools/arguments.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

namespace infer::tools {

// What `run` and `benchmark` compile, as the options say.
struct Job {
    std::string model;
    std::string device = "CPU"; // as users write it: CPU, GPU.1, MULTI:GPU,CPU
    CompileOptions options;
    std::map<std::string, Shape> shapes;
};

// The options of every subcommand that compiles.
inline constexpr OptionDef compile_options[] = {
    {"device", "DEVICE", "CPU, GPU, GPU.1, ... (default CPU)"},
    {"precision", "P", "auto, f32, bf16, f16 or int8"},
    {"shape", "[NAME=]1,3,H,W", "replaces the declared shape of an input", true},
    {"streams", "N", "lanes that work at once (default: the hint decides)"},
    {"threads", "N", "threads in all (default: all cores this process may use)"},
    {"option", "KEY=VALUE", "an option of the device's own", true},
};

template <size_t A, size_t B>
constexpr std::array<OptionDef, A + B> join(const OptionDef (&own)[A],
                                            const OptionDef (&shared)[B]) {
    std::array<OptionDef, A + B> all;
    std::copy(own, own + A, all.begin());
    std::copy(shared, shared + B, all.begin() + A);
    return all;
}

// The device if it is in this build and there is one. Names as users write them start with the
// DeviceDef's: "GPU.1", "MULTI:GPU,CPU".
Result<const DeviceDef*> device_of(const std::string& name);

std::string_view name_of(Hint hint);
Result<Job> read_job(const Arguments& arguments, Precision precision);
Result<std::unique_ptr<Executor>> compile(const Job& job);

} // namespace infer::tools
