// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-inferenceoverlay
 *
 * Draws what the metadata says into the picture: boxes, masks and keypoints in a colour for each
 * label, label and confidence above the box, the segments of the frame in theirs, what is said of
 * the whole frame at the top left. Draws in the frame's own format; frames without metadata pass
 * untouched.
 *
 *     ... ! gstinference model=m.onnx ! inferenceoverlay ! videoconvert ! autovideosink
 */
#include "gst/element.h"
#include "gst/framemap.h"
#include "gst/inferenceoverlay_paint.h"
#include "gst/inferenceoverlay_text.h"
#include "gst/meta/gstinferencemeta.h"

#include <gst/base/gstbasetransform.h>

#include <algorithm>
#include <cmath>
#include <mutex>

namespace {

struct OverlaySettings {
    int line_width = 0, text_size = 0; // pixels; 0: by the frame's height
    bool draw_text = true;
};

struct Overlay {
    std::mutex lock; // guards settings
    OverlaySettings settings;
    // Streaming thread only.
    GstVideoInfo video = {};
    TextMasks texts;
};

struct InferenceOverlay {
    GstBaseTransform parent;
    Overlay* own;
};

struct InferenceOverlayClass {
    GstBaseTransformClass parent;
};

enum { PROP_LINE_WIDTH = 1, PROP_TEXT_SIZE, PROP_DRAW_TEXT };

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(INFERENCE_VIDEO_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(INFERENCE_VIDEO_CAPS));

G_DEFINE_TYPE(InferenceOverlay, inference_overlay, GST_TYPE_BASE_TRANSFORM)

Overlay& own_of(gpointer object) { return *static_cast<InferenceOverlay*>(object)->own; }

// Far apart from each other and from most scenes; the same label has the same one in every stream.
Color color_of(const char* label) {
    static constexpr Color palette[] = {{66, 245, 96},  {255, 87, 51},  {51, 153, 255},
                                        {255, 214, 10}, {214, 51, 255}, {0, 229, 214},
                                        {255, 128, 171}, {163, 217, 0}, {255, 145, 0},
                                        {124, 100, 255}};
    return palette[g_str_hash(label) % G_N_ELEMENTS(palette)];
}

Color ink_on(Color c) {
    return 299 * c.r + 587 * c.g + 114 * c.b > 128000 ? Color{0, 0, 0} : Color{255, 255, 255};
}

std::string caption(const char* label, double confidence) {
    gchar* text = g_strdup_printf("%s %.2f", label, confidence);
    std::string s = text;
    g_free(text);
    return s;
}

// What is drawn with on one frame.
struct Drawing {
    Painter painter;
    TextMasks& texts;
    int frame_width, frame_height, line, text_size;
    bool draw_text;
    int next_line = 0; // pixels from the top, of the whole frame's answers
};

// `bottom`: the lower edge of the text's background; pushed back into the frame.
void draw_caption(Drawing& d, const std::string& text, int x, int bottom, Color color) {
    const Mask* mask = d.draw_text ? d.texts.get(text, d.text_size) : nullptr;
    if (!mask || mask->cover.empty())
        return;
    const int pad = std::max(1, d.text_size / 6);
    const int width = mask->width + 2 * pad, height = mask->height;
    x = std::clamp(x, 0, std::max(0, d.frame_width - width));
    const int y = std::clamp(bottom - height, 0, std::max(0, d.frame_height - height));
    d.painter.fill(x, y, width, height, color);
    d.painter.stamp(*mask, x + pad, y, ink_on(color));
}

void draw_keypoints(Drawing& d, const GstInferenceObject& o, Color color) {
    for (guint i = 0; i < o.n_keypoints; i++)
        if (o.keypoints[i].confidence > 0) // else it was not found
            d.painter.disk(int(std::lround(o.keypoints[i].x)), int(std::lround(o.keypoints[i].y)),
                           d.line, color);
}

bool is_named(const GstInferenceAttribute& a, const char* name) {
    return g_strcmp0(a.name, name) == 0;
}

// The best three classes and the first five of what else is said of the frame.
void draw_whole_frame(Drawing& d, const GstInferenceObject& o) {
    draw_keypoints(d, o, color_of(o.label));
    int classes = 0, others = 0;
    for (guint i = 0; i < o.n_attributes; i++) {
        const GstInferenceAttribute& a = o.attributes[i];
        const bool is_class = is_named(a, "class");
        if (is_named(a, "segment") || (is_class ? classes++ >= 3 : others++ >= 5))
            continue;
        d.next_line += d.text_size * 3 / 2;
        const std::string text = is_class ? caption(a.label, a.confidence)
                                          : std::string(a.name) + ": " + a.label;
        draw_caption(d, text, 0, d.next_line, color_of(o.label));
    }
}

bool is_background(const char* label) {
    return g_strcmp0(label, "0") == 0 || g_ascii_strcasecmp(label, "background") == 0 ||
           g_ascii_strcasecmp(label, "bg") == 0;
}

// Of the segments, each class has its label's colour; what is background has none.
void draw_segments(Drawing& d, GstBuffer* buffer, const GPtrArray* objects) {
    const auto* m = gst_buffer_get_inference_tensor_meta(buffer, "segments");
    if (!m || m->n_dims != 3 || g_strcmp0(m->type, "u8") != 0)
        return;
    Tint tint;
    tint.values = static_cast<const uint8_t*>(g_bytes_get_data(m->data, nullptr));
    tint.height = int(m->dims[1]), tint.width = int(m->dims[2]);
    for (guint i = 0; i < objects->len; i++) {
        const auto& o = *static_cast<const GstInferenceObject*>(g_ptr_array_index(objects, i));
        for (guint k = 0; o.whole_frame && k < o.n_attributes; k++) {
            const GstInferenceAttribute& a = o.attributes[k];
            if (is_named(a, "segment") && a.label_id >= 0 && a.label_id < 256 &&
                !is_background(a.label))
                tint.colors[size_t(a.label_id)] = color_of(a.label);
        }
    }
    d.painter.tint(tint, 0, 0, d.frame_width, d.frame_height);
}

void draw_mask(Drawing& d, const GstInferenceObject& o, Color color) {
    Tint tint;
    tint.values = static_cast<const uint8_t*>(g_bytes_get_data(o.mask, nullptr));
    tint.width = int(o.mask_width), tint.height = int(o.mask_height);
    std::fill(tint.colors.begin() + 128, tint.colors.end(), color);
    const int x = int(std::lround(o.x)), y = int(std::lround(o.y));
    d.painter.tint(tint, x, y, int(std::lround(o.x + o.width)) - x,
                   int(std::lround(o.y + o.height)) - y);
}

void draw_object(Drawing& d, const GstInferenceObject& o) {
    const Color color = color_of(o.label);
    if (o.mask)
        draw_mask(d, o, color);
    const int x = int(std::lround(o.x)), y = int(std::lround(o.y));
    const int width = int(std::lround(o.x + o.width)) - x;
    const int height = int(std::lround(o.y + o.height)) - y;
    d.painter.box(x, y, width, height, d.line, color);
    draw_keypoints(d, o, color);
    std::string text = caption(o.label, o.confidence);
    for (guint i = 0; i < o.n_attributes; i++)
        text += std::string(", ") + o.attributes[i].label;
    draw_caption(d, text, x, y, color);
}

void draw(Overlay& own, GstVideoFrame& frame, GstBuffer* buffer, const GPtrArray* objects) {
    OverlaySettings s;
    {
        std::lock_guard guard(own.lock);
        s = own.settings;
    }
    const int width = GST_VIDEO_FRAME_WIDTH(&frame), height = GST_VIDEO_FRAME_HEIGHT(&frame);
    Drawing d = {Painter(frame),
                 own.texts,
                 width,
                 height,
                 s.line_width ? s.line_width : std::max(1, height / 240),
                 s.text_size ? s.text_size : std::max(9, height / 36),
                 s.draw_text};
    draw_segments(d, buffer, objects);
    for (guint i = 0; i < objects->len; i++) {
        const auto& o = *static_cast<const GstInferenceObject*>(g_ptr_array_index(objects, i));
        o.whole_frame ? draw_whole_frame(d, o) : draw_object(d, o);
    }
}

gboolean set_caps(GstBaseTransform* base, GstCaps* in, GstCaps*) {
    return gst_video_info_from_caps(&own_of(base).video, in);
}

GstFlowReturn transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
    Overlay& own = own_of(base);
    GPtrArray* objects = gst_inference_buffer_get_objects(buffer, guint(own.video.width),
                                                          guint(own.video.height));
    GstFlowReturn flow = GST_FLOW_OK;
    GstVideoFrame frame;
    if (objects->len > 0) {
        if (gst_video_frame_map(&frame, &own.video, buffer, GST_MAP_READWRITE)) {
            draw(own, frame, buffer, objects);
            gst_video_frame_unmap(&frame);
        } else {
            GST_ELEMENT_ERROR(base, STREAM, FAILED, ("a frame's memory cannot be written"),
                              ("%" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
            flow = GST_FLOW_ERROR;
        }
    }
    g_ptr_array_unref(objects);
    return flow;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    Overlay& own = own_of(object);
    std::lock_guard guard(own.lock);
    switch (id) {
    case PROP_LINE_WIDTH: own.settings.line_width = g_value_get_int(value); break;
    case PROP_TEXT_SIZE: own.settings.text_size = g_value_get_int(value); break;
    case PROP_DRAW_TEXT: own.settings.draw_text = g_value_get_boolean(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    Overlay& own = own_of(object);
    std::lock_guard guard(own.lock);
    switch (id) {
    case PROP_LINE_WIDTH: g_value_set_int(value, own.settings.line_width); break;
    case PROP_TEXT_SIZE: g_value_set_int(value, own.settings.text_size); break;
    case PROP_DRAW_TEXT: g_value_set_boolean(value, own.settings.draw_text); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void finalize(GObject* object) {
    delete &own_of(object);
    G_OBJECT_CLASS(inference_overlay_parent_class)->finalize(object);
}

void install_properties(GObjectClass* object) {
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    g_object_class_install_property(
        object, PROP_LINE_WIDTH,
        g_param_spec_int("line-width", "Line width",
                         "Of boxes, in pixels (0: a 240th of the frame's height)", 0, 100, 0,
                         flags));
    g_object_class_install_property(
        object, PROP_TEXT_SIZE,
        g_param_spec_int("text-size", "Text size",
                         "In pixels (0: a 36th of the frame's height)", 0, 500, 0, flags));
    g_object_class_install_property(
        object, PROP_DRAW_TEXT,
        g_param_spec_boolean("draw-text", "Draw text",
                             "Write label and confidence (where built with Pango)", TRUE, flags));
}

void inference_overlay_init(InferenceOverlay* self) { self->own = new Overlay; }

void inference_overlay_class_init(InferenceOverlayClass* klass) {
    GObjectClass* object = G_OBJECT_CLASS(klass);
    GstElementClass* element = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass* transform = GST_BASE_TRANSFORM_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    install_properties(object);
    gst_element_class_set_static_metadata(element, "Inference overlay", "Filter/Editor/Video",
                                          "Draws boxes, labels and keypoints into the picture",
                                          "gstinference");
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_add_static_pad_template(element, &src_template);
    transform->set_caps = set_caps;
    transform->transform_ip = transform_ip;
}

} // namespace

extern const ElementDef element_inferenceoverlay;
const ElementDef element_inferenceoverlay = {"inferenceoverlay", inference_overlay_get_type};
