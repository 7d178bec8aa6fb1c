// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/meta/gstinferencemeta.h"

#include <gst/gst.h>
#include <gst/video/video.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

// A file of tests/data.
std::string test_data(const std::string& name);

// A frame of even brightness, which model brightness.onnx can tell.
GstBuffer* make_frame(const std::string& caps, uint8_t brightness, guint64 number);
// What the model said it is; -1: nothing found.
int brightness_of(GstBuffer* buffer, int width, int height);

// An element with a bus, on its own. Set to NULL and freed at the end.
class Element {
public:
    // As in a launch line, without links: `gstinference model=...`.
    explicit Element(const std::string& launch);
    ~Element();

    GstElement* get() const { return element_; }
    bool set_state(GstState state) { return gst_element_set_state(element_, state) != GST_STATE_CHANGE_FAILURE; }
    // The next error, warning or info on the bus as its text, waiting up to 20 s; "" if there is none.
    std::string message(GstMessageType type, bool wait = true);

private:
    GstElement* element_;
    GstBus* bus_;
};

// What left a src pad: "frame 3", "caps", "eos", ...
struct Entry {
    std::string what;
    GstBuffer* buffer = nullptr; // of a frame
};

// A camera before sink_N of an element and a recorder behind its src_N. Frames are numbered by PTS:
// number * 40 ms.
class Wire {
public:
    Wire(GstElement* element, int number);
    ~Wire(); // releases the pad if release() has not
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    // Stream start, caps, segment.
    void start(const std::string& caps = "video/x-raw,format=RGB,width=32,height=32,framerate=25/1");
    bool caps(const std::string& caps);
    bool event(GstEvent* event) { return gst_pad_push_event(camera_, event); }
    GstFlowReturn frame(guint64 number, uint8_t brightness);
    bool query(GstQuery* query) { return gst_pad_peer_query(camera_, query); }
    GstPad* camera() const { return camera_; }
    GstPad* recorder() const { return recorder_; }
    GstPad* sink() const { return sink_; }

    // Waits (20 s at most) until `count` entries with this beginning have come.
    bool wait_for(const std::string& beginning, size_t count);
    std::vector<std::string> log(const std::string& beginning = "");
    size_t count(const std::string& beginning) { return log(beginning).size(); }
    // Frames in order; valid while the wire lives.
    std::vector<GstBuffer*> frames();

    void block(bool blocked); // recorder takes nothing meanwhile
    bool wait_until_blocked(); // until something stands before the closed recorder
    void answer_with(GstFlowReturn flow);
    void keep_frames(bool keep); // else they are let go of once they are in the log
    void release();

    std::function<bool(GstQuery*)> on_query; // what downstream answers

private:
    GstFlowReturn take(GstBuffer* buffer);
    bool take(GstEvent* event);
    bool take(GstQuery* query);
    void put(Entry entry, std::unique_lock<std::mutex>& lock);

    GstElement* element_;
    GstPad* camera_;
    GstPad* recorder_;
    GstPad* sink_;
    std::string caps_;

    std::mutex mutex_; // guards all below
    std::condition_variable changed_;
    std::vector<Entry> entries_;
    GstFlowReturn flow_ = GST_FLOW_OK;
    bool blocked_ = false, standing_ = false, flushing_ = false, keeping_ = true;
};

// Runs a launch line to its end or to its first error; the errors' texts, in order. `on_done` sees
// the pipeline before it goes away.
std::vector<std::string> run_launch(const std::string& launch,
                                    const std::function<void(GstElement*)>& on_done = {});
