// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements of equal settings share one loaded model, and nothing else.
#include "tests/gst/gate_device.h"
#include "tests/gst/support.h"
#include "tests/test_folder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace {

const std::string gated = "gstinference device=GATE batch-size=1 decoder=ultraface model=" + test_data("brightness.onnx");

void play(Element& gi, Wire& w, guint64 frames) {
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    for (guint64 n = 0; n < frames; n++)
        ASSERT_EQ(w.frame(n, 10), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", frames));
}

guint64 frames_of_model(Element& gi) {
    GstStructure* stats = nullptr;
    guint64 n = 0;
    g_object_get(gi.get(), "stats", &stats, nullptr);
    gst_structure_get_uint64(stats, "frames", &n);
    gst_structure_free(stats);
    return n;
}

struct Sharing : testing::Test {
    void TearDown() override {
        gate::fail(false);
        gate::open();
        gate::wait_until_gone();
    }
};

} // namespace

TEST_F(Sharing, goes_by_what_the_model_is_compiled_with) {
    const infer::TestFolder folder;
    std::ifstream in(test_data("brightness.onnx"), std::ios::binary);
    const std::string copy = folder.write("copy.onnx", {std::istreambuf_iterator<char>(in), {}});
    const struct {
        std::string differs;
        bool shares;
    } cases[] = {
        {"", true},
        {"model=" + copy, true}, // the content counts
        {"threshold=0.9", true},
        {"interval=3", true},
        {"drop=oldest", true},
        {"error-policy=stop", true},
        {"batch-timeout=5", true},
        {"private=true", false},
        {"hint=latency", false},
        {"streams=1", false},
        {"requests=7", false},
        {"precision=f32", false},
        {"hang-timeout=5000", false},
    };
    for (const auto& c : cases) {
        gate::wait_until_gone();
        Element one(gated), two(gated + " " + c.differs);
        Wire a(one.get(), 0), b(two.get(), 0);
        play(one, a, 3);
        play(two, b, 3);
        EXPECT_EQ(gate::executors(), c.shares ? 1 : 2) << c.differs;
    }
}

TEST_F(Sharing, reaches_over_bins_and_pipelines) {
    GstElement* pipeline = gst_pipeline_new(nullptr);
    Element one(gated), two(gated), alone(gated);
    GstElement* bin = gst_bin_new(nullptr);
    gst_bin_add(GST_BIN(bin), static_cast<GstElement*>(gst_object_ref(one.get())));
    gst_bin_add(GST_BIN(pipeline), bin);
    gst_bin_add(GST_BIN(pipeline), static_cast<GstElement*>(gst_object_ref(two.get())));
    Wire a(one.get(), 0), b(two.get(), 0), c(alone.get(), 0);
    ASSERT_NE(gst_element_set_state(pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    play(one, a, 2);
    play(two, b, 2);
    play(alone, c, 2);
    EXPECT_EQ(gate::executors(), 1);
    EXPECT_EQ(frames_of_model(alone), 6u);
    gst_element_set_state(pipeline, GST_STATE_NULL); // the others' pipeline ends
    EXPECT_EQ(c.frame(2, 10), GST_FLOW_OK);
    EXPECT_TRUE(c.wait_for("frame", 3));
    gst_bin_remove(GST_BIN(bin), one.get());
    gst_bin_remove(GST_BIN(pipeline), two.get());
    gst_object_unref(pipeline);
}

// Whatever becomes of one with frames in flight, the other's frames all come, inferred.
TEST_F(Sharing, leaves_the_rest_alone_when_one_goes) {
    for (const char* how : {"to NULL", "disposed", "failed"}) {
        auto one = std::make_unique<Element>(gated + (how == std::string("failed") ? " error-policy=stop" : ""));
        Element two(gated);
        auto a = std::make_unique<Wire>(one->get(), 0);
        Wire b(two.get(), 0);
        play(*one, *a, 1);
        play(two, b, 1);
        gate::close();
        if (how == std::string("failed")) {
            gst_pad_push(a->camera(), gst_buffer_new_allocate(nullptr, 10, nullptr)); // too small
            EXPECT_NE(one->message(GST_MESSAGE_ERROR), "");
        } else {
            EXPECT_EQ(a->frame(1, 10), GST_FLOW_OK);
        }
        EXPECT_EQ(b.frame(1, 70), GST_FLOW_OK);
        gate::wait_for_held(1);
        a.reset();
        EXPECT_TRUE(one->set_state(GST_STATE_NULL));
        if (how == std::string("disposed"))
            one.reset();
        gate::open();
        for (guint64 n = 2; n < 10; n++)
            EXPECT_EQ(b.frame(n, 70), GST_FLOW_OK);
        ASSERT_TRUE(b.wait_for("frame", 10)) << how;
        for (GstBuffer* buffer : b.frames())
            EXPECT_EQ(gst_buffer_get_inference_frame_meta(buffer)->status, GST_INFERENCE_STATUS_INFERRED) << how;
        EXPECT_EQ(two.message(GST_MESSAGE_ERROR, false), "") << how;
    }
}

TEST_F(Sharing, keeps_each_elements_own_thresholds) {
    Element keeps(gated), drops(gated + " threshold=0.99");
    Wire a(keeps.get(), 0), b(drops.get(), 0);
    play(keeps, a, 5);
    play(drops, b, 5);
    EXPECT_EQ(gate::executors(), 1);
    for (GstBuffer* buffer : a.frames())
        EXPECT_NEAR(brightness_of(buffer, 32, 32), 10, 2);
    for (GstBuffer* buffer : b.frames())
        EXPECT_EQ(brightness_of(buffer, 32, 32), -1);
}

TEST_F(Sharing, ends_the_model_with_its_last_user) {
    {
        Element one(gated), two(gated);
        Wire a(one.get(), 0), b(two.get(), 0);
        play(one, a, 1);
        play(two, b, 1);
        EXPECT_TRUE(one.set_state(GST_STATE_NULL));
        EXPECT_EQ(gate::executors(), 1);
        EXPECT_TRUE(two.set_state(GST_STATE_NULL));
    }
    gate::wait_until_gone();
    EXPECT_EQ(gate::executors(), 0);
}
