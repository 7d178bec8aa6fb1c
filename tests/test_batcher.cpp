// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/batcher.h"

#include <gtest/gtest.h>

using namespace infer;

namespace {

constexpr BatchTerms file{};                         // as fast as it can, timeouts automatic
constexpr BatchTerms patient{.timeout_us = 100'000}; // a timeout by hand: no idle rule
constexpr BatchTerms camera{.live = true, .timeout_us = 100'000, .frame_duration_us = 33'000};

// Batches of 4 on one lane.
struct Bench {
    explicit Bench(std::vector<BatchTerms> terms, int lanes = 1)
        : batcher({.rows = 4, .lanes = lanes, .slots = 8}) {
        for (const BatchTerms& t : terms)
            members.push_back(batcher.join(t));
    }
    Row reserve(size_t member) {
        if (!batcher.is_open())
            batcher.open(next_slot++);
        return batcher.reserve(members[member], now_us);
    }
    std::optional<Batcher::Closed> settle(Row row, bool filled = true) {
        return batcher.settle(row, filled, now_us);
    }
    std::optional<Batcher::Closed> fill(size_t member) { return settle(reserve(member)); }
    // All lanes are busy from here on: the idle rule closes nothing.
    void occupy_lanes(int lanes = 1) {
        for (int lane = 0; lane < lanes; lane++)
            for (int row = 0; row < 4; row++)
                held.push_back(reserve(0));
    }

    Batcher batcher;
    std::vector<int> members;
    std::vector<Row> held;
    int next_slot = 0;
    int64_t now_us = 1'000'000;
};

} // namespace

TEST(Batcher, a_full_batch_closes_and_goes_when_its_last_row_is_settled) {
    Bench b({patient, patient});
    const Row r0 = b.reserve(0), r1 = b.reserve(1), r2 = b.reserve(0), r3 = b.reserve(1);
    EXPECT_FALSE(b.batcher.is_open());
    EXPECT_FALSE(b.settle(r3));
    EXPECT_FALSE(b.settle(r0));
    EXPECT_FALSE(b.settle(r2));
    const auto closed = b.settle(r1);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->slot, 0);
    EXPECT_EQ(closed->rows, 0b1111u);
}

TEST(Batcher, an_abandoned_row_is_a_hole) {
    Bench b({patient});
    const Row r0 = b.reserve(0), r1 = b.reserve(0), r2 = b.reserve(0), r3 = b.reserve(0);
    b.settle(r0);
    b.settle(r1, false);
    b.settle(r2);
    EXPECT_EQ(b.settle(r3)->rows, 0b1101u);
}

TEST(Batcher, a_batch_of_holes_alone_has_no_rows_and_keeps_no_lane_busy) {
    Bench b({file});
    const auto empty = b.settle(b.reserve(0), false);
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->rows, 0u);
    EXPECT_TRUE(b.fill(0)); // the lane is idle still
}

TEST(Batcher, goes_at_once_when_a_lane_is_idle_and_nothing_is_about_to_arrive) {
    Bench b({file, file});
    const Row first = b.reserve(0), about_to_arrive = b.reserve(1);
    EXPECT_FALSE(b.settle(first));
    EXPECT_EQ(b.settle(about_to_arrive)->rows, 0b11u);
}

TEST(Batcher, waits_while_all_lanes_are_busy_and_goes_when_one_gets_free) {
    Bench b({file}, 2);
    b.occupy_lanes(2);
    EXPECT_FALSE(b.fill(0));
    EXPECT_FALSE(b.fill(0));
    for (const Row row : b.held)
        b.settle(row);
    EXPECT_EQ(b.batcher.lane_done(b.now_us)->rows, 0b11u);
}

TEST(Batcher, a_batch_that_queues_behind_busy_lanes_keeps_the_next_one_waiting) {
    Bench b({file});
    b.occupy_lanes();
    b.occupy_lanes(); // closed, not started
    for (const Row row : b.held)
        b.settle(row);
    EXPECT_FALSE(b.fill(0));
    EXPECT_FALSE(b.batcher.lane_done(b.now_us)); // the queued one takes the lane
    EXPECT_TRUE(b.batcher.lane_done(b.now_us));
}

