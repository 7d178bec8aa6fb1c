// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace infer {
namespace {

size_t round_up(size_t n, size_t alignment) { return (n + alignment - 1) & ~(alignment - 1); }

bool meet(const MemoryBlock& a, const MemoryBlock& b) {
    return a.first <= b.last && b.first <= a.last;
}

} // namespace

MemoryPlan plan_memory(std::span<const MemoryBlock> blocks, size_t alignment) {
    std::vector<size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return blocks[a].bytes > blocks[b].bytes; });

    MemoryPlan plan;
    plan.offsets.assign(blocks.size(), 0);
    std::vector<size_t> placed; // kept in order of offset
    for (const size_t k : order) {
        const size_t need = round_up(blocks[k].bytes, alignment);
        size_t offset = 0;
        for (const size_t other : placed) {
            if (!meet(blocks[k], blocks[other]))
                continue;
            if (offset + need <= plan.offsets[other])
                break; // fits into the gap before `other`
            offset = std::max(offset, plan.offsets[other] + round_up(blocks[other].bytes, alignment));
        }
        plan.offsets[k] = offset;
        plan.total = std::max(plan.total, offset + need);
        const auto at = std::upper_bound(placed.begin(), placed.end(), offset, [&](size_t o, size_t p) {
            return o < plan.offsets[p];
        });
        placed.insert(at, k);
    }
    return plan;
}

} // namespace infer
