// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session/engine.h"
#include "inference/session/notices.h"

#include <atomic>
#include <memory>

namespace infer {

// What a session is made of, for compiling.
struct Order {
    const SessionConfig& config;
    const SessionParts& parts;
    std::shared_ptr<FlowCounters> counters;
    const std::atomic<bool>& abandoned;
    std::function<void(const Error&)> on_hang; // see EngineOptions
    std::shared_ptr<NoticeBoard> notices;
};

struct Compiled {
    std::unique_ptr<Engine> engine;
    std::map<std::string, std::string> metadata; // the model's own words
    std::map<std::string, Shape> declared;       // Graph::declared
    std::optional<Error> warning;                // what was asked for and is not so
};

// From a model file to an engine that has made one run: load, optimize, compile, make requests,
// warm up. Open heights and widths become those of `picture`; {}: they must not be open. Blocks for
// all of it. Stops between steps once `abandoned` is set (Error::Cancelled).
Result<Compiled> compile(const Order& order, FrameSize picture);

} // namespace infer
