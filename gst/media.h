// SPDX-License-Identifier: LGPL-2.1-or-later
// Media for those who do not know GStreamer: what the command line reaches of it.
#pragma once

#include "inference/frame.h"
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

// Takes one picture; false: no more are wanted.
using TakeFrame = std::function<Result<bool>(const FrameView&)>;

// Gives the pictures of a file or URI, as fast as they are taken, on the caller's thread; `stopped`
// is asked at least every tenth of a second and ends it.
Result<void> read_frames(const std::string& media, const TakeFrame& take,
                         const std::function<bool()>& stopped);

} // namespace infer
