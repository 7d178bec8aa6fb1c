// SPDX-License-Identifier: LGPL-2.1-or-later
// inferenceimage over inverse.onnx, whose pictures (30x24) are 255 less the frames' brightness.
#include "tests/gst/support.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

namespace {

const std::string launch = "inferenceimage model=" + test_data("inverse.onnx");
constexpr char frames[] = "video/x-raw,format=RGB,width=64,height=48,framerate=25/1";

struct Picture {
    std::string caps;
    guint64 pts = 0;
    int pixel = -1; // one of the middle row
};

Picture pull(GstHarness* h) {
    Picture picture;
    GstBuffer* buffer = gst_harness_pull(h);
    if (!buffer)
        return picture;
    picture.pts = GST_BUFFER_PTS(buffer);
    GstCaps* caps = gst_pad_get_current_caps(h->sinkpad);
    gchar* text = gst_caps_to_string(caps);
    picture.caps = text;
    g_free(text);
    GstVideoInfo video;
    gst_video_info_from_caps(&video, caps);
    gst_caps_unref(caps);
    GstVideoFrame mapped;
    if (gst_video_frame_map(&mapped, &video, buffer, GST_MAP_READ)) {
        const auto* data = static_cast<const uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, 0));
        picture.pixel = data[12 * GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, 0) + 3 * 29];
        gst_video_frame_unmap(&mapped);
    }
    gst_buffer_unref(buffer);
    return picture;
}

} // namespace

TEST(Image, gives_the_models_pictures_as_video_with_the_times_of_the_frames) {
    GstHarness* h = gst_harness_new_parse(launch.c_str());
    gst_harness_set_src_caps_str(h, frames);
    for (guint64 n = 0; n < 20; n++)
        ASSERT_EQ(gst_harness_push(h, make_frame(frames, uint8_t(10 * n), n)), GST_FLOW_OK);
    for (guint64 n = 0; n < 20; n++) {
        const Picture picture = pull(h);
        EXPECT_EQ(picture.pts, n * 40 * GST_MSECOND);
        EXPECT_NEAR(picture.pixel, 255 - 10 * int(n), 1);
        EXPECT_NE(picture.caps.find("format=(string)RGB"), std::string::npos) << picture.caps;
        EXPECT_NE(picture.caps.find("width=(int)30, height=(int)24"), std::string::npos);
        EXPECT_NE(picture.caps.find("framerate=(fraction)25/1"), std::string::npos);
    }
    gst_harness_teardown(h);
}

TEST(Image, sends_caps_before_the_segment_and_ends_with_the_stream) {
    GstHarness* h = gst_harness_new_parse(launch.c_str());
    gst_harness_set_src_caps_str(h, frames);
    gst_harness_push(h, make_frame(frames, 50, 0));
    gst_harness_push_event(h, gst_event_new_eos());
    std::vector<GstEventType> types;
    while (types.empty() || types.back() != GST_EVENT_EOS) {
        GstEvent* event = gst_harness_pull_event(h);
        ASSERT_NE(event, nullptr);
        types.push_back(GST_EVENT_TYPE(event));
        gst_event_unref(event);
    }
    EXPECT_EQ(types, (std::vector<GstEventType>{GST_EVENT_STREAM_START, GST_EVENT_CAPS,
                                                GST_EVENT_SEGMENT, GST_EVENT_EOS}));
    EXPECT_EQ(gst_harness_buffers_received(h), 1u);
    gst_harness_teardown(h);
}

TEST(Image, ends_without_a_picture_too) {
    GstHarness* h = gst_harness_new_parse(launch.c_str());
    gst_harness_set_src_caps_str(h, frames);
    gst_harness_push_event(h, gst_event_new_eos());
    GstEventType last = GST_EVENT_UNKNOWN;
    while (last != GST_EVENT_EOS) {
        GstEvent* event = gst_harness_pull_event(h);
        ASSERT_NE(event, nullptr);
        last = GST_EVENT_TYPE(event);
        gst_event_unref(event);
    }
    gst_harness_teardown(h);
}

TEST(Image, says_which_outputs_a_model_without_pictures_has) {
    Element element("inferenceimage model=" + test_data("classes.onnx"));
    element.set_state(GST_STATE_PAUSED);
    const std::string error = element.message(GST_MESSAGE_ERROR);
    EXPECT_NE(error.find("decoder=picture: the model's outputs are logits 1x10"), std::string::npos)
        << error;
}

TEST(Image, refuses_a_missing_model) {
    Element element("inferenceimage model=/no/such.onnx");
    EXPECT_FALSE(element.set_state(GST_STATE_READY));
    EXPECT_NE(element.message(GST_MESSAGE_ERROR).find("/no/such.onnx"), std::string::npos);
}

TEST(Image, starts_again_after_a_flush) {
    GstHarness* h = gst_harness_new_parse(launch.c_str());
    gst_harness_set_src_caps_str(h, frames);
    gst_harness_push(h, make_frame(frames, 50, 0));
    EXPECT_NEAR(pull(h).pixel, 205, 1);
    gst_harness_push_event(h, gst_event_new_flush_start());
    gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h, gst_event_new_segment(&segment));
    ASSERT_EQ(gst_harness_push(h, make_frame(frames, 100, 1)), GST_FLOW_OK);
    EXPECT_NEAR(pull(h).pixel, 155, 1);
    gst_harness_teardown(h);
}
