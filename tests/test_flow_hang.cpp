// SPDX-License-Identifier: LGPL-2.1-or-later
// A device that takes batches and gives none back: who hears of it, what leaves, and that nobody waits for it.
#include "inference/batcher.h"
#include "inference/session/watchdog.h"
#include "tests/flow_rig.h"

#include <thread>

using namespace infer;
using namespace infer::fake;

namespace {

constexpr int64_t second = 1'000'000;

// Time goes on in small steps, as it does for a process that runs.
void pass_time(Rig& rig, int64_t us) {
    for (int64_t k = 0; k < us; k += second / 10) {
        rig.device.clock().advance(second / 10);
        tick(*rig.session);
    }
}

// Pops what has come; the statuses.
std::vector<FrameStatus> come(Source& source) {
    std::vector<FrameStatus> statuses;
    while (source.stats().ready)
        statuses.push_back(source.pop()->status);
    return statuses;
}

} // namespace

TEST(Watchdog, takes_a_device_for_hung_that_has_work_and_ends_none_of_it) {
    Watchdog dog(-1);
    dog.warmed_up(1000);
    EXPECT_EQ(dog.due_us(), Batcher::never);
    EXPECT_FALSE(dog.look(100 * second)); // idle for long
    dog.begun(100 * second);
    dog.begun(105 * second);
    EXPECT_EQ(dog.due_us(), 110 * second);
    dog.ended(109 * second);
    EXPECT_FALSE(dog.look(110 * second)); // it goes on
    EXPECT_EQ(dog.due_us(), 119 * second);
    EXPECT_TRUE(dog.look(119 * second));
    EXPECT_FALSE(dog.look(120 * second)); // said once
    EXPECT_TRUE(dog.hangs());
    EXPECT_FALSE(dog.wait_idle(std::nullopt)); // at once
}

TEST(Watchdog, gives_a_slow_model_longer_and_the_user_the_last_word) {
    const struct {
        int64_t timeout_ms, warm_up_us, limit_us;
    } cases[] = {{-1, second, 20 * second}, {-1, 0, 10 * second}, {500, second, second / 2}, {0, second, Batcher::never}};
    for (const auto& c : cases) {
        Watchdog dog(c.timeout_ms);
        dog.warmed_up(c.warm_up_us);
        EXPECT_EQ(dog.limit_us(), c.limit_us) << c.timeout_ms;
    }
}

TEST(Watchdog, does_not_blame_the_device_for_a_process_that_was_stopped) {
    Watchdog dog(-1);
    dog.begun(0);
    EXPECT_FALSE(dog.look(3600 * second));
    EXPECT_EQ(dog.due_us(), 3610 * second);
    EXPECT_TRUE(dog.look(3610 * second));
}

TEST(Hang, lets_all_frames_out_as_failed_and_is_said_once) {
    Rig rig({.batch = 2, .lanes = 1});
    Source& one = rig.add();
    Source& other = rig.add();
    int told = 0;
    const auto watch = rig.session->when_hung([&](const Error* e) {
        told++;
        EXPECT_NE(e->text().find("hang-timeout"), std::string::npos) << e->text();
        EXPECT_EQ(come(one).size(), 0u); // before any frame leaves
    });
    for (int k = 0; k < 3; k++)
        EXPECT_EQ(rig.push(0, k), PushResult::Ok);
    EXPECT_EQ(rig.push(1, 0), PushResult::Ok);
    pass_time(rig, 9 * second);
    EXPECT_EQ(told, 0);
    EXPECT_FALSE(rig.session->error());
    pass_time(rig, 2 * second);
    EXPECT_EQ(told, 1);
    ASSERT_TRUE(rig.session->error());
    EXPECT_EQ(come(one), std::vector(3, FrameStatus::Failed));
    EXPECT_EQ(come(other), std::vector(1, FrameStatus::Failed));
    EXPECT_EQ(rig.push(0, 3), PushResult::Failed);
    rig.step_all(); // the device comes back, and nobody listens
    EXPECT_EQ(come(one).size(), 0u);
    EXPECT_EQ(one.stats().failed, 3u);
}

TEST(Hang, wakes_a_source_that_waits_for_its_turn_and_its_frame_leaves) {
    Rig rig({.batch = 1, .lanes = 1}, 1, 1);
    Source& one = rig.add();
    Source& other = rig.add();
    EXPECT_EQ(rig.push(0, 0), PushResult::Ok);
    std::thread waits([&] { EXPECT_EQ(rig.push(1, 0), PushResult::Failed); });
    while (waiting(*rig.session) == 0)
        std::this_thread::yield();
    pass_time(rig, 11 * second);
    waits.join();
    EXPECT_EQ(come(one), std::vector(1, FrameStatus::Failed));
    EXPECT_EQ(come(other), std::vector(1, FrameStatus::Failed));
}

