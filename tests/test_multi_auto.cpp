// SPDX-License-Identifier: LGPL-2.1-or-later
// AUTO: the CPU at once, a better device when it is ready; on virtual time.
#include "tests/multi_rig.h"

using namespace infer;
using namespace infer::fake;

// This program's devices, in place of devices/device_table.cpp. GPU.1 is better than the CPU; GPU
// is the CPU itself, as an OpenCL driver for the CPU is.
namespace infer {

std::span<const DeviceDef* const> all_devices() {
    static const DeviceDef* const table[] = {&device_fake_cpu, &device_fake_gpu, &device_auto};
    return table;
}

} // namespace infer

namespace {

Device::Options taking(int64_t us, int warm_ups = 2) {
    return {.batch = 1, .lanes = 2, .batch_us = us, .warm_ups = warm_ups};
}

constexpr int depth = 4, requests = 6;

std::vector<Part> parts(Device::Options better = taking(1000)) {
    return {{"CPU", taking(4000)}, {"GPU.1", better}, {"GPU", taking(100)}};
}

} // namespace

TEST(Auto, gives_its_first_frame_as_early_as_the_cpu_alone_and_then_moves_on) {
    Device::Options better = taking(1000);
    better.hold_compile = true;
    Party party("AUTO", parts(better), requests);
    party.run(1, 1);
    EXPECT_EQ(party.latency_us[0], 4000); // as the CPU takes
    party.run(99, depth);
    EXPECT_EQ(party.served, (std::map<std::string, int>{{"CPU", 100}}));
    while (party.pushed - party.popped < depth) // these are on the CPU when it changes
        party.push();
    party.devices[1].let_compile();
    party.wait_for_notice("GPU.1 is ready and serves from now on");
    party.run(400, depth);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 500);
    EXPECT_GE(party.served["GPU.1"], 400 - depth);
    EXPECT_EQ(party.served.count("GPU"), 0u);
    EXPECT_EQ(party.devices[2].compiles, 0);
    const int before = party.served["CPU"];
    party.run(100, depth);
    EXPECT_EQ(party.served["CPU"], before);
}

TEST(Auto, goes_back_to_the_cpu_while_the_better_device_fails_and_loses_no_frame) {
    Party party("AUTO", parts(), requests);
    party.wait_for_notice("GPU.1 is ready");
    party.run(100, depth);
    party.devices[1].lose(true);
    party.run(100, depth);
    EXPECT_GE(party.served["CPU"], 90);
    EXPECT_NE(party.all_notices().find("warning: GPU.1 is put aside"), std::string::npos)
        << party.all_notices();
    party.devices[1].lose(false);
    party.wait_us(60'000'000);
    party.run(100, depth);
    const int before = party.served["GPU.1"];
    party.run(100, depth);
    EXPECT_EQ(party.served["GPU.1"], before + 100);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 400);
}

TEST(Auto, goes_back_to_the_cpu_when_the_better_device_hangs) {
    Device::Options hanging = taking(1000);
    hanging.hangs = {50, 51};
    Party party("AUTO", parts(hanging), requests);
    party.wait_for_notice("GPU.1 is ready");
    party.run(300, depth);
    EXPECT_EQ(party.statuses[FrameStatus::Inferred], 300);
    EXPECT_EQ(party.counters("GPU.1").failures, 2u);
    EXPECT_GE(party.served["CPU"], 200);
}

TEST(Auto, stays_on_the_cpu_where_the_better_device_cannot_have_the_model) {
    Device::Options wrong = taking(1000);
    wrong.compile_error = "out of memory";
    Party party("AUTO", parts(wrong), requests);
    party.wait_for_notice("warning: GPU.1 is left out: fake model: out of memory");
    party.run(100, depth);
    EXPECT_EQ(party.served["CPU"], 100);
}

TEST(Auto, takes_a_better_device_that_can_where_the_cpu_cannot_have_the_model) {
    std::vector<Part> others = parts(taking(1000));
    others[0].options.compile_error = "no f16";
    Party party("AUTO", others, requests);
    party.run(100, depth);
    EXPECT_EQ(party.served["GPU.1"], 100);
}

TEST(Auto, ends_at_once_while_the_better_device_is_still_being_made_ready) {
    Device::Options slow = taking(1000);
    slow.hold_compile = true;
    Party party("AUTO", parts(slow), requests);
    party.run(10, depth);
    party.sources.clear();
    party.session.reset(); // or this would wait for ever
    party.devices[1].let_compile();
}

TEST(Auto, may_end_at_the_moment_a_better_device_joins) {
    for (int round = 0; round < 100; round++) {
        Device::Options better = taking(1000);
        better.hold_compile = true;
        Party party("AUTO", parts(better), requests);
        party.run(1, 1);
        party.devices[1].let_compile();
    }
}
