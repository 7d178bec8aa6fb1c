// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures of media, one after another, without an application's pipeline around them.
#include "gst/framemap.h"
#include "gst/media.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

namespace infer {
namespace {

Error error_of(GstMessage* message, const std::string& media) {
    GError* error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    const Error e{Error::BadConfig, media, std::string("cannot be played: ") + error->message};
    g_error_free(error);
    return e;
}

class Reader {
public:
    explicit Reader(const std::string& media) : media_(media) {}
    ~Reader() {
        if (pipeline_)
            gst_element_set_state(pipeline_, GST_STATE_NULL);
        for (gpointer held : {gpointer(sink_), gpointer(bus_), gpointer(pipeline_)})
            if (held)
                gst_object_unref(held);
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    Result<void> start();
    Result<void> read(const TakeFrame& take, const std::function<bool()>& stopped);

private:
    Result<bool> take_sample(GstSample* sample, const TakeFrame& take);
    std::optional<Error> trouble();

    const std::string media_;
    GstElement* pipeline_ = nullptr;
    GstElement* sink_ = nullptr;
    GstBus* bus_ = nullptr;
};

Result<void> Reader::start() {
    GError* error = nullptr;
    pipeline_ =
        gst_parse_launch("uridecodebin name=source ! videoconvert ! "
                         "video/x-raw, format=I420 ! appsink name=sink sync=false max-buffers=4",
                         &error);
    if (!pipeline_ || error) {
        const Error e{Error::BadConfig, media_, error ? error->message : "no pipeline"};
        g_clear_error(&error);
        return e;
    }
    gchar* uri = gst_uri_is_valid(media_.c_str()) ? g_strdup(media_.c_str())
                                                  : gst_filename_to_uri(media_.c_str(), &error);
    if (!uri) {
        const Error e{Error::BadConfig, media_, error->message};
        g_clear_error(&error);
        return e;
    }
    GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline_), "source");
    g_object_set(source, "uri", uri, nullptr);
    gst_object_unref(source);
    g_free(uri);
    sink_ = gst_bin_get_by_name(GST_BIN(pipeline_), "sink");
    bus_ = gst_element_get_bus(pipeline_);
    gst_element_set_state(pipeline_, GST_STATE_PLAYING); // a failure comes as a message
    return {};
}

Result<bool> Reader::take_sample(GstSample* sample, const TakeFrame& take) {
    GstVideoInfo video;
    if (!gst_video_info_from_caps(&video, gst_sample_get_caps(sample)))
        return Error{Error::BadConfig, media_, "its pictures have no size"};
    BufferFrame frame(gst_buffer_ref(gst_sample_get_buffer(sample)), video);
    const auto view = frame.map();
    if (!view.ok())
        return view.error();
    const auto goes_on = take(view.value());
    frame.unmap();
    return goes_on;
}

std::optional<Error> Reader::trouble() {
    GstMessage* message = gst_bus_pop_filtered(bus_, GST_MESSAGE_ERROR);
    if (!message)
        return {};
    const Error e = error_of(message, media_);
    gst_message_unref(message);
    return e;
}

Result<void> Reader::read(const TakeFrame& take, const std::function<bool()>& stopped) {
    constexpr GstClockTime look_around = 100 * GST_MSECOND;
    while (!stopped()) {
        GstSample* sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink_), look_around);
        if (!sample) {
            if (const auto error = trouble())
                return *error;
            if (gst_app_sink_is_eos(GST_APP_SINK(sink_)))
                return {};
            continue;
        }
        const auto goes_on = take_sample(sample, take);
        gst_sample_unref(sample);
        if (!goes_on.ok())
            return goes_on.error();
        if (!goes_on.value())
            return {};
    }
    return {};
}

} // namespace

Result<void> read_frames(const std::string& media, const TakeFrame& take,
                         const std::function<bool()>& stopped) {
    gst_init(nullptr, nullptr);
    Reader reader(media);
    if (const auto started = reader.start(); !started.ok())
        return started;
    return reader.read(take, stopped);
}

} // namespace infer
