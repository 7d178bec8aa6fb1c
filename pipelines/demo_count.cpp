// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/demo_count.h"

#include "gst/meta/gstinferencemeta.h"

#include <gst/video/video.h>

namespace demo {
namespace {

void probe(GstElement* element, const std::string& name, GstPadProbeCallback callback,
           gpointer self) {
    GstPad* pad = gst_element_get_static_pad(element, name.c_str());
    g_return_if_fail(pad != nullptr);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, callback, self, nullptr);
    gst_object_unref(pad);
}

} // namespace

SourceCounter::SourceCounter(GstElement* inference, size_t source) {
    probe(inference, "sink_" + std::to_string(source), entered, this);
    probe(inference, "src_" + std::to_string(source), left, this);
}

Counts SourceCounter::counts() const {
    std::lock_guard lock(mutex_);
    return counts_;
}

GstPadProbeReturn SourceCounter::entered(GstPad*, GstPadProbeInfo*, gpointer self) {
    auto* counter = static_cast<SourceCounter*>(self);
    std::lock_guard lock(counter->mutex_);
    counter->counts_.in++;
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn SourceCounter::left(GstPad*, GstPadProbeInfo* info, gpointer self) {
    static_cast<SourceCounter*>(self)->add(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
}

void SourceCounter::add(GstBuffer* buffer) {
    std::lock_guard lock(mutex_);
    counts_.last = Clock::now();
    if (counts_.out++ == 0)
        counts_.first = counts_.last;
    if (const auto* frame = gst_buffer_get_inference_frame_meta(buffer)) {
        if (frame->status == GST_INFERENCE_STATUS_FAILED)
            counts_.failed++;
        if (GST_CLOCK_TIME_IS_VALID(frame->latency))
            counts_.latency_ms.push_back(double(frame->latency) / GST_MSECOND);
    }
    gpointer state = nullptr;
    while (GstMeta* meta = gst_buffer_iterate_meta_filtered(
               buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
        const auto* region = reinterpret_cast<GstVideoRegionOfInterestMeta*>(meta);
        counts_.objects[g_quark_to_string(region->roi_type)]++;
    }
}

} // namespace demo
