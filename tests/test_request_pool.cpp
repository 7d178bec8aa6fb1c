// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/request_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

using namespace infer;

namespace {

constexpr BatchTerms by_hand{.timeout_us = 1'000'000};

struct Bench {
    explicit Bench(int requests, int rows = 1)
        : pool(std::vector<Request>(size_t(requests)), {.rows = rows, .lanes = 1}) {}

    void wait_for_line(int length) {
        while (pool.waiting() != length)
            std::this_thread::yield();
    }
    RequestPool pool;
};

} // namespace

TEST(RequestPool, acquire_waits_for_release) {
    Bench b(1);
    const auto client = b.pool.join({}, 0);
    const auto first = b.pool.acquire(client, 0);
    ASSERT_TRUE(first);
    EXPECT_EQ(b.pool.settle(*first, true, 0), first->slot);
    std::thread device([&] {
        b.wait_for_line(1);
        b.pool.lane_done(1);
        RequestPool::wake(b.pool.release(first->slot, 1));
    });
    const auto second = b.pool.acquire(client, 0);
    device.join();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->slot, first->slot);
}

TEST(RequestPool, the_mask_of_a_submitted_request_says_which_rows_are_filled) {
    Bench b(1, 3);
    const auto client = b.pool.join(by_hand, 0);
    const Row r0 = *b.pool.acquire(client, 0), r1 = *b.pool.acquire(client, 0),
              r2 = *b.pool.acquire(client, 0);
    EXPECT_FALSE(b.pool.settle(r1, false, 0));
    EXPECT_FALSE(b.pool.settle(r2, true, 0));
    EXPECT_EQ(b.pool.settle(r0, true, 0), 0);
    EXPECT_EQ(b.pool.request(0).rows, 0b101u);
}

TEST(RequestPool, a_request_of_holes_alone_is_free_again_without_being_submitted) {
    Bench b(1);
    const auto client = b.pool.join({}, 0);
    const Row hole = *b.pool.acquire(client, 0);
    EXPECT_EQ(b.pool.free_rows(), 0);
    EXPECT_FALSE(b.pool.settle(hole, false, 0));
    EXPECT_EQ(b.pool.free_rows(), 1);
}

TEST(RequestPool, a_window_bounds_the_rows_that_are_out_and_lets_more_in_when_it_grows) {
    Bench b(4);
    const auto client = b.pool.join({}, 0), other = b.pool.join({}, 0);
    b.pool.set_window(1);
    const Row first = *b.pool.acquire(client, 0);
    EXPECT_EQ(b.pool.free_rows(), 0);
    EXPECT_FALSE(b.pool.acquire_later(client, 0).row);
    EXPECT_FALSE(b.pool.acquire_later(other, 0).row);
    b.pool.settle(first, true, 0);
    b.pool.lane_done(1);
    EXPECT_EQ(b.pool.release(first.slot, 1).size(), 1u) << "one in place of one";
    EXPECT_EQ(b.pool.waiting(), 1);
    b.pool.set_window(3);
    EXPECT_EQ(b.pool.free_rows(), 2);
}

TEST(RequestPool, rows_go_by_priority_and_then_by_arrival) {
    Bench b(1);
    const auto holder = b.pool.join({}, 0);
    Row row = *b.pool.acquire(holder, 0);
    const int priorities[] = {0, 5, 0, 9, 5};
    std::vector<int> order;
    std::vector<std::thread> threads;
    std::atomic<int> taken{0};
    for (int k = 0; k < 5; k++) {
        threads.emplace_back([&, k, client = b.pool.join({}, priorities[k])] {
            row = *b.pool.acquire(client, 0); // one at a time: the pool has one row
            order.push_back(k);
            taken++;
        });
        b.wait_for_line(k + 1);
    }
    for (int k = 0; k < 5; k++) {
        b.pool.settle(row, false, 0);
        while (taken != k + 1)
            std::this_thread::yield();
    }
    for (std::thread& t : threads)
        t.join();
    EXPECT_EQ(order, (std::vector<int>{3, 1, 4, 0, 2}));
}

TEST(RequestPool, one_freed_request_serves_as_many_waiters_as_it_has_rows) {
    Bench b(1, 4);
    const auto holder = b.pool.join(by_hand, 0);
    for (int k = 0; k < 4; k++)
        b.pool.settle(*b.pool.acquire(holder, 0), true, 0);
    std::vector<std::thread> threads;
    std::atomic<int> served{0};
    for (int k = 0; k < 4; k++)
        threads.emplace_back(
            [&, client = b.pool.join(by_hand, 0)] { served += b.pool.acquire(client, 0) ? 1 : 0; });
    b.wait_for_line(4);
    b.pool.lane_done(0);
    RequestPool::wake(b.pool.release(0, 0));
    for (std::thread& t : threads)
        t.join();
    EXPECT_EQ(served, 4);
}

TEST(RequestPool, cancelling_one_source_wakes_that_source_alone) {
    Bench b(1);
    const auto holder = b.pool.join({}, 0), flushed = b.pool.join({}, 0),
               other = b.pool.join({}, 0);
    const Row row = *b.pool.acquire(holder, 0);
    std::atomic<bool> other_has{false};
    std::thread first([&] { EXPECT_FALSE(b.pool.acquire(flushed, 0)); });
    std::thread second([&] { other_has = b.pool.acquire(other, 0).has_value(); });
    b.wait_for_line(2);
    b.pool.cancel(*flushed);
    first.join();
    b.wait_for_line(1);
    EXPECT_FALSE(other_has);
    b.pool.settle(row, false, 0);
    second.join();
    EXPECT_TRUE(other_has);
}

TEST(RequestPool, a_cancelled_source_gets_nothing_until_it_is_resumed) {
    Bench b(2);
    const auto client = b.pool.join({}, 0);
    b.pool.cancel(*client);
    EXPECT_FALSE(b.pool.acquire(client, 0));
    b.pool.resume(*client);
    EXPECT_TRUE(b.pool.acquire(client, 0));
    b.pool.leave(*client, 0);
    EXPECT_FALSE(b.pool.acquire(client, 0));
}

TEST(RequestPool, a_waiter_that_becomes_more_important_moves_up) {
    Bench b(1);
    const auto holder = b.pool.join({}, 0), early = b.pool.join({}, 0), late = b.pool.join({}, 0);
    const Row row = *b.pool.acquire(holder, 0);
    std::atomic<int> first{-1};
    std::vector<std::thread> threads;
    int length = 0;
    for (const auto& client : {early, late}) {
        threads.emplace_back([&, client, k = length] {
            const auto got = b.pool.acquire(client, 0);
            int nobody = -1;
            first.compare_exchange_strong(nobody, k);
            b.pool.settle(*got, false, 0);
        });
        b.wait_for_line(++length);
    }
    b.pool.set_terms(*late, {}, 3, 0);
    b.pool.settle(row, false, 0);
    for (std::thread& t : threads)
        t.join();
    EXPECT_EQ(first, 1);
}

TEST(RequestPool, a_stopped_pool_hands_nothing_out_for_submission) {
    Bench b(1);
    const auto client = b.pool.join({}, 0);
    const Row row = *b.pool.acquire(client, 0);
    b.pool.stop();
    EXPECT_FALSE(b.pool.settle(row, true, 0));
}
