// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/processing.h"

#include <span>
#include <vector>

namespace infer {

// What `config` says of the model's outputs; an Error for one that the model does not have. The
// name "" stands for the only output.
Result<std::vector<OutputSpec>> choose_outputs(std::span<const OutputFormat> outputs,
                                               const ModelConfig& config);

} // namespace infer
