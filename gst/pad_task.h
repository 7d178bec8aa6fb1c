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
    ~PadTask() { stop(false); }

    // Calls `iterate` until paused. `keep` lives as long as the thread does; STREAM_STATUS
    // messages name `pad`.
    void start(GstPad* pad, std::function<void()> iterate, std::shared_ptr<void> keep);
    void resume();
    // One thread among those that this has started: whoever pauses it may wait for it, whatever
    // start() does meanwhile.
    class Thread {
    public:
        Thread() { g_rec_mutex_init(&running_); }
        ~Thread() { g_rec_mutex_clear(&running_); }
        Thread(const Thread&) = delete;
        Thread& operator=(const Thread&) = delete;

        void wait_for_pause(); // until `iterate` has returned; at once on the thread itself

    private:
        friend class PadTask;
        GRecMutex running_; // GstTask's own: held during `iterate`
    };
    // From within `iterate` too. nullptr: there is none.
    std::shared_ptr<Thread> pause();
    // The thread ends when `iterate` returns. `wait`: not before it has (own thread: never waits).
    void stop(bool wait);

private:
    std::mutex lock_; // guards both
    GstTask* task_ = nullptr;
    std::shared_ptr<Thread> thread_; // of task_
};
