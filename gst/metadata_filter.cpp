// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/metadata_filter.h"

#include "gst/errors.h"

namespace {

struct FilterInstance {
    GstBaseTransform parent;
    MetadataFilter* filter;
};

struct FilterClass {
    GstBaseTransformClass parent;
    const FilterClassDef* def;
};

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                             GST_STATIC_CAPS("video/x-raw(ANY)"));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                                                            GST_STATIC_CAPS("video/x-raw(ANY)"));

MetadataFilter& filter_of(gpointer object) { return *static_cast<FilterInstance*>(object)->filter; }

GstBaseTransformClass* parent_class() {
    static auto* klass =
        static_cast<GstBaseTransformClass*>(g_type_class_ref(GST_TYPE_BASE_TRANSFORM));
    return klass;
}

gboolean start(GstBaseTransform* base) {
    filter_of(base).time = 0;
    const infer::Result<void> started = filter_of(base).start();
    if (!started.ok())
        post_error(GST_ELEMENT(base), started.error(), "");
    return started.ok();
}

gboolean stop(GstBaseTransform* base) {
    filter_of(base).stop();
    return TRUE;
}

gboolean set_caps(GstBaseTransform* base, GstCaps* in, GstCaps*) {
    MetadataFilter& filter = filter_of(base);
    gst_video_info_init(&filter.video);
    if (!gst_video_info_from_caps(&filter.video, in))
        return FALSE;
    filter.caps_changed();
    return TRUE;
}

gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
    MetadataFilter& filter = filter_of(base);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_EOS:
        filter.ended();
        filter.cut();
        break;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_FLUSH_STOP:
        filter.cut();
        break;
    default:
        break;
    }
    return parent_class()->sink_event(base, event);
}

// Metadata is written onto a copy that shares the pixels where somebody else holds the buffer.
GstFlowReturn prepare_output_buffer(GstBaseTransform*, GstBuffer* in, GstBuffer** out) {
    *out = gst_buffer_is_writable(in) ? in : gst_buffer_copy(in);
    return GST_FLOW_OK;
}

GstFlowReturn transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
    return filter_of(base).frame(buffer);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec*) {
    filter_of(object).set(id, value);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec*) {
    filter_of(object).get(id, value);
}

void finalize(GObject* object) {
    delete &filter_of(object);
    G_OBJECT_CLASS(parent_class())->finalize(object);
}

void class_init(gpointer klass, gpointer data) {
    const auto* def = static_cast<const FilterClassDef*>(data);
    static_cast<FilterClass*>(klass)->def = def;
    auto* object = G_OBJECT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    def->install_properties(object);
    auto* element = GST_ELEMENT_CLASS(klass);
    gst_element_class_set_static_metadata(element, def->long_name, def->classification,
                                          def->description, "gstinference");
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    auto* transform = GST_BASE_TRANSFORM_CLASS(klass);
    transform->start = start;
    transform->stop = stop;
    transform->set_caps = set_caps;
    transform->sink_event = sink_event;
    transform->prepare_output_buffer = prepare_output_buffer;
    transform->transform_ip = transform_ip;
}

void instance_init(GTypeInstance* instance, gpointer klass) {
    auto* self = reinterpret_cast<FilterInstance*>(instance);
    self->filter = static_cast<FilterClass*>(klass)->def->make();
    self->filter->element = GST_ELEMENT(self);
}

} // namespace

GstClockTime MetadataFilter::go_to(GstBuffer* buffer, GstClockTime most) {
    const GstClockTime duration =
        video.fps_n > 0 ? gst_util_uint64_scale_int(GST_SECOND, video.fps_d, video.fps_n)
                        : GST_SECOND / 25;
    const GstClockTime now =
        GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : time + duration;
    if (now < time || now - time > most)
        cut();
    return time = now;
}

GType register_metadata_filter(const FilterClassDef& def) {
    const GTypeInfo info = {
        sizeof(FilterClass),    nullptr, nullptr,       class_init, nullptr, &def,
        sizeof(FilterInstance), 0,       instance_init, nullptr};
    return g_type_register_static(GST_TYPE_BASE_TRANSFORM, def.type_name, &info, GTypeFlags(0));
}
