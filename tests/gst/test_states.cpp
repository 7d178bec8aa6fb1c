// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads and states, in any order, with frames in flight.
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace {

const std::string brightness =
    "gstinference model=" + test_data("brightness.onnx") + " decoder=ultraface";

std::string requested(GstElement* element, const char* name) {
    GstPad* pad = gst_element_request_pad_simple(element, name);
    if (!pad)
        return "";
    const std::string got = GST_PAD_NAME(pad);
    gst_element_release_request_pad(element, pad);
    gst_object_unref(pad);
    return got;
}

} // namespace

TEST(Pads, come_in_pairs_of_one_number) {
    Element gi(brightness);
    GstPad* sink = gst_element_request_pad_simple(gi.get(), "sink_3");
    ASSERT_NE(sink, nullptr);
    GstPad* src = gst_element_get_static_pad(gi.get(), "src_3");
    ASSERT_NE(src, nullptr);
    GstIterator* it = gst_pad_iterate_internal_links(sink);
    GValue value = G_VALUE_INIT;
    ASSERT_EQ(gst_iterator_next(it, &value), GST_ITERATOR_OK);
    EXPECT_EQ(g_value_get_object(&value), src);
    g_value_unset(&value);
    EXPECT_EQ(gst_iterator_next(it, &value), GST_ITERATOR_DONE);
    gst_iterator_free(it);
    EXPECT_EQ(requested(gi.get(), "sink_%u"), "sink_0"); // the lowest that is free
    gst_element_release_request_pad(gi.get(), sink);
    EXPECT_EQ(gst_element_get_static_pad(gi.get(), "src_3"), nullptr);
    gst_object_unref(sink);
    gst_object_unref(src);
}

TEST(Pads, are_children_whose_properties_a_launch_line_sets) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    gst_child_proxy_set(GST_CHILD_PROXY(gi.get()), "sink_0::interval", 5, "sink_0::source-id",
                        "gate", nullptr);
    int interval = 0;
    gchar* id = nullptr;
    g_object_get(w.sink(), "interval", &interval, "source-id", &id, nullptr);
    EXPECT_EQ(interval, 5);
    EXPECT_STREQ(id, "gate");
    g_free(id);
}

TEST(States, go_up_and_down_many_times) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    for (int cycle = 0; cycle < 5; cycle++) {
        const size_t before = w.count("frame");
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        w.start();
        for (guint64 n = 0; n < 4; n++)
            EXPECT_EQ(w.frame(n, 10), GST_FLOW_OK);
        ASSERT_TRUE(w.wait_for("frame", before + 4));
        ASSERT_TRUE(gi.set_state(cycle % 2 ? GST_STATE_READY : GST_STATE_NULL));
        EXPECT_EQ(w.frame(9, 10), GST_FLOW_FLUSHING);
    }
}

TEST(States, a_stop_with_work_in_flight_ends_it) {
    for (int cycle = 0; cycle < 5; cycle++) {
        Element gi(brightness + " batch-size=8 batch-timeout=60000");
        Wire a(gi.get(), 0), b(gi.get(), 1);
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        a.start();
        b.start();
        std::thread camera([&] {
            for (guint64 n = 0; a.frame(n, 10) == GST_FLOW_OK; n++) {
            }
        });
        b.frame(0, 10);
        ASSERT_TRUE(gi.set_state(GST_STATE_NULL));
        camera.join();
    }
}

// The model may still be loading.
TEST(States, a_stop_at_once_is_fine) {
    for (int cycle = 0; cycle < 10; cycle++) {
        Element gi(brightness + " private=true");
        Wire w(gi.get(), 0);
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        ASSERT_TRUE(gi.set_state(GST_STATE_NULL));
    }
}

TEST(Pads, come_and_go_while_others_play) {
    Element gi(brightness);
    Wire steady(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    steady.start();
    std::atomic<bool> done = false;
    std::thread camera([&] {
        for (guint64 n = 0; !done; n++)
            ASSERT_EQ(steady.frame(n, 10), GST_FLOW_OK);
    });
    EXPECT_TRUE(steady.wait_for("frame", 1));
    for (int round = 0; round < 30; round++) {
        Wire guest(gi.get(), 1 + round % 3);
        guest.start();
        for (guint64 n = 0; n < guint64(round % 5); n++)
            EXPECT_EQ(guest.frame(n, 200), GST_FLOW_OK);
        if (round % 2) {
            EXPECT_TRUE(guest.wait_for("frame", size_t(round % 5)));
        }
    }
    EXPECT_TRUE(steady.wait_for("frame", steady.count("frame") + 1)); // the guests stopped nothing
    done = true;
    camera.join();
}

TEST(Pads, are_released_while_downstream_blocks) {
    Element gi(brightness);
    Wire stuck(gi.get(), 0), other(gi.get(), 1);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    stuck.start();
    other.start();
    ASSERT_TRUE(stuck.wait_for("segment", 1));
    stuck.block(true);
    stuck.frame(0, 10);
    ASSERT_TRUE(stuck.wait_until_blocked());
    std::thread camera([&] {
        for (guint64 n = 1; stuck.frame(n, 10) == GST_FLOW_OK; n++) {
        }
    });
    stuck.release(); // does not wait for the recorder
    camera.join();
    EXPECT_EQ(other.frame(0, 10), GST_FLOW_OK);
    EXPECT_TRUE(other.wait_for("frame 0", 1));
    stuck.block(false);
    EXPECT_TRUE(stuck.wait_for("frame 0", 1));
}

TEST(Properties, of_decoding_take_effect_while_playing) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.frame(0, 10);
    ASSERT_TRUE(w.wait_for("frame", 1));
    g_object_set(gi.get(), "threshold", 0.95, nullptr);
    w.frame(1, 10);
    ASSERT_TRUE(w.wait_for("frame", 2));
    g_object_set(gi.get(), "threshold", -1.0, nullptr);
    g_object_set(gi.get(), "labels", "/nonexistent", nullptr);
    EXPECT_NE(gi.message(GST_MESSAGE_WARNING).find("/nonexistent"), std::string::npos);
    g_object_set(gi.get(), "interval", 0, nullptr);
    EXPECT_NE(gi.message(GST_MESSAGE_WARNING).find("interval=0"), std::string::npos);
    w.frame(2, 10);
    ASSERT_TRUE(w.wait_for("frame", 3));
    EXPECT_GE(brightness_of(w.frames()[0], 32, 32), 0);
    EXPECT_EQ(brightness_of(w.frames()[1], 32, 32), -1);
    EXPECT_GE(brightness_of(w.frames()[2], 32, 32), 0);
}
