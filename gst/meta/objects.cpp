// SPDX-License-Identifier: LGPL-2.1-or-later
// The one place that knows how objects are carried on a buffer: as GstVideoRegionOfInterestMeta
// with parameter structures, and as GstAnalytics metadata as well where GStreamer has it.
//
// Structures of a region; positions are fractions of the frame, so that they survive scaling:
//   detection       x_min, x_max, y_min, y_max, confidence (double), label_id (int)
//   keypoints       x, y, confidence (arrays of double, one entry a point)
//   classification  label (string), label_id (int), confidence (double); one a class, best first;
//                   on a region without `detection` it is the whole frame's
//   frame           nothing; marks the whole frame's region where there are no classes
//   mask            width, height (int), data (GBytes)
//   object_id       id (int), predicted (boolean): what the tracker says
//   zones           names (array of strings)
//   embedding       data (GBytes of f32)
//   attribute       name, label (string), label_id (int), confidence (double)
#include "gst/meta/gstinferencemeta.h"

#include <gst/video/gstvideometa.h>
#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

#include <algorithm>
#include <cmath>

namespace {

struct FrameSize {
    double width, height;
};

void append_double(GValue* array, double v) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_DOUBLE);
    g_value_set_double(&value, v);
    gst_value_array_append_and_take_value(array, &value);
}

GstStructure* detection_structure(const GstInferenceObject& o, FrameSize frame) {
    return gst_structure_new(
        "detection", "x_min", G_TYPE_DOUBLE, o.x / frame.width, "x_max", G_TYPE_DOUBLE,
        (o.x + o.width) / frame.width, "y_min", G_TYPE_DOUBLE, o.y / frame.height, "y_max",
        G_TYPE_DOUBLE, (o.y + o.height) / frame.height, "confidence", G_TYPE_DOUBLE, o.confidence,
        "label_id", G_TYPE_INT, o.label_id, nullptr);
}

GstStructure* keypoint_structure(const GstInferenceObject& o, FrameSize frame) {
    GstStructure* s = gst_structure_new_empty("keypoints");
    const auto put = [&](const char* field, auto value_of) {
        GValue array = G_VALUE_INIT;
        gst_value_array_init(&array, o.n_keypoints);
        for (guint i = 0; i < o.n_keypoints; i++)
            append_double(&array, value_of(o.keypoints[i]));
        gst_structure_take_value(s, field, &array);
    };
    put("x", [&](const GstInferenceKeypoint& k) { return k.x / frame.width; });
    put("y", [&](const GstInferenceKeypoint& k) { return k.y / frame.height; });
    put("confidence", [](const GstInferenceKeypoint& k) { return k.confidence; });
    return s;
}

GstStructure* mask_structure(const GstInferenceObject& o) {
    return gst_structure_new("mask", "width", G_TYPE_INT, gint(o.mask_width), "height", G_TYPE_INT,
                             gint(o.mask_height), "data", G_TYPE_BYTES, o.mask, nullptr);
}

GstStructure* track_structure(gint track_id, gboolean predicted) {
    return gst_structure_new("object_id", "id", G_TYPE_INT, track_id, "predicted", G_TYPE_BOOLEAN,
                             predicted, nullptr);
}

GstStructure* zones_structure(const gchar* const* zones) {
    GValue names = G_VALUE_INIT;
    gst_value_array_init(&names, 1);
    for (; *zones; zones++) {
        GValue name = G_VALUE_INIT;
        g_value_init(&name, G_TYPE_STRING);
        g_value_set_string(&name, *zones);
        gst_value_array_append_and_take_value(&names, &name);
    }
    GstStructure* s = gst_structure_new_empty("zones");
    gst_structure_take_value(s, "names", &names);
    return s;
}

