// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/cpu/kernel.h"

#include <memory>
#include <vector>

namespace infer::cpu {

// One kernel of a chain in which each makes an image row by row that the next reads first; others behind
// it may read it as well, the same rows that they make.
struct ChainMember {
    struct Input {
        enum { Absent, OfStep, OfMember } from = Absent;
        int index = 0;
    };
    std::unique_ptr<Kernel> kernel;
    RowUse use; // of its first input
    std::vector<Input> in;
    int64_t height = 0;   // of its output image
    size_t row_bytes = 0; // same
};

// Whether strips of a chain, made without its kernels yet, are high enough to be worth their seams.
bool fits_in_strips(const std::vector<ChainMember>& chain);

// Runs the chain a strip of rows at a time, so that what one kernel makes is still in the cache when the
// next reads it. Rows that the next strip needs again are kept.
std::unique_ptr<Kernel> make_strip_kernel(std::vector<ChainMember> chain, int64_t batch, int threads);

} // namespace infer::cpu
