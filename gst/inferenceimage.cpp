// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-inferenceimage
 *
 * For models whose output is a picture (enhancement, super-resolution, style): frames in, the
 * model's pictures out as RGB or GRAY8 video of their own size. Times stay; frames that are not
 * inferred leave nothing.
 *
 *     gst-launch-1.0 filesrc location=a.mp4 ! decodebin ! inferenceimage model=m.onnx !
 *         videoconvert ! autovideosink
 */
#include "gst/element.h"
#include "gst/framemap.h"
#include "gst/inference_element.h"
#include "gst/inference_pad.h"
#include "gst/pad_functions.h"
#include "gst/source_pads.h"

namespace {

struct InferenceImage {
    GstElement parent;
    InferenceElement* own;
};

struct InferenceImageClass {
    GstElementClass parent;
};

G_DEFINE_TYPE(InferenceImage, inference_image, GST_TYPE_ELEMENT)

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                             GST_STATIC_CAPS(INFERENCE_VIDEO_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-raw, format = (string) { RGB, GRAY8 }, width "
                    "= " GST_VIDEO_SIZE_RANGE ", height = " GST_VIDEO_SIZE_RANGE));

InferenceElement& own_of(gpointer object) { return *static_cast<InferenceImage*>(object)->own; }

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
    InferenceElement& own = own_of(element);
    if (transition == GST_STATE_CHANGE_NULL_TO_READY && !own.open())
        return GST_STATE_CHANGE_FAILURE;
    const auto result =
        GST_ELEMENT_CLASS(inference_image_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_READY_TO_NULL)
        own.close();
    return result;
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec* spec) {
    own_of(object).set(spec, value);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    if (!get_inference_property(own_of(object).settings(), spec, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void finalize(GObject* object) {
    delete &own_of(object);
    G_OBJECT_CLASS(inference_image_parent_class)->finalize(object);
}

void inference_image_init(InferenceImage* self) {
    GstElement* element = GST_ELEMENT(self);
    self->own = new InferenceElement(element, InferenceElement::Pictures);
    GstElementClass* klass = GST_ELEMENT_GET_CLASS(element);
    GstPad* sink =
        gst_pad_new_from_template(gst_element_class_get_pad_template(klass, "sink"), "sink");
    GstPad* src =
        gst_pad_new_from_template(gst_element_class_get_pad_template(klass, "src"), "src");
    auto pads = std::make_shared<SourcePads>(*self->own, sink, src);
    set_source_pads(sink, pads);
    wire_pads(sink, src, pads);
    gst_element_add_pad(element, src);
    gst_element_add_pad(element, sink);
}

void inference_image_class_init(InferenceImageClass* klass) {
    GObjectClass* object = G_OBJECT_CLASS(klass);
    GstElementClass* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    install_inference_properties(object);
    gst_element_class_set_static_metadata(
        element, "Inference image", "Filter/Effect/Video",
        "Runs a neural network whose output is a picture, and gives it as video", "gstinference");
    gst_element_class_add_static_pad_template_with_gtype(element, &sink_template,
                                                         GST_TYPE_INFERENCE_PAD);
    gst_element_class_add_static_pad_template(element, &src_template);
    element->change_state = change_state;
}

} // namespace

extern const ElementDef element_inferenceimage;
const ElementDef element_inferenceimage = {"inferenceimage", inference_image_get_type};
