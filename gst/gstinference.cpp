// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-gstinference
 *
 * Runs a model on the frames of any number of videos: detections, classes or raw tensors leave as
 * metadata on the buffers, whose pixels and order stay as they are. Frames of all sources share
 * batches; each source has a sink pad and the src pad of the same number, made together.
 *
 * One video:
 *
 *     gst-launch-1.0 filesrc location=a.mp4 ! decodebin ! gstinference model=m.onnx !
 *         inferenceoverlay ! videoconvert ! autovideosink
 *
 * Many (name both pads, so that source k leaves on src_k):
 *
 *     gst-launch-1.0 gstinference name=gi model=m.onnx
 *         filesrc location=a.mp4 ! decodebin ! gi.sink_0  gi.src_0 ! inferencepublish ! fakesink
 *         filesrc location=b.mp4 ! decodebin ! gi.sink_1  gi.src_1 ! inferencepublish ! fakesink
 */
#include "gst/element.h"
#include "gst/framemap.h"
#include "gst/inference_element.h"
#include "gst/inference_pad.h"
#include "gst/inference_stats.h"
#include "gst/log.h"
#include "gst/pad_functions.h"
#include "gst/source_pads.h"

#include <cstdio>

GST_DEBUG_CATEGORY(gstinference_debug);

namespace {

// Named so that elements are called gstinference0, gstinference1...: GStreamer drops one Gst.
struct GstGstInference {
    GstElement parent;
    InferenceElement* own;
};

struct GstGstInferenceClass {
    GstElementClass parent;
};

constexpr guint PROP_STATS = 1000; // after the settings'

void child_proxy_init(gpointer iface, gpointer);

G_DEFINE_TYPE_WITH_CODE(GstGstInference, gst_gst_inference, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY, child_proxy_init))

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST,
                            GST_STATIC_CAPS(INFERENCE_VIDEO_CAPS));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                            GST_STATIC_CAPS(INFERENCE_VIDEO_CAPS));

GstGstInference* self_of(gpointer object) { return static_cast<GstGstInference*>(object); }

// ---- pads

// The number asked for, or the lowest that is free; -1: it is taken.
int free_number(GstElement* element, const char* wanted) {
    const auto taken = [&](unsigned n) {
        gchar* name = g_strdup_printf("sink_%u", n);
        GstPad* pad = gst_element_get_static_pad(element, name);
        g_free(name);
        const bool found = pad != nullptr;
        gst_clear_object(&pad);
        return found;
    };
    unsigned n = 0;
    if (wanted && std::sscanf(wanted, "sink_%u", &n) == 1)
        return taken(n) ? -1 : int(n);
    while (taken(n))
        n++;
    return int(n);
}

GstPad* make_pad(GstPadTemplate* templ, const char* format, int number) {
    gchar* name = g_strdup_printf(format, unsigned(number));
    GstPad* pad = gst_pad_new_from_template(templ, name);
    g_free(name);
    return pad;
}

GstPad* request_new_pad(GstElement* element, GstPadTemplate* templ, const char* name,
                        const GstCaps*) {
    GstGstInference* self = self_of(element);
    const int number = free_number(element, name);
    if (number < 0) {
        GST_ELEMENT_WARNING(element, CORE, PAD, ("pad %s exists already", name), (nullptr));
        return nullptr;
    }
    GstPadTemplate* src_templ = gst_element_get_pad_template(element, "src_%u");
    GstPad* sink = make_pad(templ, "sink_%u", number);
    GstPad* src = make_pad(src_templ, "src_%u", number);
    auto pads = std::make_shared<SourcePads>(*self->own, sink, src);
    set_source_pads(sink, pads);
    wire_pads(sink, src, pads);
    // add_pad activates them if the element runs: the src side first, as GStreamer does it.
    gst_element_add_pad(element, src);
    gst_element_add_pad(element, sink);
    gst_child_proxy_child_added(GST_CHILD_PROXY(element), G_OBJECT(sink), GST_PAD_NAME(sink));
    return sink;
}

