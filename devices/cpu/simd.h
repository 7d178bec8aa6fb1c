// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace infer::cpu {

// The vector instructions our own kernels use on this machine, e.g. "AVX3" (AVX-512), "AVX2".
std::string instruction_set();

// All they can use here, best first.
std::vector<std::string> instruction_sets();

// For tests: makes kernels that are compiled from now on use that set; "" is the best again. Programs
// compiled before must not run any more: their weights lie in the order of another set.
void use_instruction_set(const std::string& name);

} // namespace infer::cpu
