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

/**
 * GstInferenceKeypoint:
 * @x: pixels of the frame
 * @y: pixels of the frame
 * @confidence: 0 to 1
 */
typedef struct {
    gdouble x, y;
    gdouble confidence;
} GstInferenceKeypoint;

/**
 * GstInferenceAttribute:
 * @name: what it is about; interned
 * @label: the class, a number, a text; lives as long as the object it was read from
 * @label_id: row of the label file; -1: a number or a text
 * @confidence: 0 to 1
 *
 * Something said about an object: color is white (0.8).
 */
typedef struct {
    const gchar* name;
    const gchar* label;
    gint label_id;
    gdouble confidence;
} GstInferenceAttribute;

/**
 * GstInferenceObject:
 * @label: interned: g_intern_string()
 * @label_id: row of the label file
 * @confidence: 0 to 1
 * @whole_frame: says something about the whole frame, and the box is the frame. Of its attributes
 *   those named "class" are a classifier's answer, best first; those named "segment" say how much of
 *   the frame (confidence: its share of the area) a class of a segmentation covers
 * @x: left edge, pixels of the frame
 * @y: upper edge, pixels of the frame
 * @width: pixels of the frame
 * @height: pixels of the frame
 * @id: of the region on this buffer, set by add and get
 * @n_keypoints: length of @keypoints
 * @keypoints: (skip): its points; bindings: gst_inference_object_get_keypoints()
 * @n_attributes: length of @attributes
 * @attributes: (skip): what is said about it; bindings: gst_inference_object_get_attributes()
 * @mask_width: columns of @mask
 * @mask_height: rows of @mask
 * @mask: (nullable): which part of the box belongs to the object: covers the box, row by row, a
 *   byte each; 128 and more is inside. NULL: not known
 * @track_id: of the tracker, from 1; 0: it has none
 * @predicted: where the tracker expects it, on a frame that was not inferred
 * @zones: (nullable) (array zero-terminated=1): names of the zones it is in
 * @embedding: (nullable): f32 values that tell it from others
 */
typedef struct {
    const gchar* label;
    gint label_id;
    gdouble confidence;
    gboolean whole_frame;
    gdouble x, y, width, height;
    gint id;
    guint n_keypoints;
    GstInferenceKeypoint* keypoints;
    guint n_attributes;
    GstInferenceAttribute* attributes;
    guint mask_width, mask_height;
    GBytes* mask;
    gint track_id;
    gboolean predicted;
    gchar** zones;
    GBytes* embedding;
} GstInferenceObject;

/**
 * gst_inference_buffer_add_object:
 * @buffer: a writable buffer
 * @frame_width: pixels
 * @frame_height: pixels
 * @object: what to add; all that is needed of it is copied
 *
 * Returns: the id of the region
 */
GST_INFERENCE_API gint gst_inference_buffer_add_object(GstBuffer* buffer, guint frame_width,
                                                       guint frame_height,
                                                       const GstInferenceObject* object);

/**
 * gst_inference_buffer_get_objects: (skip)
 * @buffer: a buffer
 * @frame_width: pixels
 * @frame_height: pixels
 *
 * The objects on a buffer, in the order they were added; regions of other makers are objects with
 * what they say (label and box at least).
 *
 * Returns: GstInferenceObject*, freed with the array (g_ptr_array_unref); never NULL
 */
GST_INFERENCE_API GPtrArray* gst_inference_buffer_get_objects(GstBuffer* buffer, guint frame_width,
                                                              guint frame_height);

/**
 * gst_inference_buffer_list_objects: (rename-to gst_inference_buffer_get_objects)
 * @buffer: a buffer
 * @frame_width: pixels
 * @frame_height: pixels
 *
 * The same for bindings: each object is the caller's own.
 *
 * Returns: (transfer full) (element-type GstInferenceObject): the objects on @buffer
 */
GST_INFERENCE_API GList* gst_inference_buffer_list_objects(GstBuffer* buffer, guint frame_width,
                                                           guint frame_height);

/**
 * gst_inference_buffer_set_object_track:
 * @buffer: a writable buffer
 * @index: counted from 0, as in gst_inference_buffer_get_objects()
 * @track_id: from 1
 *
 * Returns: FALSE if there is no such object
 */
