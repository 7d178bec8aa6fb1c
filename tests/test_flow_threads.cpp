// SPDX-License-Identifier: LGPL-2.1-or-later
// Flush, close and many threads: who waits for whom, and that nobody waits for anybody else. Plain
// threads, so that ThreadSanitizer sees every lock.
#include "tests/flow_rig.h"

#include <latch>
#include <semaphore>

using namespace infer;
using namespace infer::fake;

namespace {

struct Told {
    int frames = 0;
    bool ended = false; // the EOS marker came
};

// Pops until the EOS marker or the end of the source; checks order.
Told pop_all(Source& source, int first = 0) {
    Told told;
    while (std::optional<Output> output = source.pop()) {
        if (!output->is_frame) {
            told.ended = true;
            break;
        }
        EXPECT_EQ(number_of(*output), first + told.frames++);
    }
    return told;
}

void push_all(Source& source, int number, int frames) {
    for (int k = 0; k < frames; k++)
        EXPECT_EQ(source.push(std::make_unique<TestFrame>(number, k), raw_tensors()),
                  PushResult::Ok);
    EXPECT_EQ(source.push_marker(std::make_unique<TestMarker>("eos"), true), PushResult::Ok);
}

void wait_for_line(const Session& session, int length) {
    while (waiting(session) != length)
        std::this_thread::yield();
}

} // namespace

TEST(FlowThreads, sources_on_threads_of_their_own_get_every_frame_in_order) {
    for (const int batch : {1, 4}) {
        Rig rig({.batch = batch, .lanes = 2, .random_order = true, .threads = true}, 0, batch);
        std::vector<std::thread> threads;
        for (int s = 0; s < 6; s++) {
            Source& source = rig.add();
            threads.emplace_back([&source, s] { push_all(source, s, 500); });
            threads.emplace_back([&source] {
                const Told told = pop_all(source);
                EXPECT_EQ(told.frames, 500);
                EXPECT_TRUE(told.ended);
            });
        }
        for (std::thread& t : threads)
            t.join();
        EXPECT_EQ(rig.session->stats().frames, 3000u);
        EXPECT_EQ(rig.device.submits(), rig.device.dones());
        EXPECT_EQ(rig.device.doubled(), 0);
        EXPECT_EQ(free_rows(*rig.session), 4 * batch);
    }
    EXPECT_EQ(TestFrame::living, 0);
}

