// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/timer.h"

#include "inference/batcher.h"
#include "inference/clock.h"

#include <algorithm>
#include <chrono>

namespace infer {

Timer::Timer(std::function<int64_t()> on_time)
    : on_time_(std::move(on_time)), next_us_(Batcher::never),
      thread_([this](std::stop_token stop) { run(stop); }) {}

Timer::~Timer() = default;

void Timer::arm(int64_t us) {
    if (us >= next_us_.load(std::memory_order_relaxed))
        return;
    {
        std::lock_guard lock(mutex_);
        if (us >= next_us_)
            return;
        next_us_ = us;
    }
    earlier_.notify_one();
}

void Timer::run(std::stop_token stop) {
    const MonotonicClock clock;
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        const int64_t due = next_us_;
        const auto moved = [&] { return next_us_ != due; };
        if (due == Batcher::never) {
            earlier_.wait(lock, stop, moved);
        } else if (clock.now_us() < due) {
            const auto when = std::chrono::steady_clock::time_point(std::chrono::microseconds(due));
            earlier_.wait_until(lock, stop, when, moved);
        } else {
            next_us_ = Batcher::never; // arm() while on_time runs counts from here
            lock.unlock();
            const int64_t again = on_time_();
            lock.lock();
            next_us_ = std::min<int64_t>(next_us_, again);
        }
    }
}

} // namespace infer
