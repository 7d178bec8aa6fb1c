// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/pad_functions.h"

namespace {

// Both pads know their source: the sink pad keeps it, the src pad by a reference of its own. Whoever
// calls holds one of the pads; this holds the other for the time of the call, because a release may
// come meanwhile. false: it is gone already.
class HeldPads {
public:
    explicit HeldPads(GstPad* pad)
        : pads_(*static_cast<std::shared_ptr<SourcePads>*>(gst_pad_get_element_private(pad))),
          partner_(pads_->hold_partner(pad)) {}
    ~HeldPads() { gst_clear_object(&partner_); }
    HeldPads(const HeldPads&) = delete;
    HeldPads& operator=(const HeldPads&) = delete;

    explicit operator bool() const { return partner_; }
    SourcePads* operator->() const { return pads_.get(); }
    GstPad* partner() const { return partner_; }

private:
    std::shared_ptr<SourcePads> pads_;
    GstPad* partner_;
};

GstIterator* internal_links(GstPad* pad, GstObject*) {
    const HeldPads pads(pad);
    if (!pads)
        return nullptr;
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_PAD);
    g_value_set_object(&value, pads.partner());
    GstIterator* it = gst_iterator_new_single(GST_TYPE_PAD, &value);
    g_value_unset(&value);
    return it;
}

gboolean activate(GstPad* pad, GstPadMode mode, gboolean active) {
    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    const HeldPads pads(pad);
    if (!pads)
        return TRUE; // released: there is nothing to do
    return GST_PAD_IS_SINK(pad) ? pads->activate_sink(active) : pads->activate_src(active);
}

GstFlowReturn chain(GstPad* pad, GstObject*, GstBuffer* buffer) {
    if (const HeldPads pads(pad); pads)
        return pads->chain(buffer);
    gst_buffer_unref(buffer);
    return GST_FLOW_FLUSHING;
}

gboolean handle_event(GstPad* pad, GstObject*, GstEvent* event) {
    if (const HeldPads pads(pad); pads)
        return GST_PAD_IS_SINK(pad) ? pads->sink_event(event) : pads->src_event(event);
    gst_event_unref(event);
    return FALSE;
}

gboolean handle_query(GstPad* pad, GstObject*, GstQuery* query) {
    const HeldPads pads(pad);
    if (!pads)
        return FALSE;
    return GST_PAD_IS_SINK(pad) ? pads->sink_query(query) : pads->src_query(query);
}

void set_common_functions(GstPad* pad, const std::shared_ptr<SourcePads>& pads) {
    auto* kept = new std::shared_ptr<SourcePads>(pads);
    gst_pad_set_element_private(pad, kept);
    g_object_set_data_full(G_OBJECT(pad), "source-pads", kept, [](gpointer p) {
        delete static_cast<std::shared_ptr<SourcePads>*>(p);
    });
    gst_pad_set_iterate_internal_links_function(pad, internal_links);
    gst_pad_set_event_function(pad, handle_event);
    gst_pad_set_query_function(pad, handle_query);
    gst_pad_set_activatemode_function(
        pad, [](GstPad* p, GstObject*, GstPadMode mode, gboolean active) {
            return activate(p, mode, active);
        });
    if (pads->keeps_caps())
        GST_PAD_SET_PROXY_CAPS(pad);
}

// Caps that the template refuses never reach an event function: say why before that.
GstPadProbeReturn look_at_caps(GstPad* pad, GstPadProbeInfo* info, gpointer) {
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    const HeldPads pads(pad);
    if (pads && GST_EVENT_TYPE(event) == GST_EVENT_CAPS)
        pads->explain_caps(event);
    return GST_PAD_PROBE_OK;
}

} // namespace

void wire_pads(GstPad* sink, GstPad* src, const std::shared_ptr<SourcePads>& pads) {
    set_common_functions(sink, pads);
    set_common_functions(src, pads);
    gst_pad_set_chain_function(sink, chain);
    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, look_at_caps, nullptr, nullptr);
}
