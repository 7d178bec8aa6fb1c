// SPDX-License-Identifier: LGPL-2.1-or-later
// A source: its events, its states, and what any thread may call. How frames come in is in source_frames.cpp, the task of the src pad
// in source_task.cpp, queries are in source_queries.cpp.
#include "gst/source_pads.h"

#include "gst/errors.h"
#include "gst/framemap.h"
#include "gst/inference_pad.h"
#include "gst/items.h"
#include "gst/log.h"

using infer::Error;
using infer::FrameStatus;
using infer::PushResult;

namespace {

// "a, b" is a and b.
std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> words;
    gchar** parts = g_strsplit(list.c_str(), ",", -1);
    for (gchar** p = parts; *p; p++)
        if (*g_strstrip(*p))
            words.push_back(*p);
    g_strfreev(parts);
    return words;
}

} // namespace

SourcePads::SourcePads(InferenceElement& element, GstPad* sink, GstPad* src)
    : element_(element), sink_(sink), src_(src) {
    g_weak_ref_init(&sink_ref_, sink);
    g_weak_ref_init(&src_ref_, src);
}

SourcePads::~SourcePads() {
    close();
    g_weak_ref_clear(&sink_ref_);
    g_weak_ref_clear(&src_ref_);
    for (GstEvent* event : held_)
        gst_event_unref(event);
}

GstPad* SourcePads::hold_partner(GstPad* pad) {
    return static_cast<GstPad*>(g_weak_ref_get(pad == sink_ ? &src_ref_ : &sink_ref_));
}

std::shared_ptr<infer::Source> SourcePads::source() const {
    std::lock_guard guard(lock_);
    return state_.source;
}

// The one whose items are the next to leave.
std::shared_ptr<infer::Source> SourcePads::leaving() const {
    std::lock_guard guard(lock_);
    return state_.earlier.empty() ? state_.source : state_.earlier.front();
}

std::vector<std::shared_ptr<infer::Source>> SourcePads::all_sources() const {
    std::lock_guard guard(lock_);
    std::vector<std::shared_ptr<infer::Source>> all(state_.earlier.begin(), state_.earlier.end());
    if (state_.source)
        all.push_back(state_.source);
    return all;
}

// ---- events from upstream

bool SourcePads::sink_event(GstEvent* event) {
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: return flush_start(event);
    case GST_EVENT_FLUSH_STOP: return flush_stop(event);
    default: break;
    }
    if (GST_EVENT_IS_SERIALIZED(event))
        return serialized_event(event);
    return gst_pad_push_event(src_, event);
}

bool SourcePads::serialized_event(GstEvent* event) {
    const GstEventType type = GST_EVENT_TYPE(event);
    if (type == GST_EVENT_CAPS && !caps_event(event)) {
        gst_event_unref(event);
        return false;
    }
    if (type == GST_EVENT_SEGMENT)
        gst_event_copy_segment(event, &segment_);
    std::shared_ptr<infer::Source> source;
    GstFlowReturn flow = GST_FLOW_OK;
    {
        std::lock_guard guard(lock_);
        if (type == GST_EVENT_STREAM_START || type == GST_EVENT_SEGMENT) {
            state_.eos = state_.eos && type != GST_EVENT_STREAM_START;
            if (state_.flow == GST_FLOW_EOS)
                state_.flow = GST_FLOW_OK;
        }
        if (type == GST_EVENT_EOS)
            state_.eos = true;
        flow = state_.flow;
        source = state_.source;
    }
    // A failed source takes no more. Sticky events are no loss (data flow will tell); but nobody
    // would see the failure after EOS, so it is said here, as queue does.
    const bool sticky = GST_EVENT_IS_STICKY(event);
    if (source && (flow == GST_FLOW_OK || flow == GST_FLOW_EOS)) {
        auto item = std::make_unique<EventItem>(event, [this](GstEvent* e) { thrown_away(e); });
        // After a segment seek SEGMENT_DONE comes in place of EOS.
        const bool ends = type == GST_EVENT_EOS || type == GST_EVENT_SEGMENT_DONE;
        return source->push_marker(std::move(item), ends) == PushResult::Ok;
    }
    gst_event_unref(event);
    if (type == GST_EVENT_EOS && (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)) {
        GST_ELEMENT_FLOW_ERROR(element_.element, flow);
        return false;
    }
    return sticky && flow != GST_FLOW_FLUSHING;
}

