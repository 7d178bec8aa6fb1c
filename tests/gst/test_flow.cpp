// SPDX-License-Identifier: LGPL-2.1-or-later
// What goes in on sink_k leaves on src_k: frames, events, queries, flow.
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace {

const std::string brightness =
    "gstinference model=" + test_data("brightness.onnx") + " decoder=ultraface";

using Log = std::vector<std::string>;

} // namespace

TEST(Flow, source_k_leaves_on_src_k_with_its_own_results) {
    struct Case {
        const char* caps;
        int width, height;
        uint8_t brightness;
    };
    const Case cases[] = {
        {"video/x-raw,format=RGB,width=32,height=32,framerate=25/1", 32, 32, 40},
        {"video/x-raw,format=I420,width=64,height=48,framerate=30/1", 64, 48, 90},
        {"video/x-raw,format=GRAY8,width=33,height=17,framerate=5/1", 33, 17, 150},
        {"video/x-raw,format=NV12,width=128,height=96", 128, 96, 220},
    };
    Element gi(brightness);
    std::vector<std::unique_ptr<Wire>> wires;
    for (int k = 0; k < 4; k++)
        wires.push_back(std::make_unique<Wire>(gi.get(), k));
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    std::vector<std::thread> cameras;
    for (int k = 0; k < 4; k++)
        cameras.emplace_back([&, k] {
            wires[size_t(k)]->start(cases[k].caps);
            for (guint64 n = 0; n < 20; n++)
                EXPECT_EQ(wires[size_t(k)]->frame(n, cases[k].brightness), GST_FLOW_OK);
            wires[size_t(k)]->event(gst_event_new_eos());
        });
    for (auto& c : cameras)
        c.join();
    for (int k = 0; k < 4; k++) {
        Wire& w = *wires[size_t(k)];
        ASSERT_TRUE(w.wait_for("eos", 1)) << k;
        const auto frames = w.frames();
        ASSERT_EQ(frames.size(), 20u) << k;
        for (guint64 n = 0; n < 20; n++) {
            EXPECT_EQ(GST_BUFFER_PTS(frames[n]), n * 40 * GST_MSECOND);
            EXPECT_NEAR(brightness_of(frames[n], cases[k].width, cases[k].height),
                        cases[k].brightness, 2)
                << k << " " << n;
            auto* m = gst_buffer_get_inference_frame_meta(frames[n]);
            ASSERT_NE(m, nullptr);
            EXPECT_EQ(m->number, n);
            EXPECT_TRUE(g_str_has_suffix(m->source_id, (".sink_" + std::to_string(k)).c_str()));
        }
    }
}

TEST(Flow, eos_passes_with_nothing_in_flight) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.event(gst_event_new_eos());
    EXPECT_TRUE(w.wait_for("eos", 1));
    EXPECT_EQ(w.frame(0, 10), GST_FLOW_EOS);
}

// A batch of 16 that nobody else fills, and no time limit that would close it.
TEST(Flow, eos_closes_a_batch_that_nobody_else_fills) {
    Element gi(brightness + " batch-size=16 batch-timeout=60000");
    Wire w(gi.get(), 0), silent(gi.get(), 1);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    for (guint64 n = 0; n < 3; n++)
        EXPECT_EQ(w.frame(n, 10), GST_FLOW_OK);
    w.event(gst_event_new_eos());
    ASSERT_TRUE(w.wait_for("eos", 1));
    EXPECT_EQ(w.count("frame"), 3u);
    EXPECT_EQ(silent.log(), Log{});
}

TEST(Flow, serialized_events_keep_their_place_between_frames) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.frame(0, 10);
    w.event(gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "t", nullptr)));
    w.frame(1, 10);
    w.event(gst_event_new_gap(80 * GST_MSECOND, 40 * GST_MSECOND));
    w.frame(2, 10);
    w.event(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("mark")));
    w.frame(3, 10);
    w.caps("video/x-raw,format=GRAY8,width=48,height=40,framerate=25/1");
    w.frame(4, 10);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    w.event(gst_event_new_segment(&segment));
    w.frame(5, 10);
    w.event(gst_event_new_eos());
    ASSERT_TRUE(w.wait_for("eos", 1));
    EXPECT_EQ(w.log(), (Log{"stream-start", "caps", "segment", "frame 0", "tag", "frame 1", "gap",
                            "frame 2", "custom-downstream", "frame 3", "caps", "frame 4", "segment",
                            "frame 5", "eos"}));
}

TEST(Flow, caps_may_change_between_frames_and_every_frame_is_read_by_its_own) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.frame(0, 50);
    w.caps("video/x-raw,format=YUY2,width=100,height=50,framerate=25/1");
    w.frame(1, 150);
    w.caps("video/x-raw,format=BGRx,width=20,height=90,framerate=10/1");
    w.frame(2, 200);
    ASSERT_TRUE(w.wait_for("frame", 3));
    const auto frames = w.frames();
    EXPECT_NEAR(brightness_of(frames[0], 32, 32), 50, 2);
    EXPECT_NEAR(brightness_of(frames[1], 100, 50), 150, 2);
    EXPECT_NEAR(brightness_of(frames[2], 20, 90), 200, 2);
}

