// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-inferencepublish
 *
 * Writes what the metadata says as JSON, one line a frame, to a file or to standard output (use
 * gst-launch-1.0 -q then, which prints lines of its own otherwise). Frames pass untouched.
 *
 *     ... ! gstinference model=m.onnx ! inferencepublish location=cam0.jsonl ! ...
 */
#include "gst/element.h"
#include "gst/frame_record.h"
#include "inference/formats/json_lines.h"

#include <gst/base/gstbasetransform.h>

#include <cerrno>
#include <cstdio>
#include <mutex>
#include <utility>

namespace {

struct Publish {
    std::mutex lock; // guards location
    std::string location;
    // Streaming thread and state changes, never at once.
    FILE* file = nullptr; // stdout is not closed
    GstVideoInfo video = {};
    guint64 frames = 0;
};

struct InferencePublish {
    GstBaseTransform parent;
    Publish* own;
};

struct InferencePublishClass {
    GstBaseTransformClass parent;
};

enum { PROP_LOCATION = 1 };

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                             GST_STATIC_CAPS("video/x-raw(ANY)"));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                                                            GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_TYPE(InferencePublish, inference_publish, GST_TYPE_BASE_TRANSFORM)

Publish& own_of(gpointer object) { return *static_cast<InferencePublish*>(object)->own; }

std::string location_of(Publish& own) {
    std::lock_guard guard(own.lock);
    return own.location;
}

// What errno says now.
void report(GstBaseTransform* base, gint code, const char* doing) {
    const int number = errno;
    const std::string location = location_of(own_of(base));
    gst_element_message_full(
        GST_ELEMENT(base), GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, code,
        g_strdup_printf("%s: cannot %s: %s (property location)",
                        location.empty() ? "standard output" : location.c_str(), doing,
                        g_strerror(number)),
        g_strdup_printf("errno %d", number), __FILE__, GST_FUNCTION, __LINE__);
}

gboolean start(GstBaseTransform* base) {
    Publish& own = own_of(base);
    const std::string location = location_of(own);
    own.frames = 0;
    own.file = location.empty() ? stdout : std::fopen(location.c_str(), "w");
    if (!own.file)
        report(base, GST_RESOURCE_ERROR_OPEN_WRITE, "write to it");
    return own.file != nullptr;
}

gboolean stop(GstBaseTransform* base) {
    Publish& own = own_of(base);
    FILE* file = std::exchange(own.file, nullptr);
    if (file && file != stdout && std::fclose(file) != 0)
        report(base, GST_RESOURCE_ERROR_WRITE, "finish writing");
    return TRUE;
}

gboolean set_caps(GstBaseTransform* base, GstCaps* in, GstCaps*) {
    Publish& own = own_of(base);
    gst_video_info_init(&own.video);
    return gst_video_info_from_caps(&own.video, in);
}

// A line leaves at once: whoever reads a live source's lines sees them as they come, and a full
// disk is noticed at its frame. One call a line, so that elements sharing stdout do not mix.
GstFlowReturn transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
    Publish& own = own_of(base);
    const infer::FrameRecord record =
        frame_record(buffer, own.video, GST_OBJECT_NAME(base), own.frames++);
    const std::string line = infer::to_json_line(record) + "\n";
    if (std::fwrite(line.data(), 1, line.size(), own.file) == line.size() &&
        std::fflush(own.file) == 0)
        return GST_FLOW_OK;
    report(base, errno == ENOSPC ? GST_RESOURCE_ERROR_NO_SPACE_LEFT : GST_RESOURCE_ERROR_WRITE,
           "write a line");
    return GST_FLOW_ERROR;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    Publish& own = own_of(object);
    if (id != PROP_LOCATION) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        return;
    }
    const char* location = g_value_get_string(value);
    std::lock_guard guard(own.lock);
    own.location = location ? location : "";
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    if (id == PROP_LOCATION) {
        const std::string location = location_of(own_of(object));
        g_value_set_string(value, location.empty() ? nullptr : location.c_str());
    } else {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void finalize(GObject* object) {
    delete &own_of(object);
    G_OBJECT_CLASS(inference_publish_parent_class)->finalize(object);
}

void inference_publish_init(InferencePublish* self) { self->own = new Publish; }

void inference_publish_class_init(InferencePublishClass* klass) {
    GObjectClass* object = G_OBJECT_CLASS(klass);
    GstElementClass* element = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass* transform = GST_BASE_TRANSFORM_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    g_object_class_install_property(
        object, PROP_LOCATION,
        g_param_spec_string("location", "Location",
                            "File for the lines, replaced if it is there; each element needs its "
                            "own (default: standard output)",
                            nullptr,
                            GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                        GST_PARAM_MUTABLE_READY)));
    gst_element_class_set_static_metadata(element, "Inference publisher", "Filter/Analyzer/Video",
                                          "Writes metadata as JSON, one line a frame",
                                          "gstinference");
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    transform->start = start;
    transform->stop = stop;
    transform->set_caps = set_caps;
    transform->transform_ip = transform_ip;
    transform->passthrough_on_same_caps = TRUE;
    transform->transform_ip_on_passthrough = TRUE;
}

} // namespace

extern const ElementDef element_inferencepublish;
const ElementDef element_inferencepublish = {"inferencepublish", inference_publish_get_type};