GST_INFERENCE_API gboolean gst_inference_buffer_set_object_track(GstBuffer* buffer, guint index,
                                                                 gint track_id);

/**
 * gst_inference_buffer_add_object_zones:
 * @buffer: a writable buffer
 * @index: counted from 0, as in gst_inference_buffer_get_objects()
 * @zones: (array zero-terminated=1): names; more calls add more
 *
 * Returns: FALSE if there is no such object
 */
GST_INFERENCE_API gboolean gst_inference_buffer_add_object_zones(GstBuffer* buffer, guint index,
                                                                 const gchar* const* zones);

/**
 * gst_inference_buffer_extend_object:
 * @buffer: a writable buffer
 * @index: counted from 0, as in gst_inference_buffer_get_objects()
 * @frame_width: pixels
 * @frame_height: pixels
 * @more: its attributes are added; its keypoints and embedding take the place of those the object
 *   had; the rest of it does not matter
 *
 * Returns: FALSE if there is no such object
 */
GST_INFERENCE_API gboolean gst_inference_buffer_extend_object(GstBuffer* buffer, guint index,
                                                              guint frame_width,
                                                              guint frame_height,
                                                              const GstInferenceObject* more);

/* Objects of one's own: boxed, so that languages other than C can hold them. */
#define GST_TYPE_INFERENCE_KEYPOINT (gst_inference_keypoint_get_type())
#define GST_TYPE_INFERENCE_ATTRIBUTE (gst_inference_attribute_get_type())
#define GST_TYPE_INFERENCE_OBJECT (gst_inference_object_get_type())
GST_INFERENCE_API GType gst_inference_keypoint_get_type(void);
GST_INFERENCE_API GType gst_inference_attribute_get_type(void);
GST_INFERENCE_API GType gst_inference_object_get_type(void);

/**
 * gst_inference_object_copy:
 * @object: an object
 *
 * Returns: (transfer full): a copy that shares the bytes of mask and embedding
 */
GST_INFERENCE_API GstInferenceObject* gst_inference_object_copy(const GstInferenceObject* object);

/**
 * gst_inference_object_free:
 * @object: (transfer full): a copy, or one of gst_inference_buffer_list_objects()
 */
GST_INFERENCE_API void gst_inference_object_free(GstInferenceObject* object);

/**
 * gst_inference_object_get_keypoints:
 * @object: an object
 *
 * Returns: (transfer full) (element-type GstInferenceKeypoint): copies of its keypoints
 */
GST_INFERENCE_API GList* gst_inference_object_get_keypoints(const GstInferenceObject* object);

/**
 * gst_inference_object_get_attributes:
 * @object: an object
 *
 * Returns: (transfer full) (element-type GstInferenceAttribute): copies of its attributes
 */
GST_INFERENCE_API GList* gst_inference_object_get_attributes(const GstInferenceObject* object);

/* ---- events ---- */

/**
 * GstInferenceEventMeta:
 * @meta: the parent
 * @event: its name is the kind of event
 *
 * Something that happened at this frame, as inferencezones says it.
 */
typedef struct {
    GstMeta meta;
    GstStructure* event;
} GstInferenceEventMeta;

#define GST_INFERENCE_EVENT_META_API_TYPE (gst_inference_event_meta_api_get_type())
#define GST_INFERENCE_EVENT_META_INFO (gst_inference_event_meta_get_info())
GST_INFERENCE_API GType gst_inference_event_meta_api_get_type(void);
GST_INFERENCE_API const GstMetaInfo* gst_inference_event_meta_get_info(void);

/**
 * gst_buffer_add_inference_event_meta: (skip)
 * @buffer: a writable buffer
 * @event: (transfer full): what happened
 *
 * Returns: (transfer none): the metadata
 */
GST_INFERENCE_API GstInferenceEventMeta* gst_buffer_add_inference_event_meta(GstBuffer* buffer,
                                                                             GstStructure* event);