TEST(FlowThreads, deadlines_come_by_the_monotonic_clock_without_any_help) {
    Rig rig({.lanes = 1, .threads = true});
    Source& source = rig.add({.name = "s", .batch_timeout_us = 2'000});
    EXPECT_EQ(rig.push(0, 0), PushResult::Ok);
    EXPECT_EQ(number_of(*source.pop()), 0);
    EXPECT_GE(source.stats().inferred, 1u);
}

TEST(FlowThreads, a_flush_of_one_source_drops_its_frames_and_lets_the_others_go_on) {
    Rig rig({.lanes = 1});
    Source& flushed = rig.add();
    Source& other = rig.add();
    rig.push(0, 0); // goes alone
    rig.push(0, 1);
    rig.push(1, 0);
    rig.push(0, 2);
    flushed.flush_start();
    EXPECT_EQ(rig.push(0, 3), PushResult::Flushing);
    EXPECT_FALSE(flushed.pop());
    rig.push(1, 1);
    rig.step_all();
    EXPECT_EQ(number_of(*other.pop()), 0);
    EXPECT_EQ(number_of(*other.pop()), 1);
    flushed.flush_stop();
    EXPECT_FALSE(flushed.stats().ready); // results of before never come
    EXPECT_EQ(TestFrame::living, 0);
    EXPECT_EQ(rig.push(0, 4), PushResult::Ok);
    rig.step_all();
    EXPECT_EQ(number_of(*flushed.pop()), 4);
    const SourceStats stats = flushed.stats();
    EXPECT_EQ(stats.in, 4u);
    EXPECT_EQ(stats.flushed, 3u);
    EXPECT_EQ(stats.out, 1u);
    EXPECT_EQ(stats.in_flight, 0);
}

TEST(FlowThreads, a_flush_wakes_a_push_that_waits_for_a_row_and_no_other) {
    Rig rig({.batch = 1, .lanes = 1}, 3, 1);
    for (int s = 0; s < 3; s++)
        rig.add();
    for (int k = 0; k < 3; k++)
        rig.push(0, k);
    std::thread flushed([&] { EXPECT_EQ(rig.push(1, 0), PushResult::Flushing); });
    wait_for_line(*rig.session, 1);
    std::thread patient([&] { EXPECT_EQ(rig.push(2, 0), PushResult::Ok); });
    wait_for_line(*rig.session, 2);
    rig.sources[1]->flush_start();
    flushed.join();
    EXPECT_EQ(waiting(*rig.session), 1);
    rig.device.step();
    patient.join();
}

TEST(FlowThreads, a_flush_wakes_a_push_that_waits_for_credit_and_a_pop_that_waits_for_a_result) {
    Rig rig({.batch = 1, .lanes = 1});
    Source& source = rig.add();
    rig.add();
    for (int k = 0; k < source.in_flight_bound(); k++) {
        if (free_rows(*rig.session) == 0)
            rig.device.step();
        rig.push(0, k);
    }
    rig.step_all();
    std::thread pusher([&] { EXPECT_EQ(rig.push(0, 99), PushResult::Flushing); });
    std::thread popper([&] { EXPECT_FALSE(rig.sources[1]->pop()); });
    source.flush_start();
    pusher.join();
    rig.sources[1]->flush_start();
    popper.join();
}

TEST(FlowThreads, a_frame_that_is_being_filled_during_a_flush_is_finished_and_its_result_dropped) {
    Rig rig({.lanes = 1});
    Source& source = rig.add();
    std::binary_semaphore filling(0), go_on(0);
    auto frame = std::make_unique<TestFrame>(0, 0);
    frame->on_map = [&] {
        filling.release();
        go_on.acquire();
    };
    std::thread streaming([&] { EXPECT_EQ(rig.push(std::move(frame)), PushResult::Ok); });
    filling.acquire();
    source.flush_start(); // returns although the row is not settled
    source.flush_stop();
    go_on.release();
    streaming.join();
    EXPECT_EQ(rig.device.rows_of_batches(),
              std::vector<uint64_t>{0b1}); // the row was not taken back
    rig.step_all();
    EXPECT_FALSE(source.stats().ready);
    EXPECT_EQ(TestFrame::living, 0);
}

TEST(FlowThreads, a_batch_waits_for_a_row_that_is_being_filled_but_not_past_its_closing) {
    Rig rig({.lanes = 1});
    rig.add();
    rig.add();
    std::binary_semaphore filling(0), go_on(0);
    auto frame = std::make_unique<TestFrame>(0, 0);
    frame->on_map = [&] {
        filling.release();
        go_on.acquire();
    };
    std::thread slow([&] { rig.push(std::move(frame)); });
    filling.acquire();
    rig.push(1, 0); // lane idle, but source 0 is about to arrive
    EXPECT_EQ(rig.device.submits(), 0);
    rig.sources[1]->push_marker(std::make_unique<TestMarker>("eos"), true);
    rig.push(1, 1); // the batch is closed: this one goes with the next
    go_on.release();
    slow.join();
    EXPECT_EQ(rig.device.rows_of_batches(), std::vector<uint64_t>{0b11});
    rig.step_all();
    EXPECT_EQ(rig.device.rows_of_batches()[1], 0b1u);
}

TEST(FlowThreads, closing_a_source_with_work_in_flight_waits_for_nothing) {
    Rig rig({.lanes = 1});
    rig.add();
    Source& other = rig.add();
    for (int k = 0; k < 6; k++)
        rig.push(0, k);
    rig.push(1, 0);
    rig.sources[0].reset();
    EXPECT_EQ(rig.device.dones(), 0);
    rig.step_all();
    EXPECT_EQ(number_of(*other.pop()), 0);
    EXPECT_EQ(TestFrame::living, 0);
    EXPECT_EQ(free_rows(*rig.session), 3 * 4);
}

TEST(FlowThreads, after_close_nothing_goes_in_or_comes_out) {
    Rig rig({.batch = 1, .lanes = 1});
    Source& source = rig.add();
    rig.push(0, 0);
    rig.step_all();
    source.close();
    source.flush_stop(); // does not open it again
    EXPECT_FALSE(source.pop());
    EXPECT_EQ(rig.push(0, 1), PushResult::Closed);
    EXPECT_EQ(source.pass(std::make_unique<TestFrame>(0, 1), FrameStatus::Skipped, ""),
              PushResult::Closed);
    EXPECT_EQ(source.push_marker(std::make_unique<TestMarker>("x"), false), PushResult::Closed);
    EXPECT_EQ(source.wait_ready(), PushResult::Closed);
    source.set_options({.name = "s", .priority = 4});
    EXPECT_EQ(TestFrame::living, 0);
}

TEST(FlowThreads, sources_that_compete_are_served_by_priority) {
    Rig rig({.batch = 1, .lanes = 1}, 2, 1);
    const int priorities[] = {0, 1, 7, 3};
    for (int p : priorities)
        rig.add({.name = "s", .priority = p});
    rig.push(0, 0);
    rig.push(0, 1);
    std::vector<std::thread> threads;
    for (int s = 1; s < 4; s++) {
        threads.emplace_back([&rig, s] { rig.push(s, 0); });
        wait_for_line(*rig.session, s);
    }
    rig.device.step(); // frees one row
    threads[1].join(); // priority 7
    EXPECT_EQ(waiting(*rig.session), 2);
    rig.device.step();
    threads[2].join();
    rig.device.step();
    threads[0].join();
}

TEST(FlowThreads, pass_waits_only_while_downstream_does_not_take_what_is_ready) {
    Rig rig({.batch = 1, .lanes = 1});
    Source& source = rig.add();
    const auto pass = [&](int k) {
        return source.pass(std::make_unique<TestFrame>(0, k), FrameStatus::Skipped, "interval");
    };
    const int many = 10 * source.in_flight_bound();
    rig.push(0, 0);
    for (int k = 1; k < many; k++)
        EXPECT_EQ(pass(k), PushResult::Ok); // behind a frame that is on the device
    rig.step_all();
    std::thread streaming([&] { EXPECT_EQ(pass(many), PushResult::Ok); });
    for (int k = 0; k <= many; k++)
        EXPECT_EQ(number_of(*source.pop()), k);
    streaming.join();
}

TEST(FlowThreads, sources_come_flush_and_go_at_random_while_others_lose_nothing) {
    Rig rig({.batch = 4, .lanes = 2, .random_order = true, .threads = true});
    std::vector<std::thread> threads;
    for (int s = 0; s < 2; s++) {
        Source& steady = rig.add();
        threads.emplace_back([&steady, s] { push_all(steady, s, 1000); });
        threads.emplace_back([&steady] { EXPECT_EQ(pop_all(steady).frames, 1000); });
    }
    for (unsigned seed = 0; seed < 4; seed++)
        threads.emplace_back([&session = *rig.session, seed] {
            std::mt19937 random(seed);
            for (int round = 0; round < 40; round++) {
                const auto source =
                    session.add_source({.name = "s", .priority = int(random() % 3)});
                std::thread pusher([&source] {
                    for (int k = 0; k < 50; k++)
                        if (source->push(std::make_unique<TestFrame>(9, k), raw_tensors()) ==
                            PushResult::Closed)
                            break;
                    source->push_marker(std::make_unique<TestMarker>("eos"), true);
                });
                for (unsigned k = random() % 20; k > 0; k--)
                    source->pop();
                if (random() % 2) {
                    source->flush_start();
                    source->flush_stop();
                }
                if (random() % 2)
                    source->set_options({.name = "s", .priority = 1, .batch_timeout_us = 100});
                source->close();
                pusher.join();
            }
        });
    for (std::thread& t : threads)
        t.join();
    rig.sources.clear();
    rig.session.reset();
    Reaper::instance().wait_until_idle();
    EXPECT_EQ(TestFrame::living, 0);
    EXPECT_EQ(rig.device.submits(), rig.device.dones());
}

TEST(FlowThreads, sessions_are_opened_shared_and_dropped_by_many_threads) {
    Device device({.batch = 1, .lanes = 1, .threads = true});
    const SessionConfig config = config_for(device);
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; t++)
            threads.emplace_back([&] {
                for (int round = 0; round < 50; round++) {
                    auto session = open_session(config, parts_for(device)).value();
                    auto watch = session->when_ready([](const Error*) {});
                    auto source = session->add_source({});
                    if (round % 3 == 0)
                        source->wait_ready();
                    source->push(std::make_unique<TestFrame>(0, round), raw_tensors());
                    if (round % 2 == 0)
                        source->pop();
                }
            });
    }
    Reaper::instance().wait_until_idle();
    EXPECT_EQ(device.executors, 0);
    EXPECT_EQ(TestFrame::living, 0);
}
