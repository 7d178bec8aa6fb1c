// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace infer {

// One thread that calls back when a time of the monotonic clock has come.
class Timer {
public:
    // `on_time` runs on the timer's thread, under no lock, and returns when to call it again
    // (Batcher::never: not before the next arm()).
    explicit Timer(std::function<int64_t()> on_time);
    ~Timer(); // waits for a running on_time

    // Calls back at `us` at the latest. Cheap when it will be called before that anyway.
    void arm(int64_t us);

private:
    void run(std::stop_token stop);

    const std::function<int64_t()> on_time_;
    std::mutex mutex_;
    std::condition_variable_any earlier_;
    std::atomic<int64_t> next_us_; // written under mutex_
    std::jthread thread_;          // last member: stops and joins first
};

} // namespace infer
