// SPDX-License-Identifier: LGPL-2.1-or-later
// Sessions whose model runs at the size of its frames: an engine a size, compiled when one comes.
#include "inference/session/shelf.h"
#include "inference/session/sizes.h"
#include "tests/flow_rig.h"

#include <future>

using namespace infer;
using namespace infer::fake;

namespace {

constexpr size_t kept = EngineShelf::kept;

std::unique_ptr<TestFrame> frame(int source, int number, FrameSize size) {
    auto frame = std::make_unique<TestFrame>(source, number);
    frame->frame_size = size;
    return frame;
}

struct SizesRig : Rig {
    explicit SizesRig(const Device::Options& options) : Rig(options, 0, options.batch, true) {}

    // Pushes, runs everything, takes out what comes.
    Output through(int source, int number, FrameSize size) {
        EXPECT_EQ(push(frame(source, number, size)), PushResult::Ok);
        step_all();
        auto output = sources[size_t(source)]->pop();
        EXPECT_TRUE(output);
        return std::move(*output);
    }
    int compiles() { return device.compiles; }
    int engines() { return device.executors; }
};

} // namespace

TEST(SizeRule, keeps_what_is_declared_and_proportions_where_one_side_is_open) {
    const struct {
        Shape shape;
        bool last;
        std::vector<FrameSize> sizes; // for a frame of 641x360
    } cases[] = {
        {{-1, 3, -1, -1}, false, {{641, 360}, {672, 384}}},
        {{-1, -1, -1, 3}, true, {{641, 360}, {672, 384}}},
        {{1, 3, 48, -1}, false, {{85, 48}, {96, 48}}},
        {{1, 3, -1, 320}, false, {{320, 180}, {320, 192}}},
    };
    for (const auto& c : cases) {
        InputFormat input;
        input.name = "x";
        input.shape = {1, 3, 8, 8};
        input.channels_last = c.last;
        const auto rule = SizeRule::of(std::vector{input}, {{"x", c.shape}});
        ASSERT_TRUE(rule.ok()) << to_string(c.shape);
        EXPECT_EQ(rule.value().sizes_for({641, 360}), c.sizes) << to_string(c.shape);
    }
}

TEST(Sizes, a_new_size_is_compiled_once_and_frames_of_all_sizes_keep_their_order) {
    SizesRig rig({.batch = 2, .lanes = 2});
    rig.add();
    const int first = rig.compiles();
    const FrameSize sizes[] = {{64, 48}, {32, 32}, {64, 48}, {32, 32}};
    for (int k = 0; k < 4; k++) // nothing runs meanwhile
        EXPECT_EQ(rig.push(frame(0, k, sizes[k])), PushResult::Ok);
    EXPECT_EQ(rig.compiles(), first + 2);
    rig.step_all();
    for (int k = 0; k < 4; k++) {
        const auto output = rig.sources[0]->pop();
        EXPECT_EQ(output->status, FrameStatus::Inferred);
        EXPECT_EQ(number_of(*output), k);
    }
    EXPECT_EQ(rig.session->stats().frames, 4u);
}

TEST(Sizes, sources_of_one_size_share_batches_and_others_make_their_own) {
    SizesRig rig({.batch = 2, .lanes = 1});
    rig.add();
    rig.add();
    rig.add();
    rig.through(0, 0, {64, 48});
    rig.through(1, 0, {64, 48});
    rig.through(2, 0, {32, 32});
    const int before = rig.device.submits();
    rig.push(frame(0, 1, {64, 48})); // goes at once: the lane of its size is free
    for (int k : {2, 3}) {
        rig.push(frame(0, k, {64, 48}));
        rig.push(frame(2, k, {32, 32}));
        rig.push(frame(1, k, {64, 48}));
    }
    rig.step_all();
    const auto rows = rig.device.rows_of_batches();
    int shared = 0;
    for (size_t k = size_t(before); k < rows.size(); k++)
        shared += rows[k] == 3;
    EXPECT_GE(shared, 2);
    for (int k : {1, 2, 3})
        EXPECT_EQ(number_of(*rig.sources[0]->pop()), k);
}

