// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening, sharing, failing and dropping sessions.
#include "tests/flow_rig.h"

#include <future>

using namespace infer;
using namespace infer::fake;

namespace {

std::shared_ptr<Session> opened(const SessionConfig& config, Device& device) {
    auto session = open_session(config, parts_for(device));
    EXPECT_TRUE(session.ok()) << session.error().text();
    return session.value();
}

// The error it ends with; "" once ready.
std::string outcome(Session& session) {
    std::promise<std::string> promise;
    const auto watch = session.when_ready(
        [&](const Error* error) { promise.set_value(error ? error->text() : ""); });
    return promise.get_future().get();
}

struct Ends { // declared before the sessions of a test: the device outlives their end
    ~Ends() { Reaper::instance().wait_until_idle(); }
};

} // namespace

TEST(Session, says_at_once_what_is_wrong_with_what_it_is_given) {
    struct Case {
        const char* name;
        std::function<void(SessionConfig&)> edit;
        const char* says;
    };
    const Case cases[] = {
        {"no model", [](auto& c) { c.model = ""; }, "model: no file is given"},
        {"no file", [](auto& c) { c.model = "/no/such.onnx"; }, "/no/such.onnx: no such file"},
        {"folder", [](auto& c) { c.model = testing::TempDir(); }, "is a folder"},
        {"empty file", [](auto& c) { c.model = model_file("empty", ""); }, "is empty"},
        {"device", [](auto& c) { c.device = "GPU"; },
         "device=GPU: no such device in this build; there is FAKE"},
        {"part", [](auto& c) { c.device = "FAKE.3"; }, "device=FAKE.3: not found; there is FAKE"},
        {"batch", [](auto& c) { c.options.batch = 65; },
         "batch-size=65: must be 0 (the hint decides) to 64"},
        {"threads", [](auto& c) { c.options.threads = -1; }, "threads=-1: must be"},
        {"limit", [](auto& c) { c.latency_limit_ms = -1; }, "latency-limit=-1"},
    };
    Device device({});
    for (const Case& c : cases) {
        SessionConfig config = config_for(device);
        c.edit(config);
        const auto session = open_session(config, parts_for(device));
        ASSERT_FALSE(session.ok()) << c.name;
        EXPECT_NE(session.error().text().find(c.says), std::string::npos)
            << c.name << ": " << session.error().text();
    }
    EXPECT_EQ(device.compiles, 0);
}

TEST(Session, equal_configs_share_one_and_the_models_content_counts_not_its_name) {
    Device device({});
    const Ends ends;
    const auto first = opened(config_for(device, model_file("one", "same")), device);
    const auto second = opened(config_for(device, model_file("two", "same")), device);
    EXPECT_EQ(first, second);
    EXPECT_EQ(outcome(*first), "");
    EXPECT_EQ(device.compiles, 1);
}

TEST(Session, unequal_configs_are_told_apart) {
    const std::function<void(SessionConfig&)> edits[] = {
        [](auto& c) { c.model = model_file("other", "another model"); },
        [](auto& c) { c.options.hint = Hint::Latency; },
        [](auto& c) { c.options.precision = Precision::F32; },
        [](auto& c) { c.options.batch = 2; },
        [](auto& c) { c.options.requests = 9; },
        [](auto& c) { c.options.streams = 3; },
        [](auto& c) { c.options.threads = 1; },
        [](auto& c) { c.options.extra["kernels"] = "plain"; },
        [](auto& c) { c.latency_limit_ms = 20; },
        [](auto& c) {
            c.shapes["input"] = {1, 3, 320, 320};
        },
        [](auto& c) { c.is_private = true; },
    };
    for (const auto& edit : edits) {
        Device device({});
        const Ends ends;
        const auto usual = opened(config_for(device), device);
        SessionConfig config = config_for(device);
        edit(config);
        EXPECT_NE(opened(config, device), usual) << &edit - edits;
    }
}

TEST(Session, lives_as_long_as_somebody_holds_it_or_a_source_of_it) {
    Device device({});
    const Ends ends;
    auto session = opened(config_for(device), device);
    auto source = session->add_source({});
    EXPECT_EQ(source->wait_ready(), PushResult::Ok);
    session.reset();
    EXPECT_EQ(source->push(std::make_unique<TestFrame>(0, 0), raw_tensors()), PushResult::Ok);
    source.reset();
    Reaper::instance().wait_until_idle();
    EXPECT_EQ(device.executors, 0);
    EXPECT_EQ(TestFrame::living, 0);
    session = opened(config_for(device), device); // and can be had again
    EXPECT_EQ(outcome(*session), "");
    EXPECT_EQ(device.compiles, 2);
}