// The model gives back its picture: as large as the frame, with nothing scaled.
TEST(Flow, with_input_size_source_every_frame_is_inferred_at_its_own_size) {
    Element gi("gstinference model=" + test_data("open.onnx") + " input-size=source decoder=none");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    const std::pair<int, int> sizes[] = {{32, 32}, {101, 50}, {20, 90}, {32, 32}};
    for (guint64 n = 0; n < 4; n++) {
        w.caps("video/x-raw,format=RGB,width=" + std::to_string(sizes[n].first) +
               ",height=" + std::to_string(sizes[n].second) + ",framerate=25/1");
        EXPECT_EQ(w.frame(n, uint8_t(40 * n + 1)), GST_FLOW_OK);
    }
    ASSERT_TRUE(w.wait_for("frame", 4));
    const auto frames = w.frames();
    for (size_t n = 0; n < 4; n++) {
        const auto* same = gst_buffer_get_inference_tensor_meta(frames[n], "same");
        ASSERT_NE(same, nullptr) << n;
        gsize bytes = 0;
        const auto* pixels = static_cast<const float*>(g_bytes_get_data(same->data, &bytes));
        EXPECT_EQ(bytes, size_t(sizes[n].first) * size_t(sizes[n].second) * 3 * sizeof(float)) << n;
        EXPECT_EQ(pixels[0], float(40 * n + 1));
    }
}

// The model lists the white pixels: none of a black frame, all of a white one.
TEST(Flow, outputs_are_as_long_as_each_frame_makes_them) {
    Element gi("gstinference model=" + test_data("bright.onnx") + " decoder=none");
    Wire a(gi.get(), 0), b(gi.get(), 1);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    a.start();
    b.start();
    for (guint64 n = 0; n < 6; n++) {
        EXPECT_EQ(a.frame(n, n % 2 ? 255 : 0), GST_FLOW_OK);
        EXPECT_EQ(b.frame(n, n % 3 ? 0 : 255), GST_FLOW_OK);
    }
    ASSERT_TRUE(a.wait_for("frame", 6));
    ASSERT_TRUE(b.wait_for("frame", 6));
    const auto expect_list = [](GstBuffer* frame, bool white) {
        const auto* places = gst_buffer_get_inference_tensor_meta(frame, "places");
        ASSERT_NE(places, nullptr);
        ASSERT_EQ(places->n_dims, 2u);
        EXPECT_EQ(places->dims[0], 4);
        EXPECT_EQ(places->dims[1], white ? 3 * 16 * 16 : 0);
        EXPECT_EQ(g_bytes_get_size(places->data), white ? 4u * 3 * 16 * 16 * sizeof(gint64) : 0u);
    };
    for (size_t n = 0; n < 6; n++) {
        expect_list(a.frames()[n], n % 2);
        expect_list(b.frames()[n], n % 3 == 0);
    }
}

TEST(Flow, a_flush_throws_away_one_source_and_leaves_the_other) {
    Element gi(brightness);
    Wire a(gi.get(), 0), b(gi.get(), 1);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    a.start();
    b.start();
    a.block(true);
    a.frame(0, 10);
    ASSERT_TRUE(a.wait_until_blocked());
    b.frame(0, 20);
    a.event(gst_event_new_flush_start());
    EXPECT_EQ(a.frame(1, 10), GST_FLOW_FLUSHING);
    a.event(gst_event_new_flush_stop(TRUE));
    a.block(false);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    a.event(gst_event_new_segment(&segment));
    EXPECT_EQ(a.frame(7, 30), GST_FLOW_OK);
    EXPECT_EQ(b.frame(1, 20), GST_FLOW_OK);
    ASSERT_TRUE(a.wait_for("frame 7", 1));
    ASSERT_TRUE(b.wait_for("frame", 2));
    EXPECT_EQ(a.log("frame"), Log{"frame 7"});
    EXPECT_EQ(b.log("flush"), Log{});
}

TEST(Flow, a_source_whose_downstream_blocks_stops_no_other) {
    Element gi(brightness + " batch-size=4 batch-timeout=5");
    std::vector<std::unique_ptr<Wire>> wires;
    for (int k = 0; k < 4; k++)
        wires.push_back(std::make_unique<Wire>(gi.get(), k));
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    for (auto& w : wires)
        w->start();
    wires[0]->block(true);
    wires[0]->frame(0, 10);
    std::thread stuck([&] {
        for (guint64 n = 1; n < 100; n++)
            if (wires[0]->frame(n, 10) != GST_FLOW_OK)
                return;
    });
    for (guint64 n = 0; n < 50; n++)
        for (size_t k = 1; k < 4; k++)
            EXPECT_EQ(wires[k]->frame(n, uint8_t(50 * k)), GST_FLOW_OK);
    for (size_t k = 1; k < 4; k++)
        EXPECT_TRUE(wires[k]->wait_for("frame 49", 1)) << k;
    EXPECT_EQ(wires[0]->count("frame"), 0u);
    wires[0]->block(false);
    stuck.join();
    EXPECT_TRUE(wires[0]->wait_for("frame 99", 1));
}

