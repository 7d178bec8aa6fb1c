// SPDX-License-Identifier: LGPL-2.1-or-later
// What quantising a model came to: for people, for programs, and as a picture.
#pragma once

#include "tools/quantizing/search.h"

#include <string>

namespace infer::tools {

struct Report {
    std::string model, output;
    size_t calibrated = 0, judged = 0; // frames
    double max_drop = 0;
    double ms = 0; // of the written file
    int64_t dead_channels = 0; // that were taken out
    const Found& found;
};

std::string text_of(const Report& report);
std::string table_of(std::span<const Point> points); // the part of it about what was tried
std::string json_of(const Report& report);           // one line
std::string plot_of(const Report& report);           // SVG: frames a second against agreement

} // namespace infer::tools
