// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/multi/core.h"
#include "inference/device_choice.h"

namespace infer::multi {

// This build's devices.
inline constexpr DeviceTable devices{find_device, all_devices};

// What device-options say of MULTI and AUTO themselves.
Result<Core::Terms> read_terms(const CompileOptions& options, Policy policy);

// Compiles for one device with its own options, and runs it on zeros; blocks for both. A run that
// does not come back in 30 s is an error.
Result<Candidate> prepare(const std::string& device, const Graph& graph,
                          const CompileOptions& options);

// The first whose inputs keep all that the others' do: whose requests users fill. Of those with an
// executor.
size_t home_of(std::span<const Candidate> candidates);

} // namespace infer::multi
