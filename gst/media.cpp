// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/media.h"

#include <gst/gst.h>

#include <csignal>
#include <set>

namespace infer {
namespace {

volatile std::sig_atomic_t interrupts = 0;

// The first Ctrl-C ends the sources, so that files are whole; the second one kills.
void on_interrupt(int) {
    interrupts = interrupts + 1;
    std::signal(SIGINT, SIG_DFL);
}

std::string text_of(GstMessage* message) {
    GError* error = nullptr;
    gchar* more = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, &more);
    else
        gst_message_parse_warning(message, &error, &more);
    std::string text = std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + error->message;
    if (more && *more)
        text += std::string("\n  ") + more;
    g_error_free(error);
    g_free(more);
    return text;
}

class Run {
public:
    Run(GstElement* pipeline, const PlayListener& listener)
        : pipeline_(pipeline), bus_(gst_element_get_bus(pipeline)), listener_(listener) {}
    ~Run() {
        gst_element_set_state(pipeline_, GST_STATE_NULL);
        gst_object_unref(bus_);
        gst_object_unref(pipeline_);
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    bool to_the_end() {
        // A failure to start comes as a message too, with the reason.
        gst_element_set_state(pipeline_, GST_STATE_PLAYING);
        while (!ended_) {
            constexpr GstClockTime look_for_interrupts = 100 * GST_MSECOND;
            if (GstMessage* message = gst_bus_timed_pop(bus_, look_for_interrupts)) {
                take(message);
                gst_message_unref(message);
            }
            // In the middle of its start the pipeline would wait for the event, and the event for
            // it.
            if (interrupts > 0 && playing_ && !interrupted_)
                interrupted_ = gst_element_send_event(pipeline_, gst_event_new_eos());
        }
        return good_;
    }

private:
    void take(GstMessage* message) {
        switch (GST_MESSAGE_TYPE(message)) {
        case GST_MESSAGE_EOS:
            ended_ = true;
            break;
        case GST_MESSAGE_ERROR:
            take_error(message);
            break;
        case GST_MESSAGE_WARNING:
            listener_.warning(text_of(message));
            break;
        case GST_MESSAGE_ELEMENT:
            take_verdict(message);
            break;
        case GST_MESSAGE_STATE_CHANGED:
            take_state(message);
            break;
        case GST_MESSAGE_REQUEST_STATE:
            take_request(message);
            break;
        default:
            break;
        }
    }

    // An inferenceassert's error follows its verdict and stops nothing: there may be more of them.
    void take_error(GstMessage* message) {
        good_ = false;
        if (judges_.contains(GST_MESSAGE_SRC(message)))
            return;
        listener_.error(text_of(message));
        ended_ = true;
    }

    void take_verdict(GstMessage* message) {
        const GstStructure* s = gst_message_get_structure(message);
        if (!s || !gst_structure_has_name(s, "inferenceassert"))
            return;
        gboolean passed = FALSE;
        guint64 frames = 0, differing = 0;
        gst_structure_get(s, "passed", G_TYPE_BOOLEAN, &passed, "frames", G_TYPE_UINT64, &frames,
                          "differing", G_TYPE_UINT64, &differing, nullptr);
        std::string text = std::string(passed ? "passed " : "failed ") +
                           GST_MESSAGE_SRC_NAME(message) + ": " + std::to_string(differing) +
                           " of " + std::to_string(frames) + " frames differ";
        if (const char* examples = gst_structure_get_string(s, "examples"); examples && *examples)
            text += std::string(": ") + examples;
        listener_.verdict(text);
        if (!passed) {
            good_ = false;
            judges_.insert(GST_MESSAGE_SRC(message));
        }
    }

    void take_state(GstMessage* message) {
        GstState state = GST_STATE_NULL;
        gst_message_parse_state_changed(message, nullptr, &state, nullptr);
        if (GST_MESSAGE_SRC(message) == GST_OBJECT(pipeline_))
            playing_ = state == GST_STATE_PLAYING;
    }

    void take_request(GstMessage* message) {
        GstState state = GST_STATE_NULL;
        gst_message_parse_request_state(message, &state);
        gst_element_set_state(pipeline_, state);
        ended_ = ended_ || state < GST_STATE_PAUSED;
    }

    GstElement* pipeline_;
    GstBus* bus_;
    const PlayListener& listener_;
    std::set<GstObject*> judges_; // whose verdict was bad
    bool ended_ = false, good_ = true, playing_ = false, interrupted_ = false;
};

} // namespace

Result<bool> play(const std::string& launch, const PlayListener& listener) {
    gst_init(nullptr, nullptr);
    GError* error = nullptr;
    GstElement* pipeline =
        gst_parse_launch_full(launch.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
    if (!pipeline || error) {
        const Error e{Error::BadConfig, "the pipeline", error ? error->message : "is empty"};
        g_clear_error(&error);
        gst_clear_object(&pipeline);
        return e;
    }
    gst_object_ref_sink(pipeline);
    if (!GST_IS_PIPELINE(pipeline)) { // a single element has no bus of its own
        GstElement* whole = gst_pipeline_new(nullptr);
        gst_bin_add(GST_BIN(whole), pipeline);
        gst_object_unref(pipeline);
        pipeline = GST_ELEMENT(gst_object_ref_sink(whole));
    }
    interrupts = 0;
    std::signal(SIGINT, on_interrupt);
    const bool good = Run(pipeline, listener).to_the_end();
    std::signal(SIGINT, SIG_DFL);
    return good;
}

} // namespace infer