/**
 * gst_inference_buffer_get_events:
 * @buffer: a buffer
 *
 * Returns: (transfer full) (element-type GstStructure): copies of what happened at this frame
 */
GST_INFERENCE_API GList* gst_inference_buffer_get_events(GstBuffer* buffer);

/* ---- tensors ---- */

/**
 * GstInferenceTensorMeta:
 * @meta: the parent
 * @name: of the model's output
 * @type: static: "f32", "f16", "i64", "u8"...
 * @n_dims: length of @dims
 * @dims: (array length=n_dims): outermost first; the batch dimension is 1
 * @data: dense, row-major, host byte order
 */
typedef struct {
    GstMeta meta;
    gchar* name;
    const gchar* type;
    guint n_dims;
    gint64* dims;
    GBytes* data;
} GstInferenceTensorMeta;

#define GST_INFERENCE_TENSOR_META_API_TYPE (gst_inference_tensor_meta_api_get_type())
#define GST_INFERENCE_TENSOR_META_INFO (gst_inference_tensor_meta_get_info())
GST_INFERENCE_API GType gst_inference_tensor_meta_api_get_type(void);
GST_INFERENCE_API const GstMetaInfo* gst_inference_tensor_meta_get_info(void);

/**
 * gst_buffer_add_inference_tensor_meta: (skip)
 * @buffer: a writable buffer
 * @name: of the model's output
 * @type: static: "f32", "f16", "i64", "u8"...
 * @n_dims: length of @dims
 * @dims: (array length=n_dims): outermost first
 * @data: its values; a reference is taken
 *
 * Returns: (transfer none): the metadata
 */
GST_INFERENCE_API GstInferenceTensorMeta*
gst_buffer_add_inference_tensor_meta(GstBuffer* buffer, const gchar* name, const gchar* type,
                                     guint n_dims, const gint64* dims, GBytes* data);

/**
 * gst_buffer_get_inference_tensor_meta: (skip)
 * @buffer: a buffer
 * @name: (nullable): NULL: the first one
 *
 * Returns: (transfer none) (nullable): NULL if there is none; lives as long as the buffer
 */
GST_INFERENCE_API GstInferenceTensorMeta* gst_buffer_get_inference_tensor_meta(GstBuffer* buffer,
                                                                               const gchar* name);

/**
 * GstInferenceTensor:
 * @name: of the model's output, "mask" or "embedding"
 * @type: static: "f32", "f16", "i64", "u8"...
 * @n_dims: length of @dims
 * @dims: (array length=n_dims): outermost first
 * @data: dense, row-major, host byte order
 *
 * Numbers that outlive their buffer: shares the bytes of the metadata. From Python
 * `numpy.asarray(tensor)` is a view of them, without a copy.
 */
typedef struct {
    gchar* name;
    const gchar* type;
    guint n_dims;
    gint64* dims;
    GBytes* data;
} GstInferenceTensor;

#define GST_TYPE_INFERENCE_TENSOR (gst_inference_tensor_get_type())
GST_INFERENCE_API GType gst_inference_tensor_get_type(void);

/**
 * gst_inference_tensor_copy:
 * @tensor: a tensor
 *
 * Returns: (transfer full): a copy that shares the bytes
 */
GST_INFERENCE_API GstInferenceTensor* gst_inference_tensor_copy(const GstInferenceTensor* tensor);

/**
 * gst_inference_tensor_free:
 * @tensor: (transfer full): a tensor
 */
GST_INFERENCE_API void gst_inference_tensor_free(GstInferenceTensor* tensor);

/**
 * gst_inference_tensor_get_address:
 * @tensor: a tensor
 *
 * For bindings, which would copy @data to read it.
 *
 * Returns: where its values begin; lives as long as the tensor. 0: it has none
 */
GST_INFERENCE_API guintptr gst_inference_tensor_get_address(const GstInferenceTensor* tensor);

/**
 * gst_inference_buffer_get_tensors:
 * @buffer: a buffer
 *
 * Returns: (transfer full) (element-type GstInferenceTensor): all its tensors, in the order they
 *   were added
 */
GST_INFERENCE_API GList* gst_inference_buffer_get_tensors(GstBuffer* buffer);

