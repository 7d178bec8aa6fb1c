// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>

// What downstream says in QOS events about how late one source's frames come, and which frames are
// therefore not worth inferring. They still leave. Any thread.
class Lateness {
public:
    void heard(GstEvent* qos, GstClockTime frame_duration);
    void forget(); // after a flush

    // The pipeline's latency, from a LATENCY event.
    void set_latency(GstClockTime latency);
    // Microseconds from now on until a frame of this running time is due on the element's clock; none: it
    // has no clock, or the frame no time.
    std::optional<gint64> slack_us(GstElement* element, GstClockTime running_time) const;

    // Whether a frame of this running time would come too late.
    bool is_too_late(GstClockTime running_time) const;

    // A QOS message for a frame that is skipped, at most one a second of the monotonic clock; nullptr: none
    // is due. `frame` lies in `segment`.
    GstMessage* message(GstElement* element, const GstSegment& segment, GstBuffer* frame, guint64 inferred,
                        guint64 skipped);

private:
    struct Heard {
        GstClockTime earliest = 0; // running time of the next frame that can be in time
        GstClockTimeDiff jitter = 0;
        gdouble proportion = 1;
    };
    mutable std::mutex mutex_; // guards all below
    std::optional<Heard> heard_;
    GstClockTime latency_ = 0;
    gint64 told_us_ = -G_USEC_PER_SEC;
};
