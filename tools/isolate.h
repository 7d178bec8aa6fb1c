// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>

namespace infer::tools {

// What became of work done in a process of its own.
struct Isolated {
    bool finished = false; // false: it crashed, or took longer than it may
    std::string text;      // what the work returned, or how it ended
};

// Runs `work` in a child process, so that a crash or a hang of it is its own; waits. What it prints
// goes where this process prints. To be called while this process has only one thread.
Isolated isolate(const std::function<std::string()>& work, double seconds);

} // namespace infer::tools