TEST(Sizes, the_last_few_are_kept_and_nothing_grows_after_that) {
    SizesRig rig({.batch = 1, .lanes = 1});
    rig.add();
    for (int k = 0; k < 20; k++) {
        EXPECT_EQ(rig.through(0, k, {32 + 2 * k, 32}).status, FrameStatus::Inferred);
        EXPECT_LE(rig.engines(), int(kept));
    }
    const int compiled = rig.compiles();
    for (int k = 16; k < 20; k++) // those are there
        rig.through(0, k, {32 + 2 * k, 32});
    EXPECT_EQ(rig.compiles(), compiled);
    rig.through(0, 20, {32, 32}); // this is not any more
    EXPECT_EQ(rig.compiles(), compiled + 1);
    EXPECT_EQ(rig.session->describe()["sizes"], "32x32, 66x32, 68x32, 70x32");
}

TEST(Sizes, engines_in_use_stay_however_many) {
    SizesRig rig({.batch = 1, .lanes = 1});
    constexpr int many = int(kept) + 3;
    for (int k = 0; k < many; k++) {
        rig.add();
        rig.through(k, 0, {32 + 2 * k, 32});
    }
    const int compiled = rig.compiles();
    for (int k = 0; k < many; k++)
        EXPECT_EQ(rig.through(k, 1, {32 + 2 * k, 32}).status, FrameStatus::Inferred);
    EXPECT_EQ(rig.compiles(), compiled);
    rig.sources.resize(1);
    rig.through(0, 2, {320, 32});
    EXPECT_LE(rig.engines(), int(kept)); // what was in use is let go when room is wanted
}

TEST(Sizes, where_a_size_cannot_be_the_next_whole_steps_serve_its_frames) {
    SizesRig rig({.batch = 1, .lanes = 1});
    rig.add();
    EXPECT_EQ(rig.through(0, 0, {63, 40}).status, FrameStatus::Inferred); // at 64x64
    const int compiled = rig.compiles();
    EXPECT_EQ(rig.through(0, 1, {64, 64}).status, FrameStatus::Inferred);
    EXPECT_EQ(rig.through(0, 2, {63, 40}).status, FrameStatus::Inferred);
    EXPECT_EQ(rig.compiles(), compiled); // and 63x40 is not tried again
}

TEST(Sizes, a_size_that_cannot_be_fails_its_frames_in_their_place_and_no_others) {
    SizesRig rig({.batch = 1, .lanes = 1});
    rig.add();
    rig.push(frame(0, 0, {64, 64}));
    rig.push(frame(0, 1, {65, 2000}));
    rig.push(frame(0, 2, {64, 64}));
    rig.step_all();
    EXPECT_EQ(rig.sources[0]->pop()->status, FrameStatus::Inferred);
    const auto failed = rig.sources[0]->pop();
    EXPECT_EQ(failed->status, FrameStatus::Failed);
    for (const char* part : {"input-size=source: the model cannot run at 65x2000", "cannot be halved",
                             "nor at 96x2016"})
        EXPECT_NE(failed->reason.find(part), std::string::npos) << failed->reason;
    EXPECT_EQ(rig.sources[0]->pop()->status, FrameStatus::Inferred);
    const SourceStats stats = rig.sources[0]->stats();
    EXPECT_EQ(stats.in, 3u);
    EXPECT_EQ(stats.failed, 1u);
    EXPECT_EQ(rig.session->stats().failed, 1u);
}

TEST(Sizes, waiting_for_a_size_ends_by_flush_and_close_of_that_source_alone) {
    SizesRig rig({.batch = 1, .lanes = 1, .hold_compile = true, .holds_after = 1});
    rig.add();
    rig.add();
    rig.add();
    const auto push = [&](int source) {
        return std::async(std::launch::async, [&rig, source] {
            return rig.push(frame(source, 0, {64, 64}));
        });
    };
    auto flushed = push(0), closed = push(1), patient = push(2);
    while (rig.compiles() < 2)
        std::this_thread::yield();
    rig.sources[0]->flush_start();
    EXPECT_EQ(flushed.get(), PushResult::Flushing);
    rig.sources[1]->close();
    EXPECT_EQ(closed.get(), PushResult::Closed);
    rig.sources[0]->flush_stop();
    auto again = push(0);
    rig.device.let_compile();
    EXPECT_EQ(patient.get(), PushResult::Ok);
    EXPECT_EQ(again.get(), PushResult::Ok);
    rig.step_all();
    EXPECT_EQ(number_of(*rig.sources[2]->pop()), 0);
    EXPECT_EQ(number_of(*rig.sources[0]->pop()), 0);
    EXPECT_EQ(rig.compiles(), 2);
}

