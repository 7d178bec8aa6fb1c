// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/failures.h"

#include <utility>

Failures::Say Failures::failed(gint64 now_us) {
    if (++in_a_row_ == most_in_a_row)
        return Error;
    if (has_warned_ && now_us - warned_us_ < pause_us) {
        left_out_++;
        return Nothing;
    }
    has_warned_ = true;
    warned_us_ = now_us;
    return Warning;
}

guint64 Failures::take_left_out() { return std::exchange(left_out_, 0); }
