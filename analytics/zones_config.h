// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace infer {

struct Point {
    double x = 0, y = 0;
};

struct ZoneDef {
    std::string name;
    std::vector<Point> points;       // of the polygon, three or more
    std::vector<std::string> labels; // which objects count; empty: all
    double dwell_s = 0;              // an event after so long inside; 0: none
    int crowd = 0;                   // an event from so many inside on; 0: none
};

// Whoever looks from `from` to `to` sees what crosses forward come from the left.
struct LineDef {
    std::string name;
    Point from, to;
    std::vector<std::string> labels;
    std::string forward = "forward", backward = "backward"; // what the directions are called
};

// Two lines whose distance is known: from crossing one to crossing the other, either way.
struct SpeedDef {
    std::string name, from, to; // names of lines
    double distance = 0;        // speeds are in its unit a second
};

// Positions are pixels of a picture of this size; 0: of the video itself; 1 and 1: fractions.
struct ZonesConfig {
    double width = 0, height = 0;
    std::vector<ZoneDef> zones;
    std::vector<LineDef> lines;
    std::vector<SpeedDef> speeds;
};

// Errors name the key and what would be right; `where` names the text.
Result<ZonesConfig> read_zones_config(std::string_view json, const std::string& where);

} // namespace infer
