// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/budget.h"

#include "devices/cpu/cores.h"

#include <algorithm>

namespace infer::cpu {

CoreBudget& CoreBudget::of_process() {
    static CoreBudget budget(usable_cores());
    return budget;
}

int CoreBudget::most_at_work() const {
    const std::lock_guard lock(mutex_);
    return most_;
}

int CoreBudget::waiting() const {
    const std::lock_guard lock(mutex_);
    return int(line_.size());
}

int CoreBudget::grant(int wanted) {
    const int granted = std::min(wanted, free_);
    free_ -= granted;
    most_ = std::max(most_, cores_ - free_);
    return granted;
}

int CoreBudget::take(int wanted) {
    std::unique_lock lock(mutex_);
    if (free_ > 0)
        return grant(wanted);
    Waiter waiter{.wanted = wanted, .came = {}};
    line_.push_back(&waiter);
    waiter.came.wait(lock, [&] { return waiter.granted > 0; });
    return waiter.granted;
}

void CoreBudget::give(int cores) {
    const std::lock_guard lock(mutex_);
    free_ += cores;
    while (free_ > 0 && !line_.empty()) {
        Waiter& first = *line_.front();
        line_.pop_front();
        first.granted = grant(first.wanted);
        first.came.notify_one(); // under the lock: it goes once its thread has woken
    }
}

} // namespace infer::cpu