/**
 * gst_inference_buffer_get_tensor:
 * @buffer: a buffer
 * @name: (nullable): NULL: the first one
 *
 * Returns: (transfer full) (nullable): NULL if there is none
 */
GST_INFERENCE_API GstInferenceTensor* gst_inference_buffer_get_tensor(GstBuffer* buffer,
                                                                      const gchar* name);

/**
 * gst_inference_object_get_mask:
 * @object: an object
 *
 * Returns: (transfer full) (nullable): u8, [height, width]; 128 and more is inside. NULL: not known
 */
GST_INFERENCE_API GstInferenceTensor* gst_inference_object_get_mask(const GstInferenceObject* object);

/**
 * gst_inference_object_get_embedding:
 * @object: an object
 *
 * Returns: (transfer full) (nullable): f32, [length]; NULL: it has none
 */
GST_INFERENCE_API GstInferenceTensor*
gst_inference_object_get_embedding(const GstInferenceObject* object);

/* ---- the frame's own result ---- */

/**
 * GstInferenceStatus:
 * @GST_INFERENCE_STATUS_INFERRED: a model has seen it
 * @GST_INFERENCE_STATUS_SKIPPED: not inferred because of interval, class or QoS
 * @GST_INFERENCE_STATUS_DROPPED: not inferred because of drop
 * @GST_INFERENCE_STATUS_FAILED: its batch failed
 */
typedef enum {
    GST_INFERENCE_STATUS_INFERRED,
    GST_INFERENCE_STATUS_SKIPPED,
    GST_INFERENCE_STATUS_DROPPED,
    GST_INFERENCE_STATUS_FAILED,
} GstInferenceStatus;

#define GST_TYPE_INFERENCE_STATUS (gst_inference_status_get_type())
GST_INFERENCE_API GType gst_inference_status_get_type(void);

/**
 * gst_inference_status_get_name:
 * @status: a status
 *
 * Returns: "inferred", "skipped", "dropped" or "failed"
 */
GST_INFERENCE_API const gchar* gst_inference_status_get_name(GstInferenceStatus status);

/**
 * GstInferenceFrameMeta:
 * @meta: the parent
 * @source_id: of the pad; default: element and pad name
 * @number: of the frame in its source, from 0
 * @status: whether it was inferred
 * @reason: (nullable): why, unless inferred
 * @device: (nullable): that ran it
 * @batch: frames in its batch; 0 if none
 * @latency: from taken in to decoded; GST_CLOCK_TIME_NONE if not inferred
 *
 * One for each gstinference the frame went through. Lives as long as its buffer.
 */
typedef struct {
    GstMeta meta;
    gchar* source_id;
    guint64 number;
    GstInferenceStatus status;
    gchar* reason;
    gchar* device;
    guint batch;
    GstClockTime latency;
} GstInferenceFrameMeta;

#define GST_INFERENCE_FRAME_META_API_TYPE (gst_inference_frame_meta_api_get_type())
#define GST_INFERENCE_FRAME_META_INFO (gst_inference_frame_meta_get_info())
GST_INFERENCE_API GType gst_inference_frame_meta_api_get_type(void);
GST_INFERENCE_API const GstMetaInfo* gst_inference_frame_meta_get_info(void);

/**
 * gst_buffer_add_inference_frame_meta: (skip)
 * @buffer: a writable buffer
 * @source_id: of the pad
 * @number: of the frame in its source, from 0
 *
 * Returns: (transfer none): inferred, no texts; fill in the rest (strings by g_strdup: the metadata
 *   owns them)
 */
GST_INFERENCE_API GstInferenceFrameMeta* gst_buffer_add_inference_frame_meta(GstBuffer* buffer,
                                                                             const gchar* source_id,
                                                                             guint64 number);

/**
 * gst_buffer_get_inference_frame_meta:
 * @buffer: a buffer
 *
 * Returns: (transfer none) (nullable): the one of the last gstinference; NULL if there is none;
 *   lives as long as the buffer
 */
GST_INFERENCE_API GstInferenceFrameMeta* gst_buffer_get_inference_frame_meta(GstBuffer* buffer);

G_END_DECLS
