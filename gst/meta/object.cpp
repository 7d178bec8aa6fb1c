// SPDX-License-Identifier: LGPL-2.1-or-later
// Objects apart from buffers: how they are copied and freed, and their parts one by one.
#include "gst/meta/gstinferencemeta.h"

namespace {

GstInferenceAttribute* copy_attribute(const GstInferenceAttribute* a) {
    auto* copy = g_new(GstInferenceAttribute, 1);
    *copy = {a->name, g_strdup(a->label), a->label_id, a->confidence};
    return copy;
}

void free_attribute(GstInferenceAttribute* a) {
    g_free(const_cast<gchar*>(a->label));
    g_free(a);
}

GstInferenceKeypoint* copy_keypoint(const GstInferenceKeypoint* k) {
    return static_cast<GstInferenceKeypoint*>(g_memdup2(k, sizeof *k));
}

} // namespace

G_DEFINE_BOXED_TYPE(GstInferenceKeypoint, gst_inference_keypoint, copy_keypoint, g_free)
G_DEFINE_BOXED_TYPE(GstInferenceAttribute, gst_inference_attribute, copy_attribute, free_attribute)
G_DEFINE_BOXED_TYPE(GstInferenceObject, gst_inference_object, gst_inference_object_copy,
                    gst_inference_object_free)

GstInferenceObject* gst_inference_object_copy(const GstInferenceObject* o) {
    g_return_val_if_fail(o, nullptr);
    auto* copy = static_cast<GstInferenceObject*>(g_memdup2(o, sizeof *o));
    copy->keypoints = static_cast<GstInferenceKeypoint*>(
        g_memdup2(o->keypoints, o->n_keypoints * sizeof(GstInferenceKeypoint)));
    copy->attributes = static_cast<GstInferenceAttribute*>(
        g_memdup2(o->attributes, o->n_attributes * sizeof(GstInferenceAttribute)));
    for (guint i = 0; i < o->n_attributes; i++)
        copy->attributes[i].label = g_strdup(o->attributes[i].label);
    copy->mask = o->mask ? g_bytes_ref(o->mask) : nullptr;
    copy->zones = g_strdupv(o->zones);
    copy->embedding = o->embedding ? g_bytes_ref(o->embedding) : nullptr;
    return copy;
}

void gst_inference_object_free(GstInferenceObject* o) {
    g_return_if_fail(o);
    g_free(o->keypoints);
    for (guint i = 0; i < o->n_attributes; i++)
        g_free(const_cast<gchar*>(o->attributes[i].label));
    g_free(o->attributes);
    g_clear_pointer(&o->mask, g_bytes_unref);
    g_strfreev(o->zones);
    g_clear_pointer(&o->embedding, g_bytes_unref);
    g_free(o);
}

GList* gst_inference_object_get_keypoints(const GstInferenceObject* o) {
    g_return_val_if_fail(o, nullptr);
    GList* list = nullptr;
    for (guint i = o->n_keypoints; i > 0; i--)
        list = g_list_prepend(list, copy_keypoint(&o->keypoints[i - 1]));
    return list;
}

GList* gst_inference_object_get_attributes(const GstInferenceObject* o) {
    g_return_val_if_fail(o, nullptr);
    GList* list = nullptr;
    for (guint i = o->n_attributes; i > 0; i--)
        list = g_list_prepend(list, copy_attribute(&o->attributes[i - 1]));
    return list;
}
