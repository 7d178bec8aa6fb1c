// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/frame_record.h"

#include "gst/event_record.h"

namespace {

std::vector<float> floats_of(GBytes* data) {
    gsize bytes = 0;
    const auto* values = static_cast<const float*>(g_bytes_get_data(data, &bytes));
    return {values, values + bytes / sizeof(float)};
}

// Classes, shares of segments, and everything else that is said of the whole frame.
void put_whole_frame(infer::FrameRecord& record, const GstInferenceObject& o) {
    for (guint i = 0; i < o.n_attributes; i++) {
        const GstInferenceAttribute& a = o.attributes[i];
        if (g_strcmp0(a.name, "class") == 0)
            record.classes.push_back({a.label, a.label_id, a.confidence});
        else if (g_strcmp0(a.name, "segment") == 0)
            record.segments.push_back({a.label, a.label_id, a.confidence});
        else
            record.attributes.push_back({a.name, a.label, a.confidence});
    }
    for (guint i = 0; i < o.n_keypoints; i++)
        record.keypoints.push_back(
            {o.keypoints[i].x, o.keypoints[i].y, o.keypoints[i].confidence});
}

void put_embedding(infer::FrameRecord& record, GstBuffer* buffer) {
    const auto* m = gst_buffer_get_inference_tensor_meta(buffer, "embedding");
    if (m && g_strcmp0(m->type, "f32") == 0)
        record.embedding = floats_of(m->data);
}

void put_events(infer::FrameRecord& record, GstBuffer* buffer) {
    gpointer state = nullptr;
    while (GstMeta* m = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                         GST_INFERENCE_EVENT_META_API_TYPE))
        record.events.push_back(
            event_record(reinterpret_cast<GstInferenceEventMeta*>(m)->event));
}

void put_objects(infer::FrameRecord& record, GstBuffer* buffer) {
    if (record.width <= 0 || record.height <= 0)
        return;
    GPtrArray* objects =
        gst_inference_buffer_get_objects(buffer, guint(record.width), guint(record.height));
    for (guint i = 0; i < objects->len; i++) {
        const auto& o = *static_cast<const GstInferenceObject*>(g_ptr_array_index(objects, i));
        if (o.whole_frame)
            put_whole_frame(record, o);
        else
            record.objects.push_back(object_record(o));
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

IndexedObjects objects_of(GstBuffer* buffer, const GstVideoInfo& video,
                          bool (*wanted)(const GstInferenceObject&)) {
    GPtrArray* objects =
        gst_inference_buffer_get_objects(buffer, guint(video.width), guint(video.height));
    IndexedObjects found;
    for (guint i = 0; i < objects->len; i++) {
        const auto& o = *static_cast<const GstInferenceObject*>(g_ptr_array_index(objects, i));
        if (o.whole_frame || !wanted(o))
            continue;
        found.records.push_back(object_record(o));
        found.index.push_back(i);
    }
    g_ptr_array_unref(objects);
    return found;
}

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
    if (o.track_id > 0)
        r.id = o.track_id;
    r.predicted = o.predicted;
    for (gchar** zone = o.zones; zone && *zone; zone++)
        r.zones.push_back(*zone);
    if (o.embedding)
        r.embedding = floats_of(o.embedding);
    return r;
}

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
    put_embedding(record, buffer);
    put_events(record, buffer);
    if (const auto* m = gst_buffer_get_inference_frame_meta(buffer)) {
        record.source = m->source_id ? m->source_id : source;
        record.frame = m->number;
        record.inference = inference_record(*m);
    }
    return record;
}
