// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace infer {

// Where devices say what becomes of them, and who listens. Outlives its session where a device
// does.
class NoticeBoard {
public:
    void post(const DeviceNotice& notice);
    // From now on, as long as the handle lives; what was said before stop_keeping() at once. Under
    // no lock.
    std::shared_ptr<void> listen(std::function<void(const DeviceNotice&)> on);
    void stop_keeping(); // what comes now is no news for those who come later

private:
    using Listener = std::function<void(const DeviceNotice&)>;

    std::mutex mutex_; // guards all below; nothing is called under it
    bool keeps_ = true;
    std::vector<DeviceNotice> kept_;
    std::vector<std::weak_ptr<Listener>> listeners_;
};

} // namespace infer
