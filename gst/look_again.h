// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session.h"

#include <cstdint>
#include <map>

// When a tracked object is looked at again (reclassify-interval). One thread.
class LookAgain {
public:
    // Of an object with this track id (0: none, always due) on this frame. `interval` in frames: 1:
    // every one; 0: once.
    bool is_due(int track_id, uint64_t frame, int interval);
    void forget() { looked_.clear(); }

private:
    struct Look {
        uint64_t looked, seen; // frames
    };
    std::map<int, Look> looked_; // by track id
};

// What was said of tracked objects when they were looked at. One thread.
class SaidBefore {
public:
    // Classes, attributes and embedding; points belong to the frame they were seen on.
    void keep(int track_id, uint64_t frame, const infer::Results& results);
    // nullptr: nothing.
    const infer::Results* find(int track_id, uint64_t frame);

private:
    struct Said {
        infer::Results results;
        uint64_t used; // frame
    };
    std::map<int, Said> said_; // by track id
};
