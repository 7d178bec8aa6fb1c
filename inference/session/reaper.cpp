// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/reaper.h"

namespace infer {

Reaper& Reaper::instance() {
    static Reaper reaper;
    return reaper;
}

Reaper::~Reaper() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable())
        thread_.join();
}

void Reaper::take(std::function<void()> end) {
    {
        std::lock_guard lock(mutex_);
        ends_.push_back(std::move(end));
        if (!thread_.joinable())
            thread_ = std::thread([this] { run(); });
    }
    changed_.notify_all();
}

void Reaper::wait_until_idle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ends_.empty() && !busy_; });
}

void Reaper::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stop_ || !ends_.empty(); });
        if (ends_.empty())
            return;
        std::function<void()> end = std::move(ends_.front());
        ends_.pop_front();
        busy_ = true;
        lock.unlock();
        end();
        end = nullptr;
        lock.lock();
        busy_ = false;
        changed_.notify_all();
    }
}

} // namespace infer
