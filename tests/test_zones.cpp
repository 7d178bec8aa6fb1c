// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/zones.h"

#include <gtest/gtest.h>

using namespace infer;

namespace {

constexpr uint64_t second = 1'000'000'000;

// A box that stands at this point.
ObjectRecord standing_at(double x, double y, int64_t id = 1, const char* label = "person") {
    ObjectRecord o;
    o.label = label;
    if (id > 0)
        o.id = id;
    o.box = {x - 10, y - 40, 20, 40};
    return o;
}

constexpr char door[] =
    R"({"zones": [{"name": "door", "points": [[100, 100], [200, 100], [200, 200], [100, 200]]}]})";
// From the left to the right: forward is downwards.
constexpr char gate[] =
    R"({"lines": [{"name": "gate", "from": [100, 100], "to": [200, 100], "forward": "in", "backward": "out"}]})";

Zones zones_of(const char* json, double margin = 5) {
    ZoneOptions options;
    options.width = 640, options.height = 480;
    options.margin = margin;
    return Zones(read_zones_config(json, "test").value(), options);
}

std::string text_of(const std::vector<EventRecord>& events) {
    std::string text;
    for (const EventRecord& e : events)
        text +=
            (text.empty() ? "" : ", ") + e.type + (e.direction.empty() ? "" : " " + e.direction);
    return text;
}

// All events of one walker who stands at each point for a tenth of a second.
std::string events_on(Zones& zones, const std::vector<Point>& way) {
    std::vector<EventRecord> all;
    for (size_t k = 0; k < way.size(); k++) {
        const auto frame = zones.update(k * second / 10, {standing_at(way[k].x, way[k].y)});
        all.insert(all.end(), frame.events.begin(), frame.events.end());
    }
    return text_of(all);
}

} // namespace

TEST(Zones, ways_through_a_zone) {
    const struct {
        const char* what;
        std::vector<Point> way;
        const char* events;
    } cases[] = {
        {"in and out", {{50, 150}, {150, 150}, {250, 150}}, "enter, exit"},
        {"begins inside", {{150, 150}}, "enter"},
        {"touches the edge", {{50, 150}, {100, 150}, {50, 150}}, ""},
        {"jitters on the edge", {{98, 150}, {102, 150}, {97, 150}, {103, 150}}, ""},
        {"jitters out and in", {{150, 150}, {98, 150}, {102, 150}, {96, 150}, {104, 150}}, "enter"},
        {"goes past", {{50, 50}, {250, 50}}, ""},
        {"goes over a corner's height", {{50, 100}, {250, 100}}, ""},
    };
    for (const auto& c : cases) {
        Zones zones = zones_of(door);
        EXPECT_EQ(events_on(zones, c.way), c.events) << c.what;
    }
}

TEST(Zones, ways_over_a_line) {
    const struct {
        const char* what;
        std::vector<Point> way;
        const char* events;
    } cases[] = {
        {"steps over it", {{150, 80}, {150, 120}}, "cross in"},
        {"and back", {{150, 80}, {150, 120}, {150, 80}}, "cross in, cross out"},
        {"jumps far over it", {{150, 0}, {150, 400}}, "cross in"},
        {"touches it and goes back", {{150, 80}, {150, 100}, {150, 80}}, ""},
        {"stands on it", {{150, 80}, {150, 98}, {150, 102}, {150, 99}, {150, 101}}, ""},
        {"stands on it, then goes on", {{150, 80}, {150, 98}, {150, 102}, {150, 120}}, "cross in"},
        {"begins on it", {{150, 100}, {150, 120}}, ""},
        {"passes its end", {{50, 80}, {50, 120}}, ""},
        {"goes around it and back under it",
         {{50, 80}, {50, 120}, {150, 120}, {150, 80}},
         "cross out"},
        {"walks along it", {{110, 80}, {190, 80}}, ""},
        {"passes just at its end", {{100, 80}, {100, 120}}, "cross in"},
    };
    for (const auto& c : cases) {
        Zones zones = zones_of(gate);
        EXPECT_EQ(events_on(zones, c.way), c.events) << c.what;
    }
}

