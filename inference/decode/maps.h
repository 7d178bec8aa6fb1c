// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What families share whose outputs are maps: a number for each place of the picture.

#include "inference/decode/outputs.h"

#include <optional>

namespace infer {

struct MapForm {
    int64_t channels = 0, height = 0, width = 0;
    bool channels_last = false; // [H, W, C] instead of [C, H, W]

    int64_t cells() const { return height * width; }
};

// The form of [C, H, W], [H, W, C], or [H, W] (one channel). Where both orders would do, the one
// whose height and width are in proportion to the input's, then the one with fewer channels.
// nullopt: no map.
std::optional<MapForm> map_form(const Slot& slot, int input_width, int input_height);

// How many pixels of the input a cell covers, if the map covers all of it and the number is whole:
// the sizes match rounded up or down. 0: not so.
int map_stride(const MapForm& form, int input_width, int input_height);

} // namespace infer