// Nobody has time to see the flush: not the one who waits, nor the compiler.
TEST(Sizes, a_short_flush_ends_the_waiting_too) {
    SizesRig rig({.batch = 1, .lanes = 1, .hold_compile = true, .holds_after = 1});
    rig.add();
    rig.add();
    const auto push = [&](int source, FrameSize size) {
        return std::async(std::launch::async,
                          [&rig, source, size] { return rig.push(frame(source, 0, size)); });
    };
    auto first = push(1, {64, 64});
    while (rig.compiles() < 2)
        std::this_thread::yield();
    auto waits = push(0, {32, 64}); // behind the first
    while (waits.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
        rig.sources[0]->flush_start();
        rig.sources[0]->flush_stop();
    }
    EXPECT_EQ(waits.get(), PushResult::Flushing);
    rig.device.let_compile();
    EXPECT_EQ(first.get(), PushResult::Ok);
}

TEST(Sizes, a_session_may_go_while_it_compiles_a_size) {
    Device device({.batch = 1, .lanes = 1, .hold_compile = true, .holds_after = 1});
    SessionConfig config = config_for(device, model_file("model", "open"));
    config.at_source_size = true;
    auto session = open_session(config, parts_for(device)).value();
    auto source = session->add_source({});
    std::thread streaming([&] {
        EXPECT_EQ(source->push(frame(0, 0, {64, 64}), raw_tensors()), PushResult::Closed);
    });
    while (device.compiles < 2)
        std::this_thread::yield();
    source->close();
    streaming.join();
    session.reset();
    source.reset(); // returns although compile() does not
    device.let_compile();
    Reaper::instance().wait_until_idle();
    EXPECT_EQ(device.executors, 0);
}

TEST(Sizes, a_model_of_fixed_size_cannot_follow_its_sources) {
    Device device({});
    SessionConfig config = config_for(device);
    config.at_source_size = true;
    {
        const auto session = open_session(config, parts_for(device)).value();
        std::promise<std::string> promise;
        const auto watch = session->when_ready(
            [&](const Error* error) { promise.set_value(error ? error->text() : ""); });
        EXPECT_NE(promise.get_future().get().find(
                      "input-size=source: no input of the model leaves height or width open "
                      "(picture 4x2); use input-size=model"),
                  std::string::npos);
    }
    Reaper::instance().wait_until_idle();
}

// Four cameras that change their size all the time; one is flushed, one closes.
TEST(Sizes, many_sources_that_change_their_size_lose_nothing) {
    constexpr int sources = 4, frames = 300;
    SizesRig rig({.batch = 2, .lanes = 2, .random_order = true, .threads = true});
    for (int source = 0; source < sources; source++)
        rig.add();
    const auto push_all = [&](int source) {
        for (int k = 0; k < frames; k++) {
            const int width = 32 + 2 * ((k / 7 + source) % 9);
            rig.push(frame(source, k, {k % 50 == 0 ? width + 1 : width, 32}));
        }
    };
    const auto pop_all = [&](int source) {
        int last = -1;
        for (;;) {
            const auto output = rig.sources[size_t(source)]->pop();
            if (output && !output->is_frame)
                return;
            if (!output && source == 1)
                return; // closed
            if (!output)
                continue; // flushed
            EXPECT_GT(number_of(*output), last);
            last = number_of(*output);
        }
    };
    std::vector<std::thread> pushers, poppers;
    for (int source = 0; source < sources; source++) {
        pushers.emplace_back(push_all, source);
        poppers.emplace_back(pop_all, source);
    }
    for (int k = 0; k < 20; k++) {
        rig.sources[0]->flush_start();
        rig.sources[0]->flush_stop();
        SourceOptions options;
        options.priority = k;
        rig.sources[2]->set_options(options);
        std::this_thread::yield();
    }
    rig.sources[1]->close();
    for (std::thread& thread : pushers)
        thread.join();
    for (int source : {0, 2, 3})
        rig.sources[size_t(source)]->push_marker(std::make_unique<TestMarker>("end"), true);
    for (std::thread& thread : poppers)
        thread.join();
    for (int source : {2, 3}) {
        const SourceStats stats = rig.sources[size_t(source)]->stats();
        EXPECT_EQ(stats.inferred, uint64_t(frames));
        EXPECT_EQ(stats.in, stats.out);
    }
    EXPECT_EQ(rig.device.doubled(), 0);
}
