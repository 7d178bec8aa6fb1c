// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/element_model.h"
#include "gst/flow_figures.h"
#include "gst/inference_settings.h"
#include "gst/latency_watch.h"
#include "gst/skips.h"

#include <mutex>

// What the GObject of a gstinference or inferenceimage owns. Settings and state have a lock each.
//
// Lock order: none is held while anything outside the project is called (pads, bus, signals), and
// but for the first, under which the next two are taken, none together with another. They are
// leaves below GStreamer's own locks:
//   InferenceElement::changing_   one change of settings or model at a time
//   InferenceElement::lock_   settings
//   ElementModel              session, processing
//   SourcePads::lock_         flow, end of stream, source
//   QueryAnswer::lock_        one query on its way
struct InferenceElement {
    // What leaves: the frames with metadata, or the model's pictures.
    enum Gives { Metadata, Pictures };

    explicit InferenceElement(GstElement* e, Gives g = Metadata) : element(e), gives(g), model(e) {}

    InferenceSettings settings() const {
        std::lock_guard guard(lock_);
        return settings_;
    }
    int interval() const { // asked for every frame
        std::lock_guard guard(lock_);
        return settings_.interval;
    }
    // Starts loading the model; false: the error is posted.
    bool open();
    // Sets one of the settings' properties. While the model is open a value that cannot be is
    // refused with a warning; before, open() fails on it. false: the property is not one of them.
    // Another `model` is loaded while the one in use goes on, and takes over between two frames.
    bool set(GParamSpec* spec, const GValue* value);
    void close(); // lets go of the model

    // Asks the pipeline to work out its latency again where `latency` says so, and tells the application
    // what binds under a latency limit when that changes. Any thread.
    void watch_latency();

    GstElement* const element; // its owner
    const Gives gives;
    ElementModel model;
    FlowFigures figures; // of all sources
    Skips skips;
    LatencyWatch latency;

private:
    // For elements that give pictures, decoder `auto` is `picture`.
    InferenceSettings as_loaded(InferenceSettings settings) const;
    void tell_limit(const infer::Session& session);
    infer::Result<void> change(GParamSpec* spec, const GValue* value);
    void prepare_model(const InferenceSettings& wanted);
    void model_loaded(unsigned ticket, const std::string& path, const infer::Error* error);
    void model_refused(const std::string& path, const infer::Error& error);
    infer::Result<bool> take_over(unsigned ticket, const std::string& path);

    std::mutex changing_;
    mutable std::mutex lock_; // guards all below
    InferenceSettings settings_;
    std::string next_model_; // being loaded; "": none
    std::string told_binds_; // of the latency limit
    int64_t looked_us_ = 0;  // at the limit; monotonic
};
