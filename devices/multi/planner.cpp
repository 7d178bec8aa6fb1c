// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/multi/planner.h"

#include <algorithm>

namespace infer::multi {

namespace {

// What is least for the device that serves; of equal ones the first does.
int64_t rank(const Lanes& lanes, int64_t end_us, Policy policy) {
    switch (policy) {
    case Policy::Fastest:
        return end_us;
    case Policy::InTurn:
        return int64_t(lanes.turn);
    case Policy::First:
        break;
    }
    return 0;
}

} // namespace

std::optional<Choice> choose(std::span<Lanes> devices, uint64_t allowed, Policy policy,
                             int64_t now_us) {
    std::optional<size_t> best;
    int64_t best_rank = 0, end_us = 0;
    uint64_t last_turn = 0;
    for (size_t d = 0; d < devices.size(); d++) {
        const Lanes& lanes = devices[d];
        last_turn = std::max(last_turn, lanes.turn);
        if (!(allowed >> d & 1) || lanes.free_us.empty())
            continue;
        const int64_t begin_us = std::max(*std::ranges::min_element(lanes.free_us), now_us);
        const int64_t rank_here = rank(lanes, begin_us + lanes.service_us, policy);
        if (best && rank_here >= best_rank)
            continue;
        best = d;
        best_rank = rank_here;
        end_us = begin_us + lanes.service_us;
    }
    if (!best)
        return std::nullopt;
    Lanes& taken = devices[*best];
    int64_t& lane = *std::ranges::min_element(taken.free_us);
    const bool starts_now = lane <= now_us;
    lane = std::max(end_us, now_us + 1);
    taken.turn = last_turn + 1;
    return Choice{*best, starts_now, taken.turn};
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
