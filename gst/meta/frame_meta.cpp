// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/meta/gstinferencemeta.h"

namespace {

GstInferenceFrameMeta* frame_meta(GstMeta* meta) {
    return reinterpret_cast<GstInferenceFrameMeta*>(meta);
}

gboolean init(GstMeta* meta, gpointer, GstBuffer*) {
    auto* m = frame_meta(meta);
    m->source_id = m->reason = m->device = nullptr;
    m->number = 0;
    m->status = GST_INFERENCE_STATUS_INFERRED;
    m->batch = 0;
    m->latency = GST_CLOCK_TIME_NONE;
    return TRUE;
}

void clear(GstMeta* meta, GstBuffer*) {
    auto* m = frame_meta(meta);
    g_free(m->source_id);
    g_free(m->reason);
    g_free(m->device);
}

// A frame keeps its result when it is copied, scaled or converted.
gboolean transform(GstBuffer* to, GstMeta* meta, GstBuffer*, GQuark, gpointer) {
    const auto* from = frame_meta(meta);
    auto* m = gst_buffer_add_inference_frame_meta(to, from->source_id, from->number);
    if (!m)
        return FALSE;
    m->status = from->status;
    m->reason = g_strdup(from->reason);
    m->device = g_strdup(from->device);
    m->batch = from->batch;
    m->latency = from->latency;
    return TRUE;
}

} // namespace

GType gst_inference_frame_meta_api_get_type(void) {
    static const GType type = [] {
        static const gchar* tags[] = {nullptr};
        return gst_meta_api_type_register("GstInferenceFrameMetaAPI", tags);
    }();
    return type;
}

const GstMetaInfo* gst_inference_frame_meta_get_info(void) {
    static const GstMetaInfo* info =
        gst_meta_register(GST_INFERENCE_FRAME_META_API_TYPE, "GstInferenceFrameMeta",
                          sizeof(GstInferenceFrameMeta), init, clear, transform);
    return info;
}

GstInferenceFrameMeta* gst_buffer_add_inference_frame_meta(GstBuffer* buffer,
                                                           const gchar* source_id, guint64 number) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
    auto* m = frame_meta(gst_buffer_add_meta(buffer, GST_INFERENCE_FRAME_META_INFO, nullptr));
    if (m) {
        m->source_id = g_strdup(source_id);
        m->number = number;
    }
    return m;
}

GstInferenceFrameMeta* gst_buffer_get_inference_frame_meta(GstBuffer* buffer) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
    GstMeta* last = nullptr;
    gpointer state = nullptr;
    while (GstMeta* m = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                         GST_INFERENCE_FRAME_META_API_TYPE))
        last = m;
    return last ? frame_meta(last) : nullptr;
}

GType gst_inference_status_get_type(void) {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {GST_INFERENCE_STATUS_INFERRED, "Inferred", "inferred"},
            {GST_INFERENCE_STATUS_SKIPPED, "Not inferred: interval, class or QoS", "skipped"},
            {GST_INFERENCE_STATUS_DROPPED, "Not inferred: drop", "dropped"},
            {GST_INFERENCE_STATUS_FAILED, "The batch failed", "failed"},
            {0, nullptr, nullptr},
        };
        return g_enum_register_static("GstInferenceStatus", values);
    }();
    return type;
}

const gchar* gst_inference_status_get_name(GstInferenceStatus status) {
    static const gchar* const names[] = {"inferred", "skipped", "dropped", "failed"};
    g_return_val_if_fail(guint(status) < G_N_ELEMENTS(names), nullptr);
    return names[status];
}
