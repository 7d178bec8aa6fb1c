// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "analytics/zones_config.h"
#include "inference/metadata.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace infer {

struct ZoneOptions {
    double width = 0, height = 0;           // of the video
    double margin = 0;                      // pixels: nearer to an edge or line nothing changes
    uint64_t gone_after_ns = 2'000'000'000; // an object that was not seen for longer has left
};

// Where one source's tracked objects are and what they do: zones entered and left, lines crossed.
// An object stands where the middle of its box's lower edge is. Pure: it is told the time, in
// nanoseconds that grow.
class Zones {
public:
    Zones(ZonesConfig config, ZoneOptions options);

    struct Frame {
        std::vector<std::vector<std::string>> zones; // that each object is in
        std::vector<EventRecord> events;
    };
    // Objects without an id are in zones, but make no events and do not count.
    Frame update(uint64_t time_ns, const std::vector<ObjectRecord>& objects);
    // The stream has ended, or begins anew: whoever is in a zone leaves it. Counts of crossings go
    // on.
    std::vector<EventRecord> finish();

private:
    struct Stay {
        uint64_t since_ns;
        bool dwelt = false; // its event has been
    };
    // Which side of a line it was on for certain, and where.
    struct Side {
        int side;
        Point at;
    };
    struct Walker {
        std::string label;
        uint64_t seen_ns = 0;
        std::map<size_t, Stay> stays;               // by zone
        std::map<size_t, Side> sides;               // by line
        std::map<std::string, uint64_t> crossed_ns; // when it crossed a line last
    };
    struct Crossings {
        int64_t forward = 0, backward = 0;
    };

    Point scaled(Point p) const;
    void drop_gone(uint64_t time_ns, std::vector<EventRecord>& events);
    void leave(size_t zone, int64_t id, Walker& walker, std::vector<EventRecord>& events);
    void look_at_zone(size_t zone, int64_t id, Walker& walker, Point at,
                      std::vector<EventRecord>& events);
    void look_at_line(size_t line, int64_t id, Walker& walker, Point at,
                      std::vector<EventRecord>& events);
    void cross(size_t line, int side, int64_t id, Walker& walker, std::vector<EventRecord>& events);
    void look_at_crowds(std::vector<EventRecord>& events);

    ZonesConfig config_; // in pixels of the video
    ZoneOptions options_;
    std::map<int64_t, Walker> walkers_; // by id
    std::vector<int64_t> counts_;       // of each zone
    std::vector<bool> crowded_;
    std::vector<Crossings> crossings_; // of each line
};

} // namespace infer