TEST(Flow, what_downstream_returned_goes_upstream_on_that_source_alone) {
    Element gi(brightness);
    Wire a(gi.get(), 0), b(gi.get(), 1);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    a.start();
    b.start();
    a.answer_with(GST_FLOW_CUSTOM_ERROR);
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint64 n = 0; flow == GST_FLOW_OK; n++)
        flow = a.frame(n, 10);
    EXPECT_EQ(flow, GST_FLOW_CUSTOM_ERROR);
    EXPECT_EQ(b.frame(0, 10), GST_FLOW_OK);
    EXPECT_TRUE(b.wait_for("frame 0", 1));
    EXPECT_EQ(gi.message(GST_MESSAGE_ERROR, false), ""); // upstream will say it
}

TEST(Flow, a_failure_after_eos_is_posted_as_nobody_upstream_would_hear_of_it) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.block(true);
    w.frame(0, 10);
    ASSERT_TRUE(w.wait_until_blocked());
    w.event(gst_event_new_eos());
    w.answer_with(GST_FLOW_ERROR);
    w.block(false);
    EXPECT_NE(gi.message(GST_MESSAGE_ERROR), "");
}

TEST(Flow, a_downstream_that_has_had_enough_ends_its_source) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.answer_with(GST_FLOW_EOS);
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint64 n = 0; flow == GST_FLOW_OK; n++)
        flow = w.frame(n, 10);
    EXPECT_EQ(flow, GST_FLOW_EOS);
    EXPECT_TRUE(w.event(gst_event_new_eos()));
    EXPECT_TRUE(w.wait_for("eos", 1));
    EXPECT_EQ(w.count("frame"), 1u);
}

TEST(Flow, a_stream_start_after_eos_begins_anew) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.event(gst_event_new_eos());
    ASSERT_TRUE(w.wait_for("eos", 1));
    w.start();
    EXPECT_EQ(w.frame(3, 99), GST_FLOW_OK);
    EXPECT_TRUE(w.wait_for("frame 3", 1));
}

TEST(Flow, pixels_are_passed_on_and_not_copied_even_if_somebody_else_holds_the_buffer) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    GstBuffer* held = make_frame("video/x-raw,format=RGB,width=32,height=32,framerate=25/1", 77, 0);
    EXPECT_EQ(gst_pad_push(w.camera(), gst_buffer_ref(held)), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", 1));
    GstBuffer* out = w.frames()[0];
    EXPECT_EQ(gst_buffer_peek_memory(out, 0), gst_buffer_peek_memory(held, 0));
    EXPECT_NEAR(brightness_of(out, 32, 32), 77, 2);
    EXPECT_EQ(gst_buffer_get_inference_frame_meta(held), nullptr);
    gst_buffer_unref(held);
}

TEST(Flow, every_nth_frame_is_inferred_and_the_others_say_why_not) {
    Element gi(brightness + " interval=3");
    Wire a(gi.get(), 0), b(gi.get(), 1);
    g_object_set(b.sink(), "interval", 2, "source-id", "door", nullptr);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    for (Wire* w : {&a, &b}) {
        w->start();
        for (guint64 n = 0; n < 6; n++)
            EXPECT_EQ(w->frame(n, 60), GST_FLOW_OK);
        ASSERT_TRUE(w->wait_for("frame", 6));
        const auto frames = w->frames();
        for (guint64 n = 0; n < 6; n++) {
            auto* m = gst_buffer_get_inference_frame_meta(frames[n]);
            const bool inferred = n % (w == &a ? 3 : 2) == 0;
            EXPECT_EQ(m->status,
                      inferred ? GST_INFERENCE_STATUS_INFERRED : GST_INFERENCE_STATUS_SKIPPED);
            EXPECT_EQ(m->number, n);
            EXPECT_STREQ(m->reason, inferred ? nullptr : "interval");
            EXPECT_EQ(brightness_of(frames[n], 32, 32) >= 0, inferred);
        }
    }
    EXPECT_STREQ(gst_buffer_get_inference_frame_meta(b.frames()[0])->source_id, "door");
    GstStructure* stats = nullptr;
    g_object_get(b.sink(), "stats", &stats, nullptr);
    guint64 skipped = 0;
    EXPECT_TRUE(gst_structure_get_uint64(stats, "skipped", &skipped));
    EXPECT_EQ(skipped, 3u);
    gst_structure_free(stats);
}
