// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/stats.h"

#include <gtest/gtest.h>

using namespace infer;

TEST(Histogram, says_zero_while_empty) {
    const Histogram h;
    EXPECT_EQ(h.percentile(0.99), 0);
    EXPECT_EQ(h.mean(), 0);
}

TEST(Histogram, percentiles_are_within_a_32nd_of_the_truth) {
    Histogram h;
    for (int us = 1; us <= 100'000; us++)
        h.add(us);
    for (double share : {0.01, 0.5, 0.95, 0.99, 1.0}) {
        const double truth = share * 100'000;
        EXPECT_NEAR(h.percentile(share), truth, truth / 32) << share;
    }
    EXPECT_DOUBLE_EQ(h.mean(), 50'000.5);
    EXPECT_EQ(h.count(), 100'000u);
}

TEST(Histogram, small_values_are_exact_and_huge_ones_count_as_the_largest) {
    for (int64_t us : {0, 1, 15, 16, 31}) {
        Histogram h;
        h.add(us);
        EXPECT_EQ(h.percentile(0.5), double(us));
    }
    Histogram h;
    h.add(int64_t{1} << 60);
    EXPECT_NEAR(h.percentile(0.5), double(int64_t{1} << 40), double(int64_t{1} << 35));
    h.add(-5); // a clock that went back counts as no time
    EXPECT_EQ(h.percentile(0.1), 0);
}
