// SPDX-License-Identifier: LGPL-2.1-or-later
// Tensors apart from buffers: whoever holds one holds its bytes, which are never copied.
#include "gst/meta/gstinferencemeta.h"

namespace {

GstInferenceTensor* new_tensor(const gchar* name, const gchar* type, guint n_dims,
                               const gint64* dims, GBytes* data) {
    auto* t = g_new(GstInferenceTensor, 1);
    *t = {g_strdup(name), type, n_dims,
          static_cast<gint64*>(g_memdup2(dims, n_dims * sizeof(gint64))), g_bytes_ref(data)};
    return t;
}

GstInferenceTensor* tensor_of(const GstInferenceTensorMeta* m) {
    return new_tensor(m->name, m->type, m->n_dims, m->dims, m->data);
}

} // namespace

G_DEFINE_BOXED_TYPE(GstInferenceTensor, gst_inference_tensor, gst_inference_tensor_copy,
                    gst_inference_tensor_free)

GstInferenceTensor* gst_inference_tensor_copy(const GstInferenceTensor* t) {
    g_return_val_if_fail(t, nullptr);
    return new_tensor(t->name, t->type, t->n_dims, t->dims, t->data);
}

void gst_inference_tensor_free(GstInferenceTensor* t) {
    g_return_if_fail(t);
    g_free(t->name);
    g_free(t->dims);
    g_bytes_unref(t->data);
    g_free(t);
}

guintptr gst_inference_tensor_get_address(const GstInferenceTensor* t) {
    g_return_val_if_fail(t, 0);
    return reinterpret_cast<guintptr>(g_bytes_get_data(t->data, nullptr));
}

GList* gst_inference_buffer_get_tensors(GstBuffer* buffer) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
    GList* tensors = nullptr;
    gpointer state = nullptr;
    while (GstMeta* meta =
               gst_buffer_iterate_meta_filtered(buffer, &state, GST_INFERENCE_TENSOR_META_API_TYPE))
        tensors =
            g_list_prepend(tensors, tensor_of(reinterpret_cast<GstInferenceTensorMeta*>(meta)));
    return g_list_reverse(tensors);
}

GstInferenceTensor* gst_inference_buffer_get_tensor(GstBuffer* buffer, const gchar* name) {
    const GstInferenceTensorMeta* m = gst_buffer_get_inference_tensor_meta(buffer, name);
    return m ? tensor_of(m) : nullptr;
}

GstInferenceTensor* gst_inference_object_get_mask(const GstInferenceObject* o) {
    g_return_val_if_fail(o, nullptr);
    const gint64 dims[] = {o->mask_height, o->mask_width};
    return o->mask ? new_tensor("mask", "u8", 2, dims, o->mask) : nullptr;
}

GstInferenceTensor* gst_inference_object_get_embedding(const GstInferenceObject* o) {
    g_return_val_if_fail(o, nullptr);
    if (!o->embedding)
        return nullptr;
    const auto length = gint64(g_bytes_get_size(o->embedding) / sizeof(gfloat));
    return new_tensor("embedding", "f32", 1, &length, o->embedding);
}