// ---- events from downstream

bool SourcePads::src_event(GstEvent* event) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) {
        std::unique_lock guard(lock_);
        const GstClockTime duration = state_.frame_duration;
        guard.unlock();
        lateness_.heard(event, duration);
    }
    if (GST_EVENT_TYPE(event) == GST_EVENT_LATENCY) {
        GstClockTime latency = 0;
        gst_event_parse_latency(event, &latency);
        lateness_.set_latency(latency);
    }
    if (GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE) {
        bool linked_again = false;
        {
            std::lock_guard guard(lock_);
            linked_again = state_.flow == GST_FLOW_NOT_LINKED;
        }
        if (linked_again) {
            // What came while nobody listened.
            gst_pad_sticky_events_foreach(
                sink_,
                [](GstPad*, GstEvent** e, gpointer to) -> gboolean {
                    auto* pads = static_cast<SourcePads*>(to);
                    if (pads->keeps_caps())
                        gst_pad_store_sticky_event(pads->src_, *e);
                    return TRUE;
                },
                this);
            start_again(false);
        }
    }
    return gst_pad_push_event(sink_, event);
}

// ---- flushing

bool SourcePads::flush_start(GstEvent* event) {
    const bool ok = gst_pad_push_event(src_, event);
    std::stop_source cancel;
    {
        std::lock_guard guard(lock_);
        state_.flow = GST_FLOW_FLUSHING;
        cancel = state_.cancel;
    }
    GST_DEBUG_OBJECT(sink_, "flushes");
    cancel.request_stop();
    // In this order: if an activation comes between, the thread is an old one whose source is
    // closed, or the new one's source is flushed.
    const auto thread = task_.pause();
    for (const auto& source : all_sources())
        source->flush_start();
    if (thread)
        thread->wait_for_pause();
    leave_on_src();
    return ok;
}

// A sticky event says what the stream is, and nobody would send it again. Without a lock held.
void SourcePads::thrown_away(GstEvent* event) {
    const GstEventType type = GST_EVENT_TYPE(event);
    const bool is_own = type == GST_EVENT_CAPS && !keeps_caps(); // src's caps are another's
    if (GST_EVENT_IS_STICKY(event) && type != GST_EVENT_SEGMENT && type != GST_EVENT_EOS && !is_own) {
        std::lock_guard guard(lock_);
        state_.overtaken.push_back(event);
    } else {
        gst_event_unref(event);
    }
}

// Once the task pushes nothing, so that they come in order. The next push sends them.
void SourcePads::leave_on_src() {
    std::vector<GstEvent*> events;
    {
        std::lock_guard guard(lock_);
        events.swap(state_.overtaken);
    }
    for (GstEvent* event : events) {
        gst_pad_store_sticky_event(src_, event);
        gst_event_unref(event);
    }
}

bool SourcePads::flush_stop(GstEvent* event) {
    const bool ok = gst_pad_push_event(src_, event);
    taken_ = 0;
    look_again_.forget(); // what was on its way is lost
    lateness_.forget();
    start_again(true);
    return ok;
}

// After a flush, or when a missing link is there again.
void SourcePads::start_again(bool clear_eos) {
    const auto source = this->source();
    const auto is_current = [&] {
        std::lock_guard guard(lock_);
        return state_.src_active && state_.source && state_.source == source &&
               state_.flow != GST_FLOW_OK;
    };
    if (!is_current())
        return; // an activation came meanwhile, and all is new
    const auto thread = task_.pause();
    if (!is_current())
        return task_.resume();
    if (thread)
        thread->wait_for_pause();
    source->flush_stop();
    std::deque<std::shared_ptr<infer::Source>> emptied;
    {
        std::lock_guard guard(lock_);
        if (!state_.src_active || state_.source != source)
            return;
        emptied.swap(state_.earlier);
        state_.cancel = std::stop_source();
        state_.flow = GST_FLOW_OK;
        state_.eos = state_.eos && !clear_eos;
    }
    downstream_ended_ = false; // the task is paused
    crop_results_.clear();
    task_.resume();
}

// ---- states

