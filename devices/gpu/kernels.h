// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace infer::gpu {

// Numbers of 32 bits that kernels may read, and not use, before and behind every value.
constexpr int slack = 1024;

// The text of kernels/<name>.cl, which must be there.
std::string_view kernel_source(std::string_view name);

// A whole program: the text with all that kernels/common.cl gives.
std::string program_source(std::string_view text);

} // namespace infer::gpu
