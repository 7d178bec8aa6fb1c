// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

// A thread that calls one function again and again. Unlike a pad's own task it can be left alone:
// stopping without waiting is what lets a pad be released while its downstream blocks.
class PadTask {
public:
    PadTask() { g_rec_mutex_init(&running_); }
    ~PadTask();

    // Calls `iterate` until paused. `keep` lives as long as the thread does; STREAM_STATUS
    // messages name `pad`.
    void start(GstPad* pad, std::function<void()> iterate, std::shared_ptr<void> keep);
    void resume();
    void pause();          // from within `iterate` too
    void wait_for_pause(); // until `iterate` has returned; at once on the task's own thread
    // The thread ends when `iterate` returns. `wait`: not before it has (own thread: never waits).
    void stop(bool wait);

private:
    GRecMutex running_; // GstTask's own: held during `iterate`
    std::mutex lock_;   // guards task_
    GstTask* task_ = nullptr;
};
