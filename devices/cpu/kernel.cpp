// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/kernel.h"

#include <algorithm>
#include <cassert>

namespace infer::cpu {

const KernelDef* find_kernel(std::string_view name) {
    for (const KernelDef* def : all_kernels())
        if (def->name == name)
            return def;
    assert(!"kernel is in devices/cpu/meson.build");
    return nullptr;
}

std::vector<int64_t> strides_of(const Operand& x) {
    const size_t rank = x.shape.size();
    std::vector<int64_t> strides(rank);
    int64_t next = 1;
    if (x.layout == Layout::ChannelsLast) {
        strides[1] = 1;
        next = x.pixel_stride;
    }
    for (size_t d = rank; d-- > 0;) {
        if (x.layout == Layout::ChannelsLast && d == 1)
            continue;
        strides[d] = next;
        next *= x.shape[d];
    }
    return strides;
}

Range RowUse::of(Range rows, int64_t height) const {
    const int64_t begin = std::clamp<int64_t>(rows.begin * stride - pad, 0, height);
    return {begin, std::clamp<int64_t>((rows.end - 1) * stride - pad + reach, begin, height)};
}

void Kernel::run_rows(const Call&, int64_t, Range) const { assert(!"the kernel's Wish says that it has rows"); }

Range slice_of(int64_t rows, int slices, int k) {
    return {rows * k / slices, rows * (k + 1) / slices};
}

int slices_for(double cost, int64_t rows, int threads) {
    if (threads <= 1)
        return 1;
    constexpr double smallest = 4000; // ns; handing a slice over costs a tenth of it
    const int64_t worth = int64_t(cost / smallest);
    return int(std::clamp<int64_t>(std::min<int64_t>(worth, 2 * threads), 1, std::max<int64_t>(rows, 1)));
}

Wish all_in(Layout layout, const NodeView& view) {
    return {.in = std::vector<Layout>(view.in.size(), layout),
            .out = std::vector<Layout>(view.out.size(), layout)};
}

} // namespace infer::cpu
