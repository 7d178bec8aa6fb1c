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

// "0-3,8": processor numbers.
std::vector<int> read_list(const std::string& path) {
    std::istringstream text(read_text(path));
    std::vector<int> numbers;
    for (int first = 0; text >> first; text.ignore()) {
        int last = first;
        if (text.peek() == '-') {
            text.ignore();
            text >> last;
        }
        for (int n = first; n <= last; n++)
            numbers.push_back(n);
    }
    return numbers;
}

std::vector<int> common(const std::vector<int>& a, const std::vector<int>& b) {
    std::vector<int> both;
    for (const int n : a)
        if (std::ranges::find(b, n) != b.end())
            both.push_back(n);
    return both;
}

// The first of each core's processors.
std::vector<int> one_a_core(const std::string& root, const std::vector<int>& processors) {
    std::vector<int> first;
    for (const int n : processors) {
        const auto siblings = read_list(root + "/system/cpu/cpu" + std::to_string(n) +
                                        "/topology/thread_siblings_list");
        if (common(first, siblings).empty())
            first.push_back(n);
    }
    return first;
}

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

std::vector<int> allowed_processors() {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    std::vector<int> numbers;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0)
        for (int n = 0; n < CPU_SETSIZE; n++)
            if (CPU_ISSET(n, &mask))
                numbers.push_back(n);
    return numbers;
}

int usable_cores() {
    int cores = int(allowed_processors().size());
    const double quota = cgroup_quota("/sys/fs/cgroup", read_text("/proc/self/cgroup"));
    if (quota > 0)
        cores = std::min(cores, int(std::ceil(quota)));
    return std::max(cores, 1);
}

CoreMap core_map(const std::string& root, const std::vector<int>& allowed) {
    CoreMap map;
    for (const int node : read_list(root + "/system/node/online"))
        if (auto here = common(
                allowed, read_list(root + "/system/node/node" + std::to_string(node) + "/cpulist"));
            !here.empty())
            map.nodes.push_back(std::move(here));
    if (map.nodes.empty())
        map.nodes = {allowed};
    const std::vector<int> fast =
        read_list(root + "/cpu_core/cpus"); // beside cpu_atom, where there are two kinds
    for (const auto& node : map.nodes) {
        const std::vector<int> fast_here = common(node, fast);
        auto cores = one_a_core(root, fast_here.empty() ? node : fast_here);
        if (cores.size() > map.near.size())
            map.near = std::move(cores);
    }
    return map;
}

const CoreMap& core_map() {
    static const CoreMap map = core_map("/sys/devices", allowed_processors());
    return map;
}

void stay_on(const std::vector<int>& processors) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    for (const int n : processors)
        CPU_SET(n, &mask);
    sched_setaffinity(0, sizeof mask, &mask);
}

std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name") && line.find(": ") != std::string::npos)
            return line.substr(line.find(": ") + 2);
    return "CPU";
}

} // namespace infer::cpu
