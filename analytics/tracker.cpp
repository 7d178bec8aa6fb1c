// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/tracker.h"

#include "analytics/boxes.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

// Nobody knows where an object goes while it is not seen: its box is taken as larger, on each side
// by this share of its longer edge a second, up to that edge (buffered IoU, Yang et al. 2023, over
// time). A walker moves by less than its height in a second.
constexpr double growth_per_second = 0.5, most_growth = 1;
// Weak detections must lie closer, or clutter takes tracks away (ByteTrack's second stage).
constexpr double least_iou_of_weak = 0.4;
constexpr float embedding_memory = 0.9f; // share of the old vector in the mean

double seconds(uint64_t from_ns, uint64_t to_ns) {
    return to_ns > from_ns ? double(to_ns - from_ns) / 1e9 : 0;
}

BoxRecord grown(const BoxRecord& b, double share) {
    const double margin = std::max(b.width, b.height) * share;
    return {b.x - margin, b.y - margin, b.width + 2 * margin, b.height + 2 * margin};
}

std::vector<float> normalized(const std::vector<float>& v) {
    double squares = 0;
    for (float x : v)
        squares += double(x) * x;
    if (!(squares > 0) || !std::isfinite(squares))
        return {};
    std::vector<float> unit(v);
    for (float& x : unit)
        x = float(x / std::sqrt(squares));
    return unit;
}

// Of two vectors of length 1, 0..2; 1 (nothing known) where they cannot be compared.
double cosine_distance(const std::vector<float>& a, const std::vector<float>& b) {
    if (a.empty() || a.size() != b.size())
        return 1;
    double product = 0;
    for (size_t i = 0; i < a.size(); i++)
        product += double(a[i]) * b[i];
    return 1 - product;
}

} // namespace

BoxRecord Tracker::expected(const Track& track, uint64_t time_ns) const {
    if (options_.kind == TrackerKind::Iou)
        return track.last.box;
    return track.motion.after(seconds(track.motion_time_ns, time_ns));
}

double Tracker::motion_cost(const Track& track, const Seen& seen, uint64_t time_ns) const {
    const double growth =
        std::min(most_growth, growth_per_second * seconds(track.seen_ns, time_ns));
    const double overlap =
        iou(grown(expected(track, time_ns), growth), grown(seen.object->box, growth));
    const bool weak = seen.confidence < options_.high_confidence;
    if (overlap <= 0 || overlap < (weak ? std::max(options_.iou, least_iou_of_weak) : options_.iou))
        return Costs::never;
    if (options_.kind != TrackerKind::Embedding || track.embedding.empty() ||
        track.embedding.size() != seen.embedding.size())
        return 1 - overlap;
    // Beside where it is expected, a face may turn and a body may be half hidden: the vectors may
    // be twice as far apart.
    const double distance = cosine_distance(track.embedding, seen.embedding);
    const double most = 2 * options_.embedding_distance;
    return distance > most ? Costs::never
                           : ((1 - overlap) + std::max(0.0, distance) / std::max(1e-9, most)) / 2;
}

double Tracker::embedding_cost(const Track& track, const Seen& seen, uint64_t) const {
    const double distance = cosine_distance(track.embedding, seen.embedding);
    return distance > options_.embedding_distance ? Costs::never : std::max(0.0, distance) / 2;
}

void Tracker::drop_old(uint64_t time_ns) {
    std::erase_if(tracks_, [&](const Track& t) {
        return time_ns > t.seen_ns && time_ns - t.seen_ns > options_.max_age_ns;
    });
}

void Tracker::match(uint64_t time_ns, std::vector<Seen>& seen, double from, double to,
                    bool only_recent, Cost cost) {
    std::vector<size_t> objects, tracks;
    for (size_t i = 0; i < seen.size(); i++)
        if (seen[i].id == 0 && seen[i].confidence >= from && seen[i].confidence < to)
            objects.push_back(i);
    for (size_t t = 0; t < tracks_.size(); t++)
        if (!matched_[t] && (tracks_[t].in_last_update || !only_recent))
            tracks.push_back(t);
    Costs costs(tracks.size(), objects.size());
    for (size_t t = 0; t < tracks.size(); t++)
        for (size_t o = 0; o < objects.size(); o++)
            if (tracks_[tracks[t]].last.label == seen[objects[o]].object->label)
                costs.at(t, o) = (this->*cost)(tracks_[tracks[t]], seen[objects[o]], time_ns);
    const std::vector<int> chosen = assign(costs, 1);
    for (size_t t = 0; t < tracks.size(); t++) {
        if (chosen[t] < 0)
            continue;
        Seen& object = seen[objects[size_t(chosen[t])]];
        matched_[tracks[t]] = true;
        object.id = tracks_[tracks[t]].id;
        take(tracks_[tracks[t]], time_ns, object);
    }
}

void Tracker::take(Track& track, uint64_t time_ns, const Seen& seen) {
    track.motion.advance(seconds(track.motion_time_ns, time_ns));
    track.motion.correct(seen.object->box);
    track.motion_time_ns = track.seen_ns = time_ns;
    track.last = *seen.object;
    track.confirmed = true;
    if (seen.embedding.empty())
        return;
    if (seen.embedding.size() != track.embedding.size())
        track.embedding = seen.embedding;
    for (size_t i = 0; i < track.embedding.size(); i++)
        track.embedding[i] =
            embedding_memory * track.embedding[i] + (1 - embedding_memory) * seen.embedding[i];
    track.embedding = normalized(track.embedding);
}

void Tracker::start(uint64_t time_ns, Seen& seen) {
    seen.id = next_id_++;
    tracks_.push_back(
        {seen.id, KalmanBox(seen.object->box), time_ns, time_ns, *seen.object, seen.embedding});
}

std::vector<int> Tracker::update(uint64_t time_ns, const std::vector<ObjectRecord>& objects) {
    constexpr double any = std::numeric_limits<double>::infinity();
    const double high = options_.high_confidence;
    const bool by_embedding = options_.kind == TrackerKind::Embedding;
    std::vector<Seen> seen;
    for (const ObjectRecord& o : objects)
        seen.push_back({&o, o.confidence.value_or(1),
                        by_embedding ? normalized(o.embedding) : std::vector<float>{}});
    drop_old(time_ns);
    matched_.assign(tracks_.size(), false);
    match(time_ns, seen, high, any, false, &Tracker::motion_cost);
    if (by_embedding)
        match(time_ns, seen, high, any, false, &Tracker::embedding_cost);
    if (options_.kind != TrackerKind::Iou)
        match(time_ns, seen, options_.low_confidence, high, true, &Tracker::motion_cost);
    for (size_t t = 0; t < tracks_.size(); t++)
        tracks_[t].in_last_update = matched_[t];
    // What was seen once only was no object.
    std::erase_if(tracks_, [](const Track& t) { return !t.in_last_update && !t.confirmed; });
    std::vector<int> ids;
    for (Seen& s : seen) {
        if (s.id == 0 && s.confidence >= high)
            start(time_ns, s);
        ids.push_back(s.id);
    }
    return ids;
}

std::vector<ObjectRecord> Tracker::predict(uint64_t time_ns) const {
    std::vector<ObjectRecord> objects;
    for (const Track& t : tracks_) {
        if (!t.in_last_update || seconds(t.seen_ns, time_ns) * 1e9 > double(options_.max_age_ns))
            continue;
        ObjectRecord o = t.last;
        o.id = t.id;
        o.predicted = true;
        o.box = expected(t, time_ns);
        objects.push_back(std::move(o));
    }
    return objects;
}

} // namespace infer
