// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

// What the bus hears of one source's failed frames: not each of them, and an error when they do not end. Pure;
// it is told the time.
class Failures {
public:
    static constexpr guint most_in_a_row = 50;
    static constexpr gint64 pause_us = G_USEC_PER_SEC; // between two warnings

    enum Say { Nothing, Warning, Error };
    Say failed(gint64 now_us);
    void worked() { in_a_row_ = 0; }
    // How many have failed since the last warning that it does not tell of; the next starts at none.
    guint64 take_left_out();

private:
    guint in_a_row_ = 0;
    guint64 left_out_ = 0;
    bool has_warned_ = false;
    gint64 warned_us_ = 0;
};
