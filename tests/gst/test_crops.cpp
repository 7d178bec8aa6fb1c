// SPDX-License-Identifier: LGPL-2.1-or-later
// region=objects: models that look at what was found before.
#include "tests/gst/support.h"

#include "gst/attach_record.h"
#include "gst/frame_record.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <cmath>

namespace {

// Four stripes of 16 pixels, from dark to bright, and the classes of tests/data/classes.onnx.
constexpr int width = 64, height = 32, stripe = 16;
constexpr uint8_t brightness[] = {12, 63, 140, 243};
constexpr const char* classes[] = {"c0", "c2", "c5", "c9"};

const std::string classifier =
    "gstinference model=" + test_data("classes.onnx") + " region=objects ";
const std::string detector =
    "gstinference model=" + test_data("brightness.onnx") + " decoder=ultraface region=objects ";

std::string caps_of(const std::string& format) {
    return "video/x-raw,format=" + format + ",width=64,height=32,framerate=25/1";
}

GstVideoInfo video_of(const std::string& format) {
    GstVideoInfo video;
    GstCaps* caps = gst_caps_from_string(caps_of(format).c_str());
    gst_video_info_from_caps(&video, caps);
    gst_caps_unref(caps);
    return video;
}

GstBuffer* striped_frame(const std::string& format, guint64 number) {
    GstBuffer* buffer = make_frame(caps_of(format), 0, number);
    const GstVideoInfo video = video_of(format);
    GstVideoFrame frame;
    gst_video_frame_map(&frame, &video, buffer, GST_MAP_WRITE);
    const guint bright_parts = GST_VIDEO_INFO_IS_YUV(&video) ? 1 : 3;
    for (guint c = 0; c < std::min(bright_parts, GST_VIDEO_FRAME_N_COMPONENTS(&frame)); c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const double b = brightness[x / stripe];
                const double v = GST_VIDEO_INFO_IS_YUV(&video) ? b * 219 / 255 + 16 : b;
                GST_VIDEO_FRAME_COMP_DATA(&frame, c)
                [y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) +
                    x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)] = uint8_t(std::lround(v));
            }
    gst_video_frame_unmap(&frame);
    return buffer;
}

infer::ObjectRecord object(double x, double y, double w, double h, const char* label = "stripe",
                           double confidence = 0.9) {
    infer::ObjectRecord o;
    o.label = label;
    o.confidence = confidence;
    o.box = {x, y, w, h};
    return o;
}

std::vector<infer::ObjectRecord> stripes() {
    std::vector<infer::ObjectRecord> all;
    for (int k = 0; k < 4; k++)
        all.push_back(object(k * stripe, 2, stripe, 28));
    return all;
}

// Elements in line between a test that says what was found and one that reads what became of it.
class Line {
public:
    explicit Line(const std::string& launch, std::string format = "RGB")
        : format_(std::move(format)),
          h_(gst_harness_new_parse(
              ("inferenceattach ! " + launch + " ! inferenceattach").c_str())) {
        gst_harness_set_src_caps_str(h_, caps_of(format_).c_str());
    }
    ~Line() { gst_harness_teardown(h_); }

    void push(guint64 number, const std::vector<infer::ObjectRecord>& objects) {
        infer::FrameRecord record;
        record.objects = objects;
        GstBuffer* buffer = striped_frame(format_, number);
        attach_record(buffer, video_of(format_), record);
        ASSERT_EQ(gst_harness_push(h_, buffer), GST_FLOW_OK);
    }
    infer::FrameRecord pull() {
        GstBuffer* buffer = gst_harness_pull(h_);
        const infer::FrameRecord record = frame_record(buffer, video_of(format_), "?", 0);
        gst_buffer_unref(buffer);
        return record;
    }
    infer::FrameRecord pass(const std::vector<infer::ObjectRecord>& objects) {
        push(0, objects);
        return pull();
    }
    GstHarness* get() const { return h_; }
    guint64 figure(const char* name) {
        GstElement* gi = gst_bin_get_by_name(GST_BIN(h_->element), "gi");
        GstStructure* stats = nullptr;
        g_object_get(gi, "stats", &stats, nullptr);
        guint64 value = 0;
        gst_structure_get_uint64(stats, name, &value);
        gst_structure_free(stats);
        gst_object_unref(gi);
        return value;
    }

private:
    const std::string format_;
    GstHarness* h_;
};

std::string class_of(const infer::ObjectRecord& o) {
    std::string all;
    for (const infer::AttributeRecord& a : o.attributes)
        all += (all.empty() ? "" : " ") + a.name + "=" + a.label;
    return all;
}

} // namespace

