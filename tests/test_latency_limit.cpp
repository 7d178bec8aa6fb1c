// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The most throughput under a limit of latency, in virtual time.
#include "inference/latency_limit.h"
#include "tests/flow_rig.h"

#include <gtest/gtest.h>

using namespace infer;
using namespace infer::fake;

namespace {

constexpr int64_t ms = 1000;

// A device that ends one frame every `frame_us` and takes frames in as soon as it may: with w in
// flight each takes w times as long.
struct Loaded {
    LatencyLimit limit{1, 32};
    int64_t frame_us = 5 * ms, now_us = 0;
    int window = 32;

    void run(int64_t for_us, int64_t limit_us, bool pressed = true) {
        for (const int64_t end = now_us + for_us; now_us < end; now_us += frame_us)
            window = limit.add(window * frame_us, pressed, limit_us, now_us);
    }
};

TEST(LatencyLimit, finds_the_most_that_fits_and_says_that_the_limit_binds) {
    Loaded device;
    device.run(5000 * ms, 50 * ms);
    EXPECT_LE(device.window, 10);
    EXPECT_GE(device.window, 9);
    EXPECT_LE(device.limit.state().p99_us, 50.0 * ms);
    EXPECT_EQ(device.limit.state().binds, Binds::Limit);
}

TEST(LatencyLimit, follows_another_limit_and_a_device_that_slows_down) {
    Loaded device;
    device.run(5000 * ms, 50 * ms);
    device.run(5000 * ms, 100 * ms);
    EXPECT_GE(device.window, 18);
    EXPECT_LE(device.window, 20);
    device.frame_us = 10 * ms;
    device.run(5000 * ms, 100 * ms);
    EXPECT_LE(device.window, 10);
    EXPECT_GE(device.window, 9);
    device.run(100 * ms, 0);
    EXPECT_EQ(device.window, 32) << "no limit any more";
}

TEST(LatencyLimit, leaves_all_room_where_it_is_held_anyway) {
    Loaded device;
    device.run(5000 * ms, 1000 * ms);
    EXPECT_EQ(device.window, 32);
    EXPECT_EQ(device.limit.state().binds, Binds::Device);
    device.run(5000 * ms, 1000 * ms, false);
    EXPECT_EQ(device.limit.state().binds, Binds::Nothing);
}

TEST(LatencyLimit, says_when_one_frame_alone_takes_longer) {
    Loaded device;
    device.run(30000 * ms, 4 * ms);
    EXPECT_EQ(device.window, 1);
    EXPECT_EQ(device.limit.state().binds, Binds::Unreachable);
}

TEST(LatencyLimit, leaves_no_lane_idle) {
    LatencyLimit limit(4, 32);
    int window = 32;
    for (int64_t now_us = 0; now_us < 10'000 * ms; now_us += 5 * ms)
        window = limit.add(80 * ms, true, 50 * ms, now_us);
    EXPECT_EQ(window, 4);
    EXPECT_EQ(limit.state().binds, Binds::Unreachable);
}

TEST(LatencyLimit, tries_what_was_too_much_only_now_and_then) {
    Loaded device;
    device.run(5000 * ms, 50 * ms);
    int over = 0;
    for (int period = 0; period < 100; period++) {
        device.run(500 * ms, 50 * ms);
        over += device.window > 10;
    }
    EXPECT_LE(over, 12); // 50 s
}

// Eight sources bring eight times what the device can do.
TEST(LatencyLimit, holds_in_a_session_and_may_change_while_frames_flow) {
    Rig rig({.batch = 1, .lanes = 1, .batch_us = 5 * ms}, 32);
    SourceOptions dropping;
    dropping.drop = Drop::Oldest;
    for (int source = 0; source < 8; source++)
        rig.add(dropping);
    const auto run = [&](int64_t for_us) {
        uint64_t inferred = 0;
        for (const int64_t end = rig.device.clock().now_us() + for_us;
             rig.device.clock().now_us() < end;) {
            for (int source = 0; source < 8; source++)
                rig.push(source, 0);
            rig.device.step();
            for (const auto& source : rig.sources)
                while (source->stats().ready)
                    inferred += source->pop()->status == FrameStatus::Inferred;
        }
        return inferred;
    };
    run(2000 * ms);
    EXPECT_GT(rig.session->stats().latency_p99_us, 100.0 * ms);
    EXPECT_EQ(rig.session->stats().binds, "");
    for (const int limit_ms : {50, 100}) {
        rig.session->set_latency_limit(limit_ms);
        run(5000 * ms);
        EXPECT_GE(run(5000 * ms), 900u) << "of a thousand that the device can do";
        const SessionStats stats = rig.session->stats();
        EXPECT_LE(stats.recent_p99_us, limit_ms * 1.0 * ms);
        EXPECT_GT(stats.recent_p99_us, 0);
        EXPECT_EQ(stats.binds, "latency-limit");
        EXPECT_EQ(stats.latency_limit_us, limit_ms * 1.0 * ms);
    }
}

TEST(LatencyLimit, once_changed_the_session_is_shared_with_nobody_new) {
    Device device({.batch = 1, .lanes = 1, .warm_ups = 2});
    SessionConfig config = config_for(device);
    config.latency_limit_ms = 50;
    auto first = open_session(config, parts_for(device)).value();
    EXPECT_EQ(open_session(config, parts_for(device)).value(), first);
    first->set_latency_limit(80);
    EXPECT_NE(open_session(config, parts_for(device)).value(), first);
    first.reset(); // it may be compiling yet, for a device that lives no longer than this
    Reaper::instance().wait_until_idle();
}

} // namespace
