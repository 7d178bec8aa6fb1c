// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace demo {

using Clock = std::chrono::steady_clock;

// What has come through one source so far.
struct Counts {
    uint64_t in = 0, out = 0; // frames into and out of gstinference
    uint64_t failed = 0;      // of them left without a result because inference failed
    std::map<std::string, uint64_t> objects; // by label
    std::vector<double> latency_ms;          // one an inferred frame: from taken in to decoded
    Clock::time_point first, last;           // when frames left
};

// Counts at the pads of one source of gstinference. Its probes run on streaming threads.
class SourceCounter {
public:
    SourceCounter(GstElement* inference, size_t source);

    Counts counts() const; // any thread

private:
    static GstPadProbeReturn entered(GstPad*, GstPadProbeInfo*, gpointer self);
    static GstPadProbeReturn left(GstPad* pad, GstPadProbeInfo* info, gpointer self);
    void add(GstBuffer* buffer);

    mutable std::mutex mutex_; // guards counts_
    Counts counts_;
};

} // namespace demo
