// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace infer {

// A piece of memory that is needed from step `first` to step `last`, both included.
struct MemoryBlock {
    size_t bytes = 0;
    int first = 0, last = 0;
};

struct MemoryPlan {
    std::vector<size_t> offsets; // bytes, one a block
    size_t total = 0;            // bytes of the arena
};

// Packs the blocks into one arena so that blocks alive at the same step never overlap. Greedy by
// size, largest first, each at the lowest free offset. `alignment` is a power of two.
MemoryPlan plan_memory(std::span<const MemoryBlock> blocks, size_t alignment = 64);

} // namespace infer