void release_pad(GstElement* element, GstPad* sink) {
    const auto pads = source_pads(sink);
    if (!pads)
        return;
    gst_object_ref(sink);
    auto* src = static_cast<GstPad*>(gst_object_ref(pads->src()));
    gst_child_proxy_child_removed(GST_CHILD_PROXY(element), G_OBJECT(sink), GST_PAD_NAME(sink));
    pads->release();
    gst_pad_set_active(src, FALSE);
    gst_pad_set_active(sink, FALSE);
    gst_element_remove_pad(element, src);
    gst_element_remove_pad(element, sink);
    gst_object_unref(src);
    gst_object_unref(sink);
}

// ---- child proxy: sink_0::interval=5 in a launch line

GObject* child_by_index(GstChildProxy* proxy, guint index) {
    GstElement* element = GST_ELEMENT(proxy);
    GST_OBJECT_LOCK(element);
    gpointer pad = g_list_nth_data(element->sinkpads, index);
    if (pad)
        gst_object_ref(pad);
    GST_OBJECT_UNLOCK(element);
    return static_cast<GObject*>(pad);
}

guint children_count(GstChildProxy* proxy) {
    GstElement* element = GST_ELEMENT(proxy);
    GST_OBJECT_LOCK(element);
    const guint n = element->numsinkpads;
    GST_OBJECT_UNLOCK(element);
    return n;
}

void child_proxy_init(gpointer iface, gpointer) {
    auto* proxy = static_cast<GstChildProxyInterface*>(iface);
    proxy->get_child_by_index = child_by_index;
    proxy->get_children_count = children_count;
}

// ---- states

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
    InferenceElement& own = *self_of(element)->own;
    if (transition == GST_STATE_CHANGE_NULL_TO_READY && !own.open())
        return GST_STATE_CHANGE_FAILURE;
    const auto result =
        GST_ELEMENT_CLASS(gst_gst_inference_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_READY_TO_NULL)
        own.close();
    return result;
}

// ---- properties

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    if (!self_of(object)->own->set(spec, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    InferenceElement& own = *self_of(object)->own;
    if (id == PROP_STATS) {
        g_value_take_boxed(value, inference_stats(own));
        return;
    }
    if (!get_inference_property(own.settings(), spec, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void finalize(GObject* object) {
    delete self_of(object)->own;
    G_OBJECT_CLASS(gst_gst_inference_parent_class)->finalize(object);
}

void gst_gst_inference_init(GstGstInference* self) { self->own = new InferenceElement(GST_ELEMENT(self)); }

void install_stats(GObjectClass* object) {
    g_object_class_install_property(
        object, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Frames by what became of them, frames a second, how full queue and batches "
                           "are, percentiles of each stage (microseconds), what runs the model",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

void gst_gst_inference_class_init(GstGstInferenceClass* klass) {
    GObjectClass* object = G_OBJECT_CLASS(klass);
    GstElementClass* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    GST_DEBUG_CATEGORY_INIT(gstinference_debug, "gstinference", 0, "video inference");
    install_inference_properties(object);
    install_stats(object);

    gst_element_class_set_static_metadata(
        element, "Video inference", "Filter/Analyzer/Video",
        "Runs a neural network on the frames of many videos and attaches what it finds",
        "gstinference");
    gst_element_class_add_static_pad_template_with_gtype(element, &sink_template,
                                                         GST_TYPE_INFERENCE_PAD);
    gst_element_class_add_static_pad_template(element, &src_template);
    gst_type_mark_as_plugin_api(GST_TYPE_INFERENCE_PAD, GstPluginAPIFlags(0));
    element->request_new_pad = request_new_pad;
    element->release_pad = release_pad;
    element->change_state = change_state;
}

} // namespace

extern const ElementDef element_gstinference;
const ElementDef element_gstinference = {"gstinference", gst_gst_inference_get_type};
