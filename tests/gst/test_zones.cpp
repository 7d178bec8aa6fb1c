// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/gst/support.h"

#include "gst/attach_record.h"
#include "gst/frame_record.h"
#include "tests/test_folder.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

namespace {

constexpr char caps_text[] = "video/x-raw,format=RGB,width=200,height=100,framerate=25/1";
constexpr char config[] =
    R"({"zones": [{"name": "right half", "points": [[100, 0], [200, 0], [200, 100], [100, 100]]}]})";

// An element on its bus, with objects given to it.
class Zoned {
public:
    explicit Zoned(const std::string& config_value) {
        GstElement* element = gst_element_factory_make("inferencezones", nullptr);
        g_object_set(element, "config", config_value.c_str(), nullptr);
        h_ = gst_harness_new_with_element(element, "sink", "src");
        gst_object_unref(element);
        gst_element_set_bus(h_->element, bus_);
        gst_harness_set_src_caps_str(h_, caps_text);
    }
    ~Zoned() {
        gst_element_set_bus(h_->element, nullptr);
        gst_object_unref(bus_);
        gst_harness_teardown(h_);
    }
    infer::FrameRecord frame(guint64 number, double x) {
        GstVideoInfo video;
        gst_video_info_set_format(&video, GST_VIDEO_FORMAT_RGB, 200, 100);
        infer::FrameRecord record;
        infer::ObjectRecord o;
        o.label = "person";
        o.id = 7;
        o.box = {x, 10, 20, 60};
        record.objects.push_back(o);
        GstBuffer* in = make_frame(caps_text, 50, number);
        attach_record(in, video, record);
        GstBuffer* out = gst_harness_push_and_pull(h_, in);
        record = frame_record(out, video, "z", number);
        gst_buffer_unref(out);
        return record;
    }
    // The next element message as text; "" if there is none.
    std::string message() {
        GstMessage* m = gst_bus_pop_filtered(bus_, GST_MESSAGE_ELEMENT);
        if (!m)
            return "";
        gchar* text = gst_structure_to_string(gst_message_get_structure(m));
        const std::string s = text;
        g_free(text);
        gst_message_unref(m);
        return s;
    }
    void end() { gst_harness_push_event(h_, gst_event_new_eos()); }

private:
    GstHarness* h_ = nullptr;
    GstBus* bus_ = gst_bus_new();
};

} // namespace

TEST(ZonesElement, names_zones_on_objects_and_events_on_frames_and_the_bus) {
    Zoned z(config);
    infer::FrameRecord record = z.frame(0, 20);
    EXPECT_TRUE(record.objects.at(0).zones.empty());
    EXPECT_TRUE(record.events.empty());
    record = z.frame(5, 140);
    EXPECT_EQ(record.objects.at(0).zones, (std::vector<std::string>{"right half"}));
    ASSERT_EQ(record.events.size(), 1u);
    EXPECT_EQ(record.events[0].type, "enter");
    EXPECT_EQ(record.events[0].zone, "right half");
    EXPECT_EQ(record.events[0].id, 7);
    EXPECT_EQ(record.events[0].count, 1);
    const std::string message = z.message();
    EXPECT_NE(message.find("inferencezones"), std::string::npos) << message;
    EXPECT_NE(message.find("type=(string)enter"), std::string::npos) << message;
    EXPECT_NE(message.find("time=(guint64)200000000"), std::string::npos) << message;
    EXPECT_EQ(z.message(), "");
}

TEST(ZonesElement, whoever_is_inside_at_the_end_leaves_with_a_message) {
    Zoned z(config);
    z.frame(0, 140);
    z.frame(10, 140);
    z.message();
    z.end();
    const std::string message = z.message();
    EXPECT_NE(message.find("type=(string)exit"), std::string::npos) << message;
    EXPECT_NE(message.find("seconds=(double)0.4"), std::string::npos) << message;
}

TEST(ZonesElement, reads_a_file_too) {
    const infer::TestFolder folder;
    Zoned z(folder.write("zones.json", config));
    EXPECT_EQ(z.frame(0, 140).events.size(), 1u);
}

TEST(ZonesElement, refuses_what_it_cannot_use_and_says_why) {
    const std::pair<const char*, const char*> cases[] = {
        {nullptr, "property config: is not set"},
        {"/nonexistent.json", "/nonexistent.json: cannot be read: No such file"},
        {"{\"zones\": 3}", "property config: `zones` is 3; it must be a list"},
    };
    for (const auto& [value, text] : cases) {
        Element e("inferencezones");
        g_object_set(e.get(), "config", value, nullptr);
        EXPECT_FALSE(e.set_state(GST_STATE_PAUSED));
        const std::string error = e.message(GST_MESSAGE_ERROR);
        EXPECT_NE(error.find(text), std::string::npos) << error;
    }
}
