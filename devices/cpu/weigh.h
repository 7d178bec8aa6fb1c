// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace infer::cpu {

// One place that is read: elements from the start of its row, column or image, and its weight.
struct Read {
    int64_t at = 0;
    float weight = 0;
};

// to[k] = the weighted sum of from[read.at + k], k in [0, n): n channels that lie side by side.
void weigh(const float* from, const Read* reads, int64_t count, float* to, int64_t n);

} // namespace infer::cpu