bool SourcePads::open() {
    const auto session = element_.model.session();
    if (!session)
        return false;
    const InferenceSettings settings = element_.settings();
    crops_.reset();
    reclassify_interval_ = settings.reclassify_interval;
    if (settings.region == InferenceRegion::Objects)
        crops_ = CropFilter{split(settings.object_class), settings.object_min_size,
                            settings.object_min_confidence};
    auto opened = std::make_shared<Opened>();
    opened->session = session;
    opened->source = session->add_source(options());
    std::lock_guard guard(lock_);
    state_.source = std::shared_ptr<infer::Source>(opened, opened->source.get());
    state_.session = session.get();
    state_.first_number = 0;
    state_.cancel = std::stop_source();
    state_.flow = GST_FLOW_OK;
    state_.eos = false;
    return true;
}

void SourcePads::close() {
    std::deque<std::shared_ptr<infer::Source>> all;
    std::stop_source cancel;
    {
        std::lock_guard guard(lock_);
        state_.flow = GST_FLOW_FLUSHING;
        all = std::exchange(state_.earlier, {});
        if (state_.source)
            all.push_back(std::exchange(state_.source, nullptr));
        cancel = state_.cancel;
    }
    cancel.request_stop();
    for (const auto& source : all)
        source->close();
    std::vector<GstEvent*> events;
    {
        std::lock_guard guard(lock_);
        events.swap(state_.overtaken);
    }
    for (GstEvent* event : events)
        gst_event_unref(event);
}

bool SourcePads::activate_src(bool active) {
    {
        std::lock_guard guard(lock_);
        if (active && (state_.src_active || state_.released))
            return true;
        state_.src_active = active;
    }
    if (!active) { // once more after release(), which an activation may have overtaken
        close();
        task_.stop(true);
        return true;
    }
    if (!source() && !open())
        return false;
    downstream_ended_ = false;
    task_.start(src_, [this] { iterate(); }, keep_alive());
    return true;
}

// What the task uses, however long it stays in a push after the pads are released.
std::shared_ptr<void> SourcePads::keep_alive() {
    struct Kept {
        std::shared_ptr<SourcePads> self;
        GstPad* sink;
        GstElement* element;
        ~Kept() {
            gst_object_unref(sink);
            self.reset();
            gst_object_unref(element);
        }
    };
    return std::make_shared<Kept>(shared_from_this(),
                                  static_cast<GstPad*>(gst_object_ref(sink_)),
                                  static_cast<GstElement*>(gst_object_ref(element_.element)));
}

// The src pad is activated before: elements go through their src pads first.
bool SourcePads::activate_sink(bool active) {
    if (!active) {
        close();
        return true;
    }
    {
        std::lock_guard guard(lock_);
        if (state_.released)
            return true;
    }
    taken_ = 0;
    have_caps_ = false;
    gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
    lateness_.forget();
    return source() || open();
}

void SourcePads::release() {
    GST_DEBUG_OBJECT(sink_, "is released");
    {
        std::lock_guard guard(lock_);
        state_.src_active = false;
        state_.released = true;
    }
    close();
    task_.stop(false);
}

// ---- options and figures

infer::SourceOptions SourcePads::options() const {
    const PadSettings pad = pad_settings(sink_);
    const InferenceSettings settings = element_.settings();
    const int timeout_ms = settings.batch_timeout_ms;
    infer::SourceOptions o;
    o.name = pad.source_id;
    o.priority = pad.priority;
    o.drop = element_.settings().drop;
    o.batch_timeout_us = timeout_ms < 0 ? -1 : int64_t(timeout_ms) * 1000;
    std::lock_guard guard(lock_);
    // A live frame's crops come all at once: the source fills several rows, as files do.
    o.live = state_.live && settings.region == InferenceRegion::Frame;
    if (GST_CLOCK_TIME_IS_VALID(state_.frame_duration))
        o.frame_duration_us = int64_t(state_.frame_duration / GST_USECOND);
    return o;
}

void SourcePads::update_options() {
    if (const auto open = source())
        open->set_options(options());
}

int SourcePads::queue_depth() const {
    int depth = 0;
    for (const auto& source : all_sources())
        depth += source->stats().in_flight;
    return depth;
}

GstStructure* SourcePads::stats() const {
    GstStructure* s = gst_structure_new("stats", "queue-depth", G_TYPE_INT, queue_depth(), nullptr);
    figures_.put(s);
    return s;
}
