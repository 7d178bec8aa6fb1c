// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/latency_watch.h"

#include <cstdlib>

void LatencyWatch::answered(int64_t latency_us) {
    std::lock_guard guard(lock_);
    answered_us_ = latency_us;
}

bool LatencyWatch::is_due(int64_t now_us) {
    std::lock_guard guard(lock_);
    if (answered_us_ < 0 || (has_looked_ && now_us - looked_us_ < pause_us))
        return false;
    has_looked_ = true;
    looked_us_ = now_us;
    return true;
}

// The answer will be this one: until it is asked for, more of the same change is no news.
bool LatencyWatch::has_changed(int64_t latency_us) {
    std::lock_guard guard(lock_);
    if (std::abs(latency_us - answered_us_) * share <= answered_us_)
        return false;
    answered_us_ = latency_us;
    return true;
}