TEST(Session, a_compile_error_reaches_every_waiter) {
    Device device({.compile_error = "no kernel for Frobnicate", .hold_compile = true});
    const Ends ends;
    const auto session = opened(config_for(device), device);
    const auto source = session->add_source({});
    std::thread streaming([&] { EXPECT_EQ(source->wait_ready(), PushResult::Failed); });
    std::promise<std::string> told;
    const auto watch =
        session->when_ready([&](const Error* e) { told.set_value(e ? e->text() : ""); });
    EXPECT_FALSE(session->error());
    device.let_compile();
    streaming.join();
    EXPECT_EQ(told.get_future().get(), "fake model: no kernel for Frobnicate");
    ASSERT_TRUE(session->error());
    EXPECT_FALSE(session->ready());
    EXPECT_EQ(source->push(std::make_unique<TestFrame>(0, 0), raw_tensors()), PushResult::Failed);
    EXPECT_EQ(session->add_source({})->wait_ready(), PushResult::Failed); // one that comes later
    EXPECT_EQ(outcome(*session), "fake model: no kernel for Frobnicate");
    source->pass(std::make_unique<TestFrame>(0, 0), FrameStatus::Failed, "no model");
    EXPECT_TRUE(source->pop()); // frames may pass still
}

TEST(Session, a_model_that_cannot_be_loaded_fails_with_its_reason) {
    Device device({});
    const Ends ends;
    const auto session = opened(config_for(device, model_file("m", "broken")), device);
    EXPECT_NE(outcome(*session).find("broken"), std::string::npos);
}

TEST(Session, a_failed_session_is_not_shared_with_who_tries_again) {
    Device device({.compile_error = "out of memory"});
    const Ends ends;
    const auto first = opened(config_for(device), device);
    EXPECT_NE(outcome(*first), "");
    EXPECT_NE(opened(config_for(device), device), first);
}

TEST(Session, a_model_that_cannot_be_batched_runs_one_by_one_and_says_so_if_a_batch_was_asked_for) {
    Device device({});
    const Ends ends;
    SessionConfig config = config_for(device, model_file("m", "unbatchable"));
    const auto session = opened(config, device);
    EXPECT_EQ(outcome(*session), "");
    EXPECT_EQ(session->describe()["batch"], "1");
    EXPECT_FALSE(session->warning());
    config.options.batch = 4;
    const auto asked = opened(config, device);
    EXPECT_EQ(outcome(*asked), "");
    EXPECT_EQ(asked->describe()["batch"], "1");
    ASSERT_TRUE(asked->warning());
    EXPECT_NE(asked->warning()->text().find("batch-size=4: frames run one by one"),
              std::string::npos);
}

TEST(Session, holds_two_requests_more_than_run_at_once_unless_told_otherwise) {
    Device device({.lanes = 3});
    const Ends ends;
    SessionConfig config = config_for(device);
    auto session = opened(config, device);
    EXPECT_EQ(outcome(*session), "");
    EXPECT_EQ(session->describe()["requests"], "5");
    config.options.requests = 7;
    session = opened(config, device);
    EXPECT_EQ(outcome(*session), "");
    EXPECT_EQ(session->describe()["requests"], "7");
}

TEST(Session, waiting_for_the_model_ends_by_flush_and_close_of_that_source_alone) {
    Device device({.hold_compile = true});
    const Ends ends;
    const auto session = opened(config_for(device), device);
    const auto flushed = session->add_source({}), closed = session->add_source({}),
               patient = session->add_source({});
    std::thread a([&] { EXPECT_EQ(flushed->wait_ready(), PushResult::Flushing); });
    std::thread b([&] {
        EXPECT_EQ(closed->push(std::make_unique<TestFrame>(0, 0), raw_tensors()),
                  PushResult::Closed);
    });
    std::thread c([&] { EXPECT_EQ(patient->wait_ready(), PushResult::Ok); });
    flushed->flush_start();
    a.join();
    closed->close();
    b.join();
    device.let_compile();
    c.join();
    EXPECT_EQ(flushed->push_marker(std::make_unique<TestMarker>("x"), false), PushResult::Flushing);
    flushed->flush_stop();
    EXPECT_EQ(flushed->push(std::make_unique<TestFrame>(0, 0), raw_tensors()), PushResult::Ok);
}

