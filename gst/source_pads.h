// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/crops.h"
#include "gst/failures.h"
#include "gst/flow_figures.h"
#include "gst/inference_element.h"
#include "gst/look_again.h"
#include "gst/lateness.h"
#include "gst/pad_task.h"
#include "inference/session.h"

#include <gst/video/video.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

// One source: its sink pad, its src pad, and what flows between them. The streaming thread of the
// sink pad hands frames, events and queries to an infer::Source; a task of the src pad takes them
// out in order and pushes. Nothing here knows another source.
class SourcePads : public std::enable_shared_from_this<SourcePads> {
public:
    // Owns none of them: the pads own this, their parent owns `element`.
    SourcePads(InferenceElement& element, GstPad* sink, GstPad* src);
    ~SourcePads();

    GstPad* sink() const { return sink_; }
    GstPad* src() const { return src_; }
    // Frames leave as they came, with metadata: both pads have the same caps.
    bool keeps_caps() const { return element_.gives == InferenceElement::Metadata; }
    // A reference to the other pad; nullptr: it is gone. Whoever calls any of the pad functions holds
    // both pads.
    GstPad* hold_partner(GstPad* pad);

    // Pad functions; the parent is alive during each.
    GstFlowReturn chain(GstBuffer* buffer); // takes the buffer
    bool sink_event(GstEvent* event);       // takes the event
    bool src_event(GstEvent* event);        // takes the event
    bool sink_query(GstQuery* query);
    bool src_query(GstQuery* query);
    void explain_caps(GstEvent* event); // posts why, if they cannot be used
    bool activate_sink(bool active);
    bool activate_src(bool active);

    // The pads are leaving: wakes everything and lets go, without waiting for downstream.
    void release();

    // Tells the source what the pads' and the element's settings say now.
    void update_options();
    GstStructure* stats() const;
    int queue_depth() const; // frames that came and have not left

private:
    // A source and the session that made it, gone together, the source first.
    struct Opened {
        std::shared_ptr<infer::Session> session;
        std::unique_ptr<infer::Source> source;
    };
    struct State {
        GstFlowReturn flow = GST_FLOW_FLUSHING; // what chain returns: the last push's, or why not
        bool eos = false;                       // taken from upstream
        bool src_active = false;
        bool released = false;
        bool live = false;
        GstClockTime frame_duration = GST_CLOCK_TIME_NONE;
        std::stop_source cancel;                // of waits begun since the last flush
        std::shared_ptr<infer::Source> source;  // takes what comes
        const infer::Session* session = nullptr; // that made `source`, which keeps it
        guint64 first_number = 0;                // of its frames
        // Of models used before: what they took leaves first, the oldest first.
        std::deque<std::shared_ptr<infer::Source>> earlier;
        std::vector<GstEvent*> overtaken; // by a flush, to be left on src
    };

    // Streaming thread of the sink pad.
    GstFlowReturn admit(std::shared_ptr<infer::Source> source, GstBuffer* buffer,
                        std::stop_token cancel);
    GstFlowReturn admit_crops(std::shared_ptr<infer::Source> source,
                              std::unique_ptr<class BufferFrame> frame, GstBuffer* buffer,
                              std::stop_token cancel);
    std::shared_ptr<infer::Source> follow(const std::shared_ptr<infer::Session>& session,
                                          const std::shared_ptr<infer::Source>& before);
    GstFlowReturn flow_after(infer::PushResult result) const;
    const char* reason_to_skip(GstBuffer* buffer);
    bool comes_too_late(GstBuffer* buffer);
    GstClockTime running_time(GstBuffer* buffer) const;
    bool serialized_event(GstEvent* event);
    bool caps_event(GstEvent* event);
    bool ask_in_order(GstQuery* query);
    void ask_live();

    // Task of the src pad.
    void iterate();
    GstFlowReturn push_frame(infer::Output& out);
    void count(const infer::Output& out, const std::string& source_id);
    void count_times(const infer::Results& results);
    void count_left();
    GstFlowReturn take_crop(class CropFrame& crop, infer::Output& out);
    GstBuffer* attach(class BufferFrame& frame, infer::Output& out, const std::string& source_id);
    GstFlowReturn push_picture(infer::Output& out, GstBuffer* source, const GstVideoInfo& video);
    bool push_picture_caps(const GstVideoInfo& picture);
    bool hold_back(class EventItem& event);
    void let_go();
    GstFlowReturn push_marker(infer::Item& item);
    void answer(class QueryAnswer& answer);
    void settle(GstFlowReturn flow);
    void leave_behind(const std::shared_ptr<infer::Source>& source);
    GstFlowReturn report_failure(const infer::Output& out, const std::string& source_id);
    void report_left_out();

    // Any thread.
    bool open();
    void close();
    bool flush_start(GstEvent* event);
    bool flush_stop(GstEvent* event);
    void thrown_away(GstEvent* event); // takes the event
    void leave_on_src();
    void start_again(bool clear_eos);
    std::shared_ptr<void> keep_alive();
    bool latency_query(GstQuery* query);
    void add_in_flight(GstQuery* allocation, infer::Source& source) const;
    std::shared_ptr<infer::Source> source() const;
    std::shared_ptr<infer::Source> leaving() const;
    std::vector<std::shared_ptr<infer::Source>> all_sources() const;
    infer::SourceOptions options() const;

    InferenceElement& element_;
    GstPad* const sink_;
    GstPad* const src_;
    GWeakRef sink_ref_, src_ref_;
    PadTask task_;

    mutable std::mutex lock_; // guards state_; held for a few lines at a time, never while calling out
    State state_;
    FlowFigures figures_;
    Lateness lateness_;

    // Streaming thread only.
    GstSegment segment_ = {};
    GstVideoInfo video_ = {};
    bool have_caps_ = false;
    bool caps_explained_ = false; // the error is out
    guint64 taken_ = 0; // frames since activation or flush
    guint64 number_ = 0; // of the next frame, with region=objects

    int reclassify_interval_ = 1; // set before frames flow, as crops_; the task reads it too
    LookAgain look_again_;
    std::optional<CropFilter> crops_; // region=objects; set before frames flow

    // Task only.
    struct CropResults {
        Crop crop;
        infer::Results results;
    };
    std::vector<CropResults> crop_results_; // of the next frame
    Failures failures_;
    SaidBefore said_before_;
    bool downstream_ended_ = false; // a push gave EOS: frames are dropped until a new segment
    GstVideoInfo picture_ = {};     // of the caps sent, where the model's pictures leave
    std::vector<GstEvent*> held_;   // that must not come before the first of those caps
};
