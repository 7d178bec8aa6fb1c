// SPDX-License-Identifier: LGPL-2.1-or-later
// A device that takes frames and gives none back, not even at its end: an error, and nobody waits for it.
#include "tests/gst/gate_device.h"
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <thread>

namespace {

const std::string rest = " batch-size=1 decoder=ultraface model=" + test_data("brightness.onnx");
const std::string gated = "gstinference name=gi device=GATE" + rest;

// A closed gate that does not come back, until the end of the test.
struct Hang : testing::Test {
    void begin(Element& gi, Wire& w) {
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        w.start();
        ASSERT_EQ(w.frame(0, 10), GST_FLOW_OK);
        ASSERT_TRUE(w.wait_for("frame 0", 1));
        gate::close();
        gate::cling(true);
    }
    static void mend() {
        gate::cling(false);
        gate::open();
        gate::wait_until_gone();
    }
    void TearDown() override { mend(); }
};

std::string status_of(GstBuffer* buffer) {
    return gst_inference_status_get_name(gst_buffer_get_inference_frame_meta(buffer)->status);
}

} // namespace

TEST_F(Hang, is_an_error_that_says_what_to_do_and_its_frames_leave_as_failed) {
    Element gi(gated + " hang-timeout=100");
    Wire w(gi.get(), 0), other(gi.get(), 1);
    begin(gi, w);
    other.start();
    EXPECT_EQ(w.frame(1, 70), GST_FLOW_OK);
    EXPECT_EQ(other.frame(0, 70), GST_FLOW_OK);
    const std::string text = gi.message(GST_MESSAGE_ERROR);
    for (const char* part : {"device=GATE", "0.1 s", "hung", "NULL", "hang-timeout"})
        EXPECT_NE(text.find(part), std::string::npos) << text;
    ASSERT_TRUE(w.wait_for("frame 1", 1));
    ASSERT_TRUE(other.wait_for("frame 0", 1));
    EXPECT_EQ(status_of(w.frames()[1]), "failed");
    EXPECT_EQ(status_of(other.frames()[0]), "failed");
    EXPECT_EQ(w.frame(2, 70), GST_FLOW_ERROR);
    EXPECT_EQ(gi.message(GST_MESSAGE_ERROR, false), ""); // said once
    EXPECT_TRUE(w.event(gst_event_new_eos()));
    EXPECT_TRUE(w.wait_for("eos", 1));
}

TEST_F(Hang, comes_on_the_bus_before_upstream_hears_of_it) {
    Element gi(gated + " hang-timeout=100 requests=1");
    Wire w(gi.get(), 0);
    begin(gi, w);
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint64 n = 1; flow == GST_FLOW_OK; n++)
        flow = w.frame(n, 70); // the last one waits for its turn
    EXPECT_EQ(flow, GST_FLOW_ERROR);
    EXPECT_NE(gi.message(GST_MESSAGE_ERROR, false), "");
    EXPECT_TRUE(w.wait_for("frame", 2));
}

TEST_F(Hang, holds_up_no_state_change_and_the_next_start_works) {
    for (const bool found_out : {true, false}) {
        Element gi(gated + (found_out ? " hang-timeout=100" : " hang-timeout=3000"));
        {
            Wire w(gi.get(), 0);
            begin(gi, w);
            EXPECT_EQ(w.frame(1, 70), GST_FLOW_OK);
            gate::wait_for_held(1);
            if (found_out) {
                EXPECT_NE(gi.message(GST_MESSAGE_ERROR), "");
            }
            EXPECT_TRUE(gi.set_state(GST_STATE_NULL)); // the device does not come back
            if (!found_out)
                mend(); // it was slow, no more
        }
        gate::cling(false);
        gate::open();
        Wire again(gi.get(), 1);
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        again.start();
        EXPECT_EQ(again.frame(0, 130), GST_FLOW_OK);
        ASSERT_TRUE(again.wait_for("frame 0", 1));
        EXPECT_EQ(status_of(again.frames()[0]), "inferred");
    }
}

TEST_F(Hang, of_one_device_is_nothing_to_an_element_on_another) {
    Element gi(gated + " hang-timeout=100"), well("gstinference device=CPU" + rest);
    Wire w(gi.get(), 0), healthy(well.get(), 0);
    begin(gi, w);
    ASSERT_TRUE(well.set_state(GST_STATE_PLAYING));
    healthy.start();
    EXPECT_EQ(w.frame(1, 70), GST_FLOW_OK);
    EXPECT_NE(gi.message(GST_MESSAGE_ERROR), "");
    for (guint64 n = 0; n < 20; n++)
        EXPECT_EQ(healthy.frame(n, 70), GST_FLOW_OK);
    ASSERT_TRUE(healthy.wait_for("frame", 20));
    for (GstBuffer* buffer : healthy.frames())
        EXPECT_EQ(status_of(buffer), "inferred");
    EXPECT_EQ(well.message(GST_MESSAGE_ERROR, false), "");
}

TEST_F(Hang, of_all_elements_that_share_the_model_is_said_by_each) {
    Element one(gated + " hang-timeout=100"), two(gated + " hang-timeout=100");
    Wire a(one.get(), 0), b(two.get(), 0);
    ASSERT_TRUE(two.set_state(GST_STATE_PLAYING));
    b.start();
    begin(one, a);
    EXPECT_EQ(a.frame(1, 70), GST_FLOW_OK);
    EXPECT_NE(one.message(GST_MESSAGE_ERROR), "");
    EXPECT_NE(two.message(GST_MESSAGE_ERROR), "");
}
