// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/preprocess.h"
#include "inference/preprocess/kernels.h"

#include <vector>

namespace infer::preprocess {

extern const Kernels plain_kernels;
std::vector<const Kernels*> vector_kernels(); // those this machine can run, fastest first

// Preprocessor::make at a level of one's choice, for tests and benchmarks.
Result<std::unique_ptr<Preprocessor>> make_with(const Kernels& kernels, const PreprocessSpec& spec,
                                                const InputFormat& input);

} // namespace infer::preprocess
