// SPDX-License-Identifier: LGPL-2.1-or-later
// Several devices as one, on virtual time.
#include "tests/multi_rig.h"

#include <future>

using namespace infer;
using namespace infer::fake;

// This program's devices, in place of devices/device_table.cpp.
namespace infer {

// A kind of which this machine has none.
constexpr DeviceDef device_absent = {.name = "ABSENT",
                                     .devices =
                                         [] {
                                             return Result<std::vector<std::string>>(Error{
                                                 Error::Device, "", "no driver is installed"});
                                         },
                                     .compile =
                                         [](const Graph&, const CompileOptions&) {
                                             return Result<std::unique_ptr<Executor>>(Error{
                                                 Error::Device, "", "no driver is installed"});
                                         },
                                     .preferred_batch = [](std::string_view, Hint) { return 1; }};

std::span<const DeviceDef* const> all_devices() {
    static const DeviceDef* const table[] = {&device_fake, &device_absent, &device_multi};
    return table;
}

} // namespace infer

namespace {

constexpr int depth = 8, frames = 4000;

Device::Options taking(int64_t us, bool random = false) {
    return {.batch = 1, .lanes = 1, .batch_us = us, .random_order = random, .warm_ups = 2};
}

struct Speed {
    double fps, p99_us;
};

Speed speed_of(const std::string& device, std::vector<Part> parts) {
    Party party(device, std::move(parts), depth);
    party.run(200, depth); // the devices' times become known
    const int64_t begun = party.clock.now_us();
    party.latency_us.clear();
    party.run(frames, depth);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], frames + 200);
    std::ranges::sort(party.latency_us);
    return {frames * 1e6 / double(party.clock.now_us() - begun),
            double(party.latency_us[frames * 99 / 100])};
}

} // namespace

TEST(Multi, of_two_equal_devices_is_twice_as_fast_as_one) {
    const Speed one = speed_of("MULTI:FAKE.1", {{"FAKE.1", taking(1000)}});
    const Speed two =
        speed_of("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", taking(1000)}, {"FAKE.2", taking(1000)}});
    EXPECT_GE(two.fps, 1.95 * one.fps);
    EXPECT_LE(two.p99_us, one.p99_us);
}

TEST(Multi, takes_a_slow_device_as_far_as_it_helps_whichever_is_named_first) {
    const Speed fast = speed_of("MULTI:FAKE.1", {{"FAKE.1", taking(1000)}});
    for (const char* device : {"MULTI:FAKE.1,FAKE.2", "MULTI:FAKE.2,FAKE.1"}) {
        const Speed both = speed_of(device, {{"FAKE.1", taking(1000)}, {"FAKE.2", taking(4000)}});
        EXPECT_GE(both.fps, 1.23 * fast.fps) << device;
        EXPECT_LE(both.p99_us, 1.3 * fast.p99_us) << device;
    }
}

TEST(Multi, is_as_good_where_devices_take_now_longer_now_shorter) {
    const Speed fast = speed_of("MULTI:FAKE.1", {{"FAKE.1", taking(1000, true)}});
    const Speed both = speed_of("MULTI:FAKE.1,FAKE.2",
                                {{"FAKE.1", taking(1000, true)}, {"FAKE.2", taking(4000, true)}});
    EXPECT_GE(both.fps, 1.2 * fast.fps);
    EXPECT_LE(both.p99_us, 1.3 * fast.p99_us);
}

TEST(Multi, takes_each_in_turn_where_that_is_asked_for) {
    Party party("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", taking(1000)}, {"FAKE.2", taking(3000)}}, depth,
                {{"balance", "turns"}});
    party.run(200, depth);
    EXPECT_EQ(party.served, (std::map<std::string, int>{{"FAKE.1", 100}, {"FAKE.2", 100}}));
}

TEST(Multi, leaves_a_device_alone_that_is_too_slow_to_help) {
    const Speed fast = speed_of("MULTI:FAKE.1", {{"FAKE.1", taking(1000)}});
    const Speed both =
        speed_of("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", taking(1000)}, {"FAKE.2", taking(50'000)}});
    EXPECT_GE(both.fps, 0.95 * fast.fps);
    EXPECT_LE(both.p99_us, 1.3 * fast.p99_us);
}

TEST(Multi, lets_a_device_take_part_again_that_was_slow_once) {
    Party party("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", taking(1000)}, {"FAKE.2", taking(1000)}}, depth);
    party.clock.advance(1000);
    party.run(100, depth);
    // FAKE.2 takes far too long for one request.
    while (party.pushed - party.popped < depth)
        party.push();
    party.clock.advance(200'000);
    party.run(100, depth);
    party.served.clear();
    party.run(2000, depth);
    EXPECT_GE(party.served["FAKE.2"], 900);
}

TEST(Multi, runs_a_failed_request_on_another_and_gives_every_frame_out_once_and_in_order) {
    Device::Options failing = taking(1000);
    failing.fails = {5};
    Party party("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", failing}, {"FAKE.2", taking(1000)}}, depth);
    party.run(100, depth);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 100);
    EXPECT_EQ(party.counters("FAKE.1").failures, 1u);
    EXPECT_EQ(party.counters("FAKE.1").requests + party.counters("FAKE.2").requests,
              101u); // and the warm-up
    EXPECT_EQ(party.counters("FAKE.1").state, "put aside: fake device: batch 5 failed");
    EXPECT_NE(party.all_notices().find(
                  "warning: FAKE.1 is put aside, and what it was to do runs on the others (fake "
                  "device: batch 5 failed); it is tried again in 1.0 s"),
              std::string::npos)
        << party.all_notices();
    party.wait_us(1'000'000); // then a canary
    party.run(100, depth);
    EXPECT_EQ(party.counters("FAKE.1").state, "in use");
    EXPECT_NE(party.all_notices().find("FAKE.1 is back and serves again"), std::string::npos);
    const int before = party.served["FAKE.1"];
    party.run(100, depth);
    EXPECT_EQ(party.served["FAKE.1"], before + 50);
}

