// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/gst/support.h"

#include "inference/formats/json_lines.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

constexpr char caps_text[] = "video/x-raw,format=RGB,width=100,height=80,framerate=25/1";

struct File {
    fs::path path = fs::temp_directory_path() /
                    ("gstinference-" + std::to_string(getpid()) + ".jsonl");
    ~File() { fs::remove(path); }
    std::vector<std::string> lines() const {
        std::ifstream in(path);
        std::vector<std::string> all;
        for (std::string line; std::getline(in, line);)
            all.push_back(line);
        return all;
    }
};

// What attributes, landmarks, an embedding and a segmentation say of the whole frame.
GstBuffer* described_frame() {
    GstBuffer* frame = make_frame(caps_text, 50, 3);
    GstInferenceAttribute said[] = {
        {"class", "street", 4, 0.5}, {"text", "AB 123", -1, 0.9}, {"segment", "road", 1, 0.25}};
    GstInferenceKeypoint eye = {50, 40, 0.5};
    GstInferenceObject o = {};
    o.whole_frame = TRUE;
    o.label = "street";
    o.width = 100, o.height = 80;
    o.n_attributes = 3, o.attributes = said;
    o.n_keypoints = 1, o.keypoints = &eye;
    gst_inference_buffer_add_object(frame, 100, 80, &o);
    const float vector[] = {0.5f, -1};
    const gint64 dims[] = {1, 2};
    GBytes* data = g_bytes_new(vector, sizeof vector);
    gst_buffer_add_inference_tensor_meta(frame, "embedding", "f32", 2, dims, data);
    g_bytes_unref(data);
    return frame;
}

GstBuffer* annotated_frame() {
    GstBuffer* frame = make_frame(caps_text, 50, 12);
    GstInferenceObject o = {};
    o.label = "person";
    o.confidence = 0.87;
    o.x = 12.5, o.y = 40, o.width = 60.25, o.height = 30;
    gst_inference_buffer_add_object(frame, 100, 80, &o);
    auto* m = gst_buffer_add_inference_frame_meta(frame, "gi.sink_0", 12);
    m->device = g_strdup("CPU");
    m->batch = 4;
    m->latency = 8100 * GST_USECOND;
    return frame;
}

} // namespace

TEST(Publish, writes_what_is_said_of_the_whole_frame) {
    const File file;
    GstHarness* h =
        gst_harness_new_parse(("inferencepublish location=" + file.path.string()).c_str());
    gst_harness_set_src_caps_str(h, caps_text);
    gst_buffer_unref(gst_harness_push_and_pull(h, described_frame()));
    gst_harness_teardown(h);
    const auto lines = file.lines();
    ASSERT_EQ(lines.size(), 1u);
    const auto read = infer::from_json_line(lines[0]);
    ASSERT_TRUE(read.ok()) << lines[0];
    const infer::FrameRecord& r = read.value();
    EXPECT_TRUE(r.objects.empty());
    ASSERT_EQ(r.classes.size(), 1u);
    EXPECT_EQ(r.classes[0].label, "street");
    ASSERT_EQ(r.attributes.size(), 1u);
    EXPECT_EQ(r.attributes[0].label, "AB 123");
    ASSERT_EQ(r.keypoints.size(), 1u);
    EXPECT_EQ(r.keypoints[0].x, 50);
    EXPECT_EQ(r.embedding, (std::vector<float>{0.5f, -1}));
    ASSERT_EQ(r.segments.size(), 1u);
    EXPECT_EQ(r.segments[0].label_id, 1);
    EXPECT_EQ(r.segments[0].share, 0.25);
}

TEST(Publish, writes_a_line_a_frame_and_passes_the_frame_on) {
    const File file;
    GstHarness* h =
        gst_harness_new_parse(("inferencepublish name=p location=" + file.path.string()).c_str());
    gst_harness_set_src_caps_str(h, caps_text);
    GstBuffer* frame = annotated_frame();
    GstBuffer* out = gst_harness_push_and_pull(h, gst_buffer_ref(frame));
    EXPECT_EQ(out, frame); // the same buffer, not a copy
    gst_buffer_unref(out);
    gst_buffer_unref(frame);
    gst_buffer_unref(gst_harness_push_and_pull(h, make_frame(caps_text, 50, 1)));

    const auto lines = file.lines(); // written before the stream ends
    ASSERT_EQ(lines.size(), 2u);
    auto first = infer::from_json_line(lines[0]);
    ASSERT_TRUE(first.ok()) << lines[0];
    EXPECT_EQ(first.value().source, "gi.sink_0");
    EXPECT_EQ(first.value().frame, 12u);
    EXPECT_EQ(first.value().pts, 480u * GST_MSECOND);
    EXPECT_EQ(first.value().width, 100);
    ASSERT_EQ(first.value().objects.size(), 1u);
    EXPECT_EQ(first.value().objects[0].label, "person");
    EXPECT_DOUBLE_EQ(first.value().objects[0].box.width, 60.25);
    ASSERT_TRUE(first.value().inference);
    EXPECT_EQ(first.value().inference->status, "inferred");
    EXPECT_EQ(first.value().inference->device, "CPU");
    EXPECT_DOUBLE_EQ(*first.value().inference->latency_ms, 8.1);
    auto second = infer::from_json_line(lines[1]); // nobody inferred it: its own count and name
    ASSERT_TRUE(second.ok()) << lines[1];
    EXPECT_EQ(second.value().source, "p");
    EXPECT_EQ(second.value().frame, 1u);
    EXPECT_FALSE(second.value().inference);
    gst_harness_teardown(h);
}

TEST(Publish, says_which_file_cannot_be_written_and_why) {
    Element p("inferencepublish location=/nonexistent/x.jsonl");
    gst_element_set_state(p.get(), GST_STATE_PAUSED);
    const std::string text = p.message(GST_MESSAGE_ERROR);
    EXPECT_NE(text.find("/nonexistent/x.jsonl"), std::string::npos) << text;
    EXPECT_NE(text.find("No such file"), std::string::npos) << text;
}

TEST(Publish, notices_a_full_disk_at_its_frame) {
    GstHarness* h = gst_harness_new_parse("inferencepublish location=/dev/full");
    GstBus* bus = gst_bus_new();
    gst_element_set_bus(h->element, bus);
    gst_harness_set_src_caps_str(h, caps_text);
    EXPECT_EQ(gst_harness_push(h, annotated_frame()), GST_FLOW_ERROR);
    GstMessage* m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    ASSERT_NE(m, nullptr);
    GError* error = nullptr;
    gst_message_parse_error(m, &error, nullptr);
    EXPECT_TRUE(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT));
    EXPECT_NE(std::string(error->message).find("/dev/full"), std::string::npos);
    g_error_free(error);
    gst_message_unref(m);
    gst_element_set_bus(h->element, nullptr);
    gst_object_unref(bus);
    gst_harness_teardown(h);
}
