// SPDX-License-Identifier: LGPL-2.1-or-later
// The task of a source's src pad: takes out what its infer::Source finished, in order, and pushes.
#include "gst/errors.h"
#include "gst/frame_results.h"
#include "gst/framemap.h"
#include "gst/inference_pad.h"
#include "gst/items.h"
#include "gst/log.h"
#include "gst/picture_frames.h"
#include "gst/source_pads.h"

using infer::FrameStatus;

void SourcePads::iterate() {
    const auto open = leaving();
    auto out = open ? open->pop() : std::nullopt;
    if (!out) {
        task_.pause(); // flushing or closed; resumed by a flush stop
        return;
    }
    if (out->is_frame)
        settle(push_frame(*out));
    else if (dynamic_cast<LastItem*>(out->item.get()))
        leave_behind(open);
    else
        settle(push_marker(*out->item));
}

// Another model's source is next.
void SourcePads::leave_behind(const std::shared_ptr<infer::Source>& source) {
    {
        std::lock_guard guard(lock_);
        if (!state_.earlier.empty() && state_.earlier.front() == source)
            state_.earlier.pop_front();
    }
    source->close();
}

// Kept for the frame that follows.
GstFlowReturn SourcePads::take_crop(CropFrame& crop, infer::Output& out) {
    if (out.status == FrameStatus::Failed)
        return report_failure(out, pad_settings(sink_).source_id);
    failures_.worked();
    count_times(out.results);
    crop_results_.push_back({crop.crop(), std::move(out.results)});
    return GST_FLOW_OK;
}

// The frame's buffer, with what was found on it.
GstBuffer* SourcePads::attach(BufferFrame& frame, infer::Output& out,
                              const std::string& source_id) {
    const GstVideoInfo video = frame.video();
    const auto number = frame.number_after_crops();
    if (!number)
        return attach_results(frame.take(), video, out, source_id);
    out.number = *number;
    GstBuffer* buffer = gst_buffer_make_writable(frame.take());
    for (CropResults& c : std::exchange(crop_results_, {})) {
        if (c.crop.track_id > 0 && reclassify_interval_ != 1)
            said_before_.keep(c.crop.track_id, out.number, c.results);
        attach_to_object(buffer, video, c.crop.object, c.crop.region, c.results);
    }
    for (const BufferFrame::Known& k : frame.known)
        if (const infer::Results* said = said_before_.find(k.track_id, out.number)) {
            infer::Results again = *said;
            attach_to_object(buffer, video, k.object, {}, again);
        }
    attach_frame_once(buffer, out, source_id);
    return buffer;
}

void SourcePads::count(const infer::Output& out, const std::string& source_id) {
    figures_.settled(out.status);
    element_.figures.settled(out.status);
    if (out.status == FrameStatus::Inferred && !crops_) // crops count their own
        count_times(out.results);
    if (out.status != FrameStatus::Skipped && out.status != FrameStatus::Dropped)
        return;
    const gint64 now_us = g_get_monotonic_time();
    if (GstStructure* told = element_.skips.add(source_id, out.status, out.reason, now_us))
        gst_element_post_message(element_.element, gst_message_new_element(GST_OBJECT(element_.element), told));
}

void SourcePads::count_times(const infer::Results& results) {
    const gint64 now_us = g_get_monotonic_time();
    figures_.timed(results, now_us);
    element_.figures.timed(results, now_us);
}

void SourcePads::count_left() {
    const gint64 now_us = g_get_monotonic_time();
    figures_.left(now_us);
    element_.figures.left(now_us);
}

GstFlowReturn SourcePads::push_frame(infer::Output& out) {
    if (auto* crop = dynamic_cast<CropFrame*>(out.item.get()))
        return take_crop(*crop, out);
    auto& frame = static_cast<BufferFrame&>(*out.item);
    const std::string source_id = pad_settings(sink_).source_id;
    count(out, source_id);
    if (out.status == FrameStatus::Inferred && !crops_) // else its crops say so
        failures_.worked();
    if (out.status == FrameStatus::Failed &&
        report_failure(out, source_id) != GST_FLOW_OK)
        return GST_FLOW_ERROR;
    if (downstream_ended_)
        return GST_FLOW_EOS; // the frame goes with `out`
    const GstVideoInfo video = frame.video();
    if (!keeps_caps())
        return push_picture(out, frame.take(), video);
    GstBuffer* buffer = attach(frame, out, source_id);
    const GstFlowReturn flow = gst_pad_push(src_, buffer);
    GST_LOG_OBJECT(src_, "pushed frame %" G_GUINT64_FORMAT " (%s, batch of %d on %s): %s",
                   guint64(out.number), std::string(infer::name_of(out.status)).c_str(),
                   out.results.batch, out.results.device.c_str(), gst_flow_get_name(flow));
    if (flow == GST_FLOW_OK)
        count_left();
    element_.watch_latency();
    return flow;
}

// Takes `source`, whose place the picture takes.
GstFlowReturn SourcePads::push_picture(infer::Output& out, GstBuffer* source,
                                       const GstVideoInfo& video) {
    GstFlowReturn flow = GST_FLOW_OK;
    if (out.results.picture) {
        const GstVideoInfo picture = picture_video(*out.results.picture, video);
        if (push_picture_caps(picture))
            flow = gst_pad_push(
                src_, picture_buffer(std::move(*out.results.picture), picture, source));
        else
            flow = GST_FLOW_NOT_NEGOTIATED;
    }
    gst_buffer_unref(source);
    if (flow == GST_FLOW_OK && out.results.picture)
        count_left();
    element_.watch_latency();
    return flow;
}