TEST(Multi, does_without_a_device_that_is_lost_until_it_is_back) {
    Party party("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", taking(1000)}, {"FAKE.2", taking(1000)}}, depth);
    party.run(50, depth);
    party.devices[0].lose(true);
    party.run(3000, depth); // canaries fail meanwhile
    EXPECT_NE(party.counters("FAKE.1").state, "in use");
    const int before = party.served["FAKE.1"];
    party.run(100, depth);
    EXPECT_EQ(party.served["FAKE.1"], before);
    party.devices[0].lose(false);
    party.wait_us(60'000'000);
    party.run(500, depth);
    EXPECT_GE(party.served["FAKE.1"], before + 200);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 3650);
}

TEST(Multi, takes_away_what_a_device_has_that_hangs_and_does_not_hear_it_afterwards) {
    Device::Options hanging = taking(1000);
    hanging.hangs = {7};
    Party party("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", hanging}, {"FAKE.2", taking(1000)}}, depth);
    party.run(400, depth);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 400);
    EXPECT_EQ(party.counters("FAKE.1").failures, 1u);
    EXPECT_NE(party.all_notices().find("gave no answer for 2.0 s"), std::string::npos)
        << party.all_notices();
    party.wait_us(1'000'000); // the canary hangs behind it
    party.run(100, depth);
    EXPECT_NE(party.counters("FAKE.1").state, "in use");
    party.devices[0].let_go();
    while (party.step()) {
    }
    party.run(200, depth);
    EXPECT_EQ(party.counters("FAKE.1").state, "in use");
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 700);
    EXPECT_EQ(party.devices[0].doubled() + party.devices[1].doubled(), 0);
}

TEST(Multi, says_that_a_frame_failed_which_fails_everywhere_and_keeps_the_devices) {
    Device::Options failing = taking(1000);
    for (int k = 1; k <= 20; k++)
        failing.fails.insert(k);
    Device::Options second = failing;
    second.warm_ups = 1; // the session's goes to the first
    Party party("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", failing}, {"FAKE.2", second}}, depth);
    party.run(100, 1);
    EXPECT_EQ(party.statuses[FrameStatus::Failed], 20);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 80);
    EXPECT_EQ(party.counters("FAKE.1").state, "in use");
    EXPECT_EQ(party.counters("FAKE.2").state, "in use");
}

TEST(Multi, fails_frames_while_no_device_is_left_and_goes_on_when_one_is_back) {
    Device::Options hanging = taking(1000);
    hanging.hangs = {3};
    Party party("MULTI:FAKE.1", {{"FAKE.1", hanging}}, depth);
    party.run(40, depth);
    EXPECT_GT(party.statuses[FrameStatus::Failed], 0);
    std::ranges::sort(party.reasons);
    EXPECT_EQ(party.reasons.front(), "FAKE.1: gave no answer for 2.0 s");
    EXPECT_EQ(party.reasons.back(), "device: none is left that works");
    party.devices[0].let_go();
    party.wait_us(60'000'000);
    while (party.step()) {
    }
    party.statuses.clear();
    party.run(40, depth);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 40);
}

TEST(Multi, leaves_out_a_device_that_cannot_have_the_model) {
    Device::Options wrong = taking(1000);
    wrong.compile_error = "no kernel for Frobnicate";
    Party party("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", wrong}, {"FAKE.2", taking(1000)}}, depth);
    party.run(20, depth);
    EXPECT_EQ(party.served["FAKE.2"], 20);
    EXPECT_EQ(party.all_notices(),
              "warning: FAKE.1 is left out: fake model: no kernel for Frobnicate\n");
    EXPECT_EQ(party.counters("FAKE.1").state, "left out: fake model: no kernel for Frobnicate");
}

TEST(Multi, does_without_a_kind_of_device_that_this_machine_has_none_of) {
    Party party("MULTI:ABSENT,FAKE.2", {{"FAKE.2", taking(1000)}}, depth);
    party.run(20, depth);
    EXPECT_EQ(party.served["FAKE.2"], 20);
    EXPECT_EQ(party.all_notices(), "warning: ABSENT is left out: no driver is installed\n");
}

