// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace infer::cpu {

// For how many pause_cpu() a thread looks for work before it gives its core away: some 10 us, about
// what waking a sleeping thread costs.
constexpr int short_spin = 500;

inline void pause_cpu() {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

} // namespace infer::cpu
