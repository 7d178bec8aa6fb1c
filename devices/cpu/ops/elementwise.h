// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/lowering/micro_ops.h"

#include <cstdint>

namespace infer::cpu {

using lowering::MicroOp;

// rows x n elements; a, b and out are at the first of them.
struct MicroBlock {
    int64_t rows = 0, n = 0;
    const float* a = nullptr;
    int64_t a_row = 0; // elements from a row to the next
    const float* b = nullptr;
    int64_t b_row = 0;
    bool b_is_vector = false; // else one number a row
    float* out = nullptr;
    int64_t out_row = 0;
};

} // namespace infer::cpu
