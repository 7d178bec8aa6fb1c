// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/clock.h"
#include "inference/device_choice.h"
#include "inference/model.h"
#include "inference/session.h"

#include <functional>
#include <memory>
#include <span>

namespace infer {

// Writes one frame into one row of a request: `row` holds a view [1, ...] for each model input.
// Where the region lies in the model's input comes back. Called on the source's streaming thread,
// by one thread at a time, under no lock.
using Fill = std::function<Result<Placement>(const FrameView& frame, const Processing& how,
                                             std::span<const TensorView> row)>;

// What a session is built from: what this build has, or a test's own.
struct SessionParts {
    const DeviceDef* (*find_device)(std::string_view) = nullptr;
    std::span<const DeviceDef* const> (*all_devices)() = nullptr;
    Result<std::string> (*content_hash)(const std::string& path) = nullptr;
    Result<Graph> (*load)(const std::string& path, const LoadOptions&) = nullptr; // and optimize
    Fill (*make_fill)(std::span<const InputFormat> inputs) = nullptr;             // once a source
    // nullptr: the monotonic clock, and a timer thread for deadlines. Else nobody looks at it
    // between calls: tick() says that it has moved on.
    const Clock* clock = nullptr;

    DeviceTable devices() const { return {find_device, all_devices}; }
};

// Session::open() with given parts.
Result<std::shared_ptr<Session>> open_session(const SessionConfig& config,
                                              const SessionParts& parts);

// For tests on a clock of their own.
void tick(Session& session);
int free_rows(const Session& session); // rows that push() would find at once; 0 before ready
int waiting(const Session& session);   // sources in line for a row

} // namespace infer
