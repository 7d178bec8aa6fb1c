// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/attach_record.h"

#include "gst/event_record.h"
#include "gst/meta/gstinferencemeta.h"

#include <algorithm>

namespace {

// From pixels of the record to pixels of the video.
struct Scale {
    double x = 1, y = 1;
};

Scale scale_of(const infer::FrameRecord& r, const GstVideoInfo& video) {
    if (r.width <= 0 || r.height <= 0)
        return {};
    return {double(GST_VIDEO_INFO_WIDTH(&video)) / r.width,
            double(GST_VIDEO_INFO_HEIGHT(&video)) / r.height};
}

// What an object points to while it is added.
struct Parts {
    std::vector<GstInferenceKeypoint> points;
    std::vector<GstInferenceAttribute> attributes;
    std::vector<gchar*> zones;

    void add(const std::vector<infer::PointRecord>& from, Scale scale) {
        for (const infer::PointRecord& p : from)
            points.push_back({p.x * scale.x, p.y * scale.y, p.confidence.value_or(1)});
    }
    void add(const std::vector<infer::AttributeRecord>& from) {
        for (const infer::AttributeRecord& a : from)
            attributes.push_back(
                {g_intern_string(a.name.c_str()), a.label.c_str(), -1, a.confidence.value_or(1)});
    }
    void put_into(GstInferenceObject& o) {
        o.n_keypoints = guint(points.size()), o.keypoints = points.data();
        o.n_attributes = guint(attributes.size()), o.attributes = attributes.data();
        o.zones = zones.empty() ? nullptr : zones.data();
    }
};

GBytes* bytes_of(const std::vector<float>& values) {
    return values.empty() ? nullptr : g_bytes_new(values.data(), values.size() * sizeof(float));
}

void attach_object(GstBuffer* buffer, const GstVideoInfo& video, const infer::ObjectRecord& r,
                   Scale scale) {
    Parts parts;
    parts.add(r.keypoints, scale);
    parts.add(r.attributes);
    for (const std::string& zone : r.zones)
        parts.zones.push_back(const_cast<gchar*>(zone.c_str()));
    if (!r.zones.empty())
        parts.zones.push_back(nullptr);
    GstInferenceObject o = {};
    o.label = g_intern_string(r.label.c_str());
    o.label_id = r.label_id.value_or(0);
    o.confidence = r.confidence.value_or(1);
    o.x = r.box.x * scale.x, o.width = r.box.width * scale.x;
    o.y = r.box.y * scale.y, o.height = r.box.height * scale.y;
    o.track_id = gint(r.id.value_or(0));
    o.predicted = r.predicted;
    o.embedding = bytes_of(r.embedding);
    parts.put_into(o);
    gst_inference_buffer_add_object(buffer, guint(GST_VIDEO_INFO_WIDTH(&video)),
                                    guint(GST_VIDEO_INFO_HEIGHT(&video)), &o);
    g_clear_pointer(&o.embedding, g_bytes_unref);
}

void attach_whole_frame(GstBuffer* buffer, const GstVideoInfo& video, const infer::FrameRecord& r,
                        Scale scale) {
    Parts parts;
    for (const infer::ClassRecord& c : r.classes)
        parts.attributes.push_back(
            {"class", c.label.c_str(), c.label_id.value_or(0), c.confidence.value_or(1)});
    for (const infer::SegmentRecord& s : r.segments)
        parts.attributes.push_back(
            {"segment", s.label.c_str(), s.label_id.value_or(0), s.share.value_or(0)});
    parts.add(r.attributes);
    parts.add(r.keypoints, scale);
    if (parts.attributes.empty() && parts.points.empty())
        return;
    GstInferenceObject o = {};
    o.whole_frame = TRUE;
    o.label = r.classes.empty() ? "" : g_intern_string(r.classes[0].label.c_str());
    o.width = GST_VIDEO_INFO_WIDTH(&video), o.height = GST_VIDEO_INFO_HEIGHT(&video);
    parts.put_into(o);
    gst_inference_buffer_add_object(buffer, guint(o.width), guint(o.height), &o);
}

GstInferenceStatus status_of(const std::string& name) {
    for (int s = GST_INFERENCE_STATUS_INFERRED; s <= GST_INFERENCE_STATUS_FAILED; s++)
        if (name == gst_inference_status_get_name(GstInferenceStatus(s)))
            return GstInferenceStatus(s);
    return GST_INFERENCE_STATUS_INFERRED;
}

gchar* text_or_null(const std::string& text) {
    return text.empty() ? nullptr : g_strdup(text.c_str());
}

void attach_inference(GstBuffer* buffer, const infer::FrameRecord& r) {
    auto* m = gst_buffer_add_inference_frame_meta(buffer, r.source.c_str(), r.frame);
    m->status = status_of(r.inference->status);
    m->reason = text_or_null(r.inference->reason);
    m->device = text_or_null(r.inference->device);
    m->batch = guint(std::max(0, r.inference->batch));
    if (r.inference->latency_ms && *r.inference->latency_ms >= 0)
        m->latency = GstClockTime(*r.inference->latency_ms * GST_MSECOND);
}

} // namespace

void attach_record(GstBuffer* buffer, const GstVideoInfo& video, const infer::FrameRecord& r) {
    const Scale scale = scale_of(r, video);
    for (const infer::ObjectRecord& o : r.objects)
        attach_object(buffer, video, o, scale);
    attach_whole_frame(buffer, video, r, scale);
    if (GBytes* embedding = bytes_of(r.embedding)) {
        const gint64 dims[] = {1, gint64(r.embedding.size())};
        gst_buffer_add_inference_tensor_meta(buffer, "embedding", "f32", 2, dims, embedding);
        g_bytes_unref(embedding);
    }
    for (const infer::EventRecord& e : r.events)
        gst_buffer_add_inference_event_meta(buffer, event_structure(e));
    if (r.inference)
        attach_inference(buffer, r);
}