TEST(Session, dropping_it_while_it_compiles_waits_for_nothing_and_leaves_nothing_behind) {
    Device device({.hold_compile = true});
    const Ends ends;
    auto session = opened(config_for(device), device);
    auto watch =
        session->when_ready([](const Error*) { ADD_FAILURE() << "called after its handle went"; });
    while (device.compiles == 0)
        std::this_thread::yield();
    watch.reset();
    session.reset(); // returns although compile() does not
    device.let_compile();
    Reaper::instance().wait_until_idle();
    EXPECT_EQ(device.executors, 0);
}

TEST(Session, may_be_dropped_by_the_callback_that_says_it_is_ready) {
    Device device({.hold_compile = true});
    const Ends ends;
    auto session = opened(config_for(device), device);
    std::promise<void> dropped;
    auto watch = session->when_ready([&](const Error*) {
        session.reset();
        dropped.set_value();
    });
    device.let_compile();
    dropped.get_future().wait();
    Reaper::instance().wait_until_idle();
    EXPECT_EQ(device.executors, 0);
}

TEST(Session, may_be_dropped_by_a_thread_of_its_own_device) {
    struct LastFrame final : Frame {
        Result<FrameView> map() override { return frame.map(); }
        void unmap() override {}
        FrameSize size() const override { return frame.size(); }
        TestFrame frame{0, 0};
        std::shared_ptr<Session> session;
    };
    Device device({.batch = 1, .lanes = 1, .threads = true});
    const Ends ends;
    auto session = opened(config_for(device), device);
    auto source = session->add_source({});
    ASSERT_EQ(source->wait_ready(), PushResult::Ok);
    auto frame = std::make_unique<LastFrame>();
    frame->session = session;
    device.hold_lanes(true);
    EXPECT_EQ(source->push(std::move(frame), raw_tensors()), PushResult::Ok);
    source
        .reset(); // the frame's result will be thrown away where it arrives, and the frame with it
    session.reset();
    device.hold_lanes(false);
    while (device.executors != 0)
        std::this_thread::yield();
}

TEST(Session, knows_its_latency_before_the_first_frame_and_from_frames_after) {
    Rig rig({.batch = 1, .lanes = 1}, 0, 1);
    EXPECT_EQ(rig.session->expected_latency_us(), 0); // the fake warm-up takes no time
    rig.add();
    for (int k = 0; k < 10; k++) {
        rig.push(0, k);
        rig.device.step();
        rig.sources[0]->pop();
    }
    EXPECT_NEAR(double(rig.session->expected_latency_us()), 1000, 32);
    const SessionStats stats = rig.session->stats();
    EXPECT_NEAR(stats.latency_p99_us, 1000, 32);
    EXPECT_NEAR(stats.inference_us, 1000, 1);
    EXPECT_EQ(stats.wait_us, 0);
}

TEST(Session, passes_on_what_the_model_says_about_itself) {
    Device device({});
    Ends ends;
    SessionParts parts = parts_for(device);
    parts.load = [](const std::string&, const LoadOptions&) -> Result<Graph> {
        Graph graph;
        graph.metadata["names"] = "{0: 'person'}";
        return graph;
    };
    auto session = open_session(config_for(device), parts);
    ASSERT_TRUE(session.ok());
    ASSERT_EQ(outcome(*session.value()), "");
    EXPECT_EQ(session.value()->metadata().at("names"), "{0: 'person'}");
}

TEST(Session, that_finds_no_memory_for_its_requests_says_so_and_what_takes_less) {
    Device device({.no_memory = true});
    auto session = open_session(config_for(device), parts_for(device)).value();
    auto source = session->add_source({});
    EXPECT_EQ(source->wait_ready(), PushResult::Failed);
    ASSERT_TRUE(session->error());
    EXPECT_EQ(session->error()->kind, Error::Device);
    EXPECT_NE(session->error()->text().find("batch-size"), std::string::npos) << session->error()->text();
}
