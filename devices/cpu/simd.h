// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace infer::cpu {

// The vector instructions our own kernels use on this machine, e.g. "AVX3" (AVX-512), "AVX2".
std::string instruction_set();

} // namespace infer::cpu
