// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Maps of a feature pyramid: for each stride several outputs [1, channels, height, width].

#include "inference/decode/outputs.h"

namespace infer {

// The outputs of each level, in the order the model has them; empty unless every output is a map of
// a level of one of the usual pyramids and each level has `each` of them.
struct LevelMaps {
    Pyramid pyramid;
    std::vector<std::vector<size_t>> outputs; // by level
};
std::optional<LevelMaps> level_maps(std::span<const Slot> slots, size_t each, int input_width,
                                    int input_height);

} // namespace infer
