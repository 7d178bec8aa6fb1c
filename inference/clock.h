// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>

namespace infer {

// Where the flow gets its time from: the machine's monotonic clock, or a test's virtual one.
class Clock {
public:
    virtual ~Clock() = default;
    virtual int64_t now_us() const = 0; // from an arbitrary start; never goes back; thread-safe
};

class MonotonicClock final : public Clock {
public:
    int64_t now_us() const override {
        const auto since = std::chrono::steady_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    }
};

} // namespace infer
