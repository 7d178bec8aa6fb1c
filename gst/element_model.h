// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/inference_settings.h"
#include "inference/session.h"

#include <gst/gst.h>

#include <functional>
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

    // What frames are inferred by now.
    struct InUse {
        std::shared_ptr<infer::Session> session;
        std::shared_ptr<const infer::Processing> processing;
    };
    // Waits until the model is compiled. No processing: cancelled, or failed, and then the error is
    // on the bus already.
    InUse wait_ready(std::stop_token cancel) const;
    bool failed() const;  // and the error is on the bus
    bool failing() const; // or on its way there

    // Loads another model beside the one in use. Then `loaded` is called with a ticket and the error
    // if there is one, on a thread of its own that holds the element. What prepare() began before is
    // given up.
    using Loaded = std::function<void(unsigned ticket, const infer::Error* error)>;
    infer::Result<void> prepare(const InferenceSettings& settings, Loaded loaded);
    // Puts what was prepared in use. false: it was given up meanwhile.
    infer::Result<bool> exchange(unsigned ticket, const InferenceSettings& settings);

private:
    struct Shared; // outlives the element where a compilation is still running
    std::shared_ptr<Shared> shared_;
};
