// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/metadata.h"

#include <array>

namespace infer {

// Where a box is and how it moves: a Kalman filter of constant velocity over centre, width and
// height. As all its noises are diagonal, it is four filters of two states each. The noises are
// those of SORT and its successors (a share of the height, for 30 frames a second), as densities
// over time, so that it holds at any frame rate.
class KalmanBox {
public:
    explicit KalmanBox(const BoxRecord& box);

    void advance(double seconds);
    void correct(const BoxRecord& seen);   // where it is now
    BoxRecord after(double seconds) const; // what advance() would give

private:
    struct State {
        double value, speed = 0; // pixels, pixels a second
        double value_var = 0, speed_var = 0, cov = 0;
    };
    std::array<State, 4> states_; // centre x, centre y, width, height
};

} // namespace infer