TEST(Zones, whoever_leaves_the_picture_leaves_the_zone_when_last_seen) {
    Zones zones = zones_of(door);
    zones.update(0, {standing_at(150, 150)});
    zones.update(3 * second / 2, {standing_at(150, 150)});
    zones.update(3 * second, {standing_at(150, 150)});
    EXPECT_EQ(text_of(zones.update(5 * second, {}).events), ""); // may come back
    const auto events = zones.update(5 * second + 1, {}).events;
    ASSERT_EQ(text_of(events), "exit");
    EXPECT_EQ(events[0].zone, "door");
    EXPECT_EQ(events[0].id, 1);
    EXPECT_EQ(events[0].label, "person");
    EXPECT_DOUBLE_EQ(*events[0].seconds, 3);
    EXPECT_EQ(events[0].count, 0);
}

TEST(Zones, the_end_of_the_stream_ends_all_stays) {
    Zones zones = zones_of(door);
    zones.update(0, {standing_at(150, 150), standing_at(120, 150, 2)});
    EXPECT_EQ(text_of(zones.finish()), "exit, exit");
    EXPECT_EQ(text_of(zones.finish()), "");
}

TEST(Zones, counts_those_inside_and_says_when_it_is_crowded) {
    Zones zones = zones_of(
        R"({"zones": [{"name": "door", "crowd": 2, "points": [[100, 100], [200, 100], [200, 200], [100, 200]]}]})");
    EXPECT_EQ(zones.update(0, {standing_at(150, 150)}).events[0].count, 1);
    const auto crowd =
        zones.update(second, {standing_at(150, 150), standing_at(120, 150, 2)}).events;
    ASSERT_EQ(text_of(crowd), "enter, crowd");
    EXPECT_EQ(crowd[0].count, 2);
    EXPECT_EQ(crowd[1].count, 2);
    EXPECT_FALSE(crowd[1].id);
    EXPECT_EQ(
        text_of(zones.update(2 * second, {standing_at(150, 150), standing_at(20, 150, 2)}).events),
        "exit, crowd-end");
}

TEST(Zones, says_once_that_somebody_has_been_there_for_long) {
    Zones zones = zones_of(
        R"({"zones": [{"name": "door", "dwell": 1.5, "points": [[100, 100], [200, 100], [200, 200]]}]})");
    std::string all;
    for (uint64_t k = 0; k < 5; k++)
        all += text_of(zones.update(k * second, {standing_at(180, 120)}).events) + "|";
    EXPECT_EQ(all, "enter||dwell|||");
}

TEST(Zones, counts_crossings_of_each_direction) {
    Zones zones = zones_of(gate);
    zones.update(0, {standing_at(120, 80, 1), standing_at(150, 80, 2), standing_at(180, 120, 3)});
    const auto events = zones
                            .update(second, {standing_at(120, 120, 1), standing_at(150, 120, 2),
                                             standing_at(180, 80, 3)})
                            .events;
    ASSERT_EQ(text_of(events), "cross in, cross in, cross out");
    EXPECT_EQ(events[1].count, 2);
    EXPECT_EQ(events[2].count, 1);
}

TEST(Zones, measures_speed_between_two_lines_either_way) {
    const char* road =
        R"({"lines": [{"name": "a", "from": [0, 100], "to": [600, 100]}, {"name": "b", "from": [0, 300], "to": [600, 300]}],
                           "speeds": [{"name": "road", "from": "a", "to": "b", "distance": 30}]})";
    const std::vector<double> down = {80, 120, 200, 280, 320}, up(down.rbegin(), down.rend());
    for (const auto& way : {down, up}) {
        Zones zones = zones_of(road);
        std::vector<EventRecord> last;
        for (size_t k = 0; k < way.size(); k++)
            last = zones.update(k * second, {standing_at(50, way[k])}).events;
        ASSERT_EQ(last.size(), 2u);
        EXPECT_EQ(last[1].type, "speed");
        EXPECT_EQ(last[1].zone, "road");
        EXPECT_DOUBLE_EQ(*last[1].seconds, 3);
        EXPECT_DOUBLE_EQ(*last[1].speed, 10);
    }
}

