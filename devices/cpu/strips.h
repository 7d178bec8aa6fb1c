// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/cpu/kernel.h"

#include <memory>
#include <vector>

namespace infer::cpu {

// One kernel of a chain in which each makes the image that the next reads first.
struct ChainMember {
    static constexpr int previous = -2, absent = -1;

    std::unique_ptr<Kernel> kernel;
    RowUse use;           // of its first input; not of the first member's
    std::vector<int> in;  // of the step's inputs, or one of the above
    int64_t height = 0;   // of its output image
    size_t row_bytes = 0; // same
};

// The bytes of images that a chain keeps between its kernels while it makes `rows` rows.
size_t strip_bytes(const std::vector<ChainMember>& chain, int64_t rows);

// Runs the chain a strip of rows at a time, so that what one kernel makes is still in the cache when the
// next reads it. Rows that the next strip needs again are kept.
std::unique_ptr<Kernel> make_strip_kernel(std::vector<ChainMember> chain, int64_t batch, int threads);

} // namespace infer::cpu
