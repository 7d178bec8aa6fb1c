// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/inference_pad.h"

#include "gst/source_pads.h"

struct GstInferencePad {
    GstPad parent;
    PadSettings* settings; // guarded by GST_OBJECT_LOCK
    std::shared_ptr<SourcePads>* pads;
};

struct GstInferencePadClass {
    GstPadClass parent;
};

G_DEFINE_TYPE(GstInferencePad, gst_inference_pad, GST_TYPE_PAD)

namespace {

enum { PROP_SOURCE_ID = 1, PROP_PRIORITY, PROP_INTERVAL, PROP_STATS };

GstInferencePad* self_of(gpointer object) { return static_cast<GstInferencePad*>(object); }

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    auto* self = self_of(object);
    GST_OBJECT_LOCK(self);
    PadSettings& s = *self->settings;
    switch (id) {
    case PROP_SOURCE_ID: {
        const char* text = g_value_get_string(value);
        s.source_id = text ? text : "";
        break;
    }
    case PROP_PRIORITY: s.priority = g_value_get_int(value); break;
    case PROP_INTERVAL: s.interval = g_value_get_int(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
    GST_OBJECT_UNLOCK(self);
    if (const auto& pads = *self->pads)
        pads->update_options();
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    const PadSettings s = pad_settings(GST_PAD(object));
    const auto& pads = *self_of(object)->pads;
    switch (id) {
    case PROP_SOURCE_ID: g_value_set_string(value, s.source_id.c_str()); break;
    case PROP_PRIORITY: g_value_set_int(value, s.priority); break;
    case PROP_INTERVAL: g_value_set_int(value, s.interval); break;
    case PROP_STATS: g_value_take_boxed(value, pads ? pads->stats() : nullptr); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void finalize(GObject* object) {
    auto* self = self_of(object);
    delete self->pads;
    delete self->settings;
    G_OBJECT_CLASS(gst_inference_pad_parent_class)->finalize(object);
}

} // namespace

static void gst_inference_pad_init(GstInferencePad* self) {
    self->settings = new PadSettings;
    self->pads = new std::shared_ptr<SourcePads>;
}

static void gst_inference_pad_class_init(GstInferencePadClass* klass) {
    GObjectClass* object = G_OBJECT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    const auto playing =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    g_object_class_install_property(
        object, PROP_SOURCE_ID,
        g_param_spec_string("source-id", "Source id",
                            "Name of this source in metadata and JSON (default: element and pad "
                            "name, as in gstinference0.sink_0)",
                            nullptr, playing));
    g_object_class_install_property(
        object, PROP_PRIORITY,
        g_param_spec_int("priority", "Priority",
                         "Who goes first when sources compete: the higher, the sooner", G_MININT,
                         G_MAXINT, 0, playing));
    g_object_class_install_property(
        object, PROP_INTERVAL,
        g_param_spec_int("interval", "Interval",
                         "Infer every Nth frame of this source (1: every frame; 0: as the "
                         "element's interval)",
                         0, G_MAXINT, 0, playing));
    g_object_class_install_property(
        object, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Frames of this source by what became of them, frames a second, queue "
                           "depth, percentiles of each stage (microseconds), devices",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

PadSettings pad_settings(GstPad* sink) {
    auto* self = self_of(sink);
    GST_OBJECT_LOCK(self);
    PadSettings copy = *self->settings;
    GstObject* parent = GST_OBJECT_PARENT(sink);
    if (copy.source_id.empty() && parent)
        copy.source_id = std::string(GST_OBJECT_NAME(parent)) + "." + GST_OBJECT_NAME(sink);
    GST_OBJECT_UNLOCK(self);
    return copy;
}

void set_source_pads(GstPad* sink, std::shared_ptr<SourcePads> pads) {
    *self_of(sink)->pads = std::move(pads);
}

const std::shared_ptr<SourcePads>& source_pads(GstPad* sink) { return *self_of(sink)->pads; }
