// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/tensor.h"

#include <gtest/gtest.h>

using namespace infer;

TEST(Tensor, starts_zeroed_and_aligned_for_vectors) {
    const Tensor t(ElementType::F32, {2, 3});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(t.view().data) % 64, 0u);
    for (float v : t.span<float>())
        EXPECT_EQ(v, 0.0f);
}

TEST(Tensor, copies_share_memory_and_clones_do_not) {
    Tensor t(ElementType::I64, {1});
    Tensor copy = t, clone = t.clone();
    t.span<int64_t>()[0] = 7;
    EXPECT_EQ(copy.span<int64_t>()[0], 7);
    EXPECT_EQ(clone.span<int64_t>()[0], 0);
}

TEST(Tensor, prints_shapes_as_users_write_them) {
    EXPECT_EQ(to_string({1, 3, -1, 640}), "1x3x?x640");
    EXPECT_EQ(to_string(Shape{}), "scalar");
}
