// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/json_lines.h"

#include "inference/formats/json_read.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

using Json = nlohmann::ordered_json; // keys leave in the order they are set

double rounded(double value, double steps) {
    const double r = std::round(value * steps) / steps;
    return std::isfinite(r) ? r : 0;
}
double pixels(double value) { return rounded(value, 100); }

void set_text(Json& to, const char* key, const std::string& text) {
    if (!text.empty())
        to[key] = text;
}

void set_number(Json& to, const char* key, const std::optional<double>& value, double steps) {
    if (value && std::isfinite(*value))
        to[key] = rounded(*value, steps);
}

template <typename T> void set_integer(Json& to, const char* key, const std::optional<T>& value) {
    if (value)
        to[key] = *value;
}

constexpr double confidence_steps = 10000;

// `[...]` of one Json for each element; nothing if there are none.
template <typename T, typename Write>
void set_list(Json& to, const char* key, const std::vector<T>& list, Write write) {
    if (list.empty())
        return;
    Json& array = to[key] = Json::array();
    for (const T& element : list)
        array.push_back(write(element));
}

// All or none: a list with holes is no embedding.
void set_embedding(Json& to, const std::vector<float>& values) {
    if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
        set_list(to, "embedding", values, [](float v) { return Json(rounded(v, 1e5)); });
}

Json write_attribute(const AttributeRecord& a) {
    Json j = Json::object();
    set_text(j, "name", a.name);
    set_text(j, "label", a.label);
    set_number(j, "confidence", a.confidence, confidence_steps);
    return j;
}

Json write_point(const PointRecord& p) {
    Json j = {{"x", pixels(p.x)}, {"y", pixels(p.y)}};
    set_number(j, "confidence", p.confidence, confidence_steps);
    return j;
}

Json write_object(const ObjectRecord& o) {
    Json j = Json::object();
    set_text(j, "label", o.label);
    set_integer(j, "label_id", o.label_id);
    set_number(j, "confidence", o.confidence, confidence_steps);
    set_integer(j, "id", o.id);
    if (o.predicted)
        j["predicted"] = true;
    j["box"] = {{"x", pixels(o.box.x)},
                {"y", pixels(o.box.y)},
                {"width", pixels(o.box.width)},
                {"height", pixels(o.box.height)}};
    set_list(j, "attributes", o.attributes, write_attribute);
    set_list(j, "keypoints", o.keypoints, write_point);
    set_list(j, "zones", o.zones, [](const std::string& zone) { return Json(zone); });
    set_embedding(j, o.embedding);
    return j;
}

Json write_event(const EventRecord& e) {
    Json j = Json::object();
    set_text(j, "type", e.type);
    set_text(j, "zone", e.zone);
    set_integer(j, "id", e.id);
    set_text(j, "label", e.label);
    set_text(j, "direction", e.direction);
    set_number(j, "seconds", e.seconds, 1000);
    set_number(j, "speed", e.speed, 1000);
    set_integer(j, "count", e.count);
    return j;
}

Json write_class(const ClassRecord& c) {
    Json j = Json::object();
    set_text(j, "label", c.label);
    set_integer(j, "label_id", c.label_id);
    set_number(j, "confidence", c.confidence, confidence_steps);
    return j;
}

Json write_segment(const SegmentRecord& s) {
    Json j = Json::object();
    set_text(j, "label", s.label);
    set_integer(j, "label_id", s.label_id);
    set_number(j, "share", s.share, confidence_steps);
    return j;
}

Json write_inference(const InferenceRecord& i) {
    Json j = Json::object();
    set_text(j, "status", i.status);
    set_text(j, "reason", i.reason);
    set_text(j, "device", i.device);
    if (i.batch > 0)
        j["batch"] = i.batch;
    set_number(j, "latency_ms", i.latency_ms, 1000);
    return j;
}

AttributeRecord read_attribute(JsonReader at) {
    return {at.text("name"), at.text("label"), at.number("confidence")};
}

PointRecord read_point(JsonReader at) {
    return {at.number("x").value_or(0), at.number("y").value_or(0), at.number("confidence")};
}

