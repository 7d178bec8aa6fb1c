// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/reorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

using namespace infer;

TEST(Reorder, gives_items_back_in_the_order_their_places_were_taken) {
    Reorder<char> line;
    const auto a = line.take_place(), b = line.take_place();
    EXPECT_FALSE(line.put(b, 'b'));
    EXPECT_FALSE(line.ready());
    EXPECT_FALSE(line.take());
    EXPECT_FALSE(line.put(a, 'a'));
    EXPECT_TRUE(line.ready());
    EXPECT_EQ(line.take(), 'a');
    EXPECT_EQ(line.take(), 'b');
    EXPECT_FALSE(line.take());
}

TEST(Reorder, holds_order_whatever_the_order_of_results) {
    std::mt19937 random(7);
    for (int round = 0; round < 100; round++) {
        Reorder<uint64_t> line;
        std::vector<Reorder<uint64_t>::Place> places(32);
        for (auto& place : places)
            place = line.take_place();
        std::shuffle(places.begin(), places.end(), random);
        uint64_t next = 0;
        for (const auto& place : places) {
            line.put(place, place.number);
            while (auto item = line.take())
                EXPECT_EQ(*item, next++);
        }
        EXPECT_EQ(next, 32u);
        EXPECT_EQ(line.held(), 0u);
    }
}

TEST(Reorder, a_flush_gives_back_what_is_here_and_refuses_what_comes_later) {
    Reorder<std::unique_ptr<int>> line;
    const auto early = line.take_place(), late = line.take_place();
    line.put(late, std::make_unique<int>(2));
    EXPECT_EQ(line.held(), 2u);
    const auto thrown = line.flush();
    EXPECT_EQ(
        std::count_if(thrown.begin(), thrown.end(), [](const auto& t) { return t && **t == 2; }),
        1);
    EXPECT_EQ(line.held(), 0u);
    const auto refused = line.put(early, std::make_unique<int>(1));
    ASSERT_TRUE(refused);
    EXPECT_EQ(**refused, 1);
    line.put(line.take_place(), std::make_unique<int>(3));
    EXPECT_EQ(**line.take(), 3);
}
