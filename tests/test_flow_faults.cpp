// SPDX-License-Identifier: LGPL-2.1-or-later
// One source in trouble among others, on the fake device's virtual time: the others lose no frame,
// and none of theirs is later than one batch more than it would have been.
#include "tests/flow_rig.h"

#include <algorithm>
#include <functional>

using namespace infer;
using namespace infer::fake;

// This program's devices, in place of devices/device_table.cpp.
namespace infer {

extern const DeviceDef device_multi;

std::span<const DeviceDef* const> all_devices() {
    static const DeviceDef* const table[] = {&device_fake, &device_multi};
    return table;
}

} // namespace infer

namespace {

constexpr int rounds = 24;

// The sources of a session; the first is the one in trouble.
class Cameras {
public:
    Cameras(const std::string& device, int count, bool live)
        : rig_({.batch = 4, .lanes = 2, .warm_ups = 2}, 0, 0, false, device,
               {find_device, all_devices}) {
        options_.frame_duration_us = 40'000;
        options_.live = live;
        for (int k = 0; k < count; k++)
            rig_.add(options_);
        next_.resize(size_t(count));
    }

    Source& first() { return *rig_.sources[0]; }
    bool has_credit(int k) {
        const Source& source = *rig_.sources[size_t(k)];
        return source.stats().in_flight < source.in_flight_bound();
    }
    PushResult push(int k) {
        return push(k, [](TestFrame&) {});
    }
    PushResult push(int k, const std::function<void(TestFrame&)>& change) {
        auto frame = std::make_unique<TestFrame>(k, next_[size_t(k)]++);
        change(*frame);
        while (free_rows(*rig_.session) == 0) // its turn comes when a batch ends
            EXPECT_TRUE(rig_.device.step());
        return rig_.push(std::move(frame));
    }
    void pop_all(int k) {
        while (rig_.sources[size_t(k)]->stats().ready)
            rig_.sources[size_t(k)]->pop();
    }
    void renew_first() {
        rig_.sources[0]->close();
        rig_.sources[0] = rig_.session->add_source(options_);
    }

    // Every other source's frame of this round, until all have come out. How many batches ended
    // meanwhile, at most.
    int round_of_others(int round) {
        const int begun = rig_.device.dones();
        const int count = int(rig_.sources.size());
        for (int k = 1; k < count; k++)
            EXPECT_EQ(push(k), PushResult::Ok);
        for (int k = 1; k < count; k++)
            wait_for(k, round);
        return rig_.device.dones() - begun;
    }

private:
    void wait_for(int k, int round) {
        Source& source = *rig_.sources[size_t(k)];
        for (int moves = 0; !source.stats().ready; moves++) {
            ASSERT_LT(moves, 1000) << "source " << k << " never gets frame " << round;
            if (!rig_.device.step()) {
                rig_.device.clock().advance(1000);
                tick(*rig_.session);
            }
        }
        const auto output = source.pop();
        ASSERT_TRUE(output);
        EXPECT_EQ(output->status, FrameStatus::Inferred);
        EXPECT_EQ(number_of(*output), round);
    }

    Rig rig_;
    SourceOptions options_;
    std::vector<int> next_;
};

struct Fault {
    const char* name;
    std::function<void(Cameras&, int round)> act; // the first source's part of a round
};

void play_well(Cameras& c, int) {
    c.pop_all(0);
    if (c.has_credit(0))
        c.push(0);
}

const Fault faults[] = {
    {"stall",
     [](Cameras& c, int round) {
         if (round < 3)
             play_well(c, round);
     }},
    {"slow",
     [](Cameras& c, int round) {
         if (round % 5 == 0)
             play_well(c, round);
     }},
    {"frames that cannot be mapped",
     [](Cameras& c, int) {
         c.pop_all(0);
         if (c.has_credit(0))
             c.push(0, [](TestFrame& frame) { frame.cannot_map = true; });
     }},
    {"end of stream",
     [](Cameras& c, int round) {
         if (round < 3)
             play_well(c, round);
         else if (round == 3)
             c.first().push_marker(std::make_unique<TestMarker>("eos"), true);
     }},
    {"flush",
     [](Cameras& c, int round) {
         play_well(c, round);
         if (round % 3 == 2) {
             c.first().flush_start();
             c.first().flush_stop();
         }
     }},
    {"frames of another size",
     [](Cameras& c, int round) {
         c.pop_all(0);
         if (c.has_credit(0))
             c.push(0, [round](TestFrame& frame) { frame.frame_size = {16 + round, 16}; });
     }},
    {"release and a new one",
     [](Cameras& c, int round) {
         play_well(c, round);
         if (round % 3 == 2)
             c.renew_first();
     }},
    {"downstream blocks",
     [](Cameras& c, int) {
         if (c.has_credit(0))
             c.push(0);
     }},
    {"downstream fails",
     [](Cameras& c, int round) {
         if (round < 3)
             return play_well(c, round);
         c.first().flush_start();
         EXPECT_EQ(c.push(0), PushResult::Flushing);
     }},
};

// The most batches that ended between the others' frames of a round and their results.
int worst_delay(const Fault& fault, const std::string& device, int sources, bool live) {
    Cameras cameras(device, sources, live);
    int worst = 0;
    for (int round = 0; round < rounds; round++) {
        fault.act(cameras, round);
        worst = std::max(worst, cameras.round_of_others(round));
    }
    return worst;
}

class Faults : public testing::TestWithParam<const char*> {};

} // namespace

TEST_P(Faults, of_one_source_cost_the_others_no_frame_and_at_most_one_batch_of_delay) {
    for (const int sources : {2, 16})
        for (const bool live : {false, true}) {
            const int without = worst_delay({"none", play_well}, GetParam(), sources, live);
            for (const Fault& fault : faults) {
                SCOPED_TRACE(fault.name + std::string(live ? ", live, 1 of " : ", 1 of ") +
                             std::to_string(sources));
                EXPECT_LE(worst_delay(fault, GetParam(), sources, live), without + 1);
            }
        }
}

// Both names are the same fake, so that its batches are counted together.
INSTANTIATE_TEST_SUITE_P(Devices, Faults, testing::Values("FAKE", "MULTI:FAKE.1,FAKE.2"),
                         [](const auto& info) {
                             const std::string device = info.param;
                             return device.substr(0, device.find(':'));
                         });
