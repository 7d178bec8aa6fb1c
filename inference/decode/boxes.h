// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/decoder.h"

#include <vector>

namespace infer {

// Adds a detection given by two corners, unless a number is not finite or the corners are swapped.
// Returns it, or nullptr.
Detection* add_box(std::vector<Detection>& to, float left, float top, float right, float bottom,
                   float score, int label);

// The best `max` in order of falling score; equal scores in the order given. No suppression.
void keep_best(std::vector<Detection>& detections, int max);

} // namespace infer
