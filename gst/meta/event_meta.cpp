// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/meta/gstinferencemeta.h"

namespace {

GstInferenceEventMeta* event_meta(GstMeta* meta) {
    return reinterpret_cast<GstInferenceEventMeta*>(meta);
}

gboolean init(GstMeta* meta, gpointer, GstBuffer*) {
    event_meta(meta)->event = nullptr;
    return TRUE;
}

void clear(GstMeta* meta, GstBuffer*) {
    g_clear_pointer(&event_meta(meta)->event, gst_structure_free);
}

// What happened at a frame stays with its copies.
gboolean transform(GstBuffer* to, GstMeta* meta, GstBuffer*, GQuark, gpointer) {
    return gst_buffer_add_inference_event_meta(to, gst_structure_copy(event_meta(meta)->event)) !=
           nullptr;
}

} // namespace

GType gst_inference_event_meta_api_get_type(void) {
    static const GType type = [] {
        static const gchar* tags[] = {nullptr};
        return gst_meta_api_type_register("GstInferenceEventMetaAPI", tags);
    }();
    return type;
}

const GstMetaInfo* gst_inference_event_meta_get_info(void) {
    static const GstMetaInfo* info =
        gst_meta_register(GST_INFERENCE_EVENT_META_API_TYPE, "GstInferenceEventMeta",
                          sizeof(GstInferenceEventMeta), init, clear, transform);
    return info;
}

GstInferenceEventMeta* gst_buffer_add_inference_event_meta(GstBuffer* buffer, GstStructure* event) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer) && event, nullptr);
    auto* m = event_meta(gst_buffer_add_meta(buffer, GST_INFERENCE_EVENT_META_INFO, nullptr));
    if (m)
        m->event = event;
    else
        gst_structure_free(event);
    return m;
}

GList* gst_inference_buffer_get_events(GstBuffer* buffer) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
    GList* events = nullptr;
    gpointer state = nullptr;
    while (GstMeta* meta =
               gst_buffer_iterate_meta_filtered(buffer, &state, GST_INFERENCE_EVENT_META_API_TYPE))
        events = g_list_prepend(events, gst_structure_copy(event_meta(meta)->event));
    return g_list_reverse(events);
}
