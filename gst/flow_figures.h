// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/rate.h"
#include "inference/session.h"
#include "inference/stats.h"

#include <gst/gst.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string>

// What has flowed through a source, or through all sources of an element: counts, rates and times, in constant
// memory. Any thread.
class FlowFigures {
public:
    void came() { in_++; }
    void settled(infer::FrameStatus status) { by_status_[size_t(status)]++; }
    // What the model said of a frame or crop, which is about to leave.
    void timed(const infer::Results& results, int64_t now_us);
    void left(int64_t now_us); // downstream took a frame

    guint64 count(infer::FrameStatus status) const { return by_status_[size_t(status)]; }
    void put(GstStructure* stats) const;

private:
    enum Stage { Queue, Preprocess, Inference, Postprocess, Output, Total, Stages };

    std::atomic<guint64> in_ = 0, out_ = 0;
    std::array<std::atomic<guint64>, 4> by_status_ = {}; // of infer::FrameStatus
    std::array<infer::Histogram, Stages> times_;
    mutable std::mutex lock_; // guards all below
    Rate rate_;
    std::map<std::string, guint64> by_device_;
};
