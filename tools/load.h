// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"

#include <vector>

namespace infer::tools {

// What a time of load came to.
struct Measured {
    std::vector<double> latency_ms; // one a request, sorted
    double elapsed_s = 0;
    double cpu_s = 0;  // user and system time of the process meanwhile
    uint64_t late = 0; // open loop: requests that were due and were not sent in time

    // 0..1 of the sorted latencies.
    double percentile(double fraction) const;
};

// Submits and waits; the outputs are valid afterwards.
Result<void> run_once(Executor& executor, Request& request);

// One request at a time, from this thread: submit, wait, again.
Result<Measured> one_at_a_time(Executor& executor, Request& request, double seconds);

// All requests in flight all the time: each is submitted again from its own `done`.
Result<Measured> keep_in_flight(Executor& executor, std::span<Request> requests, double seconds);

// Open loop: a request is due every `interval_s`, whether the earlier ones are done or not. Its
// latency counts from when it was due, so waiting for a free request shows.
Result<Measured> at_intervals(Executor& executor, std::span<Request> requests, double seconds,
                              double interval_s);

} // namespace infer::tools
