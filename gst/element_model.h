// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/inference_settings.h"
#include "inference/session.h"

#include <gst/gst.h>

#include <memory>
#include <stop_token>

// The model an element uses: its Session, and how its frames are to be treated. Opened by
// NULL->READY; compiling goes on on the Session's thread and never holds up a state change.
class ElementModel {
public:
    explicit ElementModel(GstElement* element); // not owned, outlives this
    ~ElementModel();

    // Checks files and values and starts loading. The error is for the caller to post.
    infer::Result<void> open(const InferenceSettings& settings);
    void close();

    std::shared_ptr<infer::Session> session() const; // nullptr when closed

    // What the latest settings say; a failure leaves the old ones in force. Reads files.
    infer::Result<void> reconfigure(const InferenceSettings& settings);

    // Waits until the model is compiled. nullptr: cancelled, or failed, and then the error is on
    // the bus already.
    std::shared_ptr<const infer::Processing> wait_processing(std::stop_token cancel) const;
    bool failed() const;

private:
    struct Shared; // outlives the element where a compilation is still running
    std::shared_ptr<Shared> shared_;
};
