// SPDX-License-Identifier: LGPL-2.1-or-later
// How a source takes frames in: on the streaming thread of its sink pad.
#include "gst/errors.h"
#include "gst/framemap.h"
#include "gst/inference_pad.h"
#include "gst/items.h"
#include "gst/log.h"
#include "gst/source_pads.h"

using infer::Error;
using infer::FrameStatus;
using infer::PushResult;

GstFlowReturn SourcePads::chain(GstBuffer* buffer) {
    std::shared_ptr<infer::Source> source;
    std::stop_token cancel;
    GstFlowReturn flow = GST_FLOW_OK;
    {
        std::lock_guard guard(lock_);
        flow = state_.eos ? GST_FLOW_EOS : state_.flow;
        source = state_.source;
        cancel = state_.cancel.get_token();
    }
    if (flow != GST_FLOW_OK || !source) {
        gst_buffer_unref(buffer);
        return flow != GST_FLOW_OK ? flow : GST_FLOW_FLUSHING;
    }
    if (!have_caps_) {
        gst_buffer_unref(buffer);
        post_error(element_.element,
                   Error{Error::Unsupported, GST_PAD_NAME(sink_),
                         "a frame came before its caps; put video/x-raw caps before it "
                         "(a capsfilter, or rawvideoparse for raw files)"},
                   "");
        return GST_FLOW_NOT_NEGOTIATED;
    }
    GST_LOG_OBJECT(sink_, "takes frame %" G_GUINT64_FORMAT ", pts %" GST_TIME_FORMAT, taken_,
                   GST_TIME_ARGS(GST_BUFFER_PTS(buffer)));
    figures_.came();
    element_.figures.came();
    return admit(std::move(source), buffer, cancel);
}

GstFlowReturn SourcePads::admit(std::shared_ptr<infer::Source> source, GstBuffer* buffer,
                                std::stop_token cancel) {
    auto frame = std::make_unique<BufferFrame>(buffer, video_);
    if (crops_)
        frame->follow_crops(number_++);
    if (const char* reason = reason_to_skip(buffer)) {
        if (element_.model.failed())
            return GST_FLOW_ERROR;
        return flow_after(source->pass(std::move(frame), FrameStatus::Skipped, reason));
    }
    if (crops_)
        return admit_crops(std::move(source), std::move(frame), buffer, cancel);
    auto model = element_.model.wait_ready(cancel);
    if (!model.processing)
        return cancel.stop_requested() ? flow_after(PushResult::Flushing) : GST_FLOW_ERROR;
    source = follow(model.session, source);
    if (!source)
        return flow_after(PushResult::Flushing);
    std::optional<gint64> slack_us;
    if (element_.settings().drop == infer::Drop::Late)
        slack_us = lateness_.slack_us(element_.element, running_time(buffer));
    return flow_after(source->push(std::move(frame), std::move(model.processing),
                                   slack_us.value_or(std::numeric_limits<int64_t>::max())));
}

// The source of `session`, which another model's may have to make way for: what that one holds
// leaves before anything of the new one. nullptr: flushing or closed meanwhile.
std::shared_ptr<infer::Source> SourcePads::follow(const std::shared_ptr<infer::Session>& session,
                                                  const std::shared_ptr<infer::Source>& before) {
    infer::SourceOptions wanted = options();
    {
        std::lock_guard guard(lock_);
        if (state_.source != before)
            return nullptr;
        if (state_.session == session.get())
            return before;
        wanted.first_number = state_.first_number + before->stats().in;
    }
    auto opened = std::make_shared<Opened>();
    opened->session = session;
    opened->source = session->add_source(wanted);
    const std::shared_ptr<infer::Source> next(opened, opened->source.get());
    {
        std::lock_guard guard(lock_);
        if (state_.source != before || state_.flow != GST_FLOW_OK)
            return nullptr;
        state_.earlier.push_back(before);
        state_.source = next;
        state_.session = session.get();
        state_.first_number = wanted.first_number;
    }
    GST_DEBUG_OBJECT(sink_, "frame %" G_GUINT64_FORMAT " is the first by another model",
                     guint64(wanted.first_number));
    before->push_marker(std::make_unique<LastItem>(), true);
    return next;
}

// The crops of a frame, each in a place of its own, and the frame behind them: it comes out when all
// of them have. Crops share batches with those of other frames and sources.
GstFlowReturn SourcePads::admit_crops(std::shared_ptr<infer::Source> source,
                                      std::unique_ptr<BufferFrame> frame, GstBuffer* buffer,
                                      std::stop_token cancel) {
    const std::vector<Crop> crops = crops_of(buffer, video_, *crops_);
    if (crops.empty() && element_.model.failed())
        return GST_FLOW_ERROR;
    if (crops.empty())
        return flow_after(source->pass(std::move(frame), FrameStatus::Skipped, "no object"));
    const auto model = element_.model.wait_ready(cancel);
    if (!model.processing)
        return cancel.stop_requested() ? flow_after(PushResult::Flushing) : GST_FLOW_ERROR;
    const auto before = source;
    source = follow(model.session, source);
    if (source != before) // another model, which has said nothing yet
        look_again_.forget();
    const uint64_t number = *frame->number_after_crops();
    PushResult pushed = source ? PushResult::Ok : PushResult::Flushing;
    for (size_t k = 0; k < crops.size() && pushed == PushResult::Ok; k++)
        if (look_again_.is_due(crops[k].track_id, number, reclassify_interval_))
            pushed = source->push(std::make_unique<CropFrame>(buffer, video_, crops[k]),
                                  model.processing);
        else
            frame->known.push_back({crops[k].object, crops[k].track_id});
    const bool looked = frame->known.size() < crops.size();
    if (pushed == PushResult::Ok)
        pushed = source->pass(std::move(frame),
                              looked ? FrameStatus::Inferred : FrameStatus::Skipped,
                              looked ? "" : "reclassify-interval");
    return flow_after(pushed);
}

// What upstream hears: how this source's last push went. Upstream says something too when it hears of an
// error; ours, which says why, is on the bus first.
GstFlowReturn SourcePads::flow_after(PushResult result) const {
    std::unique_lock guard(lock_);
    if (result == PushResult::Failed) {
        const std::stop_token cancel = state_.cancel.get_token();
        guard.unlock();
        element_.model.wait_ready(cancel);
        return GST_FLOW_ERROR;
    }
    if (result == PushResult::Ok || state_.flow != GST_FLOW_OK)
        return state_.flow;
    return GST_FLOW_FLUSHING;
}

// nullptr: it is to be inferred.
const char* SourcePads::reason_to_skip(GstBuffer* buffer) {
    const int own = pad_settings(sink_).interval;
    const int interval = own > 0 ? own : element_.interval();
    if (taken_++ % guint64(interval) != 0)
        return "interval";
    return comes_too_late(buffer) ? "qos" : nullptr;
}

bool SourcePads::comes_too_late(GstBuffer* buffer) {
    if (!lateness_.is_too_late(running_time(buffer)))
        return false;
    if (GstMessage* message = lateness_.message(element_.element, segment_, buffer, figures_.count(FrameStatus::Inferred),
                                                figures_.count(FrameStatus::Skipped) + 1))
        gst_element_post_message(element_.element, message);
    return true;
}

GstClockTime SourcePads::running_time(GstBuffer* buffer) const {
    if (segment_.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer))
        return GST_CLOCK_TIME_NONE;
    return gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
}
