// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>

// How often something happens, over the last seconds. Pure: it is told the time; not thread-safe.
class Rate {
public:
    static constexpr int64_t slot_us = 250'000;
    static constexpr int slots = 16;

    void count(int64_t now_us);
    double per_second(int64_t now_us) const;

private:
    struct Slot {
        int64_t number = -1; // time / slot_us
        uint64_t count = 0;
    };
    std::array<Slot, slots> slots_{};
    int64_t first_us_ = -1;
};
