// SPDX-License-Identifier: LGPL-2.1-or-later
// The CPU behind a gate: device=GATE gives true results, but only when the test lets them through.
#pragma once

#include "inference/device.h"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace gate {

// Any thread. A closed gate holds what is submitted; opening it lets all of it run.
void close();
void open();
// What is held and what comes next fails, until told otherwise.
void fail(bool failing);
// Waits until this many batches are held.
void wait_for_held(size_t batches);

} // namespace gate
