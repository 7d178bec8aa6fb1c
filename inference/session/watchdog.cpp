// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/watchdog.h"

#include "inference/batcher.h"

#include <algorithm>
#include <chrono>

namespace infer {

std::optional<int64_t> Watchdog::warm_up_us() const {
    if (timeout_ms_ == 0)
        return std::nullopt;
    return timeout_ms_ > 0 ? timeout_ms_ * 1000 : warm_up_limit_us;
}

void Watchdog::warmed_up(int64_t took_us) {
    std::lock_guard lock(mutex_);
    warm_up_us_ = took_us;
}

void Watchdog::begun(int64_t now_us) {
    std::lock_guard lock(mutex_);
    if (batches_++ == 0)
        since_us_ = now_us;
}

void Watchdog::ended(int64_t now_us) {
    std::lock_guard lock(mutex_);
    since_us_ = now_us;
    if (--batches_ == 0)
        changed_.notify_all(); // under the lock: `this` may go once its waiter has woken
}

int64_t Watchdog::limit() const {
    if (timeout_ms_ == 0)
        return Batcher::never;
    return timeout_ms_ > 0 ? timeout_ms_ * 1000 : std::max(least_limit_us, runs_of_warm_up * warm_up_us_);
}

int64_t Watchdog::limit_us() const {
    std::lock_guard lock(mutex_);
    return limit();
}

int64_t Watchdog::due_us() const {
    std::lock_guard lock(mutex_);
    if (batches_ == 0 || hangs_ || limit() == Batcher::never)
        return Batcher::never;
    return since_us_ + limit();
}

bool Watchdog::look(int64_t now_us) {
    std::lock_guard lock(mutex_);
    if (batches_ == 0 || hangs_ || limit() == Batcher::never || now_us < since_us_ + limit())
        return false;
    if (now_us > since_us_ + limit() + limit() / 2) {
        since_us_ = now_us;
        return false;
    }
    hangs_ = true;
    changed_.notify_all();
    return true;
}

void Watchdog::give_up() {
    std::lock_guard lock(mutex_);
    hangs_ = true;
    changed_.notify_all();
}

bool Watchdog::hangs() const {
    std::lock_guard lock(mutex_);
    return hangs_;
}

int Watchdog::batches() const {
    std::lock_guard lock(mutex_);
    return batches_;
}

bool Watchdog::wait_idle(std::optional<int64_t> for_us) {
    std::unique_lock lock(mutex_);
    const auto settled = [&] { return batches_ == 0 || hangs_; };
    if (for_us)
        changed_.wait_for(lock, std::chrono::microseconds(*for_us), settled);
    else
        changed_.wait(lock, settled);
    return batches_ == 0 && !hangs_;
}

} // namespace infer