// Sends caps where they are new; false: downstream takes no such pictures.
bool SourcePads::push_picture_caps(const GstVideoInfo& picture) {
    if (gst_pad_has_current_caps(src_) && gst_video_info_is_equal(&picture, &picture_))
        return true;
    GstCaps* caps = gst_video_info_to_caps(&picture);
    GstCaps* possible = gst_pad_peer_query_caps(src_, nullptr);
    const bool taken = !possible || gst_caps_can_intersect(caps, possible);
    if (!taken)
        GST_ELEMENT_ERROR(element_.element, STREAM, FORMAT,
                          ("downstream takes none of the model's pictures, %dx%d in %s; put "
                           "videoconvert and videoscale behind it",
                           picture.width, picture.height, GST_VIDEO_INFO_NAME(&picture)),
                          (nullptr));
    if (possible)
        gst_caps_unref(possible);
    picture_ = picture;
    if (taken)
        gst_pad_push_event(src_, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    let_go();
    return taken;
}

// The model's pictures have caps of their own, known with the first of them; what must not come
// before caps waits for it. True: taken.
bool SourcePads::hold_back(EventItem& event) {
    if (event.type() == GST_EVENT_CAPS)
        return true; // the frame's own go with it
    if (gst_pad_has_current_caps(src_) || event.type() == GST_EVENT_STREAM_START)
        return false;
    if (event.type() == GST_EVENT_EOS) {
        let_go();
        return false;
    }
    held_.push_back(event.take());
    return true;
}

void SourcePads::let_go() {
    for (GstEvent* event : std::exchange(held_, {}))
        gst_pad_push_event(src_, event);
}

// warn: the frame leaves without results. Where the whole model failed, that has been said.
GstFlowReturn SourcePads::report_failure(const infer::Output& out, const std::string& source_id) {
    if (element_.model.failing())
        return GST_FLOW_OK;
    const bool stops = element_.settings().error_policy == ErrorPolicy::Stop;
    const Failures::Say say = failures_.failed(g_get_monotonic_time());
    infer::Error error = {infer::Error::Device, source_id + ", frame " + std::to_string(out.number),
                          "not inferred: " + out.reason};
    GST_DEBUG_OBJECT(src_, "%s", error.text().c_str());
    if (say == Failures::Nothing && !stops)
        return GST_FLOW_OK;
    if (const guint64 more = failures_.take_left_out(); more > 0)
        error.what += " (and " + std::to_string(more) + " frames before it since the last message)";
    if (!stops && say == Failures::Warning) {
        post_warning(element_.element, error, "the frame leaves without results (error-policy=warn)");
        return GST_FLOW_OK;
    }
    if (!stops)
        error.what += "; this was frame " + std::to_string(Failures::most_in_a_row) + " in a row";
    post_error(element_.element, error, stops ? "error-policy=stop" : "no frame of this source can be inferred");
    return GST_FLOW_ERROR;
}

// At the end of the stream: what no warning has told of.
void SourcePads::report_left_out() {
    const guint64 more = failures_.take_left_out();
    if (more > 0)
        post_warning(element_.element,
                     {infer::Error::Device, pad_settings(sink_).source_id,
                      std::to_string(more) + " more frames were not inferred since the last warning"},
                     "the frames left without results (error-policy=warn)");
}

GstFlowReturn SourcePads::push_marker(infer::Item& item) {
    if (auto* query = dynamic_cast<QueryItem*>(&item)) {
        answer(query->answer());
        return downstream_ended_ ? GST_FLOW_EOS : GST_FLOW_OK;
    }
    auto& event = static_cast<EventItem&>(item);
    const GstEventType type = event.type();
    if (type == GST_EVENT_SEGMENT || type == GST_EVENT_STREAM_START)
        downstream_ended_ = false;
    if (type == GST_EVENT_EOS)
        report_left_out();
    if (!keeps_caps() && hold_back(event))
        return downstream_ended_ ? GST_FLOW_EOS : GST_FLOW_OK;
    // A downstream that has had enough takes what ends or restarts it, nothing else.
    if (!downstream_ended_ || type == GST_EVENT_EOS)
        gst_pad_push_event(src_, event.take());
    return downstream_ended_ ? GST_FLOW_EOS : GST_FLOW_OK;
}

void SourcePads::answer(QueryAnswer& answer) {
    if (downstream_ended_)
        return answer.answer(false);
    const bool is_allocation = GST_QUERY_TYPE(answer.query()) == GST_QUERY_ALLOCATION;
    // Downstream's buffers are for pictures and none for upstream.
    bool ok = (is_allocation && !keeps_caps()) || gst_pad_peer_query(src_, answer.query());
    const auto open = source();
    if (ok && open && is_allocation)
        add_in_flight(answer.query(), *open);
    answer.answer(ok);
}

// Keeps what the push said for chain to return; a failure stops the source until it is flushed.
void SourcePads::settle(GstFlowReturn flow) {
    if (flow == GST_FLOW_OK)
        return;
    if (flow == GST_FLOW_EOS) {
        downstream_ended_ = true;
        std::lock_guard guard(lock_);
        if (state_.flow == GST_FLOW_OK)
            state_.flow = GST_FLOW_EOS;
        return;
    }
    GST_DEBUG_OBJECT(src_, "stops: %s", gst_flow_get_name(flow));
    bool eos = false;
    {
        std::lock_guard guard(lock_);
        if (state_.flow == GST_FLOW_FLUSHING)
            return;
        state_.flow = flow;
        eos = state_.eos;
    }
    for (const auto& source : all_sources())
        source->flush_start(); // wakes a streaming thread that waits for its turn
    leave_on_src();
    task_.pause();
    // After EOS upstream pushes nothing any more and would never hear of it.
    if (eos && (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)) {
        GST_ELEMENT_FLOW_ERROR(element_.element, flow);
        gst_pad_push_event(src_, gst_event_new_eos());
    }
}
