// SPDX-License-Identifier: LGPL-2.1-or-later
// What a live pipeline hears of the latency, and when; and drop=late on its clock.
#include "gst/latency_watch.h"
#include "tests/gst/gate_device.h"
#include "tests/gst/support.h"

#include <gst/check/gsttestclock.h>
#include <gtest/gtest.h>

namespace {

const std::string gated = "gstinference name=gi device=GATE batch-size=1 decoder=ultraface model=" + test_data("brightness.onnx");
constexpr GstClockTime frame_time = 40 * GST_MSECOND; // of Wire

struct Answer {
    gboolean live = FALSE;
    GstClockTime min = 0, max = 0;
};

Answer ask(Wire& w) {
    Answer a;
    GstQuery* query = gst_query_new_latency();
    EXPECT_TRUE(gst_pad_peer_query(w.recorder(), query));
    gst_query_parse_latency(query, &a.live, &a.min, &a.max);
    gst_query_unref(query);
    return a;
}

void answer_as_camera(Wire& w) {
    gst_pad_set_query_function(w.camera(), [](GstPad* p, GstObject* parent, GstQuery* q) -> gboolean {
        if (GST_QUERY_TYPE(q) != GST_QUERY_LATENCY)
            return gst_pad_query_default(p, parent, q);
        gst_query_set_latency(q, TRUE, frame_time, 2 * frame_time);
        return TRUE;
    });
}

struct Latency : testing::Test {
    void TearDown() override { gate::open(); }
};

std::string statuses(Wire& w) {
    std::string all;
    for (GstBuffer* buffer : w.frames())
        all += gst_inference_status_get_name(gst_buffer_get_inference_frame_meta(buffer)->status)[0];
    return all;
}

} // namespace

TEST(LatencyWatch, asks_for_a_new_round_where_it_changed_by_more_than_a_fifth) {
    LatencyWatch watch;
    EXPECT_FALSE(watch.is_due(0)); // nobody has asked
    watch.answered(10'000);
    const struct {
        int64_t latency_us;
        bool changed;
    } cases[] = {{11'000, false}, {12'000, false}, {12'001, true},  {13'000, false}, // a fifth of what it said last
                 {14'500, true},  {12'000, false}, {11'599, true}, {11'599, false}};
    for (const auto& c : cases)
        EXPECT_EQ(watch.has_changed(c.latency_us), c.changed) << c.latency_us;
    watch.answered(0); // before the model is compiled
    EXPECT_TRUE(watch.has_changed(1));
}

TEST(LatencyWatch, looks_at_most_once_a_second) {
    LatencyWatch watch;
    watch.answered(10'000);
    EXPECT_TRUE(watch.is_due(5'000'000));
    EXPECT_FALSE(watch.is_due(5'999'999));
    EXPECT_TRUE(watch.is_due(6'000'000));
}

TEST_F(Latency, is_upstreams_alone_before_the_model_is_compiled_and_asked_for_again_after) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    answer_as_camera(w);
    const Answer before = ask(w); // in NULL
    EXPECT_TRUE(before.live);
    EXPECT_EQ(before.min, frame_time);
    EXPECT_GE(before.max, before.min);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    EXPECT_EQ(w.frame(0, 10), GST_FLOW_OK);
    GstBus* bus = gst_element_get_bus(gi.get());
    GstMessage* message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_LATENCY);
    ASSERT_NE(message, nullptr);
    gst_message_unref(message);
    const Answer after = ask(w);
    EXPECT_GT(after.min, before.min);
    for (guint64 n = 1; n < 20; n++)
        EXPECT_EQ(w.frame(n, 10), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", 20));
    EXPECT_EQ(gst_bus_pop_filtered(bus, GST_MESSAGE_LATENCY), nullptr); // within the same second
    gst_object_unref(bus);
}

// The sink renders a frame at its running time and the pipeline's latency. What is older when the device gets free
// is not worth inferring.
TEST_F(Latency, decides_with_drop_late_which_frames_can_be_in_time) {
    Element gi(gated + " drop=late requests=1");
    Wire w(gi.get(), 0);
    GstClock* clock = gst_test_clock_new_with_start_time(0);
    gst_element_set_clock(gi.get(), clock);
    gst_element_set_base_time(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    gst_pad_push_event(w.recorder(), gst_event_new_latency(frame_time)); // ends at the camera, which has no function for it
    EXPECT_EQ(w.frame(0, 10), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", 1));
    const auto frame_at = [&](guint64 number, GstClockTime now) {
        gst_test_clock_set_time(GST_TEST_CLOCK(clock), now);
        EXPECT_EQ(w.frame(number, 10), GST_FLOW_OK);
        ASSERT_TRUE(w.wait_for("frame " + std::to_string(number), 1));
    };
    frame_at(1, 1 * frame_time);                    // in time
    frame_at(2, 3 * frame_time - GST_MSECOND);      // due at 3 frames' time, just now
    frame_at(3, 4 * frame_time + GST_MSECOND);      // a millisecond past
    frame_at(4, 10 * frame_time);                   // long past
    frame_at(20, 10 * frame_time);                  // the camera has caught up
    EXPECT_EQ(statuses(w), "iiiddi");
    gst_element_set_clock(gi.get(), nullptr);
    gst_object_unref(clock);
}
