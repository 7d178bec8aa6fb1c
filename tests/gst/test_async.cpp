// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens while results are not there yet: the device holds them until the test says so.
#include "tests/gst/gate_device.h"
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <thread>

namespace {

const std::string gated = "gstinference device=GATE batch-size=1 model=" +
                          test_data("brightness.onnx") + " decoder=ultraface";

using Log = std::vector<std::string>;

// An element whose model is loaded, and from then on a closed gate.
struct Async : testing::Test {
    void begin(Element& gi, std::initializer_list<Wire*> wires) {
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        for (Wire* w : wires) {
            w->start();
            ASSERT_EQ(w->frame(0, 10), GST_FLOW_OK);
            ASSERT_TRUE(w->wait_for("frame 0", 1));
        }
        gate::close();
    }
    void TearDown() override {
        gate::fail(false);
        gate::open();
    }
};

} // namespace

TEST_F(Async, chain_returns_before_its_frames_result_exists) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    begin(gi, {&w});
    EXPECT_EQ(w.frame(1, 70), GST_FLOW_OK);
    gate::wait_for_held(1);
    EXPECT_EQ(w.count("frame"), 1u);
    gate::open();
    ASSERT_TRUE(w.wait_for("frame 1", 1));
    EXPECT_NEAR(brightness_of(w.frames()[1], 32, 32), 70, 2);
}

TEST_F(Async, eos_waits_for_the_frames_before_it) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    begin(gi, {&w});
    w.frame(1, 70);
    w.event(gst_event_new_eos());
    gate::wait_for_held(1);
    EXPECT_EQ(w.count("eos"), 0u);
    gate::open();
    ASSERT_TRUE(w.wait_for("eos", 1));
    EXPECT_EQ(w.count("frame"), 2u);
}

TEST_F(Async, a_flush_waits_for_no_device_and_its_old_results_vanish) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    begin(gi, {&w});
    w.frame(1, 70);
    gate::wait_for_held(1);
    w.event(gst_event_new_flush_start());
    w.event(gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    w.event(gst_event_new_segment(&segment));
    w.frame(7, 130);
    gate::open();
    ASSERT_TRUE(w.wait_for("frame 7", 1));
    EXPECT_EQ(w.log("frame"), (Log{"frame 0", "frame 7"}));
    EXPECT_NEAR(brightness_of(w.frames()[1], 32, 32), 130, 2);
}

TEST_F(Async, a_full_source_holds_its_camera_back_until_there_is_room) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    begin(gi, {&w});
    std::thread camera([&] {
        for (guint64 n = 1; n < 200; n++)
            ASSERT_EQ(w.frame(n, 10), GST_FLOW_OK);
    });
    gate::wait_for_held(1);
    EXPECT_EQ(w.count("frame"), 1u);
    gate::open();
    camera.join();
    EXPECT_TRUE(w.wait_for("frame 199", 1));
}

// Streaming threads that wait for a turn wake up, whatever the device does.
TEST_F(Async, stop_and_release_wait_for_no_device) {
    for (const bool release : {true, false}) {
        Element gi(gated);
        Wire w(gi.get(), 0), other(gi.get(), 1);
        begin(gi, {&w, &other});
        std::thread camera([&] {
            for (guint64 n = 1; w.frame(n, 10) == GST_FLOW_OK; n++) {
            }
        });
        gate::wait_for_held(1);
        if (release)
            w.release();
        else
            EXPECT_TRUE(gi.set_state(GST_STATE_READY)); // NULL lets go of the device itself
        camera.join();
        gate::open();
        if (release) {
            EXPECT_EQ(other.frame(1, 10), GST_FLOW_OK);
            EXPECT_TRUE(other.wait_for("frame 1", 1));
        }
    }
}

TEST_F(Async, a_failed_batch_lets_its_frame_out_with_a_warning_that_names_it) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    begin(gi, {&w});
    gate::fail(true);
    w.frame(1, 10);
    gate::open();
    ASSERT_TRUE(w.wait_for("frame 1", 1));
    gate::fail(false);
    w.frame(2, 10);
    ASSERT_TRUE(w.wait_for("frame 2", 1));
    auto* failed = gst_buffer_get_inference_frame_meta(w.frames()[1]);
    EXPECT_EQ(failed->status, GST_INFERENCE_STATUS_FAILED);
    EXPECT_NE(std::string(failed->reason).find("was told to fail"), std::string::npos);
    EXPECT_EQ(gst_buffer_get_inference_frame_meta(w.frames()[2])->status,
              GST_INFERENCE_STATUS_INFERRED);
    const std::string text = gi.message(GST_MESSAGE_WARNING);
    EXPECT_NE(text.find("sink_0, frame 1"), std::string::npos) << text;
    EXPECT_NE(text.find("was told to fail"), std::string::npos) << text;
}

TEST_F(Async, a_failed_batch_is_an_error_where_the_user_said_so) {
    Element gi(gated + " error-policy=stop");
    Wire w(gi.get(), 0);
    begin(gi, {&w});
    gate::fail(true);
    w.frame(1, 10);
    gate::open();
    EXPECT_NE(gi.message(GST_MESSAGE_ERROR).find("sink_0, frame 1"), std::string::npos);
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint64 n = 2; flow == GST_FLOW_OK; n++)
        flow = w.frame(n, 10);
    EXPECT_EQ(flow, GST_FLOW_ERROR);
}

// What waits behind the device's requests is dropped, oldest first; chain never waits for it.
TEST_F(Async, drop_oldest_keeps_the_streaming_thread_going_and_every_frame_leaves_in_order) {
    Element gi(gated + " drop=oldest requests=2");
    Wire w(gi.get(), 0);
    begin(gi, {&w});
    for (guint64 k = 1; k <= 10; k++)
        EXPECT_EQ(w.frame(k, 70), GST_FLOW_OK); // with the gate closed
    gate::wait_for_held(1);
    gate::open();
    ASSERT_TRUE(w.wait_for("frame", 11));
    std::string statuses;
    guint64 number = 0;
    for (GstBuffer* buffer : w.frames()) {
        const auto* meta = gst_buffer_get_inference_frame_meta(buffer);
        ASSERT_NE(meta, nullptr);
        EXPECT_EQ(meta->number, number++);
        EXPECT_EQ(meta->status == GST_INFERENCE_STATUS_DROPPED, meta->reason != nullptr);
        statuses += meta->status == GST_INFERENCE_STATUS_DROPPED ? 'd' : '.';
    }
    EXPECT_EQ(statuses, "...dddddd.."); // two requests, six dropped, two in the queue
}

TEST_F(Async, drop_may_change_while_playing) {
    Element gi(gated + " requests=1");
    Wire w(gi.get(), 0);
    begin(gi, {&w});
    gst_util_set_object_arg(G_OBJECT(gi.get()), "drop", "oldest");
    for (guint64 k = 1; k <= 6; k++)
        EXPECT_EQ(w.frame(k, 70), GST_FLOW_OK);
    gate::open();
    ASSERT_TRUE(w.wait_for("frame", 7));
    gst_util_set_object_arg(G_OBJECT(gi.get()), "drop", "none");
    for (guint64 k = 7; k <= 12; k++)
        EXPECT_EQ(w.frame(k, 70), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", 13));
    for (size_t k = 7; k <= 12; k++)
        EXPECT_EQ(gst_buffer_get_inference_frame_meta(w.frames()[k])->status, GST_INFERENCE_STATUS_INFERRED);
}