TEST(Hang, lets_frames_out_that_wait_in_a_queue_that_drops) {
    Rig rig({.batch = 1, .lanes = 1}, 1, 1);
    SourceOptions drops;
    drops.drop = Drop::Oldest;
    Source& source = rig.add(drops);
    for (int k = 0; k < 5; k++)
        EXPECT_EQ(rig.push(0, k), PushResult::Ok);
    pass_time(rig, 11 * second);
    using enum FrameStatus;
    EXPECT_EQ(come(source), (std::vector{Failed, Dropped, Dropped, Failed, Failed}));
    EXPECT_EQ(rig.push(0, 5), PushResult::Failed);
}

TEST(Hang, keeps_frames_that_need_no_device_and_markers_going) {
    Rig rig({.batch = 1, .lanes = 1});
    Source& source = rig.add();
    EXPECT_EQ(rig.push(0, 0), PushResult::Ok);
    pass_time(rig, 11 * second);
    EXPECT_EQ(source.pass(std::make_unique<TestFrame>(0, 1), FrameStatus::Skipped, "interval"), PushResult::Ok);
    EXPECT_EQ(source.push_marker(std::make_unique<TestMarker>("eos"), true), PushResult::Ok);
    EXPECT_EQ(come(source).size(), 3u);
}

TEST(Hang, is_waited_for_by_nobody_and_the_next_to_open_the_model_gets_a_new_one) {
    Device device({.batch = 1, .lanes = 1, .hold_end = true});
    const auto open = [&] { return open_session(config_for(device), parts_for(device)).value(); };
    auto session = open();
    auto source = session->add_source({});
    ASSERT_EQ(source->wait_ready(), PushResult::Ok);
    EXPECT_EQ(source->push(std::make_unique<TestFrame>(0, 0), raw_tensors()), PushResult::Ok);
    for (int k = 0; k < 110; k++) {
        device.clock().advance(second / 10);
        tick(*session);
    }
    ASSERT_TRUE(session->error());
    auto next = open();
    EXPECT_NE(next, session);
    auto its = next->add_source({});
    EXPECT_EQ(its->wait_ready(), PushResult::Ok);
    source.reset();
    session.reset(); // comes back, though the device does not
    Reaper::instance().wait_until_idle();
    EXPECT_EQ(device.executors, 2);
    EXPECT_EQ(TestFrame::living, 0);
    its.reset();
    device.let_end();
    next.reset();
    Reaper::instance().wait_until_idle();
    device.wait_gone();
}

TEST(Hang, in_the_models_first_run_is_an_error_of_loading) {
    Device device({.batch = 1, .lanes = 1, .hang_warm_up = true});
    SessionConfig config = config_for(device);
    config.hang_timeout_ms = 20;
    auto session = open_session(config, parts_for(device)).value();
    auto source = session->add_source({});
    EXPECT_EQ(source->wait_ready(), PushResult::Failed);
    ASSERT_TRUE(session->error());
    EXPECT_NE(session->error()->text().find("first run"), std::string::npos);
    source.reset();
    session.reset();
    Reaper::instance().wait_until_idle();
    device.wait_gone();
}

// On real threads and the real clock, with the device's end blocked as well.
TEST(Hang, on_threads_harms_no_other_session) {
    Device hangs({.batch = 2, .lanes = 2, .threads = true, .hold_end = true}), works({.batch = 2, .lanes = 2, .threads = true});
    const auto open = [](Device& device, int64_t timeout_ms) {
        SessionConfig config = config_for(device);
        config.hang_timeout_ms = timeout_ms;
        return open_session(config, parts_for(device)).value();
    };
    auto bad = open(hangs, 100), good = open(works, -1);
    auto of_bad = bad->add_source({}), of_good = good->add_source({});
    ASSERT_EQ(of_bad->wait_ready(), PushResult::Ok);
    hangs.hold_lanes(true);
    for (int k = 0; k < 4; k++)
        EXPECT_EQ(of_bad->push(std::make_unique<TestFrame>(0, k), raw_tensors()), PushResult::Ok);
    for (int k = 0; k < 4; k++)
        EXPECT_EQ(of_bad->pop()->status, FrameStatus::Failed);
    of_bad.reset();
    bad.reset();
    for (int k = 0; k < 100; k++) {
        EXPECT_EQ(of_good->push(std::make_unique<TestFrame>(0, k), raw_tensors()), PushResult::Ok);
        EXPECT_EQ(of_good->pop()->status, FrameStatus::Inferred);
    }
    hangs.hold_lanes(false);
    hangs.let_end();
    hangs.wait_gone();
}
