// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/comparison.h"

#include "analytics/assignment.h"
#include "analytics/boxes.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace infer {
namespace {

constexpr size_t max_examples = 5;

template <typename... T> std::string format(const char* text, T... values) {
    char line[300];
    std::snprintf(line, sizeof line, text, values...);
    return line;
}

std::string place_of(const FrameRecord& frame) {
    const auto number = static_cast<unsigned long long>(frame.frame);
    return frame.pts ? format("frame %llu (%.3f s)", number, double(*frame.pts) / 1e9)
                     : format("frame %llu", number);
}

std::string name_of(const ObjectRecord& o) {
    return format("%s at %.0f,%.0f %.0fx%.0f", o.label.c_str(), o.box.x, o.box.y, o.box.width,
                  o.box.height);
}

BoxRecord scaled(const BoxRecord& b, const FrameRecord& from, const FrameRecord& to) {
    if (from.width <= 0 || from.height <= 0 || to.width <= 0 || to.height <= 0)
        return b;
    const double x = double(to.width) / from.width, y = double(to.height) / from.height;
    return {b.x * x, b.y * y, b.width * x, b.height * y};
}

// The recorded object of each seen one, -1 for none: same label, enough overlap.
std::vector<int> pairs_of(const FrameRecord& seen, const FrameRecord& expected, double least_iou) {
    Costs costs(seen.objects.size(), expected.objects.size());
    for (size_t s = 0; s < costs.rows; s++)
        for (size_t e = 0; e < costs.columns; e++) {
            const ObjectRecord &a = seen.objects[s], &b = expected.objects[e];
            const double overlap = iou(a.box, scaled(b.box, expected, seen));
            if (a.label == b.label && overlap >= least_iou && overlap > 0)
                costs.at(s, e) = 1 - overlap;
        }
    return assign(costs);
}

const AttributeRecord* find_attribute(const ObjectRecord& o, const std::string& name) {
    const auto at = std::ranges::find(o.attributes, name, &AttributeRecord::name);
    return at == o.attributes.end() ? nullptr : &*at;
}

} // namespace

Comparison::Comparison(Recording expected, Tolerances tolerances)
    : expected_(std::move(expected)), tolerances_(tolerances), came_(expected_.frames().size()) {}

void Comparison::differ(size_t& counter, const std::string& text) {
    counter++;
    frame_differs_ = true;
    if (verdict_.examples.size() < max_examples)
        verdict_.examples.push_back(text);
}

int Comparison::find(const FrameRecord& seen) const {
    if (seen.pts && expected_.frames()[0].pts)
        return expected_.at_time(*seen.pts, tolerances_.time_ns);
    return next_ < came_.size() ? int(next_) : -1;
}

void Comparison::add(const FrameRecord& seen) {
    const int found = find(seen);
    next_++;
    frame_differs_ = false;
    verdict_.frames++;
    if (found < 0 || came_[size_t(found)])
        differ(verdict_.other_differences, place_of(seen) + " is not in the recording");
    else
        compare(seen, expected_.frames()[size_t(found)]);
    if (found >= 0)
        came_[size_t(found)] = true;
    verdict_.differing += frame_differs_;
}

void Comparison::compare(const FrameRecord& seen, const FrameRecord& expected) {
    const std::string at = place_of(seen) + ": ";
    const std::vector<int> pairs = pairs_of(seen, expected, tolerances_.iou);
    std::vector<bool> met(expected.objects.size());
    for (size_t s = 0; s < pairs.size(); s++) {
        if (pairs[s] < 0) {
            differ(verdict_.unexpected_objects,
                   at + name_of(seen.objects[s]) + " is not in the recording");
            continue;
        }
        met[size_t(pairs[s])] = true;
        compare_object(at, seen.objects[s], expected.objects[size_t(pairs[s])]);
    }
    for (size_t e = 0; e < met.size(); e++)
        if (!met[e])
            differ(verdict_.missing_objects, at + name_of(expected.objects[e]) + " is missing");
    compare_classes(at, seen, expected);
}

void Comparison::compare_object(const std::string& at, const ObjectRecord& seen,
                                const ObjectRecord& expected) {
    const std::string what = at + name_of(seen);
    const double score = seen.confidence.value_or(1),
                 recorded = expected.confidence.value_or(score);
    if (std::abs(score - recorded) > tolerances_.score)
        differ(verdict_.other_differences,
               what + format(" has confidence %.2f, recorded is %.2f", score, recorded));
    for (const AttributeRecord& a : expected.attributes) {
        const AttributeRecord* found = find_attribute(seen, a.name);
        if (!found || found->label != a.label)
            differ(verdict_.other_differences, what + " has " + a.name + " '" +
                                                   (found ? found->label : "") +
                                                   "', recorded is '" + a.label + "'");
    }
    if (!expected.zones.empty() && seen.zones != expected.zones)
        differ(verdict_.other_differences, what + " is in other zones than recorded");
    if (tolerances_.ids && !same_track(seen, expected))
        differ(verdict_.other_differences,
               what + format(" has id %lld, which is not the recorded track %lld",
                             static_cast<long long>(seen.id.value_or(0)),
                             static_cast<long long>(expected.id.value_or(0))));
}

// An id seen stands for one recorded id, for the whole stream, and the other way round. After a
// switch the new pair counts, so that one switch is one difference.
bool Comparison::same_track(const ObjectRecord& seen, const ObjectRecord& expected) {
    if (!expected.id)
        return true;
    if (!seen.id)
        return false;
    const auto [to, is_new] = tracks_.try_emplace(*expected.id, *seen.id);
    const auto [back, is_new_back] = tracks_back_.try_emplace(*seen.id, *expected.id);
    const bool same = to->second == *seen.id && back->second == *expected.id;
    to->second = *seen.id;
    back->second = *expected.id;
    return same;
}

void Comparison::compare_classes(const std::string& at, const FrameRecord& seen,
                                 const FrameRecord& expected) {
    if (expected.classes.empty())
        return;
    const std::string found = seen.classes.empty() ? "" : seen.classes[0].label;
    if (found != expected.classes[0].label)
        differ(verdict_.other_differences, at + "its class is '" + found + "', recorded is '" +
                                               expected.classes[0].label + "'");
}

Verdict Comparison::finish() {
    for (size_t i = 0; i < came_.size(); i++)
        if (!came_[i]) {
            differ(verdict_.other_differences, place_of(expected_.frames()[i]) + " did not come");
            verdict_.differing++;
        }
    return verdict_;
}

} // namespace infer
