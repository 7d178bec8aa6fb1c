// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "pipelines/demo_count.h"
#include "pipelines/demo_options.h"
#include "pipelines/demo_threads.h"

namespace demo {

// One line of progress: frames a second since the last one, in all and by source.
void print_progress(const std::vector<Counts>& before, const std::vector<Counts>& now,
                    double seconds, double since_start);

// What came of it all. Returns whether every frame came through: as many left as entered, none
// failed, and each has its line of JSON.
bool print_report(const Options& options, const std::vector<Counts>& counts,
                  const ThreadTimes& threads, double seconds);

} // namespace demo
