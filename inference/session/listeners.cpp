// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/listeners.h"

namespace infer {

void Listener::call(const Error* error) {
    std::unique_lock lock(mutex_);
    if (!on_)
        return;
    const auto on = std::exchange(on_, nullptr);
    calling_ = std::this_thread::get_id();
    lock.unlock();
    on(error);
    lock.lock();
    calling_ = {};
    ended_.notify_all();
}

void Listener::cancel() {
    std::unique_lock lock(mutex_);
    on_ = nullptr;
    ended_.wait(lock, [&] {
        return calling_ == std::thread::id{} || calling_ == std::this_thread::get_id();
    });
}

std::shared_ptr<void> Listener::handle(std::shared_ptr<Listener> listener) {
    Listener* raw = listener.get();
    return {raw, [listener = std::move(listener)](void*) { listener->cancel(); }};
}

} // namespace infer
