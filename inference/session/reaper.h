// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace infer {

// The process's thread for ends that would block, or deadlock, where they come up: a session
// dropped while it compiles, or by a thread of its own device.
class Reaper {
public:
    static Reaper& instance();
    ~Reaper(); // at process exit: waits until all ends have come

    void take(std::function<void()> end);
    void wait_until_idle(); // for tests: all that was taken is done

private:
    void run();

    std::mutex mutex_; // guards all below
    std::condition_variable changed_;
    std::deque<std::function<void()>> ends_;
    bool busy_ = false, stop_ = false;
    std::thread thread_; // started by the first take()
};

} // namespace infer
