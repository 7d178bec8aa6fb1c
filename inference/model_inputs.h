// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/processing.h"

#include <span>
#include <utility>
#include <vector>

namespace infer {

// Which input of a model takes the picture, and what the others get: each as many numbers as its
// shape has.
struct ModelInputs {
    int picture = 0;
    std::vector<std::pair<int, std::vector<float>>> values;
};

// The picture goes to the only image input without `values` in the config; all others need some.
Result<ModelInputs> choose_inputs(std::span<const InputFormat> inputs, const ModelConfig& config);

} // namespace infer
