// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace infer::multi {

// Which of several devices serves: the one that would finish first, the first there is, or each in
// turn.
enum class Policy { Fastest, First, InTurn };

// One device as a plan sees it. A plan takes lanes for requests that wait, in the order they came.
struct Lanes {
    std::vector<int64_t> free_us; // when each gets free; not after now: it is free. Empty: no use
    int64_t service_us = 0;       // of a request
    uint64_t turn = 0;            // that it had last, of all devices' turns
};

struct Choice {
    size_t device = 0;
    bool starts_now = false; // on a lane that is free; else it waits for that device
    uint64_t turn = 0;
};

// The device for the next request in line, of those whose bit in `allowed` is set, and its lane
// taken. Of two that would finish at once the first in order. nullopt: none may serve it.
std::optional<Choice> choose(std::span<Lanes> devices, uint64_t allowed, Policy policy,
                             int64_t now_us);

// When a lane gets free that began a request at `begun_us`: in as long as it lasts, or, if it has
// lasted longer, in as long again as it is late. So nobody waits for long for a device that got
// slow.
int64_t free_at(int64_t begun_us, int64_t service_us, int64_t now_us);

// How long a device takes for a request, from what it took so far.
class ServiceTime {
public:
    void guess(int64_t us) { us_ = us, is_guess_ = true; }
    void add(int64_t us); // measured: takes the place of a guess, and weighs an eighth after that
    void forget_half() { guess(us_ / 2); }
    int64_t us() const { return us_; }

private:
    int64_t us_ = 0;
    bool is_guess_ = true;
};

} // namespace infer::multi