TEST(Multi, says_why_no_device_can_have_the_model) {
    Device::Options wrong = taking(1000);
    wrong.compile_error = "no kernel for Frobnicate";
    Party party("MULTI:FAKE.1,FAKE.2", {{"FAKE.1", wrong}, {"FAKE.2", wrong}}, depth);
    EXPECT_EQ(party.sources[0]->wait_ready(), PushResult::Failed);
    EXPECT_EQ(party.session->error()->text(),
              "device=MULTI:FAKE.1,FAKE.2: none of them can run the model: FAKE.1: fake model: no "
              "kernel for "
              "Frobnicate; FAKE.2: fake model: no kernel for Frobnicate");
}

TEST(Multi, says_what_is_wrong_with_a_list_of_devices_or_their_options) {
    struct Case {
        const char *device, *options, *says;
    };
    const Case cases[] = {
        {"MULTI", "", "device=MULTI: must name devices, apart by commas, as in MULTI:GPU,CPU"},
        {"MULTI:", "", "device=MULTI:: must name devices"},
        {"MULTI:FAKE.1,", "", "device=MULTI:FAKE.1,: must name devices"},
        {"MULTI:FAKE.1,FAKE.1", "", "device=MULTI:FAKE.1,FAKE.1: names FAKE.1 twice"},
        {"MULTI:MULTI,FAKE", "", "device=MULTI:MULTI,FAKE: MULTI is made of devices itself"},
        {"MULTI:FAKE,TPU", "",
         "device=TPU: no such device in this build; there is FAKE, FAKE.1, FAKE.2"},
        {"MULTI:FAKE.1,FAKE.9", "", "device=FAKE.9: not found; there is FAKE"},
        {"MULTI:FAKE.1", "TPU.streams=2", "device-options=TPU.streams=2: there is no device TPU"},
        {"MULTI:FAKE.1", "streams=x",
         "device-options=streams=x: must be 0 (the hint decides) to 1024"},
        {"MULTI:FAKE.1", "kernels=own",
         "device-options=kernels=own: MULTI:FAKE.1 has no such option; it has timeout"},
        {"MULTI:FAKE.1", "balance=even", "device-options=balance=even: must be fastest or turns"},
        {"MULTI:FAKE.1", "balance=even", "device-options=balance=even: must be fastest or turns"},
        {"MULTI:FAKE.1", "timeout=0", "device-options=timeout=0: must be 1 to 3600000"},
    };
    for (const Case& c : cases) {
        SessionConfig config;
        config.model = model_file("model", "a model");
        config.device = c.device;
        config.options.batch = 1;
        config.options.extra = read_device_options(c.options).value();
        const auto session = open_session(config, {.find_device = find_device,
                                                   .all_devices = all_devices,
                                                   .content_hash = text_of,
                                                   .load = load_fake,
                                                   .make_fill = copying_fill});
        std::string says;
        if (session.ok()) { // found when it is compiled
            std::promise<std::string> told;
            const auto watch = session.value()->when_ready(
                [&](const Error* e) { told.set_value(e ? e->text() : ""); });
            says = told.get_future().get();
        } else {
            says = session.error().text();
        }
        EXPECT_NE(says.find(c.says), std::string::npos)
            << c.device << " " << c.options << ": " << says;
    }
}

// On threads of its own, with devices that fail now and then: each frame comes out once, in order,
// with its result.
TEST(Multi, keeps_every_frame_and_its_order_on_threads) {
    std::deque<Device> devices;
    SessionConfig config;
    config.model = model_file("model", "a model");
    config.device = "MULTI:FAKE,FAKE.1,FAKE.2";
    config.is_private = true;
    config.options.batch = 4;
    config.options.extra["balance"] = "turns"; // so that each gets to what it fails at
    for (const char* name : {"FAKE", "FAKE.1", "FAKE.2"}) {
        Device::Options options{.batch = 4, .lanes = 2, .random_order = true, .threads = true};
        for (int k = 20; k < 10'000 && devices.size() < 2; k += 97) // the third never fails
            options.fails.insert(k);
        devices.emplace_back(options);
        config.options.extra[std::string(name) + ".fake"] = devices.back().id();
    }
    auto session = open_session(config, {.find_device = find_device,
                                         .all_devices = all_devices,
                                         .content_hash = text_of,
                                         .load = load_fake,
                                         .make_fill = copying_fill});
    ASSERT_TRUE(session.ok());
    constexpr int count = 2000;
    {
        std::vector<std::jthread> threads;
        for (int k = 0; k < 4; k++)
            threads.emplace_back([&, k] {
                const std::unique_ptr<Source> source = session.value()->add_source({});
                const std::jthread pushes([&] {
                    for (int n = 0; n < count; n++)
                        source->push(std::make_unique<TestFrame>(k, n), raw_tensors());
                });
                for (int n = 0; n < count; n++) {
                    const auto output = source->pop();
                    ASSERT_TRUE(output);
                    EXPECT_EQ(output->status, FrameStatus::Inferred) << output->reason;
                    EXPECT_EQ(number_of(*output), n);
                }
            });
    }
    EXPECT_GT(session.value()->stats().devices[0].failures, 0u);
    session.value().reset();
    Reaper::instance().wait_until_idle();
}
