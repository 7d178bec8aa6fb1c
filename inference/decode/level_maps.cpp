// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/level_maps.h"

namespace infer {

std::optional<LevelMaps> level_maps(std::span<const Slot> slots, size_t each, int input_width,
                                    int input_height) {
    const int levels = int(slots.size() / each);
    if (slots.size() % each != 0 || levels < 3 || levels > 5)
        return std::nullopt;
    LevelMaps maps{pyramid(levels, input_width, input_height), {}};
    for (const Grid& grid : maps.pyramid.grids()) {
        std::vector<size_t> found;
        for (size_t i = 0; i < slots.size(); i++) {
            const auto d = slots[i].dims;
            if (d.size() == 3 && d[0] >= 1 && d[1] == grid.height && d[2] == grid.width)
                found.push_back(i);
        }
        if (found.size() != each)
            return std::nullopt;
        maps.outputs.push_back(std::move(found));
    }
    return maps;
}

} // namespace infer