GstVideoRegionOfInterestMeta* region_at(GstBuffer* buffer, guint index) {
    gpointer state = nullptr;
    GstMeta* meta = nullptr;
    for (guint i = 0; i <= index; i++)
        if (!(meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                      GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
            return nullptr;
    return reinterpret_cast<GstVideoRegionOfInterestMeta*>(meta);
}

void drop_param(GstVideoRegionOfInterestMeta* roi, const char* name) {
    for (GList* p = roi->params; p; p = p->next)
        if (auto* s = static_cast<GstStructure*>(p->data); gst_structure_has_name(s, name)) {
            gst_structure_free(s);
            roi->params = g_list_delete_link(roi->params, p);
            return;
        }
}

bool is_class(const GstInferenceAttribute& a) { return g_strcmp0(a.name, "class") == 0; }

GstStructure* attribute_structure(const GstInferenceAttribute& a, bool says_class) {
    GstStructure* s = gst_structure_new(says_class ? "classification" : "attribute", "label",
                                        G_TYPE_STRING, a.label, "label_id", G_TYPE_INT, a.label_id,
                                        "confidence", G_TYPE_DOUBLE, a.confidence, nullptr);
    if (!says_class)
        gst_structure_set(s, "name", G_TYPE_STRING, a.name, nullptr);
    return s;
}

void add_analytics([[maybe_unused]] GstBuffer* buffer,
                   [[maybe_unused]] const GstInferenceObject& o) {
#ifdef HAVE_GST_ANALYTICS
    GstAnalyticsRelationMeta* relations = gst_buffer_get_analytics_relation_meta(buffer);
    if (!relations)
        relations = gst_buffer_add_analytics_relation_meta(buffer);
    const GQuark label = g_quark_from_string(o.label ? o.label : "");
    if (o.whole_frame) {
        if (o.n_attributes == 0 || !is_class(o.attributes[0]))
            return;
        GstAnalyticsClsMtd cls;
        gst_analytics_relation_meta_add_one_cls_mtd(relations, gfloat(o.confidence), label, &cls);
        return;
    }
    GstAnalyticsODMtd od;
    gst_analytics_relation_meta_add_od_mtd(relations, label, gint(std::lround(o.x)),
                                           gint(std::lround(o.y)), gint(std::lround(o.width)),
                                           gint(std::lround(o.height)), gfloat(o.confidence), &od);
    for (guint i = 0; i < o.n_attributes; i++) {
        if (o.attributes[i].label_id < 0) // quarks are never freed, and texts are endless
            continue;
        GstAnalyticsClsMtd cls;
        gst_analytics_relation_meta_add_one_cls_mtd(relations, gfloat(o.attributes[i].confidence),
                                                    g_quark_from_string(o.attributes[i].label),
                                                    &cls);
        gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_RELATE_TO,
                                                 od.id, cls.id);
    }
#endif
}

double number(const GstStructure* s, const char* field, double otherwise) {
    double v = otherwise;
    gst_structure_get_double(s, field, &v);
    return v;
}

double number_at(const GValue* array, guint i) {
    const GValue* v = array && GST_VALUE_HOLDS_ARRAY(array) && i < gst_value_array_get_size(array)
                          ? gst_value_array_get_value(array, i)
                          : nullptr;
    return v && G_VALUE_HOLDS_DOUBLE(v) ? g_value_get_double(v) : 0;
}

void read_detection(const GstStructure* s, FrameSize frame, GstInferenceObject& o) {
    o.x = number(s, "x_min", o.x / frame.width) * frame.width;
    o.y = number(s, "y_min", o.y / frame.height) * frame.height;
    o.width = number(s, "x_max", (o.x + o.width) / frame.width) * frame.width - o.x;
    o.height = number(s, "y_max", (o.y + o.height) / frame.height) * frame.height - o.y;
    o.confidence = number(s, "confidence", 0);
    gst_structure_get_int(s, "label_id", &o.label_id);
}

void read_keypoints(const GstStructure* s, FrameSize frame, GstInferenceObject& o) {
    const GValue* xs = gst_structure_get_value(s, "x");
    const GValue* ys = gst_structure_get_value(s, "y");
    const GValue* scores = gst_structure_get_value(s, "confidence");
    if (!xs || !GST_VALUE_HOLDS_ARRAY(xs) || o.keypoints)
        return;
    o.n_keypoints = gst_value_array_get_size(xs);
    o.keypoints = g_new0(GstInferenceKeypoint, o.n_keypoints);
    for (guint i = 0; i < o.n_keypoints; i++)
        o.keypoints[i] = {number_at(xs, i) * frame.width, number_at(ys, i) * frame.height,
                          number_at(scores, i)};
}

// Any structure with a `label` says something about its object; those without `name` (other
// makers') say it under the structure's own name.
void read_attribute(const GstStructure* s, bool says_class, GstInferenceObject& o) {
    const char* label = gst_structure_get_string(s, "label");
    if (!label)
        return;
    const char* name = gst_structure_get_string(s, "name");
    GstInferenceAttribute a = {};
    a.name = g_intern_string(says_class ? "class" : name ? name : gst_structure_get_name(s));
    a.label = g_strdup(label); // texts are endless: never interned
    a.confidence = number(s, "confidence", 0);
    gst_structure_get_int(s, "label_id", &a.label_id);
    o.attributes = g_renew(GstInferenceAttribute, o.attributes, o.n_attributes + 1);
    o.attributes[o.n_attributes++] = a;
}

// A mask that does not hold what it says is none.
void read_mask(const GstStructure* s, GstInferenceObject& o) {
    GBytes* data = nullptr;
    gint width = 0, height = 0;
    if (o.mask || !gst_structure_get(s, "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height,
                                     "data", G_TYPE_BYTES, &data, nullptr))
        return;
    if (width > 0 && height > 0 && data &&
        g_bytes_get_size(data) == size_t(width) * size_t(height)) {
        o.mask_width = guint(width), o.mask_height = guint(height);
        o.mask = data;
    } else if (data) {
        g_bytes_unref(data);
    }
}

void read_track(const GstStructure* s, GstInferenceObject& o) {
    gst_structure_get_int(s, "id", &o.track_id);
    gst_structure_get_boolean(s, "predicted", &o.predicted);
}

void read_zones(const GstStructure* s, GstInferenceObject& o) {
    const GValue* names = gst_structure_get_value(s, "names");
    if (!names || !GST_VALUE_HOLDS_ARRAY(names))
        return;
    guint count = o.zones ? g_strv_length(o.zones) : 0;
    const guint more = gst_value_array_get_size(names);
    o.zones = g_renew(gchar*, o.zones, count + more + 1);
    for (guint i = 0; i < more; i++) {
        const GValue* name = gst_value_array_get_value(names, i);
        if (G_VALUE_HOLDS_STRING(name))
            o.zones[count++] = g_value_dup_string(name);
    }
    o.zones[count] = nullptr;
}

void read_embedding(const GstStructure* s, GstInferenceObject& o) {
    GBytes* data = nullptr;
    if (!o.embedding && gst_structure_get(s, "data", G_TYPE_BYTES, &data, nullptr))
        o.embedding = data;
}

// A classifier's answer: no `detection`, its best class speaks for the region.
void settle_classification(bool has_detection, GstInferenceObject& o) {
    if (has_detection || o.n_attributes == 0 || !is_class(o.attributes[0]))
        return;
    o.whole_frame = TRUE;
    o.label_id = o.attributes[0].label_id;
    o.confidence = o.attributes[0].confidence;
}

// What is neither a detection nor a mark of the whole frame.
void read_part(const GstStructure* s, FrameSize frame, GstInferenceObject& o) {
    if (gst_structure_has_name(s, "keypoints"))
        read_keypoints(s, frame, o);
    else if (gst_structure_has_name(s, "mask"))
        read_mask(s, o);
    else if (gst_structure_has_name(s, "object_id"))
        read_track(s, o);
    else if (gst_structure_has_name(s, "zones"))
        read_zones(s, o);
    else if (gst_structure_has_name(s, "embedding"))
        read_embedding(s, o);
    else
        read_attribute(s, gst_structure_has_name(s, "classification"), o);
}

GstInferenceObject* read_region(const GstVideoRegionOfInterestMeta* roi, FrameSize frame) {
    auto* o = g_new0(GstInferenceObject, 1);
    o->label = roi->roi_type ? g_quark_to_string(roi->roi_type) : "";
    o->id = roi->id;
    o->x = roi->x, o->y = roi->y, o->width = roi->w, o->height = roi->h;
    bool has_detection = false;
    for (GList* p = roi->params; p; p = p->next) {
        const auto* s = static_cast<const GstStructure*>(p->data);
        if (gst_structure_has_name(s, "detection")) {
            read_detection(s, frame, *o);
            has_detection = true;
        } else if (gst_structure_has_name(s, "frame")) {
            o->whole_frame = TRUE;
        } else {
            read_part(s, frame, *o);
        }
    }
    settle_classification(has_detection, *o);
    return o;
}

} // namespace

