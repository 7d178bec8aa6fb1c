// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/items.h"
#include "gst/source_pads.h"

#include <gst/video/video.h>

bool SourcePads::sink_query(GstQuery* query) {
    if (GST_QUERY_IS_SERIALIZED(query))
        return ask_in_order(query);
    return gst_pad_query_default(sink_, GST_OBJECT(element_.element), query);
}

bool SourcePads::src_query(GstQuery* query) {
    if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY)
        return latency_query(query);
    return gst_pad_query_default(src_, GST_OBJECT(element_.element), query);
}

// The streaming thread waits for the answer, so no frame can come that its batch might wait for.
bool SourcePads::ask_in_order(GstQuery* query) {
    std::shared_ptr<infer::Source> open;
    std::stop_token cancel;
    {
        std::lock_guard guard(lock_);
        if (state_.flow != GST_FLOW_OK)
            return false;
        open = state_.source;
        cancel = state_.cancel.get_token();
    }
    if (!open)
        return false;
    auto answer = std::make_shared<QueryAnswer>(query);
    const auto taken = open->push_marker(std::make_unique<QueryItem>(answer), true);
    return taken == infer::PushResult::Ok && answer->wait(query, std::move(cancel));
}

// Upstream's pool must not run dry while this source holds its frames.
void SourcePads::add_in_flight(GstQuery* query, infer::Source& source) const {
    const guint held = guint(source.in_flight_bound());
    const guint pools = gst_query_get_n_allocation_pools(query);
    for (guint i = 0; i < pools; i++) {
        GstBufferPool* pool = nullptr;
        guint size = 0, min = 0, max = 0;
        gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
        min += held;
        if (max != 0 && max < min)
            max = min;
        gst_query_set_nth_allocation_pool(query, i, pool, size, min, max);
        if (pool)
            gst_object_unref(pool);
    }
    GstCaps* caps = nullptr;
    gst_query_parse_allocation(query, &caps, nullptr);
    GstVideoInfo video;
    if (pools == 0 && caps && gst_video_info_from_caps(&video, caps))
        gst_query_add_allocation_pool(query, nullptr, guint(GST_VIDEO_INFO_SIZE(&video)), held, 0);
}

bool SourcePads::latency_query(GstQuery* query) {
    if (!gst_pad_peer_query(sink_, query))
        return false;
    gboolean live = FALSE;
    GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
    gst_query_parse_latency(query, &live, &min, &max);

    const auto session = element_.model.session();
    const int64_t own_us = session && session->ready() ? session->expected_latency_us() : 0;
    GstClockTime duration = GST_CLOCK_TIME_NONE;
    std::shared_ptr<infer::Source> open;
    {
        std::lock_guard guard(lock_);
        state_.live = live;
        duration = state_.frame_duration;
        open = state_.source;
    }
    min += GstClockTime(own_us) * GST_USECOND;
    if (GST_CLOCK_TIME_IS_VALID(max)) {
        if (open && GST_CLOCK_TIME_IS_VALID(duration))
            max += GstClockTime(open->in_flight_bound()) * duration;
        max = std::max(max, min);
    }
    gst_query_set_latency(query, live, min, max);
    if (live)
        element_.latency.answered(own_us);
    return true;
}
