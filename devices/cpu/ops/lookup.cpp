// SPDX-License-Identifier: LGPL-2.1-or-later
//
// LookupBytes: each byte picks one of a table of 256. The table fits four vector registers of
// AVX-512, and AVX-512 VBMI picks 64 at once.
#include "devices/cpu/kernel.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace infer::cpu {
namespace {

void look_up(const uint8_t* table, const uint8_t* from, uint8_t* to, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        to[i] = table[from[i]];
}

#if defined(__x86_64__)
bool has_vbmi() {
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw");
}

__attribute__((target("avx512vbmi,avx512bw"))) void
look_up_vbmi(const uint8_t* table, const uint8_t* from, uint8_t* to, int64_t n) {
    const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
    const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
    for (int64_t i = 0; i < n; i += 64) {
        const __mmask64 mask = n - i >= 64 ? ~__mmask64(0) : (__mmask64(1) << (n - i)) - 1;
        const __m512i x = _mm512_maskz_loadu_epi8(mask, from + i);
        const __m512i low = _mm512_permutex2var_epi8(t0, x, t1),
                      high = _mm512_permutex2var_epi8(t2, x, t3);
        _mm512_mask_storeu_epi8(to + i, mask,
                                _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high));
    }
}
#else
bool has_vbmi() { return false; }
constexpr auto look_up_vbmi = look_up;
#endif

class LookupKernel final : public Kernel {
public:
    explicit LookupKernel(const NodeView& view)
        : total_(count(view.out[0].shape)), look_up_(has_vbmi() ? look_up_vbmi : look_up) {
        std::ranges::copy(view.in[1].constant->span<uint8_t>(), table_);
        slices_ = slices_for(double(total_) / (has_vbmi() ? 16 : 1.5), total_ / 64, view.threads);
    }

    std::string_view name() const override { return "lookup"; }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(total_, slices_, slice);
        look_up_(table_, static_cast<const uint8_t*>(call.in[0]) + range.begin,
                 static_cast<uint8_t*>(call.out[0]) + range.begin, range.end - range.begin);
    }

private:
    alignas(64) uint8_t table_[256];
    int64_t total_;
    void (*look_up_)(const uint8_t*, const uint8_t*, uint8_t*, int64_t);
};

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "LookupBytes" || !view.in[1].constant)
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = view.in[0].layout;
    wish.in_place = 0;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    return std::unique_ptr<Kernel>(std::make_unique<LookupKernel>(view));
}

} // namespace

extern const KernelDef cpu_kernel_lookup;
const KernelDef cpu_kernel_lookup = {.name = "lookup", .accept = accept, .make = make};

} // namespace infer::cpu
