// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/zones.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer {
namespace {

bool counts(const std::vector<std::string>& labels, const std::string& label) {
    return labels.empty() || std::ranges::find(labels, label) != labels.end();
}

// Twice the area of the triangle; above 0: c is on one side of a-b, below: on the other.
double cross_product(Point a, Point b, Point c) {
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

double distance_to_segment(Point p, Point a, Point b) {
    const double dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy;
    const double along =
        square > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / square, 0.0, 1.0) : 0;
    return std::hypot(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

// Even-odd rule: a ray to the right passes an odd number of edges.
bool is_inside(const std::vector<Point>& polygon, Point p) {
    bool inside = false;
    for (size_t i = 0, before = polygon.size() - 1; i < polygon.size(); before = i++) {
        const Point a = polygon[before], b = polygon[i];
        if ((a.y > p.y) != (b.y > p.y) && p.x < a.x + (b.x - a.x) * (p.y - a.y) / (b.y - a.y))
            inside = !inside;
    }
    return inside;
}

double distance_to_edges(const std::vector<Point>& polygon, Point p) {
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0, before = polygon.size() - 1; i < polygon.size(); before = i++)
        least = std::min(least, distance_to_segment(p, polygon[before], polygon[i]));
    return least;
}

// The way from a to b passes the line between its ends.
bool passes(Point a, Point b, const LineDef& line) {
    const double from = cross_product(a, b, line.from), to = cross_product(a, b, line.to);
    return (from <= 0 && to >= 0) || (from >= 0 && to <= 0);
}

EventRecord event_of(const char* type, const std::string& zone, int64_t id,
                     const std::string& label) {
    EventRecord e;
    e.type = type;
    e.zone = zone;
    e.id = id;
    e.label = label;
    return e;
}

double seconds(uint64_t from_ns, uint64_t to_ns) { return double(to_ns - from_ns) / 1e9; }

} // namespace

Zones::Zones(ZonesConfig config, ZoneOptions options)
    : config_(std::move(config)), options_(options), counts_(config_.zones.size()),
      crowded_(config_.zones.size()), crossings_(config_.lines.size()) {
    for (ZoneDef& z : config_.zones)
        std::ranges::transform(z.points, z.points.begin(), [&](Point p) { return scaled(p); });
    for (LineDef& l : config_.lines)
        l.from = scaled(l.from), l.to = scaled(l.to);
}

Point Zones::scaled(Point p) const {
    if (config_.width <= 0)
        return p;
    return {p.x * options_.width / config_.width, p.y * options_.height / config_.height};
}

Zones::Frame Zones::update(uint64_t time_ns, const std::vector<ObjectRecord>& objects) {
    Frame frame;
    drop_gone(time_ns, frame.events);
    for (const ObjectRecord& o : objects) {
        const Point at = {o.box.x + o.box.width / 2, o.box.y + o.box.height};
        Walker nobody;
        const int64_t id = o.id.value_or(0);
        Walker& walker = id > 0 ? walkers_[id] : nobody;
        walker.label = o.label;
        walker.seen_ns = time_ns;
        std::vector<std::string>& names = frame.zones.emplace_back();
        for (size_t z = 0; z < config_.zones.size(); z++) {
            const ZoneDef& zone = config_.zones[z];
            if (!counts(zone.labels, o.label))
                continue;
            if (id > 0)
                look_at_zone(z, id, walker, at, frame.events);
            if (id > 0 ? walker.stays.contains(z) : is_inside(zone.points, at))
                names.push_back(zone.name);
        }
        for (size_t l = 0; id > 0 && l < config_.lines.size(); l++)
            if (counts(config_.lines[l].labels, o.label))
                look_at_line(l, id, walker, at, frame.events);
    }
    look_at_crowds(frame.events);
    return frame;
}

std::vector<EventRecord> Zones::finish() {
    std::vector<EventRecord> events;
    for (auto& [id, walker] : walkers_)
        while (!walker.stays.empty())
            leave(walker.stays.begin()->first, id, walker, events);
    walkers_.clear();
    look_at_crowds(events);
    return events;
}

void Zones::drop_gone(uint64_t time_ns, std::vector<EventRecord>& events) {
    for (auto at = walkers_.begin(); at != walkers_.end();) {
        Walker& walker = at->second;
        if (time_ns < walker.seen_ns || time_ns - walker.seen_ns <= options_.gone_after_ns) {
            ++at;
            continue;
        }
        while (!walker.stays.empty())
            leave(walker.stays.begin()->first, at->first, walker, events);
        at = walkers_.erase(at);
    }
}

void Zones::leave(size_t zone, int64_t id, Walker& walker, std::vector<EventRecord>& events) {
    EventRecord e = event_of("exit", config_.zones[zone].name, id, walker.label);
    e.seconds = seconds(walker.stays.at(zone).since_ns, walker.seen_ns);
    e.count = --counts_[zone];
    walker.stays.erase(zone);
    events.push_back(e);
}

void Zones::look_at_zone(size_t z, int64_t id, Walker& walker, Point at,
                         std::vector<EventRecord>& events) {
    const ZoneDef& zone = config_.zones[z];
    const auto stay = walker.stays.find(z);
    const bool was_inside = stay != walker.stays.end(), inside = is_inside(zone.points, at);
    if (inside != was_inside && distance_to_edges(zone.points, at) >= options_.margin) {
        if (was_inside)
            return leave(z, id, walker, events);
        walker.stays[z] = {walker.seen_ns};
        EventRecord e = event_of("enter", zone.name, id, walker.label);
        e.count = ++counts_[z];
        events.push_back(e);
    } else if (was_inside && zone.dwell_s > 0 && !stay->second.dwelt &&
               seconds(stay->second.since_ns, walker.seen_ns) >= zone.dwell_s) {
        stay->second.dwelt = true;
        EventRecord e = event_of("dwell", zone.name, id, walker.label);
        e.seconds = seconds(stay->second.since_ns, walker.seen_ns);
        events.push_back(e);
    }
}

// Whoever is too near to the line is on neither side: only when it is clear of it again, the way
// from the last clear point counts. So jitter and standing on the line are no crossings, and
// jumping over it is one.
void Zones::look_at_line(size_t l, int64_t id, Walker& walker, Point at,
                         std::vector<EventRecord>& events) {
    const LineDef& line = config_.lines[l];
    const double length = std::hypot(line.to.x - line.from.x, line.to.y - line.from.y);
    const double off = cross_product(line.from, line.to, at) / length;
    if (off == 0 || std::abs(off) < options_.margin)
        return;
    const int side = off > 0 ? 1 : -1;
    const auto last = walker.sides.find(l);
    if (last != walker.sides.end() && last->second.side != side &&
        passes(last->second.at, at, line))
        cross(l, side, id, walker, events);
    walker.sides[l] = {side, at};
}

void Zones::cross(size_t l, int side, int64_t id, Walker& walker,
                  std::vector<EventRecord>& events) {
    const LineDef& line = config_.lines[l];
    EventRecord e = event_of("cross", line.name, id, walker.label);
    e.direction = side > 0 ? line.forward : line.backward;
    e.count = side > 0 ? ++crossings_[l].forward : ++crossings_[l].backward;
    events.push_back(e);
    for (const SpeedDef& speed : config_.speeds) {
        if (speed.from != line.name && speed.to != line.name)
            continue;
        const auto other = walker.crossed_ns.find(speed.from == line.name ? speed.to : speed.from);
        if (other == walker.crossed_ns.end() || other->second >= walker.seen_ns)
            continue;
        EventRecord measured = event_of("speed", speed.name, id, walker.label);
        measured.seconds = seconds(other->second, walker.seen_ns);
        measured.speed = speed.distance / *measured.seconds;
        events.push_back(measured);
    }
    walker.crossed_ns[line.name] = walker.seen_ns;
}

void Zones::look_at_crowds(std::vector<EventRecord>& events) {
    for (size_t z = 0; z < config_.zones.size(); z++) {
        const ZoneDef& zone = config_.zones[z];
        const bool crowded = zone.crowd > 0 && counts_[z] >= zone.crowd;
        if (crowded == crowded_[z])
            continue;
        crowded_[z] = crowded;
        EventRecord e;
        e.type = crowded ? "crowd" : "crowd-end";
        e.zone = zone.name;
        e.count = counts_[z];
        events.push_back(e);
    }
}

} // namespace infer
