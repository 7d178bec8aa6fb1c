// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/latency_limit.h"

#include <algorithm>

namespace infer {

std::string_view name_of(Binds binds) {
    switch (binds) {
    case Binds::Nothing:
        return "nothing";
    case Binds::Device:
        return "device";
    case Binds::Limit:
        return "latency-limit";
    case Binds::Unreachable:
        return "unreachable";
    }
    return "";
}

int LatencyLimit::add(int64_t latency_us, bool pressed, int64_t limit_us, int64_t now_us) {
    const std::lock_guard lock(mutex_);
    if (limit_us != limit_us_) { // another goal: what was learned does not hold for it
        limit_us_ = limit_us;
        window_ = most_;
        too_much_ = 0;
        began_us_ = -1;
        last_ = {};
    }
    if (limit_us <= 0)
        return window_;
    if (began_us_ < 0) {
        began_us_ = now_us;
        pressed_ = false;
        latency_us_.clear();
    }
    latency_us_.push_back(latency_us);
    pressed_ |= pressed;
    const int64_t passed_us = now_us - began_us_;
    if ((latency_us_.size() >= frames_a_period && passed_us >= period_us) ||
        passed_us >= longest_us) {
        judge(limit_us, now_us);
        began_us_ = -1;
    }
    return window_;
}

void LatencyLimit::judge(int64_t limit_us, int64_t now_us) {
    const size_t rank = (latency_us_.size() * 99 + 99) / 100 - 1;
    std::ranges::nth_element(latency_us_, latency_us_.begin() + ptrdiff_t(rank));
    const double p99 = double(latency_us_[rank]), limit = double(limit_us);
    last_.p99_us = p99;
    if (p99 > limit) {
        last_.binds = window_ > least_ ? Binds::Limit : Binds::Unreachable;
        too_much_ = std::max(window_, least_ + 1);
        retry_at_ = now_us + retry_us;
        window_ =
            std::clamp(int(window_ * 0.95 * limit / p99), least_, std::max(least_, window_ - 1));
        return;
    }
    last_.binds = !pressed_ ? Binds::Nothing : window_ < most_ ? Binds::Limit : Binds::Device;
    if (now_us >= retry_at_)
        too_much_ = 0;
    const double foreseen = p99 * (window_ + 1) / window_;
    const bool is_known_to_fail = too_much_ > 0 && window_ + 1 >= too_much_;
    if (pressed_ && window_ < most_ && foreseen <= limit && !is_known_to_fail)
        window_++;
}

LatencyLimit::State LatencyLimit::state() const {
    const std::lock_guard lock(mutex_);
    State state = last_;
    state.window = window_;
    return state;
}

} // namespace infer
