// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace infer {

// What keeps throughput from being higher under a limit of latency.
enum class Binds {
    Nothing,     // sources bring less than could be inferred
    Device,      // everything is in use, and the limit is held
    Limit,       // more could be in flight, but then the limit would not be held
    Unreachable, // with nothing waiting frames take longer than the limit
};
std::string_view name_of(Binds binds); // "nothing", "device", "latency-limit", "unreachable"

// Finds how many frames may be in flight so that the 99th percentile of their latency stays under a
// limit: it begins with all that there is room for, cuts in proportion to what is too much, and
// goes up one by one where that is foreseen to fit. What was too much is tried again only after a
// while. Pure: it is told the time. Thread-safe.
class LatencyLimit {
public:
    static constexpr size_t frames_a_period = 100; // at least: below, there is no 99th percentile
    static constexpr int64_t period_us = 200'000;  // at least
    static constexpr int64_t longest_us = 2'000'000;
    static constexpr int64_t retry_us = 5'000'000; // before what was too much is tried again

    // `least`: what the device runs at once. With fewer nothing waits less, and lanes are idle.
    LatencyLimit(int least, int most) : least_(least), most_(most), window_(most) {}

    // A frame is done. `pressed`: others wait to be taken in. Returns the frames that may be in
    // flight from now on. limit_us 0: no limit.
    int add(int64_t latency_us, bool pressed, int64_t limit_us, int64_t now_us);

    struct State {
        int window = 0;
        double p99_us = 0; // of the last period; 0: none is over yet
        Binds binds = Binds::Nothing;
    };
    State state() const;

private:
    void judge(int64_t limit_us, int64_t now_us);

    const int least_, most_;
    mutable std::mutex mutex_; // guards all below
    int window_;
    int too_much_ = 0;                // a window that did not hold the limit; 0: none
    int64_t retry_at_ = 0;            // when that is forgotten
    int64_t limit_us_ = 0;            // of this period
    int64_t began_us_ = -1;           // this period; -1: with the next frame
    bool pressed_ = false;            // in this period
    std::vector<int64_t> latency_us_; // of this period
    State last_;
};

} // namespace infer
