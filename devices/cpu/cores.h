// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace infer::cpu {

// Cores this process may use: its affinity mask and its cgroup's CPU quota (rounded up), never
// the machine's count. At least 1.
int usable_cores();

// The quota, in cores, that the cgroup files under `root` ("/sys/fs/cgroup") give the cgroup
// `cgroup_text` (content of /proc/self/cgroup) names; 0: none. Versions 1 and 2.
double cgroup_quota(const std::string& root, const std::string& cgroup_text);

std::string processor_name(); // as /proc/cpuinfo has it; "CPU" if it does not say

} // namespace infer::cpu
