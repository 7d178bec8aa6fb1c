// SPDX-License-Identifier: LGPL-2.1-or-later
// watch VIDEO MODEL: prints what gstinference finds in each frame (README says how to build it).
#include <gst/video/video.h>

static GstPadProbeReturn on_frame(GstPad*, GstPadProbeInfo* info, gpointer) {
    GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    const GType regions = GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE;
    gpointer state = nullptr;
    double confidence = 0;
    while (GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, &state, regions)) {
        auto* box = reinterpret_cast<GstVideoRegionOfInterestMeta*>(meta);
        GstStructure* detection = gst_video_region_of_interest_meta_get_param(box, "detection");
        gst_structure_get_double(detection, "confidence", &confidence);
        g_print("%s %.2f at %u,%u, %ux%u\n", g_quark_to_string(box->roi_type), confidence, box->x,
                box->y, box->w, box->h);
    }
    return GST_PAD_PROBE_OK;
}

int main(int argc, char** argv) {
    gst_init(&argc, &argv);
    if (argc != 3)
        return g_printerr("usage: watch VIDEO MODEL\n"), 2;
    g_autofree char* line = g_strdup_printf("filesrc location=\"%s\" ! decodebin ! videoconvert ! "
                                            "gstinference model=\"%s\" name=gi ! fakesink",
                                            argv[1], argv[2]);
    GstElement* pipeline = gst_parse_launch(line, nullptr);
    GstElement* gi = gst_bin_get_by_name(GST_BIN(pipeline), "gi");
    gst_pad_add_probe(GST_PAD(gi->srcpads->data), GST_PAD_PROBE_TYPE_BUFFER, on_frame, nullptr,
                      nullptr);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    const auto ends = GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    GstMessage* end = gst_bus_timed_pop_filtered(GST_ELEMENT_BUS(pipeline), -1, ends);
    g_autoptr(GError) error = nullptr;
    if (GST_MESSAGE_TYPE(end) == GST_MESSAGE_ERROR)
        gst_message_parse_error(end, &error, nullptr);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    return error ? g_printerr("watch: %s\n", error->message), 1 : 0;
}
