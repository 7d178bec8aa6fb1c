// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace demo {

// What the user asked of the demo.
struct Options {
    std::vector<std::string> inputs; // a file or a URI for each source
    std::string model;
    std::string device = "CPU";
    std::string hint = "throughput";
    std::string output = "demo-out"; // folder
    bool display = false;            // a window as well
};

// The options, or what is wrong with them in words.
std::variant<Options, std::string> read_options(const std::vector<std::string>& words);

bool is_uri(const std::string& input); // "rtsp://...", "file:///..."

} // namespace demo