TEST(Crops, each_object_gets_its_own_result_in_every_format) {
    for (const char* format : {"I420", "NV12", "YUY2", "RGB", "BGR", "RGBx", "BGRA", "GRAY8"}) {
        Line line(classifier, format);
        const infer::FrameRecord record = line.pass(stripes());
        ASSERT_EQ(record.objects.size(), 4u) << format;
        for (size_t k = 0; k < 4; k++)
            EXPECT_EQ(class_of(record.objects[k]), std::string("class=") + classes[k]) << format;
        EXPECT_TRUE(record.classes.empty());
        ASSERT_TRUE(record.inference);
        EXPECT_EQ(record.inference->status, "inferred");
    }
}

TEST(Crops, only_the_objects_that_are_asked_for_are_looked_at) {
    const std::vector<infer::ObjectRecord> objects = {
        object(0, 0, 16, 32, "car"), object(0, 0, 16, 32, "person"), object(16, 0, 16, 8, "car"),
        object(16, 0, 16, 32, "car", 0.3)};
    const std::pair<const char*, std::string> cases[] = {
        {"", "1111"},
        {"object-class=car", "1011"},
        {"object-class=\"person, bus\"", "0100"},
        {"object-min-size=9", "1101"},
        {"object-min-confidence=0.5", "1110"},
    };
    for (const auto& [properties, expected] : cases) {
        Line line(classifier + properties);
        std::string looked_at;
        for (const infer::ObjectRecord& o : line.pass(objects).objects)
            looked_at += o.attributes.empty() ? '0' : '1';
        EXPECT_EQ(looked_at, expected) << properties;
    }
}

TEST(Crops, three_levels_and_each_finds_its_place_in_the_frame) {
    Line line(detector + "object-class=stripe ! " + classifier + "object-class=face");
    const infer::FrameRecord record = line.pass({object(32, 0, 16, 32)});
    ASSERT_EQ(record.objects.size(), 2u);
    EXPECT_TRUE(record.objects[0].attributes.empty());
    const infer::ObjectRecord& face = record.objects[1];
    EXPECT_EQ(face.label, "face");
    // The model says 0.25 + 0.2 * (140 - 127) / 128 to half a picture further, and the middle half.
    EXPECT_NEAR(face.box.x, 32 + 16 * (0.25 + 0.2 * 13 / 128), 0.3);
    EXPECT_NEAR(face.box.width, 8, 0.1);
    EXPECT_NEAR(face.box.y, 8, 0.1);
    EXPECT_NEAR(face.box.height, 16, 0.1);
    EXPECT_EQ(class_of(face), "class=c5");
}

TEST(Crops, objects_over_the_edge_are_cut_off_and_those_outside_are_left_alone) {
    Line line(classifier, "I420");
    const infer::FrameRecord record = line.pass(
        {object(49.5, 3, 40, 60), object(70, 0, 10, 10), object(0, 0, 0, 0), object(1, 1, 1, 1)});
    ASSERT_EQ(record.objects.size(), 4u);
    EXPECT_EQ(class_of(record.objects[0]), "class=c9");
    EXPECT_EQ(class_of(record.objects[1]), "");
    EXPECT_EQ(class_of(record.objects[2]), "");
    EXPECT_EQ(class_of(record.objects[3]), "class=c0");
}

TEST(Crops, frames_keep_their_order_and_number_whatever_is_on_them) {
    Line line(classifier);
    for (guint64 k = 0; k < 30; k++)
        line.push(k, k % 3 == 0 ? std::vector<infer::ObjectRecord>{} : stripes());
    for (guint64 k = 0; k < 30; k++) {
        const infer::FrameRecord record = line.pull();
        EXPECT_EQ(record.frame, k);
        EXPECT_EQ(record.pts, k * 40 * GST_MSECOND);
        EXPECT_EQ(record.objects.size(), k % 3 == 0 ? 0u : 4u);
        EXPECT_EQ(record.inference->status, k % 3 == 0 ? "skipped" : "inferred");
    }
}

TEST(Crops, more_objects_than_may_be_in_flight_come_through) {
    Line line(classifier + "requests=3 streams=1");
    std::vector<infer::ObjectRecord> many;
    for (int k = 0; k < 400; k++)
        many.push_back(object(k % 4 * stripe, 0, stripe, 20));
    const infer::FrameRecord record = line.pass(many);
    ASSERT_EQ(record.objects.size(), 400u);
    for (size_t k = 0; k < 400; k++)
        EXPECT_EQ(class_of(record.objects[k]), std::string("class=") + classes[k % 4]);
}

