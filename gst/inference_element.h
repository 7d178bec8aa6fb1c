// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/element_model.h"
#include "gst/inference_settings.h"

#include <mutex>

// What the GObject of a gstinference or inferenceimage owns. Settings and state have a lock each.
//
// Lock order: none of these is ever held together with another, and none while anything outside
// the project is called (pads, bus, signals). They are leaves below GStreamer's own locks:
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
    bool set(GParamSpec* spec, const GValue* value);

    // Asks the pipeline to work out its latency again where ours has changed by more than a fifth
    // since it last asked; at most once a second. Any thread.
    void watch_latency();
    void latency_told(int64_t latency_us);

    GstElement* const element; // its owner
    const Gives gives;
    ElementModel model;

private:
    // For elements that give pictures, decoder `auto` is `picture`.
    InferenceSettings as_loaded(InferenceSettings settings) const;

    mutable std::mutex lock_;
    InferenceSettings settings_;
    int64_t told_latency_us_ = -1; // -1: nobody asked
    int64_t checked_us_ = 0;       // monotonic
};
