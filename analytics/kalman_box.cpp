// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/kalman_box.h"

#include <algorithm>

namespace infer {
namespace {

constexpr double fps_of_noises = 30;
constexpr double position_share = 1.0 / 20;               // of the height, a frame
constexpr double speed_share = fps_of_noises * 1.0 / 160; // of the height, a second, a frame

std::array<double, 4> coordinates(const BoxRecord& b) {
    return {b.x + b.width / 2, b.y + b.height / 2, b.width, b.height};
}

double square(double v) { return v * v; }

} // namespace

KalmanBox::KalmanBox(const BoxRecord& box) {
    const std::array<double, 4> at = coordinates(box);
    const double height = std::max(1.0, box.height);
    for (size_t i = 0; i < at.size(); i++)
        states_[i] = {at[i], 0, square(2 * position_share * height),
                      square(10 * speed_share * height), 0};
}

void KalmanBox::advance(double seconds) {
    const double height = std::max(1.0, states_[3].value), frames = seconds * fps_of_noises;
    for (State& s : states_) {
        s.value += s.speed * seconds;
        s.value_var += 2 * seconds * s.cov + square(seconds) * s.speed_var +
                       square(position_share * height) * frames;
        s.cov += seconds * s.speed_var;
        s.speed_var += square(speed_share * height) * frames;
    }
}

void KalmanBox::correct(const BoxRecord& seen) {
    const std::array<double, 4> at = coordinates(seen);
    const double noise = square(position_share * std::max(1.0, seen.height));
    for (size_t i = 0; i < at.size(); i++) {
        State& s = states_[i];
        const double off = at[i] - s.value, total = s.value_var + noise;
        const double value_gain = s.value_var / total, speed_gain = s.cov / total;
        s.value += value_gain * off;
        s.speed += speed_gain * off;
        s.speed_var -= speed_gain * s.cov;
        s.cov -= value_gain * s.cov;
        s.value_var -= value_gain * s.value_var;
    }
}

BoxRecord KalmanBox::after(double seconds) const {
    const auto at = [&](size_t i) { return states_[i].value + states_[i].speed * seconds; };
    const double width = std::max(1.0, at(2)), height = std::max(1.0, at(3));
    return {at(0) - width / 2, at(1) - height / 2, width, height};
}

} // namespace infer