TEST(Crops, of_several_frames_share_a_batch) {
    Line line(classifier + "name=gi batch-size=8 batch-timeout=10000");
    line.push(0, stripes());
    line.push(1, stripes());
    line.pull();
    line.pull();
    EXPECT_EQ(line.figure("frames"), 8u);
    EXPECT_EQ(line.figure("batches"), 1u);
}

TEST(Crops, a_flush_throws_away_what_was_found_for_frames_that_do_not_come) {
    Line line(classifier + "batch-size=8 batch-timeout=10000");
    line.push(0, stripes()); // waits for company
    gst_harness_push_event(line.get(), gst_event_new_flush_start());
    gst_harness_push_event(line.get(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(line.get(), gst_event_new_segment(&segment));
    std::vector<infer::ObjectRecord> twice = stripes();
    for (const infer::ObjectRecord& o : stripes())
        twice.push_back(o);
    line.push(1, twice);
    const infer::FrameRecord record = line.pull();
    EXPECT_EQ(record.pts, 40 * GST_MSECOND);
    ASSERT_EQ(record.objects.size(), 8u);
    for (size_t k = 0; k < 8; k++)
        EXPECT_EQ(class_of(record.objects[k]), std::string("class=") + classes[k % 4]);
}

TEST(Crops, the_first_models_word_on_the_frame_stays) {
    Line line("gstinference name=first model=" + test_data("brightness.onnx") +
              " decoder=ultraface ! " + classifier);
    const infer::FrameRecord record = line.pass({});
    EXPECT_EQ(record.source, "first.sink_0");
    ASSERT_EQ(record.objects.size(), 1u);
    EXPECT_EQ(record.objects[0].attributes.size(), 1u);
}

TEST(Crops, tracked_objects_are_looked_at_again_after_the_interval) {
    const struct {
        int interval;
        guint64 crops; // of 7 frames with 2 tracks and one object that has none
    } cases[] = {{1, 21}, {3, 7 + 2 * 3}, {0, 7 + 2}};
    for (const auto& c : cases) {
        Line line(classifier + "name=gi reclassify-interval=" + std::to_string(c.interval));
        for (guint64 k = 0; k < 7; k++) {
            std::vector<infer::ObjectRecord> objects = {stripes()[1], stripes()[3], stripes()[0]};
            objects[0].id = 5, objects[1].id = 6;
            line.push(k, objects);
            const infer::FrameRecord record = line.pull();
            ASSERT_EQ(record.objects.size(), 3u);
            EXPECT_EQ(class_of(record.objects[0]), "class=c2") << c.interval << ", frame " << k;
            EXPECT_EQ(class_of(record.objects[1]), "class=c9") << c.interval << ", frame " << k;
            EXPECT_EQ(class_of(record.objects[2]), "class=c0") << c.interval << ", frame " << k;
        }
        EXPECT_EQ(line.figure("frames"), c.crops) << c.interval;
    }
}

TEST(Crops, after_a_flush_tracks_are_looked_at_anew) {
    Line line(classifier + "reclassify-interval=0 batch-size=8 batch-timeout=10000");
    std::vector<infer::ObjectRecord> objects = {stripes()[1]};
    objects[0].id = 5;
    line.push(0, objects); // waits for company that never comes
    gst_harness_push_event(line.get(), gst_event_new_flush_start());
    gst_harness_push_event(line.get(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(line.get(), gst_event_new_segment(&segment));
    for (int k = 0; k < 7; k++)
        objects.push_back(stripes()[0]);
    line.push(1, objects);
    EXPECT_EQ(class_of(line.pull().objects.at(0)), "class=c2");
}

TEST(Crops, what_cannot_be_is_refused) {
    const std::pair<std::string, const char*> cases[] = {
        {classifier + "input-size=source", "input-size=source: cannot be with region=objects"},
        {classifier + "reclassify-interval=-1", "reclassify-interval=-1: must be 0 (never again)"},
        {classifier + "object-min-size=-3", "object-min-size=-3: must be 0 pixels"},
        {classifier + "object-min-confidence=2", "object-min-confidence=2: must be 0 (any) to 1"},
        {"inferenceimage region=objects model=" + test_data("inverse.onnx"),
         "region=objects: cannot be where the model's picture leaves"},
    };
    for (const auto& [launch, message] : cases) {
        Element e(launch);
        EXPECT_FALSE(e.set_state(GST_STATE_READY));
        const std::string error = e.message(GST_MESSAGE_ERROR);
        EXPECT_NE(error.find(message), std::string::npos) << error;
    }
}
