// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/meta/gstinferencemeta.h"

namespace {

GstInferenceTensorMeta* tensor_meta(GstMeta* meta) {
    return reinterpret_cast<GstInferenceTensorMeta*>(meta);
}

gboolean init(GstMeta* meta, gpointer, GstBuffer*) {
    auto* m = tensor_meta(meta);
    m->name = nullptr;
    m->type = nullptr;
    m->n_dims = 0;
    m->dims = nullptr;
    m->data = nullptr;
    return TRUE;
}

void clear(GstMeta* meta, GstBuffer*) {
    auto* m = tensor_meta(meta);
    g_free(m->name);
    g_free(m->dims);
    g_clear_pointer(&m->data, g_bytes_unref);
}

// Copies of the buffer share the tensor's bytes.
gboolean transform(GstBuffer* to, GstMeta* meta, GstBuffer*, GQuark, gpointer) {
    const auto* m = tensor_meta(meta);
    return gst_buffer_add_inference_tensor_meta(to, m->name, m->type, m->n_dims, m->dims,
                                                m->data) != nullptr;
}

} // namespace

GType gst_inference_tensor_meta_api_get_type(void) {
    static const GType type = [] {
        static const gchar* tags[] = {nullptr};
        return gst_meta_api_type_register("GstInferenceTensorMetaAPI", tags);
    }();
    return type;
}

const GstMetaInfo* gst_inference_tensor_meta_get_info(void) {
    static const GstMetaInfo* info =
        gst_meta_register(GST_INFERENCE_TENSOR_META_API_TYPE, "GstInferenceTensorMeta",
                          sizeof(GstInferenceTensorMeta), init, clear, transform);
    return info;
}

GstInferenceTensorMeta* gst_buffer_add_inference_tensor_meta(GstBuffer* buffer, const gchar* name,
                                                             const gchar* type, guint n_dims,
                                                             const gint64* dims, GBytes* data) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer) && data, nullptr);
    auto* m = tensor_meta(gst_buffer_add_meta(buffer, GST_INFERENCE_TENSOR_META_INFO, nullptr));
    if (m) {
        m->name = g_strdup(name);
        m->type = g_intern_string(type);
        m->n_dims = n_dims;
        m->dims = static_cast<gint64*>(g_memdup2(dims, n_dims * sizeof(gint64)));
        m->data = g_bytes_ref(data);
    }
    return m;
}

GstInferenceTensorMeta* gst_buffer_get_inference_tensor_meta(GstBuffer* buffer, const gchar* name) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
    gpointer state = nullptr;
    while (GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                            GST_INFERENCE_TENSOR_META_API_TYPE))
        if (!name || g_strcmp0(tensor_meta(meta)->name, name) == 0)
            return tensor_meta(meta);
    return nullptr;
}
