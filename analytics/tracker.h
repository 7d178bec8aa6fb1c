// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "analytics/assignment.h"
#include "analytics/kalman_box.h"
#include "inference/metadata.h"

#include <cstdint>
#include <vector>

namespace infer {

enum class TrackerKind {
    Iou,  // the box that overlaps the last one most
    Byte, // where a Kalman filter expects it; weak detections go on with tracks, and start none
          // (ByteTrack, Zhang et al. 2022)
    Embedding, // the same, and the vectors of a re-identification model must agree; by them alone
               // an object is known again after it was hidden
};

struct TrackerOptions {
    TrackerKind kind = TrackerKind::Byte;
    uint64_t max_age_ns = 2'000'000'000; // a track that was not seen for longer has ended
    double high_confidence = 0.5;        // from here on a detection may start a track
    double low_confidence = 0.1;         // from here on it may go on with one (not kind iou)
    double iou = 0.2;                    // least overlap with where the track is expected
    double embedding_distance = 0.3;     // most cosine distance of two vectors of the same object
};

// The identities of one source's detections. Pure: it is told the time, in nanoseconds that grow.
// Objects of different labels are never the same.
class Tracker {
public:
    explicit Tracker(TrackerOptions options) : options_(options) {}

    // A frame that was inferred: the id of each object, from 1; 0 where it has none.
    std::vector<int> update(uint64_t time_ns, const std::vector<ObjectRecord>& seen);
    // A frame that was not: the objects of the last update where they are expected now, marked
    // `predicted`.
    std::vector<ObjectRecord> predict(uint64_t time_ns) const;
    // Ends all tracks. Ids go on.
    void reset() { tracks_.clear(); }

private:
    struct Track {
        int id;
        KalmanBox motion;
        uint64_t motion_time_ns, seen_ns;
        ObjectRecord last;            // as it was seen
        std::vector<float> embedding; // of length 1, a mean over time; empty: none
        bool confirmed = false;       // seen twice
        bool in_last_update = true;
    };
    struct Seen {
        const ObjectRecord* object;
        double confidence;
        std::vector<float> embedding; // of length 1; empty: none
        int id = 0;
    };
    using Cost = double (Tracker::*)(const Track&, const Seen&, uint64_t) const;

    double motion_cost(const Track& track, const Seen& seen, uint64_t time_ns) const;
    double embedding_cost(const Track& track, const Seen& seen, uint64_t time_ns) const;
    BoxRecord expected(const Track& track, uint64_t time_ns) const;
    void drop_old(uint64_t time_ns);
    // Gives ids to objects without one whose confidence is in [from, to).
    void match(uint64_t time_ns, std::vector<Seen>& seen, double from, double to, bool only_recent,
               Cost cost);
    void take(Track& track, uint64_t time_ns, const Seen& seen);
    void start(uint64_t time_ns, Seen& seen);

    TrackerOptions options_;
    std::vector<Track> tracks_;
    std::vector<bool> matched_; // of each track, during an update
    int next_id_ = 1;
};

} // namespace infer
