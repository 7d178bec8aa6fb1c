// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rate.h"

#include <algorithm>

void Rate::count(int64_t now_us) {
    if (first_us_ < 0)
        first_us_ = now_us;
    const int64_t number = now_us / slot_us;
    Slot& slot = slots_[size_t(number % slots)];
    if (slot.number != number)
        slot = {number, 0};
    slot.count++;
}

double Rate::per_second(int64_t now_us) const {
    const int64_t number = now_us / slot_us;
    uint64_t count = 0;
    for (const Slot& slot : slots_)
        if (slot.number > number - slots)
            count += slot.count;
    const int64_t begun_us = std::max(first_us_, (number - slots + 1) * slot_us);
    if (count == 0 || now_us <= begun_us)
        return 0;
    return double(count) * 1e6 / double(now_us - begun_us);
}
