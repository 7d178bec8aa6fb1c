// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads and states that come and go, again and again: nothing is lost by those who stay, and nothing
// is left behind. A fraction by default; in full with GI_FULL=1 (suite soak).
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <thread>

namespace {

const std::string brightness =
    "gstinference model=" + test_data("brightness.onnx") + " decoder=ultraface";

int length(int fraction, int full) { return g_getenv("GI_FULL") ? full : fraction; }

// What a process holds.
struct Held {
    long threads = 0, files = 0, resident_kb = 0;
};

Held held() {
    Held h;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        h.files += !entry.path().empty();
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == "Threads:")
            status >> h.threads;
        else if (word == "VmRSS:")
            status >> h.resident_kb;
    return h;
}

// One guest: a few frames, and then it goes in one of several ways.
void visit(GstElement* element, int pad, unsigned seed) {
    std::mt19937 random(seed);
    Wire w(element, pad);
    w.start();
    const bool blocks = random() % 4 == 0;
    w.block(blocks);
    const guint64 frames = random() % (blocks ? 2 : 6);
    for (guint64 n = 0; n < frames; n++)
        EXPECT_EQ(w.frame(n, 200), GST_FLOW_OK);
    switch (random() % 3) {
    case 0:
        EXPECT_TRUE(w.event(gst_event_new_eos()));
        if (!blocks) {
            EXPECT_TRUE(w.wait_for("eos", 1));
        }
        break;
    case 1:
        w.event(gst_event_new_flush_start());
        break;
    default:
        break; // frames are in flight
    }
}

} // namespace

TEST(Churn, sixteen_guests_come_and_go_at_random_and_the_one_who_stays_loses_nothing) {
    Element gi(brightness + " batch-size=4");
    Wire steady(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    steady.start();
    steady.keep_frames(false);
    std::atomic<bool> done = false;
    guint64 pushed = 0;
    std::thread camera([&] {
        for (; !done; pushed++)
            ASSERT_EQ(steady.frame(pushed, 10), GST_FLOW_OK);
    });
    std::vector<std::thread> guests;
    for (int pad = 1; pad <= 16; pad++)
        guests.emplace_back([&, pad] {
            for (int visits = length(12, 1000); visits > 0; visits--)
                visit(gi.get(), pad, unsigned(pad * 10000 + visits));
        });
    for (auto& g : guests)
        g.join();
    done = true;
    camera.join();
    steady.event(gst_event_new_eos());
    ASSERT_TRUE(steady.wait_for("eos", 1));
    EXPECT_EQ(steady.count("frame"), pushed);
    EXPECT_EQ(gi.message(GST_MESSAGE_WARNING, false), "");
}

TEST(Churn, a_thousand_sources_fit_into_one_element) {
    const int count = 1024;
    Element gi(brightness);
    std::vector<std::unique_ptr<Wire>> wires;
    for (int k = 0; k < count; k++)
        wires.push_back(std::make_unique<Wire>(gi.get(), k));
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    for (auto& w : wires)
        w->start("video/x-raw,format=GRAY8,width=16,height=16");
    for (size_t k = 0; k < wires.size(); k++)
        EXPECT_EQ(wires[k]->frame(0, uint8_t(20 + k % 200)), GST_FLOW_OK);
    for (size_t k = 0; k < wires.size(); k++) {
        ASSERT_TRUE(wires[k]->wait_for("frame", 1)) << k;
        EXPECT_NEAR(brightness_of(wires[k]->frames()[0], 16, 16), int(20 + k % 200), 2) << k;
    }
}

TEST(Churn, states_go_up_and_down_and_leave_nothing_behind) {
    const int cycles = length(60, 1000);
    Element gi(brightness + " batch-size=4");
    Wire w(gi.get(), 0), idle(gi.get(), 1);
    w.keep_frames(false);
    Held middle;
    for (int cycle = 0; cycle < cycles; cycle++) {
        const size_t before = w.count("frame");
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        w.start();
        for (guint64 n = 0; n < 4; n++)
            EXPECT_EQ(w.frame(n, 10), GST_FLOW_OK);
        if (cycle % 2) {
            ASSERT_TRUE(w.wait_for("frame", before + 4));
        }
        ASSERT_TRUE(gi.set_state(GST_STATE_NULL));
        if (cycle == cycles / 2)
            middle = held();
    }
    const Held end = held();
    // GStreamer's thread pool keeps a few for a while.
    EXPECT_LE(end.threads, middle.threads + 4);
    EXPECT_LE(end.files, middle.files + 2);
    EXPECT_LE(double(end.resident_kb), double(middle.resident_kb) * 1.02 + 1024);
}

// In every phase of loading.
TEST(Churn, an_element_may_go_while_its_model_loads) {
    for (int cycle = 0; cycle < length(40, 1000); cycle++) {
        Element gi(brightness + " private=true");
        Wire w(gi.get(), 0);
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        w.start();
        std::thread camera([&] {
            while (w.frame(0, 10) == GST_FLOW_OK) {
            }
        });
        for (int spin = 0; spin < cycle * 50; spin++)
            std::this_thread::yield();
        ASSERT_TRUE(gi.set_state(GST_STATE_NULL));
        camera.join();
    }
}

// An application that answers an error by stopping, on the thread that posts it.
TEST(Churn, a_message_handler_may_stop_the_element_on_any_thread) {
    struct Stop {
        GstElement* element;
        std::atomic<bool> done = false;
    };
    for (const char* more : {" error-policy=stop", " error-policy=warn"}) {
        Element gi(brightness + more);
        Wire w(gi.get(), 0);
        Stop stop{gi.get()};
        GstBus* bus = gst_element_get_bus(gi.get());
        gst_bus_set_sync_handler(
            bus,
            [](GstBus*, GstMessage* message, gpointer p) {
                auto* s = static_cast<Stop*>(p);
                const auto wanted = GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
                if (GST_MESSAGE_TYPE(message) & wanted && !s->done.exchange(true))
                    gst_element_set_state(s->element, GST_STATE_NULL);
                return GST_BUS_PASS;
            },
            &stop, nullptr);
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        w.start();
        // A buffer too small for its caps fails, and the src pad's task says so: perhaps before
        // push returns.
        gst_pad_push(w.camera(), gst_buffer_new_allocate(nullptr, 7, nullptr));
        EXPECT_NE(gi.message(GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING)), "");
        EXPECT_NE(w.frame(1, 10), GST_FLOW_OK);
        gst_bus_set_sync_handler(bus, nullptr, nullptr, nullptr);
        gst_object_unref(bus);
    }
}
