// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

namespace infer {

// Tells a device that hangs from one that is busy: it has work and has ended none of it for too long.
// Pure but for wait_idle(); it is told the time. Thread-safe.
class Watchdog {
public:
    static constexpr int64_t least_limit_us = 10'000'000;
    static constexpr int64_t warm_up_limit_us = 60'000'000; // a device's first run may make its kernels
    static constexpr int64_t runs_of_warm_up = 20;          // that a batch may take on a busy machine

    // `timeout_ms`: how long nothing may end; 0: for ever, -1: goes by the warm-up run.
    explicit Watchdog(int64_t timeout_ms) : timeout_ms_(timeout_ms) {}

    std::optional<int64_t> warm_up_us() const; // how long the warm-up run may take; nullopt: for ever
    void warmed_up(int64_t took_us);           // once, before all below
    void begun(int64_t now_us);                // the device got a batch
    void ended(int64_t now_us);                // a batch of it has been dealt with

    // When look() can find something; Batcher::never while the device has nothing to do.
    int64_t due_us() const;
    // true, once: the device hangs. A look that comes much too late finds nothing: the whole process
    // was stopped meanwhile, and the device with it.
    bool look(int64_t now_us);
    void give_up(); // it is known to hang
    bool hangs() const;
    int64_t limit_us() const; // Batcher::never: none
    int batches() const;      // that the device has

    // Until the device has nothing to do, or hangs, or so much time has passed. true: it has nothing.
    bool wait_idle(std::optional<int64_t> for_us);

private:
    int64_t limit() const;

    const int64_t timeout_ms_;
    mutable std::mutex mutex_; // guards all below
    std::condition_variable changed_;
    int64_t warm_up_us_ = 0;
    int batches_ = 0;
    int64_t since_us_ = 0; // nothing has ended since; where batches_ > 0
    bool hangs_ = false;
};

} // namespace infer