gint gst_inference_buffer_add_object(GstBuffer* buffer, guint frame_width, guint frame_height,
                                     const GstInferenceObject* o) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer) && o && frame_width && frame_height, -1);
    const FrameSize frame = {double(frame_width), double(frame_height)};
    // The region covers every pixel the box touches half or more.
    const auto pixel = [](double v) { return guint(std::max(0L, std::lround(v))); };
    const guint x = pixel(o->x), y = pixel(o->y);
    auto* roi = gst_buffer_add_video_region_of_interest_meta(
        buffer, o->label ? o->label : "", x, y, pixel(o->x + o->width) - x,
        pixel(o->y + o->height) - y);
    // Counted from 0 on each buffer: languages that cannot walk metadata find regions by number.
    roi->id = gint(gst_buffer_get_n_meta(buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) - 1;
    if (!o->whole_frame)
        gst_video_region_of_interest_meta_add_param(roi, detection_structure(*o, frame));
    else if (o->n_attributes == 0 || !is_class(o->attributes[0]))
        gst_video_region_of_interest_meta_add_param(roi, gst_structure_new_empty("frame"));
    if (o->mask)
        gst_video_region_of_interest_meta_add_param(roi, mask_structure(*o));
    if (o->n_keypoints)
        gst_video_region_of_interest_meta_add_param(roi, keypoint_structure(*o, frame));
    for (guint i = 0; i < o->n_attributes; i++)
        gst_video_region_of_interest_meta_add_param(
            roi, attribute_structure(o->attributes[i],
                                     o->whole_frame && is_class(o->attributes[i])));
    if (o->track_id > 0)
        gst_video_region_of_interest_meta_add_param(roi,
                                                    track_structure(o->track_id, o->predicted));
    if (o->zones)
        gst_video_region_of_interest_meta_add_param(roi, zones_structure(o->zones));
    if (o->embedding)
        gst_video_region_of_interest_meta_add_param(
            roi, gst_structure_new("embedding", "data", G_TYPE_BYTES, o->embedding, nullptr));
    add_analytics(buffer, *o);
    return roi->id;
}

