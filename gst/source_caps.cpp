// SPDX-License-Identifier: LGPL-2.1-or-later
// What a source's frames look like. Streaming thread of the sink pad.
#include "gst/errors.h"
#include "gst/framemap.h"
#include "gst/source_pads.h"

#include <gst/video/video.h>

using infer::Error;

static std::string text_of(const GstCaps* caps) {
    gchar* text = gst_caps_to_string(caps);
    std::string copy = text;
    g_free(text);
    return copy;
}

// Upstream sends refused caps again with each frame; once is enough.
void SourcePads::explain_caps(GstEvent* event) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    GstCaps* possible = gst_pad_get_pad_template_caps(sink_);
    const bool usable = gst_caps_is_subset(caps, possible);
    gst_caps_unref(possible);
    if (!usable && !caps_explained_)
        post_error(element_.element,
                   Error{Error::Unsupported, GST_PAD_NAME(sink_),
                         "caps " + text_of(caps) +
                             " cannot be used; put videoconvert before it (and, for memory that is "
                             "not the system's, an element that downloads it, as gldownload). "
                             "Formats: " INFERENCE_VIDEO_FORMATS},
                   "");
    caps_explained_ = !usable;
}

bool SourcePads::caps_event(GstEvent* event) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    GstVideoInfo video;
    if (!gst_video_info_from_caps(&video, caps)) {
        post_error(element_.element,
                   Error{Error::Unsupported, GST_PAD_NAME(sink_),
                         "caps " + text_of(caps) + " say no video size and format"},
                   "");
        return false;
    }
    video_ = video;
    have_caps_ = true;
    {
        std::lock_guard guard(lock_);
        state_.frame_duration =
            GST_VIDEO_INFO_FPS_N(&video) > 0
                ? gst_util_uint64_scale(GST_SECOND, guint64(GST_VIDEO_INFO_FPS_D(&video)),
                                        guint64(GST_VIDEO_INFO_FPS_N(&video)))
                : GST_CLOCK_TIME_NONE;
    }
    ask_live();
    update_options();
    return true;
}

// Whether upstream is live says how a batch may wait for it.
void SourcePads::ask_live() {
    GstQuery* query = gst_query_new_latency();
    gboolean live = FALSE;
    if (gst_pad_peer_query(sink_, query))
        gst_query_parse_latency(query, &live, nullptr, nullptr);
    gst_query_unref(query);
    std::lock_guard guard(lock_);
    state_.live = live;
}
