// SPDX-License-Identifier: LGPL-2.1-or-later
// One source in trouble among others, each on a thread of its own: the others lose no frame, keep
// their order and get their own results. (How late they are is counted in tests/test_flow_faults.)
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <thread>

namespace {

constexpr guint64 frames_each = 24;

uint8_t brightness_for(size_t source) { return uint8_t(20 + source * 14); }

struct Fault {
    const char* name;
    std::function<void(Wire&)> act; // on the streaming thread of the source in trouble
};

void some_frames(Wire& w, guint64 first, guint64 count) {
    for (guint64 n = first; n < first + count; n++)
        w.frame(n, 20);
}

const Fault faults[] = {
    {"stall", [](Wire& w) { some_frames(w, 0, 2); }},
    {"slow", // its frames come when the one before has left
     [](Wire& w) {
         for (guint64 n = 0; n < 8; n++) {
             w.frame(n, 20);
             EXPECT_TRUE(w.wait_for("frame", n + 1));
         }
     }},
    {"a frame too small for its caps",
     [](Wire& w) {
         for (guint64 n = 0; n < frames_each; n++)
             gst_pad_push(w.camera(), gst_buffer_new_allocate(nullptr, 7, nullptr));
     }},
    {"end of stream",
     [](Wire& w) {
         some_frames(w, 0, 3);
         w.event(gst_event_new_eos());
         EXPECT_TRUE(w.wait_for("eos", 1));
     }},
    {"flush",
     [](Wire& w) {
         GstSegment segment;
         gst_segment_init(&segment, GST_FORMAT_TIME);
         for (guint64 round = 0; round < 8; round++) {
             some_frames(w, round * 3, 3);
             w.event(gst_event_new_flush_start());
             w.event(gst_event_new_flush_stop(TRUE));
             w.event(gst_event_new_segment(&segment));
         }
     }},
    {"caps change",
     [](Wire& w) {
         const char* formats[] = {"I420", "GRAY8", "RGB"};
         for (guint64 n = 0; n < frames_each; n++) {
             w.caps("video/x-raw,format=" + std::string(formats[n % 3]) +
                    ",height=32,framerate=25/1,width=" + std::to_string(32 + 2 * n));
             w.frame(n, 20);
         }
     }},
    {"release",
     [](Wire& w) {
         some_frames(w, 0, 5);
         w.release();
     }},
    {"release while downstream blocks",
     [](Wire& w) {
         w.block(true);
         w.frame(0, 20);
         EXPECT_TRUE(w.wait_until_blocked());
         w.release();
     }},
    {"flow error",
     [](Wire& w) {
         w.answer_with(GST_FLOW_CUSTOM_ERROR);
         guint64 n = 0;
         while (w.frame(n, 20) == GST_FLOW_OK)
             n++;
     }},
};

// Its streaming thread stays in push until the wire is unblocked.
const Fault downstream_blocks = {"downstream blocks", [](Wire& w) {
                                     w.block(true);
                                     some_frames(w, 0, 200);
                                 }};

void play(Wire& w, size_t source) {
    for (guint64 n = 0; n < frames_each; n++)
        EXPECT_EQ(w.frame(n, brightness_for(source)), GST_FLOW_OK);
    EXPECT_TRUE(w.event(gst_event_new_eos()));
}

void expect_all(Wire& w, size_t source) {
    ASSERT_TRUE(w.wait_for("eos", 1)) << "source " << source;
    const auto frames = w.frames();
    ASSERT_EQ(frames.size(), frames_each) << "source " << source;
    for (guint64 n = 0; n < frames_each; n++) {
        EXPECT_EQ(GST_BUFFER_PTS(frames[n]), n * 40 * GST_MSECOND);
        EXPECT_NEAR(brightness_of(frames[n], 32, 32), brightness_for(source), 2)
            << "source " << source << ", frame " << n;
    }
}

void run(const Fault& fault, size_t sources, const std::string& device) {
    SCOPED_TRACE(std::string(fault.name) + ", 1 of " + std::to_string(sources) + " on " + device);
    Element gi("gstinference model=" + test_data("brightness.onnx") +
               " decoder=ultraface batch-size=4 device=" + device);
    std::vector<std::unique_ptr<Wire>> wires;
    for (size_t k = 0; k < sources; k++)
        wires.push_back(std::make_unique<Wire>(gi.get(), int(k)));
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    for (auto& w : wires)
        w->start();
    std::thread trouble([&] { fault.act(*wires[0]); });
    std::vector<std::thread> cameras;
    for (size_t k = 1; k < sources; k++)
        cameras.emplace_back([&, k] { play(*wires[k], k); });
    for (auto& c : cameras)
        c.join();
    for (size_t k = 1; k < sources; k++)
        expect_all(*wires[k], k);
    if (&fault == &downstream_blocks) { // or its thread would never end
        EXPECT_TRUE(wires[0]->wait_until_blocked());
        wires[0]->block(false);
    }
    trouble.join();
    wires[0]->block(false);
}

class Faults : public testing::TestWithParam<const char*> {};

} // namespace

TEST_P(Faults, of_one_source_cost_the_others_nothing) {
    for (const size_t sources : {size_t(2), size_t(16)}) {
        for (const Fault& fault : faults)
            run(fault, sources, GetParam());
        run(downstream_blocks, sources, GetParam());
    }
}

// GATE is a device of another kind than the CPU's: one request after another, on its own terms.
INSTANTIATE_TEST_SUITE_P(Devices, Faults, testing::Values("CPU", "GATE", "MULTI:GATE,CPU"),
                         [](const auto& info) {
                             const std::string device = info.param;
                             return device.substr(0, device.find(':'));
                         });