TEST(Batcher, a_timeout_by_hand_switches_the_idle_rule_off) {
    Bench b({patient});
    EXPECT_FALSE(b.fill(0));
    EXPECT_FALSE(b.batcher.tick(b.now_us + 99'999));
    EXPECT_TRUE(b.batcher.tick(b.now_us + 100'000));
}

TEST(Batcher, one_member_with_automatic_timeout_brings_the_idle_rule_back) {
    Bench b({patient, file});
    EXPECT_FALSE(b.fill(0));
    EXPECT_EQ(b.fill(1)->rows, 0b11u);
}

TEST(Batcher, a_timeout_of_zero_sends_every_frame_alone) {
    Bench b({BatchTerms{.timeout_us = 0}});
    b.occupy_lanes();
    EXPECT_EQ(b.fill(0)->rows, 0b1u);
}

TEST(Batcher, the_most_impatient_member_sets_the_deadline) {
    Bench b({patient, BatchTerms{.timeout_us = 10'000}});
    b.fill(0);
    EXPECT_EQ(b.batcher.deadline_us(), b.now_us + 100'000);
    b.now_us += 5'000;
    b.fill(1);
    EXPECT_EQ(b.batcher.deadline_us(), b.now_us + 10'000);
}

TEST(Batcher, a_deadline_closes_a_batch_whose_rows_are_still_being_filled_but_does_not_send_it) {
    Bench b({patient});
    const Row filling = b.reserve(0);
    EXPECT_FALSE(b.batcher.tick(b.now_us + 100'000));
    EXPECT_FALSE(b.batcher.is_open());
    EXPECT_EQ(b.settle(filling)->rows, 0b1u);
}

TEST(Batcher, a_member_that_ends_sends_its_batch_and_an_outsider_does_not) {
    Bench b({patient, patient});
    b.fill(0);
    EXPECT_FALSE(b.batcher.pause(b.members[1], b.now_us));
    EXPECT_TRUE(b.batcher.pause(b.members[0], b.now_us));
}

TEST(Batcher, a_member_that_leaves_sends_its_batch) {
    Bench b({patient, patient});
    b.fill(1);
    EXPECT_TRUE(b.batcher.leave(b.members[1], b.now_us));
}

TEST(Batcher, goes_when_every_camera_is_in) {
    Bench b({camera, camera, camera});
    EXPECT_FALSE(b.fill(0));
    EXPECT_FALSE(b.fill(1));
    EXPECT_EQ(b.fill(2)->rows, 0b111u);
}

TEST(Batcher, waits_for_no_camera_that_ended_left_stalled_or_comes_after_the_deadline) {
    struct Case {
        const char* name;
        BatchTerms other;
        std::function<void(Bench&)> before;
    };
    BatchTerms slow = camera;
    slow.frame_duration_us = 500'000;
    const Case cases[] = {
        {"ended", camera, [](Bench& b) { b.batcher.pause(b.members[1], b.now_us); }},
        {"left", camera, [](Bench& b) { b.batcher.leave(b.members[1], b.now_us); }},
        {"stalled", camera,
         [](Bench& b) {
             b.fill(1);
             b.fill(0);
             b.now_us += 67'000;
         }},
        {"later", slow,
         [](Bench& b) {
             b.fill(1);
             b.fill(0);
             b.now_us += 33'000;
         }},
    };
    for (const Case& c : cases) {
        Bench b({camera, c.other});
        c.before(b);
        EXPECT_TRUE(b.fill(0)) << c.name;
    }
}

TEST(Batcher, one_source_that_is_not_live_keeps_cameras_from_closing_early) {
    Bench b({camera, patient});
    EXPECT_FALSE(b.fill(0));
    EXPECT_FALSE(b.fill(1));
}

TEST(Batcher, automatic_timeouts_follow_the_hint_and_the_frame_duration) {
    struct Case {
        Hint hint;
        int64_t duration_us, timeout_us;
    };
    const Case cases[] = {
        {Hint::Throughput, 33'000, 33'000}, {Hint::Throughput, 0, 50'000},
        {Hint::Throughput, 1'000, 5'000},   {Hint::Throughput, 1'000'000, 100'000},
        {Hint::Latency, 8'000, 2'000},      {Hint::Latency, 33'000, 5'000},
        {Hint::Latency, 0, 5'000}};
    for (const Case& c : cases)
        EXPECT_EQ(auto_timeout_us(c.hint, {.frame_duration_us = c.duration_us}), c.timeout_us);
}
