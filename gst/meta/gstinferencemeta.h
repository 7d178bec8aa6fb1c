// SPDX-License-Identifier: LGPL-2.1-or-later
/* What gstinference found in a frame, and how to read and write it. Plain C, thread-safe as GstBuffer
 * is: reading needs a buffer nobody writes, writing a writable one.
 *
 *  - objects: boxes with label, confidence, keypoints and attributes. Carried as
 *    GstVideoRegionOfInterestMeta (any GStreamer), and as GstAnalytics relation metadata too where
 *    GStreamer has it (1.24+).
 *  - tensors: raw outputs of a model (decoder=none), and what comes as numbers: "segments" (u8, [1,
 *    height, width], the class of each place of the frame) and "embedding" (f32, [1, length]).
 *  - the frame's own result: whether it was inferred, where and how fast.
 */
#pragma once

#include <gst/gst.h>

#ifndef GST_INFERENCE_API
#define GST_INFERENCE_API extern
#endif

G_BEGIN_DECLS

/* ---- objects ---- */

/* Pixels of the frame. */
typedef struct {
    gdouble x, y;
    gdouble confidence; /* 0..1 */
} GstInferenceKeypoint;

/* Something said about an object: colour is white (0.8). */
typedef struct {
    const gchar* name;  /* interned */
    const gchar* label; /* the class, a number, a text; of an object that was read: lives as it does */
    gint label_id;      /* -1: a number or a text */
    gdouble confidence; /* 0..1 */
} GstInferenceAttribute;

typedef struct {
    const gchar* label; /* interned: g_intern_string() */
    gint label_id;      /* row of the label file */
    gdouble confidence; /* 0..1 */
    /* TRUE: says something about the whole frame, and the box is the frame. Of its attributes those
     * named "class" are a classifier's answer, best first; those named "segment" say how much of the
     * frame (confidence: its share of the area) a class of a segmentation covers. */
    gboolean whole_frame;
    gdouble x, y, width, height; /* pixels of the frame; x, y: top left corner */
    gint id;                     /* of the region on this buffer, set by add and get */
    guint n_keypoints;
    GstInferenceKeypoint* keypoints;
    guint n_attributes;
    GstInferenceAttribute* attributes;
    /* Which part of the box belongs to the object: covers the box, row by row, a byte each; 128 and
     * more is inside. NULL: not known. */
    guint mask_width, mask_height;
    GBytes* mask;
    gint track_id;      /* of the tracker, from 1; 0: it has none */
    gboolean predicted; /* TRUE: where the tracker expects it, on a frame that was not inferred */
    gchar** zones;      /* names of the zones it is in, NULL at the end; NULL: in none */
    GBytes* embedding;  /* f32 values that tell it from others; NULL: none */
} GstInferenceObject;

/* Adds one object to a writable buffer whose frame has this size; copies everything it needs.
 * Returns the id of the region. */
GST_INFERENCE_API gint gst_inference_buffer_add_object(GstBuffer* buffer, guint frame_width,
                                                       guint frame_height,
                                                       const GstInferenceObject* object);

/* The objects on a buffer, in the order they were added; regions of other makers are objects with
 * what they say (label and box at least). Elements are GstInferenceObject*, freed with the array
 * (g_ptr_array_unref). Never NULL. */
GST_INFERENCE_API GPtrArray* gst_inference_buffer_get_objects(GstBuffer* buffer, guint frame_width,
                                                              guint frame_height);

/* What later elements add to an object already there; `index` counts from 0 as in
 * gst_inference_buffer_get_objects(). FALSE: there is no such object. */
GST_INFERENCE_API gboolean gst_inference_buffer_set_object_track(GstBuffer* buffer, guint index,
                                                                 gint track_id);
/* `zones` as in GstInferenceObject; more calls add more zones. */
GST_INFERENCE_API gboolean gst_inference_buffer_add_object_zones(GstBuffer* buffer, guint index,
                                                                 const gchar* const* zones);

/* Attributes, keypoints and embedding of `more`; the rest of it does not matter. Keypoints and
 * embedding take the place of those it had. */
GST_INFERENCE_API gboolean gst_inference_buffer_extend_object(GstBuffer* buffer, guint index,
                                                              guint frame_width,
                                                              guint frame_height,
                                                              const GstInferenceObject* more);

