// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/demo_threads.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace demo {
namespace {

// Beginnings of thread names, as launch_line() names its elements. What is none of these is a
// decoder's or demuxer's.
constexpr std::pair<const char*, const char*> works[] = {
    {"prepare", "pre-processing"},
    {"gi:", "JSON lines and drawing"},
    {"mosaic:", "composing the picture"},
    {"encode:", "encoding it"},
    {"picture", "showing it"},
};

std::string work_of(const std::string& name, bool is_main) {
    if (is_main)
        return "everything else";
    for (const auto& [beginning, work] : works)
        if (name.starts_with(beginning))
            return work;
    return name.find(':') == std::string::npos ? "inference" : "reading and decoding";
}

// /proc/self/task/N/schedstat begins with the time on a CPU in nanoseconds. Where the kernel has
// none, /proc/self/task/N/stat has it in ticks: "N (name) state ...", user and system time in
// fields 14 and 15.
double seconds_of(const std::filesystem::path& folder) {
    if (double nanoseconds = 0; std::ifstream(folder / "schedstat") >> nanoseconds)
        return nanoseconds * 1e-9;
    std::ifstream file(folder / "stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 1)));
    std::string skipped;
    for (int field = 3; field < 14; field++)
        rest >> skipped;
    double user = 0, system = 0;
    rest >> user >> system;
    return (user + system) / double(sysconf(_SC_CLK_TCK));
}

} // namespace

void ThreadTimes::sample() {
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", gone)) {
        const int thread = std::stoi(entry.path().filename());
        std::string name;
        if (std::getline(std::ifstream(entry.path() / "comm"), name)) // else it has ended meanwhile
            seen_[thread] = {work_of(name, thread == getpid()), seconds_of(entry.path())};
    }
}

std::map<std::string, double> ThreadTimes::by_work() const {
    std::map<std::string, double> sums;
    for (const auto& [thread, what] : seen_)
        sums[what.first] += what.second;
    return sums;
}

} // namespace demo
