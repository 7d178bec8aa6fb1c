// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device_choice.h"
#include "inference/model.h"
#include "inference/tuning.h"
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
    bool uses_tuning = true; // what `tune` found, where nothing else is said
};

template <size_t A, size_t B>
constexpr std::array<OptionDef, A + B> join(const std::array<OptionDef, A>& own,
                                            const std::array<OptionDef, B>& shared) {
    std::array<OptionDef, A + B> all;
    std::copy(own.begin(), own.end(), all.begin());
    std::copy(shared.begin(), shared.end(), all.begin() + A);
    return all;
}

// The options of every subcommand that compiles.
inline constexpr std::array device_options{
    OptionDef{"device", "DEVICE", "CPU, GPU, GPU.1, ... (default CPU)"},
    OptionDef{"precision", "P", "auto, f32, bf16, f16 or int8"},
    OptionDef{"streams", "N", "lanes that work at once (default: the hint decides)"},
    OptionDef{"threads", "N", "threads in all (default: all cores this process may use)"},
    OptionDef{"option", "KEY=VALUE", "an option of the device's own, or of one: CPU.streams=2", true},
};

// And of those that are given one model.
inline constexpr auto compile_options =
    join(std::array{OptionDef{"shape", "[NAME=]1,3,H,W", "replaces the declared shape of an input",
                              true}},
         device_options);

std::string_view name_of(Hint hint);
Result<Job> read_job(const Arguments& arguments, Precision precision);
// The same without the model.
Result<void> read_options(const Arguments& arguments, Precision precision, Job& job);

// The settings it is compiled with: given, tuned, or by rule.
Result<Choice> settings_of(const Job& job);
Result<std::unique_ptr<Executor>> compile(const Job& job);
// A model that is loaded already; optimizes it.
Result<std::unique_ptr<Executor>> compile_graph(Graph& graph, const Job& job);

} // namespace infer::tools