/* ---- events ---- */

/* Something that happened at this frame, as inferencezones says it. */
typedef struct {
    GstMeta meta;
    GstStructure* event; /* name: its kind */
} GstInferenceEventMeta;

#define GST_INFERENCE_EVENT_META_API_TYPE (gst_inference_event_meta_api_get_type())
#define GST_INFERENCE_EVENT_META_INFO (gst_inference_event_meta_get_info())
GST_INFERENCE_API GType gst_inference_event_meta_api_get_type(void);
GST_INFERENCE_API const GstMetaInfo* gst_inference_event_meta_get_info(void);

/* Takes the structure. */
GST_INFERENCE_API GstInferenceEventMeta* gst_buffer_add_inference_event_meta(GstBuffer* buffer,
                                                                             GstStructure* event);

/* ---- raw tensors ---- */

typedef struct {
    GstMeta meta;
    gchar* name;         /* of the model's output */
    const gchar* type;   /* static: "f32", "f16", "i64", "u8"... */
    guint n_dims;
    gint64* dims;        /* outermost first; the batch dimension is 1 */
    GBytes* data;        /* dense, row-major, host byte order */
} GstInferenceTensorMeta;

#define GST_INFERENCE_TENSOR_META_API_TYPE (gst_inference_tensor_meta_api_get_type())
#define GST_INFERENCE_TENSOR_META_INFO (gst_inference_tensor_meta_get_info())
GST_INFERENCE_API GType gst_inference_tensor_meta_api_get_type(void);
GST_INFERENCE_API const GstMetaInfo* gst_inference_tensor_meta_get_info(void);

/* Takes a reference on `data`. */
GST_INFERENCE_API GstInferenceTensorMeta*
gst_buffer_add_inference_tensor_meta(GstBuffer* buffer, const gchar* name, const gchar* type,
                                     guint n_dims, const gint64* dims, GBytes* data);
/* `name` NULL: the first one. NULL if there is none. */
GST_INFERENCE_API GstInferenceTensorMeta* gst_buffer_get_inference_tensor_meta(GstBuffer* buffer,
                                                                               const gchar* name);

/* ---- the frame's own result ---- */

typedef enum {
    GST_INFERENCE_STATUS_INFERRED,
    GST_INFERENCE_STATUS_SKIPPED, /* not inferred because of interval, class or QoS */
    GST_INFERENCE_STATUS_DROPPED, /* not inferred because of drop */
    GST_INFERENCE_STATUS_FAILED,
} GstInferenceStatus;

#define GST_TYPE_INFERENCE_STATUS (gst_inference_status_get_type())
GST_INFERENCE_API GType gst_inference_status_get_type(void);
/* "inferred", "skipped", "dropped", "failed" */
GST_INFERENCE_API const gchar* gst_inference_status_get_name(GstInferenceStatus status);

/* One for each gstinference the frame went through. */
typedef struct {
    GstMeta meta;
    gchar* source_id; /* of the pad; default: element and pad name */
    guint64 number;   /* of the frame in its source, from 0 */
    GstInferenceStatus status;
    gchar* reason;        /* why, unless inferred; else NULL */
    gchar* device;        /* that ran it; NULL if none did */
    guint batch;          /* frames in its batch; 0 if none */
    GstClockTime latency; /* from taken in to decoded; GST_CLOCK_TIME_NONE if not inferred */
} GstInferenceFrameMeta;

#define GST_INFERENCE_FRAME_META_API_TYPE (gst_inference_frame_meta_api_get_type())
#define GST_INFERENCE_FRAME_META_INFO (gst_inference_frame_meta_get_info())
GST_INFERENCE_API GType gst_inference_frame_meta_api_get_type(void);
GST_INFERENCE_API const GstMetaInfo* gst_inference_frame_meta_get_info(void);

/* Inferred, no texts; fill in the rest (strings by g_strdup: the meta owns them). */
GST_INFERENCE_API GstInferenceFrameMeta* gst_buffer_add_inference_frame_meta(GstBuffer* buffer,
                                                                             const gchar* source_id,
                                                                             guint64 number);
/* The one of the last gstinference; NULL if there is none. */
GST_INFERENCE_API GstInferenceFrameMeta* gst_buffer_get_inference_frame_meta(GstBuffer* buffer);

G_END_DECLS
