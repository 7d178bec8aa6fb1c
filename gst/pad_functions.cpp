// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/pad_functions.h"

namespace {

// Both pads know their source: the sink pad keeps it, the src pad by a reference of its own.
SourcePads& pads_of(GstPad* pad) {
    return **static_cast<std::shared_ptr<SourcePads>*>(gst_pad_get_element_private(pad));
}

GstIterator* internal_links(GstPad* pad, GstObject*) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_PAD);
    g_value_set_object(&value, pads_of(pad).partner(pad));
    GstIterator* it = gst_iterator_new_single(GST_TYPE_PAD, &value);
    g_value_unset(&value);
    return it;
}

gboolean activate(GstPad* pad, GstPadMode mode, gboolean active) {
    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    SourcePads& pads = pads_of(pad);
    return pad == pads.sink() ? pads.activate_sink(active) : pads.activate_src(active);
}

void set_common_functions(GstPad* pad, const std::shared_ptr<SourcePads>& pads) {
    auto* kept = new std::shared_ptr<SourcePads>(pads);
    gst_pad_set_element_private(pad, kept);
    g_object_set_data_full(G_OBJECT(pad), "source-pads", kept, [](gpointer p) {
        delete static_cast<std::shared_ptr<SourcePads>*>(p);
    });
    gst_pad_set_iterate_internal_links_function(pad, internal_links);
    gst_pad_set_activatemode_function(
        pad, [](GstPad* p, GstObject*, GstPadMode mode, gboolean active) {
            return activate(p, mode, active);
        });
    if (pads->keeps_caps())
        GST_PAD_SET_PROXY_CAPS(pad);
}

void set_sink_functions(GstPad* sink) {
    gst_pad_set_chain_function(
        sink, [](GstPad* p, GstObject*, GstBuffer* b) { return pads_of(p).chain(b); });
    gst_pad_set_event_function(sink, [](GstPad* p, GstObject*, GstEvent* e) -> gboolean {
        return pads_of(p).sink_event(e);
    });
    gst_pad_set_query_function(sink, [](GstPad* p, GstObject*, GstQuery* q) -> gboolean {
        return pads_of(p).sink_query(q);
    });
}

void set_src_functions(GstPad* src) {
    gst_pad_set_event_function(src, [](GstPad* p, GstObject*, GstEvent* e) -> gboolean {
        return pads_of(p).src_event(e);
    });
    gst_pad_set_query_function(src, [](GstPad* p, GstObject*, GstQuery* q) -> gboolean {
        return pads_of(p).src_query(q);
    });
}

// Caps that the template refuses never reach an event function: say why before that.
GstPadProbeReturn look_at_caps(GstPad* pad, GstPadProbeInfo* info, gpointer) {
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS)
        pads_of(pad).explain_caps(event);
    return GST_PAD_PROBE_OK;
}

} // namespace

void wire_pads(GstPad* sink, GstPad* src, const std::shared_ptr<SourcePads>& pads) {
    set_common_functions(sink, pads);
    set_common_functions(src, pads);
    set_sink_functions(sink);
    set_src_functions(src);
    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, look_at_caps, nullptr, nullptr);
}
