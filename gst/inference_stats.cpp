// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/inference_stats.h"

#include "gst/inference_pad.h"

void for_each_source(GstElement* element, const std::function<void(SourcePads&)>& call) {
    GList* sinks = nullptr;
    GST_OBJECT_LOCK(element);
    sinks = g_list_copy_deep(
        element->sinkpads, [](gconstpointer pad, gpointer) { return gst_object_ref(gpointer(pad)); },
        nullptr);
    GST_OBJECT_UNLOCK(element);
    for (GList* p = sinks; p; p = p->next)
        if (const auto pads = source_pads(GST_PAD(p->data)))
            call(*pads);
    g_list_free_full(sinks, gst_object_unref);
}

static void put_batch_fill(GstStructure* s, const std::vector<uint64_t>& fill) {
    GValue array = G_VALUE_INIT;
    gst_value_array_init(&array, guint(fill.size()));
    for (const uint64_t batches : fill) {
        GValue value = G_VALUE_INIT;
        g_value_init(&value, G_TYPE_UINT64);
        g_value_set_uint64(&value, batches);
        gst_value_array_append_and_take_value(&array, &value);
    }
    gst_structure_take_value(s, "batch-fill", &array);
}

// Of devices that work together: a structure each, in a list.
static void put_devices(GstStructure* s, const std::vector<infer::DeviceCounters>& devices) {
    GValue list = G_VALUE_INIT;
    gst_value_list_init(&list, guint(devices.size()));
    for (const infer::DeviceCounters& device : devices) {
        GstStructure* one = gst_structure_new(
            "device", "name", G_TYPE_STRING, device.name.c_str(), "state", G_TYPE_STRING,
            device.state.c_str(), "requests", G_TYPE_UINT64, device.requests, "failures",
            G_TYPE_UINT64, device.failures, "service", G_TYPE_DOUBLE, device.service_us, nullptr);
        GValue value = G_VALUE_INIT;
        g_value_init(&value, GST_TYPE_STRUCTURE);
        g_value_take_boxed(&value, one);
        gst_value_list_append_and_take_value(&list, &value);
    }
    gst_structure_take_value(s, "devices", &list);
}

// What elements that share the model have made of it together.
static void put_session(GstStructure* s, infer::Session& session) {
    const infer::SessionStats stats = session.stats();
    gst_structure_set(s, "frames", G_TYPE_UINT64, stats.frames, "batches", G_TYPE_UINT64, stats.batches, "preprocess",
                      G_TYPE_DOUBLE, stats.preprocess_us, "inference", G_TYPE_DOUBLE, stats.inference_us, "decode",
                      G_TYPE_DOUBLE, stats.decode_us, "wait", G_TYPE_DOUBLE, stats.wait_us, nullptr);
    put_batch_fill(s, stats.batch_fill);
    if (!stats.devices.empty())
        put_devices(s, stats.devices);
    if (stats.latency_limit_us > 0)
        gst_structure_set(s, "latency-limit", G_TYPE_DOUBLE, stats.latency_limit_us, "latency-recent-p99", G_TYPE_DOUBLE,
                          stats.recent_p99_us, "window", G_TYPE_INT, stats.window, "binds", G_TYPE_STRING, stats.binds.c_str(),
                          nullptr);
    if (session.ready())
        for (const auto& [name, value] : session.describe())
            gst_structure_set(s, name.c_str(), G_TYPE_STRING, value.c_str(), nullptr);
}

GstStructure* inference_stats(const InferenceElement& own) {
    guint sources = 0;
    int depth = 0;
    for_each_source(own.element, [&](SourcePads& pads) {
        sources++;
        depth += pads.queue_depth();
    });
    GstStructure* s = gst_structure_new("stats", "sources", G_TYPE_UINT, sources, "queue-depth", G_TYPE_INT, depth, nullptr);
    own.figures.put(s);
    if (const auto session = own.model.session())
        put_session(s, *session);
    return s;
}
