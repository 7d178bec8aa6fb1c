// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/demo_threads.h"

#include <unistd.h>

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

// /proc/self/task/N/stat: "N (name) state ..."; fields 14 and 15 are user and system time in ticks.
bool read_thread(const std::filesystem::path& folder, std::string& name, double& seconds) {
    std::ifstream file(folder / "stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t open = text.find('('), close = text.rfind(')');
    if (close == std::string::npos)
        return false; // it has ended meanwhile
    name = text.substr(open + 1, close - open - 1);
    std::istringstream rest(text.substr(close + 1));
    std::string skipped;
    for (int field = 3; field < 14; field++)
        rest >> skipped;
    double user = 0, system = 0;
    rest >> user >> system;
    seconds = (user + system) / double(sysconf(_SC_CLK_TCK));
    return true;
}

} // namespace

void ThreadTimes::sample() {
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", gone)) {
        const int thread = std::stoi(entry.path().filename());
        std::string name;
        double seconds = 0;
        if (read_thread(entry.path(), name, seconds))
            seen_[thread] = {work_of(name, thread == getpid()), seconds};
    }
}

std::map<std::string, double> ThreadTimes::by_work() const {
    std::map<std::string, double> sums;
    for (const auto& [thread, what] : seen_)
        sums[what.first] += what.second;
    return sums;
}

} // namespace demo
