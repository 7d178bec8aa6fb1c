// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tools/load.h"

#include <string>

namespace infer::tools {

// What came of frames offered at one rate.
struct SweepPoint {
    double offered = 0, done = 0; // frames a second
    double p50_ms = 0, p90_ms = 0, p99_ms = 0;
};

// The curve of latency against throughput: frames at even intervals, from a tenth of `capacity`
// (frames a second) to all of it, `seconds` for each of the points.
Result<std::vector<SweepPoint>> sweep(Executor& executor, std::span<Request> requests,
                                      double capacity, double seconds);

std::string text_of(const std::vector<SweepPoint>& curve); // a table
std::string json_of(const std::vector<SweepPoint>& curve); // an array

} // namespace infer::tools
