// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace infer::cpu {

// Cores this process may use: its affinity mask and its cgroup's CPU quota (rounded up), never
// the machine's count. At least 1.
int usable_cores();

// The quota, in cores, that the cgroup files under `root` ("/sys/fs/cgroup") give the cgroup
// `cgroup_text` (content of /proc/self/cgroup) names; 0: none. Versions 1 and 2.
double cgroup_quota(const std::string& root, const std::string& cgroup_text);

// Where cores lie, by processor number.
struct CoreMap {
    // What one request is best spread over: one thread a core where cores have several, the fast
    // ones where there are two kinds, all on the memory node that has the most of them.
    std::vector<int> near;
    std::vector<std::vector<int>> nodes; // memory nodes, each with its processors
};
// Of the `allowed` processors, as the files under `root` ("/sys/devices") have it. What is not said
// there is taken as even.
CoreMap core_map(const std::string& root, const std::vector<int>& allowed);
const CoreMap& core_map(); // of this process, as it was when first asked for

std::vector<int> allowed_processors(); // by this thread's affinity mask
// Keeps the calling thread on these processors.
void stay_on(const std::vector<int>& processors);

std::string processor_name(); // as /proc/cpuinfo has it; "CPU" if it does not say

} // namespace infer::cpu
