// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/frame_record.h"

#include "gst/meta/gstinferencemeta.h"

namespace {

infer::ObjectRecord object_record(const GstInferenceObject& o) {
    infer::ObjectRecord r;
    r.label = o.label;
    r.label_id = o.label_id;
    r.confidence = o.confidence;
    r.box = {o.x, o.y, o.width, o.height};
    for (guint i = 0; i < o.n_attributes; i++)
        r.attributes.push_back(
            {o.attributes[i].name, o.attributes[i].label, o.attributes[i].confidence});
    for (guint i = 0; i < o.n_keypoints; i++)
        r.keypoints.push_back(
            {o.keypoints[i].x, o.keypoints[i].y, o.keypoints[i].confidence});
    return r;
}

void put_objects(infer::FrameRecord& record, GstBuffer* buffer) {
    if (record.width <= 0 || record.height <= 0)
        return;
    GPtrArray* objects =
        gst_inference_buffer_get_objects(buffer, guint(record.width), guint(record.height));
    for (guint i = 0; i < objects->len; i++) {
        const auto& o = *static_cast<const GstInferenceObject*>(g_ptr_array_index(objects, i));
        if (!o.whole_frame) {
            record.objects.push_back(object_record(o));
            continue;
        }
        for (guint c = 0; c < o.n_attributes; c++)
            record.classes.push_back(
                {o.attributes[c].label, o.attributes[c].label_id, o.attributes[c].confidence});
    }
    g_ptr_array_unref(objects);
}

infer::InferenceRecord inference_record(const GstInferenceFrameMeta& m) {
    infer::InferenceRecord r;
    r.status = gst_inference_status_get_name(m.status);
    r.reason = m.reason ? m.reason : "";
    r.device = m.device ? m.device : "";
    r.batch = int(m.batch);
    if (GST_CLOCK_TIME_IS_VALID(m.latency))
        r.latency_ms = double(m.latency) / GST_MSECOND;
    return r;
}

} // namespace

infer::FrameRecord frame_record(GstBuffer* buffer, const GstVideoInfo& video,
                                const std::string& source, uint64_t number) {
    infer::FrameRecord record;
    record.source = source;
    record.frame = number;
    if (GST_BUFFER_PTS_IS_VALID(buffer))
        record.pts = GST_BUFFER_PTS(buffer);
    record.width = GST_VIDEO_INFO_WIDTH(&video);
    record.height = GST_VIDEO_INFO_HEIGHT(&video);
    put_objects(record, buffer);
    if (const auto* m = gst_buffer_get_inference_frame_meta(buffer)) {
        record.source = m->source_id ? m->source_id : source;
        record.frame = m->number;
        record.inference = inference_record(*m);
    }
    return record;
}
