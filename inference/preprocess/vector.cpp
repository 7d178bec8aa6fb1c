// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernels in vector code: Highway compiles this file once for each level named here and adds
// what the compiler may take for granted, for which plain.cpp stands in.

#include "inference/preprocess/levels.h"

#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS ~(HWY_AVX3 | HWY_AVX2 | HWY_SSE4 | HWY_NEON | HWY_SCALAR | HWY_EMU128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "inference/preprocess/vector.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
#include "inference/preprocess/read_inl.h"
#include "inference/preprocess/write_inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::preprocess::HWY_NAMESPACE {

extern const Kernels kernels;
const Kernels kernels = {
    .level = HWY_TARGET == HWY_AVX3   ? "avx512"
             : HWY_TARGET == HWY_AVX2 ? "avx2"
             : HWY_TARGET == HWY_SSE4 ? "sse4"
                                      : "neon",
    .read = {read_row<I420>, read_row<Nv12>, read_row<Yuy2>, read_row<Packed<3>>,
             read_row<Packed<4>>, read_row<Luma>, read_row<Yuy2Luma>, read_row<Gray<3>>,
             read_row<Gray<4>>},
    .blend = blend,
    .sample = sample,
    .finish = {finish_f32_nhwc, finish_planar<float>, finish_u8_nhwc, finish_planar<uint8_t>},
};

} // namespace infer::preprocess::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace infer::preprocess {

std::vector<const Kernels*> vector_kernels() {
    [[maybe_unused]] const int64_t here = hwy::SupportedTargets();
    std::vector<const Kernels*> found;
#if HWY_TARGETS & HWY_AVX3
    if (here & HWY_AVX3)
        found.push_back(&N_AVX3::kernels);
#endif
#if HWY_TARGETS & HWY_AVX2
    if (here & HWY_AVX2)
        found.push_back(&N_AVX2::kernels);
#endif
#if HWY_TARGETS & HWY_SSE4
    if (here & HWY_SSE4)
        found.push_back(&N_SSE4::kernels);
#endif
#if HWY_TARGETS & HWY_NEON
    if (here & HWY_NEON)
        found.push_back(&N_NEON::kernels);
#endif
    return found;
}

} // namespace infer::preprocess
#endif