ClassRecord read_class(JsonReader at) {
    return {at.text("label"), at.integer<int>("label_id"), at.number("confidence")};
}

SegmentRecord read_segment(JsonReader at) {
    return {at.text("label"), at.integer<int>("label_id"), at.number("share")};
}

std::vector<float> read_embedding(JsonReader& at) {
    std::vector<float> values;
    const nlohmann::json* list = at.find("embedding");
    if (!list)
        return values;
    bool good = list->is_array();
    for (size_t i = 0; good && i < list->size(); i++) {
        good = (*list)[i].is_number() && std::isfinite((*list)[i].get<float>());
        if (good)
            values.push_back((*list)[i].get<float>());
    }
    if (!good)
        at.complain("embedding", *list, "a list of numbers");
    return values;
}

ObjectRecord read_object(JsonReader at) {
    ObjectRecord o;
    o.label = at.text("label");
    o.label_id = at.integer<int>("label_id");
    o.confidence = at.number("confidence");
    o.id = at.integer<int64_t>("id");
    o.predicted = at.flag("predicted");
    if (auto box = at.object("box"))
        o.box = {box->number("x").value_or(0), box->number("y").value_or(0),
                 box->number("width").value_or(0), box->number("height").value_or(0)};
    o.attributes = at.objects<AttributeRecord>("attributes", read_attribute);
    o.keypoints = at.objects<PointRecord>("keypoints", read_point);
    o.zones = at.texts("zones");
    o.embedding = read_embedding(at);
    return o;
}

EventRecord read_event(JsonReader at) {
    EventRecord e;
    e.type = at.text("type");
    e.zone = at.text("zone");
    e.id = at.integer<int64_t>("id");
    e.label = at.text("label");
    e.direction = at.text("direction");
    e.seconds = at.number("seconds");
    e.speed = at.number("speed");
    e.count = at.integer<int64_t>("count");
    return e;
}

InferenceRecord read_inference(JsonReader at) {
    return {at.text("status"), at.text("reason"), at.text("device"),
            at.integer<int>("batch").value_or(0), at.number("latency_ms")};
}

FrameRecord read_frame(JsonReader at) {
    FrameRecord r;
    r.source = at.text("source");
    r.frame = at.integer<uint64_t>("frame").value_or(0);
    r.pts = at.integer<uint64_t>("pts");
    r.width = at.integer<int>("width").value_or(0);
    r.height = at.integer<int>("height").value_or(0);
    r.objects = at.objects<ObjectRecord>("objects", read_object);
    r.classes = at.objects<ClassRecord>("classes", read_class);
    r.attributes = at.objects<AttributeRecord>("attributes", read_attribute);
    r.keypoints = at.objects<PointRecord>("keypoints", read_point);
    r.embedding = read_embedding(at);
    r.segments = at.objects<SegmentRecord>("segments", read_segment);
    r.events = at.objects<EventRecord>("events", read_event);
    if (auto inference = at.object("inference"))
        r.inference = read_inference(*inference);
    return r;
}

} // namespace

std::string to_json_line(const FrameRecord& r) {
    Json j = Json::object();
    set_text(j, "source", r.source);
    j["frame"] = r.frame;
    set_integer(j, "pts", r.pts);
    if (r.width > 0 && r.height > 0) {
        j["width"] = r.width;
        j["height"] = r.height;
    }
    j["objects"] = Json::array();
    set_list(j, "objects", r.objects, write_object);
    set_list(j, "classes", r.classes, write_class);
    set_list(j, "attributes", r.attributes, write_attribute);
    set_list(j, "keypoints", r.keypoints, write_point);
    set_embedding(j, r.embedding);
    set_list(j, "segments", r.segments, write_segment);
    set_list(j, "events", r.events, write_event);
    if (r.inference)
        j["inference"] = write_inference(*r.inference);
    return j.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<FrameRecord> from_json_line(std::string_view line) {
    Result<nlohmann::json> json = parse_json(line, "JSON line");
    if (!json.ok())
        return json.error();
    JsonErrors errors{"JSON line", {}};
    FrameRecord record = read_frame(JsonReader(json.value(), "", errors));
    if (errors.first)
        return *errors.first;
    return record;
}

} // namespace infer
