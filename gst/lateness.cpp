// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/lateness.h"

// A frame that was late: time goes on while the next ones come, so the limit is twice as far ahead
// and a frame more, as video decoders and filters of GStreamer reckon.
void Lateness::heard(GstEvent* qos, GstClockTime frame_duration) {
    Heard heard;
    GstClockTime timestamp = GST_CLOCK_TIME_NONE;
    gst_event_parse_qos(qos, nullptr, &heard.proportion, &heard.jitter, &timestamp);
    if (!GST_CLOCK_TIME_IS_VALID(timestamp))
        return;
    const GstClockTimeDiff frame = GST_CLOCK_TIME_IS_VALID(frame_duration) ? GstClockTimeDiff(frame_duration) : 0;
    const GstClockTimeDiff ahead = heard.jitter > 0 ? 2 * heard.jitter + frame : heard.jitter;
    heard.earliest = GstClockTime(MAX(GstClockTimeDiff(timestamp) + ahead, 0));
    std::lock_guard guard(mutex_);
    heard_ = heard;
}

void Lateness::forget() {
    std::lock_guard guard(mutex_);
    heard_.reset();
}

void Lateness::set_latency(GstClockTime latency) {
    std::lock_guard guard(mutex_);
    latency_ = latency;
}

std::optional<gint64> Lateness::slack_us(GstElement* element, GstClockTime running_time) const {
    GstClock* clock = gst_element_get_clock(element);
    if (!clock)
        return std::nullopt;
    const GstClockTime base = gst_element_get_base_time(element), now = gst_clock_get_time(clock);
    gst_object_unref(clock);
    if (!GST_CLOCK_TIME_IS_VALID(running_time) || !GST_CLOCK_TIME_IS_VALID(base) || !GST_CLOCK_TIME_IS_VALID(now))
        return std::nullopt;
    std::lock_guard guard(mutex_);
    return GST_CLOCK_DIFF(now, base + running_time + latency_) / gint64(GST_USECOND);
}

bool Lateness::is_too_late(GstClockTime running_time) const {
    std::lock_guard guard(mutex_);
    return heard_ && GST_CLOCK_TIME_IS_VALID(running_time) && running_time < heard_->earliest;
}

GstMessage* Lateness::message(GstElement* element, const GstSegment& segment, GstBuffer* frame, guint64 inferred,
                              guint64 skipped) {
    Heard heard;
    {
        std::lock_guard guard(mutex_);
        const gint64 now_us = g_get_monotonic_time();
        if (!heard_ || now_us - told_us_ < G_USEC_PER_SEC)
            return nullptr;
        told_us_ = now_us;
        heard = *heard_;
    }
    const GstClockTime pts = GST_BUFFER_PTS(frame);
    GstMessage* message = gst_message_new_qos(GST_OBJECT(element), FALSE, gst_segment_to_running_time(&segment, GST_FORMAT_TIME, pts),
                                              gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, pts), pts,
                                              GST_BUFFER_DURATION(frame));
    gst_message_set_qos_values(message, heard.jitter, heard.proportion, 1000000);
    gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, inferred, skipped);
    return message;
}
