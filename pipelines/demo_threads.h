// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <string>
#include <utility>

namespace demo {

// CPU time by what a thread is for, told by its name: GStreamer calls a streaming thread
// "element:pad", and threads made by one inherit its name.
class ThreadTimes {
public:
    // Reads all threads of this process. Call now and then: a thread that has ended keeps what it
    // had when last seen.
    void sample();

    // Seconds by kind of work ("decoding", "inference", ...).
    std::map<std::string, double> by_work() const;

private:
    std::map<int, std::pair<std::string, double>> seen_; // thread -> work, seconds
};

} // namespace demo
