// SPDX-License-Identifier: LGPL-2.1-or-later
// Media for those who do not know GStreamer: what the command line reaches of it.
#pragma once

#include "inference/result.h"

#include <functional>
#include <string>

namespace infer {

// What a run says while it goes; called on the caller's thread.
struct PlayListener {
    std::function<void(const std::string&)> verdict; // of an inferenceassert, good or bad
    std::function<void(const std::string&)> warning, error;
};

// Runs a GStreamer launch string to its end, its first error, or Ctrl-C (which ends its sources).
// True: it came to its end without error and every verdict was good. An Error: it is no pipeline.
Result<bool> play(const std::string& launch, const PlayListener& listener);

} // namespace infer