GPtrArray* gst_inference_buffer_get_objects(GstBuffer* buffer, guint frame_width,
                                            guint frame_height) {
    GPtrArray* objects = g_ptr_array_new_with_free_func([](gpointer object) {
        gst_inference_object_free(static_cast<GstInferenceObject*>(object));
    });
    g_return_val_if_fail(GST_IS_BUFFER(buffer) && frame_width && frame_height, objects);
    gpointer state = nullptr;
    while (GstMeta* meta = gst_buffer_iterate_meta_filtered(
               buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
        g_ptr_array_add(objects, read_region(reinterpret_cast<GstVideoRegionOfInterestMeta*>(meta),
                                             {double(frame_width), double(frame_height)}));
    return objects;
}

GList* gst_inference_buffer_list_objects(GstBuffer* buffer, guint frame_width,
                                         guint frame_height) {
    GPtrArray* objects = gst_inference_buffer_get_objects(buffer, frame_width, frame_height);
    GList* list = nullptr;
    for (guint i = objects->len; i > 0; i--)
        list = g_list_prepend(list, g_ptr_array_steal_index(objects, i - 1));
    g_ptr_array_unref(objects);
    return list;
}

gboolean gst_inference_buffer_set_object_track(GstBuffer* buffer, guint index, gint track_id) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer) && track_id > 0, FALSE);
    GstVideoRegionOfInterestMeta* roi = region_at(buffer, index);
    if (!roi)
        return FALSE;
    drop_param(roi, "object_id");
    gst_video_region_of_interest_meta_add_param(roi, track_structure(track_id, FALSE));
    return TRUE;
}

gboolean gst_inference_buffer_add_object_zones(GstBuffer* buffer, guint index,
                                               const gchar* const* zones) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer) && zones, FALSE);
    GstVideoRegionOfInterestMeta* roi = region_at(buffer, index);
    if (!roi)
        return FALSE;
    gst_video_region_of_interest_meta_add_param(roi, zones_structure(zones));
    return TRUE;
}

gboolean gst_inference_buffer_extend_object(GstBuffer* buffer, guint index, guint frame_width,
                                            guint frame_height, const GstInferenceObject* more) {
    g_return_val_if_fail(GST_IS_BUFFER(buffer) && more && frame_width && frame_height, FALSE);
    GstVideoRegionOfInterestMeta* roi = region_at(buffer, index);
    if (!roi)
        return FALSE;
    if (more->n_keypoints) {
        drop_param(roi, "keypoints");
        gst_video_region_of_interest_meta_add_param(
            roi, keypoint_structure(*more, {double(frame_width), double(frame_height)}));
    }
    if (more->embedding) {
        drop_param(roi, "embedding");
        gst_video_region_of_interest_meta_add_param(
            roi, gst_structure_new("embedding", "data", G_TYPE_BYTES, more->embedding, nullptr));
    }
    for (guint i = 0; i < more->n_attributes; i++)
        gst_video_region_of_interest_meta_add_param(
            roi, attribute_structure(more->attributes[i], false));
    return TRUE;
}
