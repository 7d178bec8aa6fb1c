// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <thread>

namespace {

const std::string brightness =
    "gstinference model=" + test_data("brightness.onnx") + " decoder=ultraface";
constexpr char caps_text[] = "video/x-raw,format=RGB,width=32,height=32,framerate=25/1";

GstQuery* allocation_query() {
    GstCaps* caps = gst_caps_from_string(caps_text);
    GstQuery* query = gst_query_new_allocation(caps, TRUE);
    gst_caps_unref(caps);
    return query;
}

} // namespace

TEST(Queries, allocation_asks_downstream_and_adds_what_is_held_in_flight) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    w.on_query = [](GstQuery* q) {
        if (GST_QUERY_TYPE(q) != GST_QUERY_ALLOCATION)
            return false;
        gst_query_add_allocation_pool(q, nullptr, 3072, 2, 0);
        gst_query_add_allocation_meta(q, GST_VIDEO_META_API_TYPE, nullptr);
        return true;
    };
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.frame(0, 10);
    GstQuery* query = allocation_query();
    ASSERT_TRUE(w.query(query));
    ASSERT_EQ(gst_query_get_n_allocation_pools(query), 1u);
    guint size = 0, min = 0, max = 0;
    gst_query_parse_nth_allocation_pool(query, 0, nullptr, &size, &min, &max);
    EXPECT_EQ(size, 3072u);
    EXPECT_GT(min, 2u);
    EXPECT_EQ(max, 0u);
    EXPECT_TRUE(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr));
    gst_query_unref(query);
    EXPECT_EQ(w.count("frame"), 1u); // it kept its place behind the frame
}

TEST(Queries, one_that_waits_in_a_blocked_source_ends_with_a_flush_or_a_release) {
    for (const bool flush : {true, false}) {
        Element gi(brightness);
        Wire w(gi.get(), 0);
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        w.start();
        w.block(true);
        w.frame(0, 10);
        ASSERT_TRUE(w.wait_until_blocked());
        std::thread asker([&] {
            GstQuery* query = allocation_query();
            EXPECT_FALSE(w.query(query));
            gst_query_unref(query);
        });
        if (flush)
            w.event(gst_event_new_flush_start());
        else
            w.release();
        asker.join();
    }
}

TEST(Queries, latency_adds_to_upstreams_and_none_stays_none) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    static GstClockTime upstream_max;
    upstream_max = GST_CLOCK_TIME_NONE;
    gst_pad_set_query_function(w.camera(), [](GstPad* p, GstObject* parent, GstQuery* q) -> gboolean {
        if (GST_QUERY_TYPE(q) != GST_QUERY_LATENCY)
            return gst_pad_query_default(p, parent, q);
        gst_query_set_latency(q, TRUE, 10 * GST_MSECOND, upstream_max);
        return TRUE;
    });
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.frame(0, 10);
    ASSERT_TRUE(w.wait_for("frame", 1)); // compiled by now
    const auto ask = [&](gboolean& live, GstClockTime& min, GstClockTime& max) {
        GstQuery* query = gst_query_new_latency();
        EXPECT_TRUE(gst_pad_peer_query(w.recorder(), query));
        gst_query_parse_latency(query, &live, &min, &max);
        gst_query_unref(query);
    };
    gboolean live = FALSE;
    GstClockTime min = 0, max = 0;
    ask(live, min, max);
    EXPECT_TRUE(live);
    EXPECT_GT(min, 10 * GST_MSECOND);
    EXPECT_EQ(max, GST_CLOCK_TIME_NONE);
    upstream_max = 10 * GST_MSECOND;
    ask(live, min, max);
    EXPECT_GE(max, min);
    EXPECT_GE(max, 10 * GST_MSECOND + 40 * GST_MSECOND); // at least one frame's time in flight
}

TEST(Queries, caps_are_those_of_the_template_that_the_partner_takes) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    GstCaps* all = gst_pad_peer_query_caps(w.camera(), nullptr);
    GstCaps* expected = gst_pad_get_pad_template_caps(w.sink());
    EXPECT_TRUE(gst_caps_is_equal(all, expected));
    const struct {
        const char* caps;
        bool accepted;
    } cases[] = {{caps_text, true},
                 {"video/x-raw,format=I420,width=1,height=1", true},
                 {"video/x-raw,format=ARGB64,width=32,height=32,framerate=25/1", false},
                 {"video/x-raw(memory:GLMemory),format=RGBA,width=32,height=32", false}};
    for (const auto& c : cases) {
        GstCaps* caps = gst_caps_from_string(c.caps);
        EXPECT_EQ(bool(gst_pad_peer_query_accept_caps(w.camera(), caps)), c.accepted) << c.caps;
        gst_caps_unref(caps);
    }
    gst_caps_unref(all);
    gst_caps_unref(expected);
}
