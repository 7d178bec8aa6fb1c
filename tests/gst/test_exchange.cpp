// SPDX-License-Identifier: LGPL-2.1-or-later
// Another model while frames flow: loaded in the background, taken between two frames, or refused.
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace {

const std::string detector = test_data("brightness.onnx");
const std::string classifier = test_data("classes.onnx");

std::string model_of(const Element& element) {
    gchar* path = nullptr;
    g_object_get(element.get(), "model", &path, nullptr);
    const std::string copy = path ? path : "";
    g_free(path);
    return copy;
}

void set_model(Element& element, const std::string& path) {
    g_object_set(element.get(), "model", path.c_str(), nullptr);
}

// Which of the two models this frame's raw outputs are of.
std::string made_by(GstBuffer* frame) {
    return gst_buffer_get_inference_tensor_meta(frame, "boxes") ? detector : classifier;
}

void flush(Wire& w) {
    w.event(gst_event_new_flush_start());
    w.event(gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    w.event(gst_event_new_segment(&segment));
}

// Frames go in until one comes out that `model` made; the number of the next frame.
guint64 play_until(Wire& w, guint64 next, const std::string& model) {
    for (const guint64 limit = next + 100000; next < limit; next++) {
        EXPECT_EQ(w.frame(next, 100), GST_FLOW_OK);
        EXPECT_TRUE(w.wait_for("frame", next + 1));
        if (made_by(w.frames().back()) == model)
            return next + 1;
    }
    ADD_FAILURE() << "no frame by " << model;
    return next;
}

} // namespace

TEST(Exchange, another_model_takes_over_between_two_frames) {
    Element gi("gstinference decoder=none model=" + detector);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    guint64 next = play_until(w, 0, detector);
    set_model(gi, classifier);
    next = play_until(w, next, classifier);
    EXPECT_EQ(model_of(gi), classifier);
    set_model(gi, detector);
    next = play_until(w, next, detector);
    w.event(gst_event_new_eos());
    ASSERT_TRUE(w.wait_for("eos", 1));
    const auto frames = w.frames();
    ASSERT_EQ(frames.size(), next);
    int changes = 0;
    for (guint64 n = 0; n < next; n++) {
        const auto* meta = gst_buffer_get_inference_frame_meta(frames[n]);
        EXPECT_EQ(meta->number, n);
        EXPECT_EQ(meta->status, GST_INFERENCE_STATUS_INFERRED);
        changes += n > 0 && made_by(frames[n]) != made_by(frames[n - 1]);
    }
    EXPECT_EQ(changes, 2);
    EXPECT_EQ(gi.message(GST_MESSAGE_WARNING, false), "");
}

TEST(Exchange, frames_of_all_sources_keep_their_order_over_many_changes) {
    Element gi("gstinference decoder=none batch-size=4 model=" + detector);
    Wire a(gi.get(), 0), b(gi.get(), 1);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    std::atomic<bool> done = false;
    std::atomic<guint64> pushed[2] = {};
    const auto play = [&](Wire& w, std::atomic<guint64>& count) {
        w.start();
        while (!done) {
            ASSERT_EQ(w.frame(count, 100), GST_FLOW_OK);
            count++;
        }
        w.event(gst_event_new_eos());
    };
    std::thread first(play, std::ref(a), std::ref(pushed[0]));
    std::thread second(play, std::ref(b), std::ref(pushed[1]));
    for (int change = 0; change < 8; change++) {
        set_model(gi, change % 2 ? detector : classifier);
        EXPECT_TRUE(a.wait_for("frame", a.count("frame") + 20));
    }
    done = true;
    first.join();
    second.join();
    for (Wire* w : {&a, &b}) {
        ASSERT_TRUE(w->wait_for("eos", 1));
        const auto frames = w->frames();
        ASSERT_EQ(frames.size(), pushed[w == &b]);
        for (guint64 n = 0; n < frames.size(); n++)
            ASSERT_EQ(gst_buffer_get_inference_frame_meta(frames[n])->number, n);
    }
}

TEST(Exchange, a_model_that_cannot_be_is_refused_and_the_old_one_goes_on) {
    Element gi("gstinference decoder=ultraface model=" + detector);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.frame(0, 50);
    ASSERT_TRUE(w.wait_for("frame", 1));
    guint64 next = 1;
    const std::pair<std::string, const char*> cases[] = {
        {"/nonexistent.onnx", "no such file"},
        {test_data("unsupported.onnx"), "Quuxify"}, // an operator: known once it is loaded
        {classifier, "ultraface"},                  // the decoder cannot read it
    };
    for (const auto& [path, reason] : cases) {
        set_model(gi, path);
        const std::string text = gi.message(GST_MESSAGE_WARNING);
        EXPECT_NE(text.find(reason), std::string::npos) << text;
        EXPECT_EQ(model_of(gi), detector);
        w.frame(next++, 150);
        ASSERT_TRUE(w.wait_for("frame", next));
        EXPECT_NEAR(brightness_of(w.frames().back(), 32, 32), 150, 2);
    }
    EXPECT_EQ(gi.message(GST_MESSAGE_ERROR, false), "");
}

TEST(Exchange, a_flush_and_a_stop_may_come_at_any_moment_of_it) {
    for (int cycle = 0; cycle < 20; cycle++) {
        Element gi("gstinference decoder=none model=" + detector);
        Wire w(gi.get(), 0);
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        w.start();
        std::thread camera([&] {
            for (guint64 n = 0; n < 200; n++) {
                w.frame(n, 100);
                if (n % 50 == 10 && cycle % 2)
                    flush(w);
            }
        });
        set_model(gi, classifier);
        if (cycle % 4 > 1) {
            ASSERT_TRUE(gi.set_state(GST_STATE_NULL));
            EXPECT_EQ(model_of(gi), classifier); // what was asked for last
        }
        camera.join();
    }
}
