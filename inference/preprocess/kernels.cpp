// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/preprocess/kernels.h"

#include "inference/preprocess/levels.h"

#include <cstdlib>

namespace infer::preprocess {

std::span<const Kernels* const> all_kernels() {
    static const std::vector<const Kernels*> all = [] {
        std::vector<const Kernels*> list = vector_kernels();
        list.push_back(&plain_kernels);
        return list;
    }();
    return all;
}

const Kernels& best_kernels() {
    static const Kernels* const best = [] {
        const char* wanted = std::getenv("GST_INFERENCE_SIMD");
        for (const Kernels* k : all_kernels())
            if (wanted && k->level == wanted)
                return k;
        return all_kernels().front();
    }();
    return *best;
}

} // namespace infer::preprocess
