// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/result.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace infer {

// A function that is called at most once, and not after its handle is gone.
class Listener {
public:
    explicit Listener(std::function<void(const Error*)> on) : on_(std::move(on)) {}

    void call(const Error* error);
    // After this nothing is called; waits for a call on another thread to end.
    void cancel();

    // Owns the right to be called: cancels when the last copy goes.
    static std::shared_ptr<void> handle(std::shared_ptr<Listener> listener);

private:
    std::mutex mutex_; // guards all below; not held during the call
    std::condition_variable ended_;
    std::function<void(const Error*)> on_; // empty: called or cancelled
    std::thread::id calling_;              // the thread inside on_
};

} // namespace infer
