// SPDX-License-Identifier: LGPL-2.1-or-later
// Sources that wait for no device: what is inferred, what is dropped, and in which order it leaves.
#include "tests/flow_rig.h"

using namespace infer;
using namespace infer::fake;

namespace {

SourceOptions dropping(Drop how, int priority = 0) {
    SourceOptions options;
    options.drop = how;
    options.priority = priority;
    return options;
}

// "0 1d 2": frames in the order they left, those that were dropped with a d.
std::string what_left(Source& source) {
    std::string text;
    while (source.stats().ready) {
        const Output output = *source.pop();
        text += (text.empty() ? "" : " ") + std::to_string(number_of(output)) + (output.status == FrameStatus::Dropped ? "d" : "");
        EXPECT_EQ(output.reason.empty(), output.status == FrameStatus::Inferred);
    }
    return text;
}

void step_all(Rig& rig) {
    while (rig.device.step()) {
    }
}

} // namespace

// With one lane, and one request of one row in all, a second frame has to wait.

TEST(FlowDrop, push_never_waits_and_the_oldest_of_those_that_wait_leave_without_a_result) {
    Rig rig({.lanes = 1}, 1, 1);
    Source& source = rig.add(dropping(Drop::Oldest));
    for (int k = 0; k < 6; k++)
        EXPECT_EQ(rig.push(0, k), PushResult::Ok); // on the only thread there is
    step_all(rig);
    EXPECT_EQ(what_left(source), "0 1d 2d 3d 4 5");
    const SourceStats stats = source.stats();
    EXPECT_EQ(stats.in, 6u);
    EXPECT_EQ(stats.inferred, 3u);
    EXPECT_EQ(stats.dropped, 3u);
}

TEST(FlowDrop, a_free_row_is_filled_at_once) {
    Rig rig({.lanes = 1}, 1, 1);
    Source& source = rig.add(dropping(Drop::Oldest));
    for (int k = 0; k < 5; k++) {
        EXPECT_EQ(rig.push(0, k), PushResult::Ok);
        step_all(rig);
        EXPECT_EQ(what_left(source), std::to_string(k));
    }
}

TEST(FlowDrop, frames_that_are_due_before_their_turn_are_dropped_as_late) {
    Rig rig({.lanes = 1}, 1, 1);
    Source& source = rig.add(dropping(Drop::Late));
    const auto push = [&](int number, int64_t slack_us) {
        EXPECT_EQ(source.push(std::make_unique<TestFrame>(0, number), raw_tensors(), slack_us), PushResult::Ok);
    };
    push(0, 5000); // a batch takes 1000
    push(1, 500);
    push(2, 5000);
    step_all(rig);
    EXPECT_EQ(what_left(source), "0 1d 2");
    push(3, -1); // too late when it comes
    EXPECT_EQ(what_left(source), "3d");
}

TEST(FlowDrop, equal_sources_get_equal_shares_of_a_device_that_is_too_slow) {
    Rig rig({.lanes = 1}, 2, 2);
    constexpr int sources = 5, frames = 400;
    for (int s = 0; s < sources; s++)
        rig.add(dropping(Drop::Oldest));
    for (int k = 0; k < frames; k++) { // ten frames come in the time of four
        for (int s = 0; s < sources; s++)
            rig.push(s, k);
        rig.device.step();
        if (k % 2 == 0)
            rig.device.step();
        for (const auto& source : rig.sources)
            what_left(*source);
    }
    step_all(rig);
    uint64_t least = ~uint64_t(0), most = 0;
    for (const auto& source : rig.sources) {
        what_left(*source);
        const SourceStats stats = source->stats();
        EXPECT_EQ(stats.in, uint64_t(frames));
        EXPECT_EQ(stats.out, stats.in);
        EXPECT_EQ(stats.inferred + stats.dropped, stats.out);
        EXPECT_GT(stats.dropped, 0u);
        least = std::min(least, stats.inferred), most = std::max(most, stats.inferred);
    }
    EXPECT_LE(most - least, most / 10);
}

TEST(FlowDrop, a_higher_priority_is_served_first) {
    Rig rig({.lanes = 1}, 1, 1);
    rig.add(dropping(Drop::Oldest));
    rig.add(dropping(Drop::Oldest, 1));
    for (int k = 0; k < 100; k++) {
        rig.push(0, k);
        rig.push(1, k);
        rig.device.step();
        for (const auto& source : rig.sources)
            what_left(*source);
    }
    step_all(rig);
    EXPECT_GT(rig.sources[1]->stats().inferred, 4 * rig.sources[0]->stats().inferred);
}

TEST(FlowDrop, a_flush_throws_away_what_waits_and_later_frames_are_inferred) {
    Rig rig({.lanes = 1}, 1, 1);
    Source& source = rig.add(dropping(Drop::Oldest));
    for (int k = 0; k < 3; k++)
        rig.push(0, k);
    source.flush_start();
    EXPECT_EQ(TestFrame::living, 1); // the one that the device holds
    source.flush_stop();
    for (const int k : {3, 4}) {
        rig.push(0, k);
        step_all(rig);
        EXPECT_EQ(what_left(source), std::to_string(k));
    }
}

TEST(FlowDrop, a_source_that_waits_and_one_that_drops_share_a_device) {
    Rig rig({.lanes = 1, .threads = true}, 0, 1);
    Source& waits = rig.add();
    Source& drops = rig.add(dropping(Drop::Oldest));
    constexpr int frames = 300;
    std::thread pusher([&] {
        for (int k = 0; k < frames; k++)
            EXPECT_EQ(rig.push(0, k), PushResult::Ok);
    });
    std::thread popper([&] {
        for (int k = 0; k < frames; k++) {
            const auto output = waits.pop();
            ASSERT_TRUE(output);
            EXPECT_EQ(output->status, FrameStatus::Inferred);
            EXPECT_EQ(number_of(*output), k);
        }
    });
    std::thread other([&] {
        for (int k = 0; k < frames; k++)
            EXPECT_EQ(drops.pop() ? 1 : 0, 1);
    });
    for (int k = 0; k < frames; k++)
        EXPECT_EQ(rig.push(1, k), PushResult::Ok);
    pusher.join();
    popper.join();
    other.join();
    EXPECT_EQ(drops.stats().inferred + drops.stats().dropped, uint64_t(frames));
}

TEST(FlowDrop, flushes_at_any_time_leave_nothing_stuck) {
    Rig rig({.lanes = 2, .threads = true}, 0, 2);
    Source& source = rig.add(dropping(Drop::Oldest));
    std::atomic<bool> ends = false;
    std::thread popper([&] {
        while (!ends)
            source.pop();
    });
    std::thread flusher([&] {
        for (int k = 0; k < 200; k++) {
            source.flush_start();
            source.flush_stop();
        }
    });
    for (int k = 0; k < 2000; k++)
        rig.push(0, k);
    flusher.join();
    ends = true;
    source.flush_start(); // wakes the popper
    popper.join();
    source.flush_stop();
    EXPECT_EQ(rig.push(0, 5000), PushResult::Ok);
    EXPECT_EQ(number_of(*source.pop()), 5000); // and not for ever without a row
}
