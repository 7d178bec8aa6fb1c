// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/gst/support.h"

#include "gst/frame_record.h"
#include "inference/formats/json_lines.h"
#include "tests/test_folder.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

namespace {

constexpr char caps_text[] = "video/x-raw,format=RGB,width=100,height=80,framerate=25/1";

constexpr char full_line[] =
    R"({"source":"cam","frame":2,"pts":80000000,"width":100,"height":80,"objects":[)"
    R"({"label":"person","label_id":1,"confidence":0.87,"id":7,"predicted":true,)"
    R"("box":{"x":12.5,"y":40.0,"width":60.25,"height":30.0},)"
    R"("attributes":[{"name":"color","label":"white","confidence":0.8}],)"
    R"("keypoints":[{"x":20.0,"y":44.5,"confidence":0.9}],"zones":["door","hall"],"embedding":[0.5,-1.0]}],)"
    R"("classes":[{"label":"street","label_id":4,"confidence":0.9}],)"
    R"("attributes":[{"name":"text","label":"AB 123","confidence":0.98}],)"
    R"("keypoints":[{"x":50.0,"y":40.0,"confidence":0.5}],"embedding":[0.25,2.0],)"
    R"("segments":[{"label":"road","label_id":1,"share":0.61}],)"
    R"("events":[{"type":"enter","zone":"door","id":7,"label":"person","seconds":1.5,"count":2}],)"
    R"("inference":{"status":"skipped","reason":"interval"}})";

// A file of these lines in a folder that goes away with it.
struct Lines {
    infer::TestFolder folder;
    std::string path;
    explicit Lines(const std::string& text) : path(folder.write("lines.jsonl", text)) {}
};

class Harness {
public:
    explicit Harness(const std::string& launch, const char* caps = caps_text)
        : h_(gst_harness_new_parse(launch.c_str())) {
        gst_element_set_bus(h_->element, bus_);
        gst_harness_set_src_caps_str(h_, caps);
    }
    ~Harness() {
        gst_element_set_bus(h_->element, nullptr);
        gst_object_unref(bus_);
        gst_harness_teardown(h_);
    }
    GstBuffer* pass(guint64 number) {
        return gst_harness_push_and_pull(h_, make_frame(caps_text, 50, number));
    }
    void end() { gst_harness_push_event(h_, gst_event_new_eos()); }
    // The next one's text, or its structure as text; "" if there is none.
    std::string message(GstMessageType type) {
        GstMessage* m = gst_bus_pop_filtered(bus_, type);
        if (!m)
            return "";
        std::string text;
        if (type == GST_MESSAGE_ERROR) {
            GError* error = nullptr;
            gst_message_parse_error(m, &error, nullptr);
            text = error->message;
            g_error_free(error);
        } else {
            gchar* all = gst_structure_to_string(gst_message_get_structure(m));
            text = all;
            g_free(all);
        }
        gst_message_unref(m);
        return text;
    }
    GstHarness* get() const { return h_; }

private:
    GstHarness* h_;
    GstBus* bus_ = gst_bus_new();
};

infer::FrameRecord record_of(GstBuffer* buffer, int width = 100, int height = 80) {
    GstVideoInfo video;
    gst_video_info_set_format(&video, GST_VIDEO_FORMAT_RGB, guint(width), guint(height));
    return frame_record(buffer, video, "cam", 2);
}

} // namespace

TEST(Attach, gives_a_frame_all_that_its_line_says) {
    const Lines file(std::string(full_line) + "\n");
    Harness h("inferenceattach location=" + file.path);
    GstBuffer* other = h.pass(1);
    EXPECT_TRUE(record_of(other).objects.empty());
    gst_buffer_unref(other);
    GstBuffer* buffer = h.pass(2);
    EXPECT_EQ(infer::to_json_line(record_of(buffer)), full_line);
    GstBuffer* copy = gst_buffer_copy(buffer);
    EXPECT_EQ(infer::to_json_line(record_of(copy)), full_line);
    gst_buffer_unref(copy);
    gst_buffer_unref(buffer);
}

TEST(Attach, scales_lines_of_another_size) {
    const Lines file(
        R"({"frame":0,"pts":0,"width":200,"height":40,"objects":[{"label":"a","box":{"x":20,"y":4,"width":40,"height":8}}]})");
    Harness h("inferenceattach location=" + file.path);
    GstBuffer* buffer = h.pass(0);
    const infer::BoxRecord box = record_of(buffer).objects.at(0).box;
    EXPECT_NEAR(box.x, 10, 1e-9);
    EXPECT_NEAR(box.y, 8, 1e-9);
    EXPECT_NEAR(box.width, 20, 1e-9);
    EXPECT_NEAR(box.height, 16, 1e-9);
    gst_buffer_unref(buffer);
}

