// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/notices.h"

namespace infer {

void NoticeBoard::post(const DeviceNotice& notice) {
    std::vector<std::shared_ptr<Listener>> listeners;
    {
        std::lock_guard lock(mutex_);
        if (keeps_)
            kept_.push_back(notice);
        std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
        for (const auto& weak : listeners_)
            if (auto listener = weak.lock())
                listeners.push_back(std::move(listener));
    }
    for (const auto& listener : listeners)
        (*listener)(notice);
}

std::shared_ptr<void> NoticeBoard::listen(std::function<void(const DeviceNotice&)> on) {
    auto listener = std::make_shared<Listener>(std::move(on));
    std::vector<DeviceNotice> before;
    {
        std::lock_guard lock(mutex_);
        listeners_.push_back(listener);
        before = kept_;
    }
    for (const DeviceNotice& notice : before)
        (*listener)(notice);
    return listener;
}

void NoticeBoard::stop_keeping() {
    std::lock_guard lock(mutex_);
    keeps_ = false;
}

} // namespace infer
