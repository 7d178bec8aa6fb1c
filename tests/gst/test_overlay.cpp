// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/gst/support.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace {

constexpr int width = 121, height = 91; // odd: chroma of the last column and row is shared

const char* const formats[] = {"I420", "NV12", "YUY2", "RGB",  "BGR",
                               "RGBx", "BGRx", "RGBA", "BGRA", "GRAY8"};

std::string caps_of(const char* format) {
    return std::string("video/x-raw,format=") + format +
           ",width=" + std::to_string(width) + ",height=" + std::to_string(height) +
           ",framerate=25/1";
}

struct Change {
    int left = width, top = height, right = -1, bottom = -1; // of the pixels that differ
    int count = 0;
};

// Of the first component, which no format subsamples.
Change change(const std::string& caps_text, GstBuffer* before, GstBuffer* after) {
    GstCaps* caps = gst_caps_from_string(caps_text.c_str());
    GstVideoInfo video;
    gst_video_info_from_caps(&video, caps);
    gst_caps_unref(caps);
    GstVideoFrame a, b;
    gst_video_frame_map(&a, &video, before, GST_MAP_READ);
    gst_video_frame_map(&b, &video, after, GST_MAP_READ);
    Change c;
    const auto at = [](GstVideoFrame& f, int component, int x, int y) {
        return GST_VIDEO_FRAME_COMP_DATA(&f, component)[y * GST_VIDEO_FRAME_COMP_STRIDE(&f, component) +
                                                        x * GST_VIDEO_FRAME_COMP_PSTRIDE(&f, component)];
    };
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (at(a, 0, x, y) != at(b, 0, x, y)) {
                c.left = std::min(c.left, x), c.right = std::max(c.right, x);
                c.top = std::min(c.top, y), c.bottom = std::max(c.bottom, y);
                c.count++;
            }
    gst_video_frame_unmap(&a);
    gst_video_frame_unmap(&b);
    return c;
}

GstInferenceObject box(double x, double y, double w, double h) {
    GstInferenceObject o = {};
    o.label = "person";
    o.confidence = 0.5;
    o.x = x, o.y = y, o.width = w, o.height = h;
    return o;
}

// The frame after `launch` has drawn `object` (nullptr: none) into it.
Change drawn(const std::string& launch, const char* format, const GstInferenceObject* object) {
    GstHarness* h = gst_harness_new_parse(launch.c_str());
    const std::string caps = caps_of(format);
    gst_harness_set_src_caps_str(h, caps.c_str());
    GstBuffer* frame = make_frame(caps, 50, 0);
    GstBuffer* before = gst_buffer_copy_deep(frame);
    if (object)
        gst_inference_buffer_add_object(frame, width, height, object);
    GstBuffer* after = gst_harness_push_and_pull(h, frame);
    const Change c = change(caps, before, after);
    gst_buffer_unref(before);
    gst_buffer_unref(after);
    gst_harness_teardown(h);
    return c;
}

} // namespace

TEST(Overlay, draws_a_box_where_it_is_and_nowhere_else) {
    const GstInferenceObject o = box(20, 30, 41, 25);
    for (const char* format : formats) {
        const Change c = drawn("inferenceoverlay draw-text=false line-width=2", format, &o);
        EXPECT_EQ(c.left, 20) << format;
        EXPECT_EQ(c.top, 30) << format;
        EXPECT_EQ(c.right, 60) << format;
        EXPECT_EQ(c.bottom, 54) << format;
        EXPECT_EQ(c.count, 41 * 25 - 37 * 21) << format; // the border, not the inside
    }
}

TEST(Overlay, cuts_off_what_lies_outside) {
    const GstInferenceObject cases[] = {box(-30, -30, 60, 60), box(100, 80, 500, 500),
                                        box(0, 0, width, height), box(500, 500, 10, 10),
                                        box(5, 5, 0, 0)};
    for (const auto& o : cases)
        for (const char* format : formats)
            drawn("inferenceoverlay", format, &o); // under ASan: no write outside
}

TEST(Overlay, leaves_a_frame_without_objects_alone) {
    for (const char* format : formats)
        EXPECT_EQ(drawn("inferenceoverlay", format, nullptr).count, 0) << format;
}

TEST(Overlay, tints_what_a_mask_says_is_inside) {
    const uint8_t left_half[] = {255, 0};
    GstInferenceObject o = box(20, 30, 40, 20);
    o.mask_width = 2, o.mask_height = 1;
    o.mask = g_bytes_new(left_half, sizeof left_half);
    for (const char* format : formats) {
        const Change c = drawn("inferenceoverlay draw-text=false line-width=1", format, &o);
        const int border = 2 * 40 + 2 * 18;
        EXPECT_EQ(c.count, border + 19 * 18) << format; // and the left half within
        EXPECT_EQ(c.left, 20) << format;
        EXPECT_EQ(c.bottom, 49) << format;
    }
    g_bytes_unref(o.mask);
}

TEST(Overlay, tints_the_segments_that_are_not_background) {
    GstHarness* h = gst_harness_new_parse("inferenceoverlay draw-text=false");
    const std::string caps = caps_of("I420");
    gst_harness_set_src_caps_str(h, caps.c_str());
    GstBuffer* frame = make_frame(caps, 50, 0);
    GstBuffer* before = gst_buffer_copy_deep(frame);
    GstInferenceAttribute shares[] = {{"segment", "background", 0, 0.5}, {"segment", "road", 1, 0.5}};
    GstInferenceObject o = box(0, 0, width, height);
    o.whole_frame = TRUE;
    o.n_attributes = 2, o.attributes = shares;
    gst_inference_buffer_add_object(frame, width, height, &o);
    const uint8_t map[] = {0, 0, 1, 1};
    const gint64 dims[] = {1, 2, 2};
    GBytes* data = g_bytes_new(map, sizeof map);
    gst_buffer_add_inference_tensor_meta(frame, "segments", "u8", 3, dims, data);
    g_bytes_unref(data);
    GstBuffer* after = gst_harness_push_and_pull(h, frame);
    const Change c = change(caps, before, after);
    EXPECT_EQ(c.top, 46); // the lower half of 91 rows
    EXPECT_EQ(c.bottom, height - 1);
    EXPECT_EQ(c.count, 45 * width);
    gst_buffer_unref(before);
    gst_buffer_unref(after);
    gst_harness_teardown(h);
}

TEST(Overlay, marks_keypoints) {
    GstInferenceKeypoint eye = {90, 20, 1};
    GstInferenceObject o = box(10, 60, 5, 5);
    o.n_keypoints = 1, o.keypoints = &eye;
    const Change c = drawn("inferenceoverlay draw-text=false line-width=3", "RGB", &o);
    EXPECT_EQ(c.right, 93);
    EXPECT_EQ(c.top, 17);
}

TEST(Overlay, writes_the_label_above_the_box_or_inside_the_frame) {
    const GstInferenceObject low = box(20, 60, 30, 20), high = box(20, 0, 30, 20);
    const Change below = drawn("inferenceoverlay text-size=12", "I420", &low);
    if (below.top == 60)
        GTEST_SKIP() << "built without Pango";
    EXPECT_LT(below.top, 55);
    EXPECT_GT(below.right, 60);
    EXPECT_EQ(drawn("inferenceoverlay text-size=12", "I420", &high).top, 0);
}
