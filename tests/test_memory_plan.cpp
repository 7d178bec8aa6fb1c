// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

using namespace infer;

namespace {

bool overlap(const MemoryPlan& p, std::span<const MemoryBlock> b, size_t i, size_t j) {
    return p.offsets[i] < p.offsets[j] + b[j].bytes && p.offsets[j] < p.offsets[i] + b[i].bytes;
}

TEST(MemoryPlan, blocks_alive_together_never_overlap) {
    std::mt19937 rng(7);
    for (int round = 0; round < 50; round++) {
        std::vector<MemoryBlock> blocks(1 + rng() % 40);
        for (MemoryBlock& b : blocks) {
            const int first = int(rng() % 30);
            b = {1 + rng() % 5000, first, first + int(rng() % 8)};
        }
        const MemoryPlan plan = plan_memory(blocks);
        for (size_t i = 0; i < blocks.size(); i++) {
            EXPECT_EQ(plan.offsets[i] % 64, 0u);
            EXPECT_LE(plan.offsets[i] + blocks[i].bytes, plan.total);
            for (size_t j = 0; j < i; j++)
                if (blocks[i].first <= blocks[j].last && blocks[j].first <= blocks[i].last) {
                    EXPECT_FALSE(overlap(plan, blocks, i, j));
                }
        }
    }
}

TEST(MemoryPlan, a_chain_of_layers_needs_two_buffers) {
    std::vector<MemoryBlock> chain;
    for (int i = 0; i < 20; i++)
        chain.push_back({4096, i, i + 1});
    EXPECT_EQ(plan_memory(chain).total, 2u * 4096);
}

TEST(MemoryPlan, nothing_needs_nothing) { EXPECT_EQ(plan_memory({}).total, 0u); }

} // namespace
