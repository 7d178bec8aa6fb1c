// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/gst/support.h"

#include "gst/element.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

namespace {

constexpr auto patience = std::chrono::seconds(20);
constexpr GstClockTime frame_time = 40 * GST_MSECOND;

std::string text_of(GstMessage* message) {
    GError* error = nullptr;
    gchar* debug = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, &debug);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_INFO)
        gst_message_parse_info(message, &error, &debug);
    else
        gst_message_parse_warning(message, &error, &debug);
    std::string text = error->message;
    g_error_free(error);
    g_free(debug);
    return text;
}

} // namespace

std::string test_data(const std::string& name) {
    return std::string(g_getenv("GI_SOURCE_ROOT")) + "/tests/data/" + name;
}

GstBuffer* make_frame(const std::string& caps_text, uint8_t brightness, guint64 number) {
    GstCaps* caps = gst_caps_from_string(caps_text.c_str());
    GstVideoInfo video;
    gst_video_info_from_caps(&video, caps);
    gst_caps_unref(caps);
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&video), nullptr);
    GstVideoFrame frame;
    gst_video_frame_map(&frame, &video, buffer, GST_MAP_WRITE);
    const bool yuv = GST_VIDEO_INFO_IS_YUV(&video);
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); c++)
        for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
            for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++)
                GST_VIDEO_FRAME_COMP_DATA(&frame, c)
                [y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) +
                 x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)] =
                    !yuv ? brightness
                    : c  ? 128
                         : uint8_t(std::lround(brightness * 219.0 / 255 + 16));
    gst_video_frame_unmap(&frame);
    GST_BUFFER_PTS(buffer) = number * frame_time;
    GST_BUFFER_DURATION(buffer) = frame_time;
    return buffer;
}

int brightness_of(GstBuffer* buffer, int width, int height) {
    GPtrArray* objects = gst_inference_buffer_get_objects(buffer, guint(width), guint(height));
    int brightness = -1;
    if (objects->len == 1) {
        const auto& o = *static_cast<GstInferenceObject*>(g_ptr_array_index(objects, 0));
        brightness = int(std::lround((o.x / width - 0.25) / 0.2 * 128 + 127));
    }
    g_ptr_array_unref(objects);
    return brightness;
}

Element::Element(const std::string& launch) : bus_(gst_bus_new()) {
    GError* error = nullptr;
    element_ = gst_parse_launch(launch.c_str(), &error);
    if (error)
        ADD_FAILURE() << launch << ": " << error->message;
    g_clear_error(&error);
    gst_object_ref_sink(element_);
    gst_element_set_bus(element_, bus_);
}

Element::~Element() {
    gst_element_set_state(element_, GST_STATE_NULL);
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(element_);
    gst_object_unref(bus_);
}

std::string Element::message(GstMessageType type, bool wait) {
    GstMessage* m = gst_bus_timed_pop_filtered(bus_, wait ? 20 * GST_SECOND : 0, type);
    const std::string text = m ? text_of(m) : "";
    gst_clear_message(&m);
    return text;
}

Wire::Wire(GstElement* element, int number)
    : element_(static_cast<GstElement*>(gst_object_ref(element))) {
    const std::string n = std::to_string(number);
    camera_ = gst_pad_new(("camera" + n).c_str(), GST_PAD_SRC);
    recorder_ = gst_pad_new(("recorder" + n).c_str(), GST_PAD_SINK);
    gst_pad_set_element_private(recorder_, this);
    gst_pad_set_chain_function(recorder_, [](GstPad* p, GstObject*, GstBuffer* b) {
        return static_cast<Wire*>(gst_pad_get_element_private(p))->take(b);
    });
    gst_pad_set_event_function(recorder_, [](GstPad* p, GstObject*, GstEvent* e) -> gboolean {
        return static_cast<Wire*>(gst_pad_get_element_private(p))->take(e);
    });
    gst_pad_set_query_function(recorder_, [](GstPad* p, GstObject*, GstQuery* q) -> gboolean {
        return static_cast<Wire*>(gst_pad_get_element_private(p))->take(q);
    });
    gst_pad_set_active(camera_, TRUE);
    gst_pad_set_active(recorder_, TRUE);
    sink_ = gst_element_request_pad_simple(element, ("sink_" + n).c_str());
    GstPad* src = gst_element_get_static_pad(element, ("src_" + n).c_str());
    EXPECT_EQ(gst_pad_link(camera_, sink_), GST_PAD_LINK_OK);
    EXPECT_EQ(gst_pad_link(src, recorder_), GST_PAD_LINK_OK);
    gst_object_unref(src);
}

Wire::~Wire() {
    block(false);
    release();
    gst_pad_set_active(camera_, FALSE);
    gst_pad_set_active(recorder_, FALSE);
    gst_object_unref(camera_);
    gst_object_unref(recorder_);
    for (Entry& e : entries_)
        gst_clear_buffer(&e.buffer);
    gst_object_unref(element_);
}

