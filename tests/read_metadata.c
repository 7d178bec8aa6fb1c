/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read_metadata LAUNCH-LINE: a program as users write it, in C, over the installed library. Prints
 * all metadata that reaches the element called `last`. */
#include <gst/inference/gstinferencemeta.h>

static void print_object(const GstInferenceObject *o) {
    g_print("object %s %d %.2f %.1f,%.1f %.1fx%.1f track %d\n", o->label, o->label_id, o->confidence,
            o->x, o->y, o->width, o->height, o->track_id);
    for (guint i = 0; i < o->n_attributes; i++)
        g_print("attribute %s %s %.2f\n", o->attributes[i].name, o->attributes[i].label,
                o->attributes[i].confidence);
    for (guint i = 0; i < o->n_keypoints; i++)
        g_print("keypoint %.1f,%.1f %.2f\n", o->keypoints[i].x, o->keypoints[i].y,
                o->keypoints[i].confidence);
    for (gchar **zone = o->zones; zone && *zone; zone++)
        g_print("zone %s\n", *zone);
    if (o->mask)
        g_print("mask %ux%u\n", o->mask_width, o->mask_height);
}

static void print_tensor(gpointer data, gpointer unused) {
    const GstInferenceTensor *tensor = data;
    g_print("tensor %s %s %u dims %" G_GSIZE_FORMAT " bytes\n", tensor->name, tensor->type,
            tensor->n_dims, g_bytes_get_size(tensor->data));
}

static void print_frame(GstBuffer *buffer) {
    GPtrArray *objects = gst_inference_buffer_get_objects(buffer, 320, 240);
    for (guint i = 0; i < objects->len; i++)
        print_object(g_ptr_array_index(objects, i));
    g_ptr_array_unref(objects);
    GList *tensors = gst_inference_buffer_get_tensors(buffer);
    g_list_foreach(tensors, print_tensor, NULL);
    g_list_free_full(tensors, (GDestroyNotify)gst_inference_tensor_free);
    const GstInferenceFrameMeta *frame = gst_buffer_get_inference_frame_meta(buffer);
    if (frame)
        g_print("frame %s %" G_GUINT64_FORMAT " %s\n", frame->source_id, frame->number,
                gst_inference_status_get_name(frame->status));
}

static GstPadProbeReturn on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer unused) {
    print_frame(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
}

int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    GstElement *pipeline = gst_parse_launch(argv[1], NULL);
    GstElement *last = gst_bin_get_by_name(GST_BIN(pipeline), "last");
    GstPad *pad = gst_element_get_static_pad(last, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, NULL, NULL);
    gst_object_unref(pad);
    gst_object_unref(last);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *end =
        gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    const int failed = GST_MESSAGE_TYPE(end) == GST_MESSAGE_ERROR;
    gst_message_unref(end);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return failed;
}
