// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace infer {

// One frame's metadata as it is published and read back: the plain form of one JSON line
// (formats/json_lines.h writes and parses it). Strings are UTF-8; what is empty is left out.

struct PointRecord {
    double x = 0, y = 0; // pixels of the frame
    std::optional<double> confidence;
};

// What a later model says about an object (or about the whole frame): color = white.
struct AttributeRecord {
    std::string name, label;
    std::optional<double> confidence;
};

struct BoxRecord {
    double x = 0, y = 0, width = 0, height = 0; // pixels of the frame; x, y: top left corner
};

struct ObjectRecord {
    std::string label;
    std::optional<int> label_id;
    std::optional<double> confidence; // 0..1
    std::optional<int64_t> id;        // of the tracker
    bool predicted = false;           // by the tracker, on a frame that was not inferred
    BoxRecord box;
    std::vector<AttributeRecord> attributes;
    std::vector<PointRecord> keypoints;
    std::vector<std::string> zones;
    std::vector<float> embedding;
};

// Something that happened at this frame: an object (id, label) came into a zone or crossed a line.
struct EventRecord {
    std::string type; // enter, exit, dwell, cross, crowd, ...
    std::string zone;
    std::optional<int64_t> id;
    std::string label;
    std::string direction;         // of a crossing
    std::optional<double> seconds; // in the zone
    std::optional<double> speed;   // in units of the line's length a second
    std::optional<int64_t> count;  // of objects in the zone, or of crossings this way
};

// How much of the frame belongs to a class.
struct SegmentRecord {
    std::string label;
    std::optional<int> label_id;
    std::optional<double> share; // of the frame's area, 0..1
};

// A class of the whole frame.
struct ClassRecord {
    std::string label;
    std::optional<int> label_id;
    std::optional<double> confidence;
};

struct InferenceRecord {
    std::string status; // inferred, skipped, dropped, failed
    std::string reason; // when it is not the first
    std::string device;
    int batch = 0;                    // frames in its batch; 0: not known
    std::optional<double> latency_ms; // from taking the frame to its result
};

struct FrameRecord {
    std::string source;
    uint64_t frame = 0;          // number within the source, from 0
    std::optional<uint64_t> pts; // nanoseconds
    int width = 0, height = 0;   // pixels; 0: not known
    std::vector<ObjectRecord> objects;
    std::vector<ClassRecord> classes;
    std::vector<AttributeRecord> attributes; // of the whole frame, as the next ones
    std::vector<PointRecord> keypoints;
    std::vector<float> embedding;
    std::vector<SegmentRecord> segments;
    std::vector<EventRecord> events;
    std::optional<InferenceRecord> inference;
};

} // namespace infer
