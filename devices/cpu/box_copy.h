// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/cpu/kernel.h"

#include <vector>

namespace infer::cpu {

// A box of elements that goes from one place to another: all that Transpose, Concat, Slice and the
// like do. Strides and offsets in elements.
struct Box {
    std::vector<int64_t> dims, in_strides, out_strides;
    int64_t in_offset = 0, out_offset = 0;
    size_t input = 0, output = 0; // of the step
    static constexpr size_t zeros = size_t(-1); // as input: the number 0, with strides of 0
};

// The same box with as few dimensions as will do, those that move least in the output last.
Box simplified(Box box);

// Copies indices [range) of the first dimension. The types are of one size, or F32 and BF16.
void copy_box(const Box& box, ElementType from, ElementType to, const void* in, void* out, Range range);

// A kernel that copies the boxes, which must not overlap in the output.
Result<std::unique_ptr<Kernel>> make_copy_kernel(std::vector<Box> boxes, const NodeView& view);

} // namespace infer::cpu
