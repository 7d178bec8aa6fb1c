// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace infer {

// A row of a request. A row goes reserved -> filled or abandoned (a hole in the batch).
struct Row {
    int slot = -1; // which request of the pool
    int row = -1;
};

// What a source tells the batcher about its frames.
struct BatchTerms {
    bool live = false;
    int64_t timeout_us = -1;       // how long a frame may wait for company; -1: auto
    int64_t frame_duration_us = 0; // 0: not known
};

// How long a frame of such a source waits for company when nobody says how long.
int64_t auto_timeout_us(Hint hint, const BatchTerms& terms);

// Collects rows into batches and says when a batch is closed. Pure: it is told the time, starts no
// thread, waits for nothing. At most one batch is open; closed ones may still have rows that are
// being filled, and are handed out to be submitted when the last of them is settled.
//
// A batch closes
//   full:     all its rows are reserved;
//   deadline: its oldest frame has waited as long as its source allows;
//   idle:     a lane is free and nothing is about to arrive, that is, no reserved row of the batch
//             is unsettled (any other source that is ready has taken its row already). Off when
//             every member's source was given a timeout (>= 0) by hand;
//   all in:   every source is live, and each one that can deliver before the deadline is in it;
//   asked:    a member ended, drains, flushes or leaves;
//   empty:    every row was abandoned, and nobody fills another.
//
// Not thread-safe: the pool holds its lock.
class Batcher {
public:
    static constexpr int64_t never = std::numeric_limits<int64_t>::max();

    struct Rules {
        int rows = 1;  // of a request; 1..64
        int lanes = 1; // batches the device runs at once
        int slots = 1; // requests of the pool
        Hint hint = Hint::Throughput;
    };

    // A batch with all its rows settled. rows == 0: all holes, nothing to submit.
    struct Closed {
        int slot = -1;
        uint64_t rows = 0; // mask of the filled ones
    };

    explicit Batcher(Rules rules);

    int join(const BatchTerms& terms); // a source comes; its member id
    std::optional<Closed> set_terms(int member, const BatchTerms& terms, int64_t now_us);
    std::optional<Closed> leave(int member, int64_t now_us); // a source goes for good
    // A source will bring nothing for now (EOS, DRAIN, flush); its next row ends that.
    std::optional<Closed> pause(int member, int64_t now_us);

    bool is_open() const { return open_ >= 0; } // reserve() would find a row
    void open(int slot);                        // starts a batch in a free request; !is_open()
    Row reserve(int member, int64_t now_us);    // is_open()
    std::optional<Closed> settle(Row row, bool filled, int64_t now_us);
    std::optional<Closed> tick(int64_t now_us);      // a deadline may have come
    std::optional<Closed> lane_done(int64_t now_us); // a submitted batch is done
    int64_t deadline_us() const;                     // of the open batch, or never
    int open_rows() const;                           // rows reserve() would find in it
    int64_t timeout_us(int member) const { return timeout_of(members_[size_t(member)].terms); }

private:
    struct Member {
        BatchTerms terms;
        bool here = false;   // joined and did not leave
        bool paused = false; // see pause()
        int64_t last_us = -1;
        uint64_t batch = 0; // serial of the last batch it is in
    };
    struct Batch {
        int reserved = 0, settled = 0;
        uint64_t filled = 0; // mask
        bool closed = false;
        bool asked = false;
        bool patient = true; // every member's timeout was given by hand
        int64_t deadline_us = never;
    };

    int64_t timeout_of(const BatchTerms& terms) const;
    std::optional<Closed> close_if_due(int64_t now_us);
    bool due(const Batch& batch, int64_t now_us) const;
    bool all_in(const Batch& batch, int64_t now_us) const;
    bool expected_before(const Member& member, int64_t deadline_us, int64_t now_us) const;
    void close();
    std::optional<Closed> finish(int slot);

    const Rules rules_;
    std::vector<Member> members_;
    std::vector<Batch> batches_; // by slot
    int open_ = -1;              // slot of the open batch
    uint64_t serial_ = 0;        // of the open batch
    int busy_ = 0;               // batches closed and not yet done
};

} // namespace infer
