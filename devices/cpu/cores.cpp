// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

namespace infer::cpu {
namespace {

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

double smaller(double a, double b) { return a <= 0 ? b : b <= 0 ? a : std::min(a, b); }

// "max 100000" or "150000 100000": quota and period in microseconds.
double quota_v2(const std::string& folder) {
    std::istringstream text(read_text(folder + "/cpu.max"));
    double quota = 0, period = 0;
    return text >> quota >> period && period > 0 ? quota / period : 0;
}

double quota_v1(const std::string& folder) {
    std::istringstream quota_text(read_text(folder + "/cpu.cfs_quota_us"));
    std::istringstream period_text(read_text(folder + "/cpu.cfs_period_us"));
    double quota = 0, period = 0;
    return quota_text >> quota && period_text >> period && quota > 0 && period > 0 ? quota / period
                                                                                   : 0;
}

// The limit of every level counts; inside a container the path may not be visible, but its root is.
double smallest_up(const std::string& root, std::string path, double (*quota)(const std::string&)) {
    double least = quota(root);
    while (!path.empty() && path != "/") {
        least = smaller(least, quota(root + path));
        path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
    return least;
}

} // namespace

double cgroup_quota(const std::string& root, const std::string& cgroup_text) {
    double least = 0;
    std::istringstream lines(cgroup_text);
    for (std::string line; std::getline(lines, line);) { // "ID:controllers:path"
        const size_t first = line.find(':');
        const size_t second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos)
            continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const std::string path = line.substr(second + 1);
        if (controllers == ",,")
            least = smaller(least, smallest_up(root, path, quota_v2));
        else if (controllers.find(",cpu,") != std::string::npos)
            for (const char* folder : {"/cpu", "/cpu,cpuacct"})
                least = smaller(least, smallest_up(root + folder, path, quota_v1));
    }
    return least;
}

int usable_cores() {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    int cores = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
    const double quota = cgroup_quota("/sys/fs/cgroup", read_text("/proc/self/cgroup"));
    if (quota > 0)
        cores = std::min(cores, int(std::ceil(quota)));
    return std::max(cores, 1);
}

std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name") && line.find(": ") != std::string::npos)
            return line.substr(line.find(": ") + 2);
    return "CPU";
}

} // namespace infer::cpu
