// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "analytics/recording.h"

#include <map>
#include <string>
#include <vector>

namespace infer {

struct Tolerances {
    double iou = 0.5;              // least overlap of a box with the recorded one
    double score = 0.1;            // most difference of a confidence
    uint64_t time_ns = 20'000'000; // most difference of a frame's time
    bool ids = false;              // tracks must be the recorded ones (their numbers may differ)
};

struct Verdict {
    size_t frames = 0;    // compared
    size_t differing = 0; // of these, and those that came or were recorded without the other
    size_t missing_objects = 0, unexpected_objects = 0, other_differences = 0;
    std::vector<std::string> examples; // the first few differences in words
};

// A stream held against its recording. Frames are found by time, or one after another where the
// stream or the recording has no times.
class Comparison {
public:
    Comparison(Recording expected, Tolerances tolerances);

    void add(const FrameRecord& seen);
    // The stream has ended: what was recorded and did not come is missing.
    Verdict finish();

private:
    int find(const FrameRecord& seen) const;
    void compare(const FrameRecord& seen, const FrameRecord& expected);
    void compare_object(const std::string& at, const ObjectRecord& seen,
                        const ObjectRecord& expected);
    void compare_classes(const std::string& at, const FrameRecord& seen,
                         const FrameRecord& expected);
    bool same_track(const ObjectRecord& seen, const ObjectRecord& expected);
    void differ(size_t& counter, const std::string& text);

    const Recording expected_;
    const Tolerances tolerances_;
    std::vector<bool> came_;                          // of each recorded frame
    size_t next_ = 0;                                 // frames seen
    std::map<int64_t, int64_t> tracks_, tracks_back_; // recorded id to seen id, and back
    Verdict verdict_;
    bool frame_differs_ = false;
};

} // namespace infer
