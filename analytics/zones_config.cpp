// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/zones_config.h"

#include "inference/formats/json_read.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace infer {
namespace {

bool is_point(const nlohmann::json& j) {
    return j.is_array() && j.size() == 2 && j[0].is_number() && j[1].is_number() &&
           std::isfinite(j[0].get<double>()) && std::isfinite(j[1].get<double>());
}

Point point_of(const nlohmann::json& j) { return {j[0].get<double>(), j[1].get<double>()}; }

// Complains where it is missing too.
std::string needed_text(JsonReader& at, const char* key) {
    const std::string text = at.text(key);
    if (text.empty())
        at.complain(key, at.find(key) ? *at.find(key) : nlohmann::json(), "a text in quotes");
    return text;
}

Point needed_point(JsonReader& at, const char* key) {
    const nlohmann::json* found = at.find(key);
    if (found && is_point(*found))
        return point_of(*found);
    at.complain(key, found ? *found : nlohmann::json(), "a point, as [120, 40]");
    return {};
}

ZoneDef read_zone(JsonReader at) {
    at.only({"name", "points", "labels", "dwell", "crowd"});
    ZoneDef zone;
    zone.name = needed_text(at, "name");
    const nlohmann::json* points = at.find("points");
    if (points && points->is_array() && points->size() >= 3 &&
        std::ranges::all_of(*points, is_point))
        for (const nlohmann::json& p : *points)
            zone.points.push_back(point_of(p));
    else
        at.complain("points", points ? *points : nlohmann::json(),
                    "three points or more, as [[0, 0], [100, 0], [100, 80]]");
    zone.labels = at.texts("labels");
    zone.dwell_s = at.number("dwell").value_or(0);
    zone.crowd = at.integer<int>("crowd").value_or(0);
    if (zone.dwell_s < 0 || zone.crowd < 0)
        at.refuse("zone '" + zone.name + "': `dwell` and `crowd` must not be negative");
    return zone;
}

LineDef read_line(JsonReader at) {
    at.only({"name", "from", "to", "labels", "forward", "backward"});
    LineDef line;
    line.name = needed_text(at, "name");
    line.from = needed_point(at, "from");
    line.to = needed_point(at, "to");
    if (line.from.x == line.to.x && line.from.y == line.to.y)
        at.refuse("line '" + line.name + "' begins where it ends");
    line.labels = at.texts("labels");
    if (at.find("forward"))
        line.forward = needed_text(at, "forward");
    if (at.find("backward"))
        line.backward = needed_text(at, "backward");
    return line;
}

SpeedDef read_speed(JsonReader at) {
    at.only({"name", "from", "to", "distance"});
    SpeedDef speed;
    speed.name = needed_text(at, "name");
    speed.from = needed_text(at, "from");
    speed.to = needed_text(at, "to");
    speed.distance = at.number("distance").value_or(0);
    if (!(speed.distance > 0))
        at.refuse("speed '" + speed.name + "': `distance` must be above 0");
    return speed;
}

// Names meet in events, so each is there once; speeds name lines that there are.
void check_names(const ZonesConfig& config, JsonReader& at) {
    std::set<std::string> names, lines;
    const auto take = [&](const std::string& name) {
        if (!names.insert(name).second)
            at.refuse("the name '" + name + "' is there twice");
    };
    for (const ZoneDef& z : config.zones)
        take(z.name);
    for (const LineDef& l : config.lines)
        take(l.name), lines.insert(l.name);
    for (const SpeedDef& s : config.speeds) {
        take(s.name);
        if (!lines.contains(s.from) || !lines.contains(s.to) || s.from == s.to)
            at.refuse("speed '" + s.name + "': `from` and `to` must be names of two of the lines");
    }
    if (names.empty())
        at.refuse("has neither zones nor lines");
}

} // namespace

Result<ZonesConfig> read_zones_config(std::string_view text, const std::string& where) {
    const Result<nlohmann::json> json = parse_json(text, where);
    if (!json.ok())
        return json.error();
    JsonErrors errors{where, {}};
    JsonReader at(json.value(), "", errors);
    at.only({"width", "height", "zones", "lines", "speeds"});
    ZonesConfig config;
    config.width = at.number("width").value_or(0);
    config.height = at.number("height").value_or(0);
    if (config.width < 0 || config.height < 0 || (config.width > 0) != (config.height > 0))
        at.refuse("`width` and `height` must both be above 0, or both be left out");
    config.zones = at.objects<ZoneDef>("zones", read_zone);
    config.lines = at.objects<LineDef>("lines", read_line);
    config.speeds = at.objects<SpeedDef>("speeds", read_speed);
    if (!errors.first)
        check_names(config, at);
    if (errors.first)
        return *errors.first;
    return config;
}

} // namespace infer
