// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <mutex>

// When a pipeline is to work out its latency again: ours has changed by more than a fifth since it last asked, and
// not more often than once a second. Told the time; any thread.
class LatencyWatch {
public:
    static constexpr int64_t pause_us = 1'000'000;
    static constexpr int64_t share = 5; // a fifth

    void answered(int64_t latency_us); // somebody asked, and this is what they heard
    bool is_due(int64_t now_us);       // it is time to look at the latency; once
    bool has_changed(int64_t latency_us); // so much that they are to ask again

private:
    std::mutex lock_; // guards all below
    int64_t answered_us_ = -1; // -1: nobody asked
    bool has_looked_ = false;
    int64_t looked_us_ = 0;
};
