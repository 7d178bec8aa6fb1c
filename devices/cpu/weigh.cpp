// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/weigh.h"

#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/weigh.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

void weigh_reads(const float* from, const Read* reads, int64_t count, float* to, int64_t n) {
    const auto lanes = int64_t(hn::Lanes(d));
    if (n < 4) { // a few channels
        for (int64_t k = 0; k < n; k++) {
            float sum = 0;
            for (int64_t r = 0; r < count; r++)
                sum += reads[r].weight * from[reads[r].at + k];
            to[k] = sum;
        }
        return;
    }
    for (int64_t k = 0; k < n; k += lanes) {
        const bool whole = k + lanes <= n;
        V sum = hn::Zero(d);
        for (int64_t r = 0; r < count; r++) {
            const float* x = from + reads[r].at + k;
            sum = hn::MulAdd(hn::Set(d, reads[r].weight),
                             whole ? hn::LoadU(d, x) : load_first(d, x, size_t(n - k)), sum);
        }
        if (whole)
            hn::StoreU(sum, d, to + k);
        else
            store_first(sum, d, to + k, size_t(n - k));
    }
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {
HWY_EXPORT(weigh_reads);
} // namespace

void weigh(const float* from, const Read* reads, int64_t count, float* to, int64_t n) {
    HWY_DYNAMIC_DISPATCH(weigh_reads)(from, reads, count, to, n);
}

} // namespace infer::cpu
#endif
