// SPDX-License-Identifier: LGPL-2.1-or-later
// QOS events from downstream: late frames are not inferred, and all frames leave.
#include "tests/gst/support.h"

#include <gtest/gtest.h>

namespace {

const std::string brightness = "gstinference name=gi model=" + test_data("brightness.onnx") + " decoder=ultraface";
constexpr GstClockTime frame_time = 40 * GST_MSECOND; // of Wire

// As a sink says it of frame `number`, `jitter` after its time.
void say_late(Wire& w, guint64 number, GstClockTimeDiff jitter) {
    ASSERT_TRUE(gst_pad_push_event(w.recorder(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, jitter, number * frame_time)));
}

std::string status_of(GstBuffer* buffer) {
    const auto* meta = gst_buffer_get_inference_frame_meta(buffer);
    std::string text = meta ? gst_inference_status_get_name(meta->status) : "no meta";
    return meta && meta->reason ? text + " " + meta->reason : text;
}

std::vector<std::string> statuses(Wire& w) {
    std::vector<std::string> all;
    for (GstBuffer* buffer : w.frames())
        all.push_back(status_of(buffer));
    return all;
}

const std::string yes = "inferred", no = "skipped qos";

struct Playing {
    Playing() : gi(brightness), w(gi.get(), 0) {
        EXPECT_TRUE(gi.set_state(GST_STATE_PLAYING));
        gst_pad_set_event_function(w.camera(), [](GstPad*, GstObject*, GstEvent* e) -> gboolean {
            gst_event_unref(e);
            return TRUE; // as a source that takes part in QoS
        });
        w.start();
        w.frame(0, 10);
        EXPECT_TRUE(w.wait_for("frame", 1));
    }
    Element gi;
    Wire w;
};

} // namespace

TEST(Lateness, frames_that_would_come_too_late_leave_without_inference) {
    Playing p;
    say_late(p.w, 0, frame_time); // two frames' time and one more: 1 and 2 cannot be in time, 3 can
    for (guint64 k = 1; k <= 4; k++)
        p.w.frame(k, 10);
    ASSERT_TRUE(p.w.wait_for("frame", 5));
    EXPECT_EQ(statuses(p.w), (std::vector<std::string>{yes, no, no, yes, yes}));
    guint64 skipped = 0;
    GstStructure* stats = nullptr;
    g_object_get(p.w.sink(), "stats", &stats, nullptr);
    gst_structure_get_uint64(stats, "skipped", &skipped);
    gst_structure_free(stats);
    EXPECT_EQ(skipped, 2u);
}

TEST(Lateness, being_early_again_or_a_flush_ends_it) {
    for (const bool flush : {false, true}) {
        Playing p;
        say_late(p.w, 0, 100 * frame_time);
        p.w.frame(1, 10);
        ASSERT_TRUE(p.w.wait_for("frame", 2));
        if (flush) {
            p.w.event(gst_event_new_flush_start());
            p.w.event(gst_event_new_flush_stop(TRUE));
            GstSegment segment;
            gst_segment_init(&segment, GST_FORMAT_TIME);
            p.w.event(gst_event_new_segment(&segment));
        } else {
            say_late(p.w, 1, -GstClockTimeDiff(10 * GST_MSECOND));
        }
        p.w.frame(2, 10);
        ASSERT_TRUE(p.w.wait_for("frame", 3));
        EXPECT_EQ(statuses(p.w), (std::vector<std::string>{yes, no, yes})) << (flush ? "flush" : "early");
    }
}

TEST(Lateness, one_source_being_late_is_nothing_to_another) {
    Playing p;
    Wire other(p.gi.get(), 1);
    other.start();
    say_late(p.w, 0, 100 * frame_time);
    p.w.frame(1, 10);
    other.frame(0, 20);
    other.frame(1, 20);
    ASSERT_TRUE(other.wait_for("frame", 2));
    EXPECT_EQ(statuses(other), (std::vector<std::string>{yes, yes}));
}

TEST(Lateness, the_bus_hears_of_it_once_a_second_at_most) {
    Playing p;
    say_late(p.w, 0, 100 * frame_time);
    GstBus* bus = gst_element_get_bus(p.gi.get());
    for (guint64 k = 1; k <= 20; k++)
        p.w.frame(k, 10);
    ASSERT_TRUE(p.w.wait_for("frame", 21));
    GstMessage* first = gst_bus_pop_filtered(bus, GST_MESSAGE_QOS);
    ASSERT_NE(first, nullptr);
    guint64 skipped = 0;
    gst_message_parse_qos_stats(first, nullptr, nullptr, &skipped);
    EXPECT_EQ(skipped, 1u);
    gst_message_unref(first);
    int more = 0;
    while (GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_QOS)) {
        more++;
        gst_message_unref(message);
    }
    EXPECT_LT(more, 19); // twenty were skipped
    gst_object_unref(bus);
}
