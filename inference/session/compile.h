// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session/engine.h"

#include <atomic>
#include <memory>

namespace infer {

// From a model file to an engine that has made one run: load, optimize, compile, make requests,
// warm up. Blocks for all of it. Stops between steps once `abandoned` is set (Error::Cancelled).
Result<std::unique_ptr<Engine>> compile(const SessionConfig& config, const SessionParts& parts,
                                        const std::atomic<bool>& abandoned);

// The DeviceDef's name in what users write: "GPU" of "GPU.1", "MULTI" of "MULTI:GPU,CPU".
std::string_view device_kind(std::string_view device);

} // namespace infer
