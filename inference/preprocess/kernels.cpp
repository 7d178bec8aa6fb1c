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

Result<const Kernels*> choose_kernels() {
    const char* wanted = std::getenv("GST_INFERENCE_SIMD");
    if (!wanted || !*wanted)
        return all_kernels().front();
    std::string names;
    for (const Kernels* k : all_kernels()) {
        if (k->level == wanted)
            return k;
        names += (names.empty() ? "" : ", ") + std::string(k->level);
    }
    return Error{Error::BadConfig, "environment variable GST_INFERENCE_SIMD",
                 "\"" + std::string(wanted) +
                     "\" is not a level of vector code of this machine; it has " + names +
                     "; leave the variable out for the fastest"};
}

} // namespace infer::preprocess