TEST(Attach, takes_lines_in_order_or_in_a_loop) {
    const Lines file("{\"classes\":[{\"label\":\"a\"}]}\n{\"classes\":[{\"label\":\"b\"}]}\n");
    const std::pair<const char*, std::string> cases[] = {{"in-order", "ab."}, {"in-loop", "aba"}};
    for (const auto& [mode, expected] : cases) {
        Harness h("inferenceattach mode=" + std::string(mode) + " location=" + file.path);
        std::string seen;
        for (guint64 k = 0; k < 3; k++) {
            GstBuffer* buffer = h.pass(k);
            const auto classes = record_of(buffer).classes;
            seen += classes.empty() ? "." : classes[0].label;
            gst_buffer_unref(buffer);
        }
        EXPECT_EQ(seen, expected);
    }
}

TEST(Attach, gives_fixed_regions_to_every_frame_and_shares_its_memory) {
    Harness h("inferenceattach roi=\"0,0,50,40; 10.5,20,60,80\" label=street");
    GstBuffer* frame = make_frame(caps_text, 50, 0);
    GstBuffer* out =
        gst_harness_push_and_pull(h.get(), gst_buffer_ref(frame)); // held: not writable
    EXPECT_EQ(gst_buffer_peek_memory(out, 0), gst_buffer_peek_memory(frame, 0));
    EXPECT_TRUE(record_of(frame).objects.empty());
    const auto objects = record_of(out).objects;
    ASSERT_EQ(objects.size(), 2u);
    EXPECT_EQ(objects[1].label, "street");
    EXPECT_NEAR(objects[1].box.x, 10.5, 1e-9);
    EXPECT_NEAR(objects[1].box.width, 49.5, 1e-9);
    gst_buffer_unref(out);
    gst_buffer_unref(frame);
}

TEST(Attach, refuses_what_cannot_be_attached_and_says_why) {
    const std::pair<std::string, std::string> cases[] = {
        {"location=/nonexistent.jsonl", "/nonexistent.jsonl: cannot be read"},
        {"roi=1,2,3", "property roi: '1,2,3' is no region; it must be x_min,y_min,x_max,y_max"},
        {"roi=5,0,5,9", "'5,0,5,9' is no region"},
        {"roi=0,0,1,inf", "'0,0,1,inf' is no region"},
    };
    for (const auto& [properties, text] : cases) {
        Element e("inferenceattach " + properties);
        EXPECT_FALSE(e.set_state(GST_STATE_PAUSED));
        EXPECT_NE(e.message(GST_MESSAGE_ERROR).find(text), std::string::npos) << properties;
    }
}

TEST(Assert, passes_the_same_stream_and_says_so_once) {
    const Lines file(std::string(full_line) + "\n");
    Harness h("inferenceattach location=" + file.path + " ! inferenceassert location=" + file.path);
    gst_buffer_unref(h.pass(2));
    h.end();
    const std::string verdict = h.message(GST_MESSAGE_ELEMENT);
    EXPECT_NE(verdict.find("passed=(boolean)true"), std::string::npos) << verdict;
    EXPECT_NE(verdict.find("frames=(guint64)1"), std::string::npos) << verdict;
    EXPECT_EQ(h.message(GST_MESSAGE_ELEMENT), "");
    EXPECT_EQ(h.message(GST_MESSAGE_ERROR), "");
}

TEST(Assert, fails_another_stream_with_an_error_that_names_the_difference) {
    const Lines file(std::string(full_line) + "\n");
    Harness h("inferenceassert location=" + file.path);
    gst_buffer_unref(h.pass(2));
    h.end();
    EXPECT_NE(h.message(GST_MESSAGE_ELEMENT).find("passed=(boolean)false"), std::string::npos);
    const std::string error = h.message(GST_MESSAGE_ERROR);
    EXPECT_NE(
        error.find(file.path + ": 1 of 1 frames differ (0 may): frame 0 (0.080 s): person at"),
        std::string::npos)
        << error;
}

TEST(Assert, lets_as_many_frames_differ_as_it_is_told) {
    const Lines file(std::string(full_line) + "\n");
    Harness h("inferenceassert max-differing=1 location=" + file.path);
    gst_buffer_unref(h.pass(2));
    h.end();
    EXPECT_EQ(h.message(GST_MESSAGE_ERROR), "");
}

TEST(Assert, an_empty_stream_does_not_pass) {
    const Lines file(std::string(full_line) + "\n");
    Harness h("inferenceassert max-differing=9 location=" + file.path);
    h.end();
    EXPECT_NE(h.message(GST_MESSAGE_ERROR).find("no frame came"), std::string::npos);
}

TEST(Assert, needs_a_recording) {
    Element e("inferenceassert");
    EXPECT_FALSE(e.set_state(GST_STATE_PAUSED));
    EXPECT_NE(e.message(GST_MESSAGE_ERROR).find("property location: is not set"),
              std::string::npos);
}
