// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "pipelines/demo_options.h"

#include <string>

namespace demo {

// Files the demo leaves.
std::string video_file(const Options& options); // .mp4, or .mkv where x264enc is not installed
std::string lines_file(const Options& options, size_t source);

// The pipeline as gst-launch-1.0 would take it. Names in it: `gi` the gstinference, `source0...`
// the decoders, `prepare0...` the queues between, `mosaic` the compositor, `encode` the queue
// before the encoder: threads are called after them (see demo_threads.h).
std::string launch_line(const Options& options);

} // namespace demo
