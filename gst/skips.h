// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session.h"

#include <gst/gst.h>

#include <map>
#include <mutex>
#include <string>
#include <tuple>

// What an element tells the bus of frames that leave without inference: how many of which source, and why, at most
// once a second. Any thread.
class Skips {
public:
    static constexpr gint64 pause_us = G_USEC_PER_SEC;

    // One more. What the bus is to hear now, of all since the last message; nullptr: nothing yet.
    GstStructure* add(const std::string& source_id, infer::FrameStatus status, const std::string& reason, gint64 now_us);

private:
    using Kind = std::tuple<std::string, infer::FrameStatus, std::string>;

    std::mutex lock_; // guards all below
    std::map<Kind, guint64> frames_; // since the last message
    bool has_told_ = false;
    gint64 told_us_ = 0;
};
