// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/multi/planner.h"

#include <algorithm>

namespace infer::multi {

std::optional<Choice> choose(std::span<Lanes> devices, uint64_t allowed, Policy policy,
                             int64_t now_us) {
    std::optional<size_t> best;
    std::vector<int64_t>::iterator lane;
    int64_t end_us = 0;
    for (size_t d = 0; d < devices.size(); d++) {
        std::vector<int64_t>& free_us = devices[d].free_us;
        if (!(allowed >> d & 1) || free_us.empty())
            continue;
        const auto first = std::ranges::min_element(free_us);
        const int64_t end = std::max(*first, now_us) + devices[d].service_us;
        if (best && end >= end_us)
            continue;
        best = d;
        lane = first;
        end_us = end;
        if (policy == Policy::First)
            break;
    }
    if (!best)
        return std::nullopt;
    const bool starts_now = *lane <= now_us;
    *lane = std::max(end_us, now_us + 1);
    return Choice{*best, starts_now};
}

int64_t free_at(int64_t begun_us, int64_t service_us, int64_t now_us) {
    const int64_t due_us = begun_us + service_us;
    return due_us > now_us ? due_us : now_us + std::max<int64_t>(1, now_us - due_us);
}

void ServiceTime::add(int64_t us) {
    us_ = is_guess_ ? us : us_ + (us - us_) / 8;
    is_guess_ = false;
}

} // namespace infer::multi