void Wire::release() {
    GstPad* sink = std::exchange(sink_, nullptr);
    if (!sink)
        return;
    gst_element_release_request_pad(element_, sink);
    gst_object_unref(sink);
}

void Wire::start(const std::string& caps_text) {
    event(gst_event_new_stream_start("test"));
    caps(caps_text);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    event(gst_event_new_segment(&segment));
}

bool Wire::caps(const std::string& text) {
    caps_ = text;
    GstCaps* caps = gst_caps_from_string(text.c_str());
    const bool ok = event(gst_event_new_caps(caps));
    gst_caps_unref(caps);
    return ok;
}

GstFlowReturn Wire::frame(guint64 number, uint8_t brightness) {
    return gst_pad_push(camera_, make_frame(caps_, brightness, number));
}

void Wire::put(Entry entry, std::unique_lock<std::mutex>& lock) {
    while (blocked_ && !flushing_) {
        standing_ = true;
        changed_.notify_all();
        changed_.wait(lock);
    }
    if (flushing_) {
        gst_clear_buffer(&entry.buffer);
        return;
    }
    if (!keeping_)
        gst_clear_buffer(&entry.buffer);
    entries_.push_back(std::move(entry));
    changed_.notify_all();
}

GstFlowReturn Wire::take(GstBuffer* buffer) {
    std::unique_lock lock(mutex_);
    put({"frame " + std::to_string(GST_BUFFER_PTS(buffer) / frame_time), buffer}, lock);
    return flushing_ ? GST_FLOW_FLUSHING : flow_;
}

bool Wire::take(GstEvent* event) {
    std::unique_lock lock(mutex_);
    const GstEventType type = GST_EVENT_TYPE(event);
    const std::string name = gst_event_type_get_name(type);
    gst_event_unref(event);
    if (type == GST_EVENT_FLUSH_START || type == GST_EVENT_FLUSH_STOP) {
        flushing_ = type == GST_EVENT_FLUSH_START;
        entries_.push_back({name, nullptr});
        changed_.notify_all();
        return true;
    }
    put({name, nullptr}, lock);
    return true;
}

// Any caps are welcome at any time.
bool Wire::take(GstQuery* query) {
    if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
        gst_query_set_accept_caps_result(query, TRUE);
        return true;
    }
    if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) {
        GstCaps* any = gst_caps_new_any();
        gst_query_set_caps_result(query, any);
        gst_caps_unref(any);
        return true;
    }
    return on_query && on_query(query);
}

bool Wire::wait_for(const std::string& beginning, size_t wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] {
        size_t n = 0;
        for (const Entry& e : entries_)
            n += e.what.starts_with(beginning);
        return n >= wanted;
    });
}

std::vector<std::string> Wire::log(const std::string& beginning) {
    std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const Entry& e : entries_)
        if (e.what.starts_with(beginning))
            found.push_back(e.what);
    return found;
}

std::vector<GstBuffer*> Wire::frames() {
    std::lock_guard lock(mutex_);
    std::vector<GstBuffer*> found;
    for (const Entry& e : entries_)
        if (e.buffer)
            found.push_back(e.buffer);
    return found;
}

void Wire::block(bool blocked) {
    std::lock_guard lock(mutex_);
    blocked_ = blocked;
    standing_ = false;
    changed_.notify_all();
}

bool Wire::wait_until_blocked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return standing_; });
}

void Wire::keep_frames(bool keep) {
    std::lock_guard lock(mutex_);
    keeping_ = keep;
}

void Wire::answer_with(GstFlowReturn flow) {
    std::lock_guard lock(mutex_);
    flow_ = flow;
}

std::vector<std::string> run_launch(const std::string& launch,
                                    const std::function<void(GstElement*)>& on_done) {
    std::vector<std::string> errors;
    GError* error = nullptr;
    GstElement* pipeline = gst_parse_launch(launch.c_str(), &error);
    if (error) {
        errors.push_back(error->message);
        g_clear_error(&error);
    }
    if (!pipeline || !errors.empty()) {
        gst_clear_object(&pipeline);
        return errors;
    }
    GstBus* bus = gst_element_get_bus(pipeline);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstMessage* m = gst_bus_timed_pop_filtered(
        bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    if (!m)
        errors.push_back("neither end nor error within 60 s");
    for (; m; m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)) {
        if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR)
            errors.push_back(text_of(m));
        gst_message_unref(m);
    }
    if (on_done)
        on_done(pipeline);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    return errors;
}

// Caches that live as long as the process; asked by LeakSanitizer alone.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
    return "leak:libfontconfig\nleak:libpango\nleak:libcairo\n";
}

int main(int argc, char** argv) {
    // The scanner process has no ASan runtime and would refuse a sanitized plugin.
    gst_registry_fork_set_enabled(FALSE);
    gst_init(&argc, &argv);
    register_elements(nullptr); // those of this program, over its own devices
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
