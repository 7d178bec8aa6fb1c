// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/gst/support.h"

#include "gst/attach_record.h"
#include "gst/frame_record.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

namespace {

constexpr char caps_text[] = "video/x-raw,format=RGB,width=200,height=80,framerate=25/1";

GstVideoInfo video_info() {
    GstVideoInfo video;
    gst_video_info_set_format(&video, GST_VIDEO_FORMAT_RGB, 200, 80);
    return video;
}

// A tracker between a test that says what was found and one that reads ids.
class Tracked {
public:
    explicit Tracked(const std::string& properties = "")
        : h_(gst_harness_new_parse(("inferencetracker " + properties).c_str())) {
        gst_harness_set_src_caps_str(h_, caps_text);
    }
    ~Tracked() { gst_harness_teardown(h_); }

    // An object at x on frame `number`, or (x < 0) a frame that was skipped.
    infer::ObjectRecord frame(guint64 number, double x) {
        infer::FrameRecord record;
        record.inference = infer::InferenceRecord{};
        record.inference->status = x < 0 ? "skipped" : "inferred";
        if (x >= 0) {
            infer::ObjectRecord o;
            o.label = "person";
            o.box = {x, 10, 40, 60};
            record.objects.push_back(o);
        }
        const GstVideoInfo video = video_info();
        GstBuffer* in = make_frame(caps_text, 50, number);
        attach_record(in, video, record);
        GstBuffer* out = gst_harness_push_and_pull(h_, in);
        const auto objects = frame_record(out, video, "t", number).objects;
        gst_buffer_unref(out);
        return objects.empty() ? infer::ObjectRecord{} : objects[0];
    }
    GstHarness* get() const { return h_; }

private:
    GstHarness* h_;
};

} // namespace

TEST(TrackerElement, gives_ids_and_marks_what_it_expects_on_skipped_frames) {
    Tracked t;
    for (guint64 k = 0; k < 6; k++)
        EXPECT_EQ(t.frame(k, 10 + 2 * double(k)).id, 1);
    const infer::ObjectRecord expected = t.frame(8, -1);
    EXPECT_EQ(expected.id, 1);
    EXPECT_TRUE(expected.predicted);
    EXPECT_EQ(expected.label, "person");
    EXPECT_NEAR(expected.box.x, 26, 2);
    EXPECT_FALSE(t.frame(9, 28).predicted);
}

TEST(TrackerElement, expected_boxes_stay_within_the_frame) {
    Tracked t;
    for (guint64 k = 0; k < 8; k++)
        t.frame(k, 100 + 10 * double(k));
    const infer::ObjectRecord leaving = t.frame(9, -1);
    EXPECT_LE(leaving.box.x + leaving.box.width, 200.001);
    EXPECT_LT(leaving.box.width, 35);
    EXPECT_FALSE(t.frame(20, -1).id); // it has left
}

TEST(TrackerElement, leaves_skipped_frames_alone_where_it_is_told_so) {
    Tracked t("predict=false");
    t.frame(0, 10);
    EXPECT_FALSE(t.frame(1, -1).id);
}

TEST(TrackerElement, starts_anew_with_new_ids_where_the_video_does) {
    const std::pair<const char*, std::function<void(GstHarness*)>> cases[] = {
        {"flush",
         [](GstHarness* h) {
             gst_harness_push_event(h, gst_event_new_flush_start());
             gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
             GstSegment segment;
             gst_segment_init(&segment, GST_FORMAT_TIME);
             gst_harness_push_event(h, gst_event_new_segment(&segment));
         }},
        {"stream-start",
         [](GstHarness* h) { gst_harness_push_event(h, gst_event_new_stream_start("next")); }},
        {"size",
         [](GstHarness* h) {
             gst_harness_set_src_caps_str(
                 h, "video/x-raw,format=RGB,width=100,height=80,framerate=25/1");
             gst_harness_set_src_caps_str(h, caps_text);
         }},
    };
    for (const auto& [what, happens] : cases) {
        Tracked t;
        EXPECT_EQ(t.frame(0, 10).id, 1);
        EXPECT_EQ(t.frame(1, 10).id, 1);
        happens(t.get());
        EXPECT_EQ(t.frame(2, 10).id, 2) << what;
    }
}

TEST(TrackerElement, starts_anew_where_time_goes_back_or_jumps) {
    Tracked t;
    EXPECT_EQ(t.frame(100, 10).id, 1);
    EXPECT_EQ(t.frame(101, 10).id, 1);
    EXPECT_EQ(t.frame(50, 10).id, 2);
    EXPECT_EQ(t.frame(51, 10).id, 2);
    EXPECT_EQ(t.frame(102, 10).id, 3); // 2.04 s later
}

TEST(TrackerElement, refuses_confidences_in_the_wrong_order) {
    Element e("inferencetracker low-confidence=0.6 high-confidence=0.5");
    EXPECT_FALSE(e.set_state(GST_STATE_PAUSED));
    EXPECT_NE(e.message(GST_MESSAGE_ERROR).find("low-confidence: is above high-confidence"),
              std::string::npos);
}
