// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session/parts.h"

namespace infer {

// The picture by a Preprocessor for each input that takes it, made anew when the processing asks
// for another; the other inputs get the values the model-config has for them.
Fill preprocessing_fill(std::span<const InputFormat> inputs);

// Writes constant values to an input, in its element type; one value fills it all.
Result<void> write_values(std::span<const float> values, const InputFormat& input,
                          const TensorView& to);

} // namespace infer
