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
// While it clings, a gate's end waits for ever: a driver that does not come back.
void cling(bool clings);
int executors(); // that live: one a loaded model
// Waits until every executor has gone.
void wait_until_gone();
// Waits until this many batches are held.
void wait_for_held(size_t batches);

} // namespace gate