TEST(Zones, only_objects_of_its_labels_count) {
    Zones zones = zones_of(
        R"({"zones": [{"name": "lot", "labels": ["car"], "points": [[0, 0], [600, 0], [600, 400]]}]})");
    const auto frame = zones.update(0, {standing_at(500, 100), standing_at(500, 100, 2, "car")});
    EXPECT_EQ(frame.zones, (std::vector<std::vector<std::string>>{{}, {"lot"}}));
    EXPECT_EQ(text_of(frame.events), "enter");
}

TEST(Zones, objects_without_an_id_are_in_zones_and_make_no_events) {
    Zones zones = zones_of(door);
    const auto frame = zones.update(0, {standing_at(150, 150, 0)});
    EXPECT_EQ(frame.zones, (std::vector<std::vector<std::string>>{{"door"}}));
    EXPECT_TRUE(frame.events.empty());
}

TEST(Zones, positions_may_be_fractions) {
    Zones zones = zones_of(
        R"({"width": 1, "height": 1, "zones": [{"name": "left", "points": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]})");
    EXPECT_EQ(zones.update(0, {standing_at(300, 470), standing_at(340, 470, 2)}).zones,
              (std::vector<std::vector<std::string>>{{"left"}, {}}));
}

TEST(ZonesConfig, says_what_is_wrong_and_where) {
    const std::pair<const char*, const char*> cases[] = {
        {"[]", "zones.json: is a list of 0; it must be a JSON object"},
        {"{", "zones.json: is not JSON"},
        {"{}", "has neither zones nor lines"},
        {R"({"zone": []})", "unknown key `zone`; known here are width, height, zones"},
        {R"({"width": 1, "zones": []})", "`width` and `height` must both"},
        {R"({"zones": [{"points": [[0,0],[1,0],[1,1]]}]})",
         "`zones[0].name` is null; it must be a text"},
        {R"({"zones": [{"name": "a", "points": [[0,0],[1,0]]}]})",
         "`zones[0].points` is a list of 2; it must be three points"},
        {R"({"zones": [{"name": "a", "points": [[0,0],[1,0],[1]]}]})",
         "must be three points or more"},
        {R"({"zones": [{"name": "a", "dwell": -1, "points": [[0,0],[1,0],[1,1]]}]})",
         "zone 'a': `dwell`"},
        {R"({"lines": [{"name": "g", "from": [0,0]}]})",
         "`lines[0].to` is null; it must be a point, as [120, 40]"},
        {R"({"lines": [{"name": "g", "from": [1,1], "to": [1,1]}]})",
         "line 'g' begins where it ends"},
        {R"({"lines": [{"name": "g", "from": [0,0], "to": [1,1]}, {"name": "g", "from": [0,0], "to": [1,1]}]})",
         "the name 'g' is there twice"},
        {R"({"lines": [{"name": "g", "from": [0,0], "to": [1,1]}], "speeds": [{"name": "s", "from": "g", "to": "h", "distance": 1}]})",
         "speed 's': `from` and `to`"},
        {R"({"speeds": [{"name": "s", "from": "g", "to": "h"}]})",
         "speed 's': `distance` must be above 0"},
    };
    for (const auto& [json, message] : cases) {
        const auto read = read_zones_config(json, "zones.json");
        ASSERT_FALSE(read.ok()) << json;
        EXPECT_NE(read.error().text().find(message), std::string::npos) << read.error().text();
    }
}
