// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/batcher.h"

#include <algorithm>
#include <cassert>

namespace infer {

// With the idle rule a frame waits only while every lane is busy, so these bound how long a batch
// stays open to others. Latency: little, and less than a frame lasts. Throughput: until the same
// source's next frame, which would find the batch closed anyway if all sources ran at one rate.
int64_t auto_timeout_us(Hint hint, const BatchTerms& terms) {
    const int64_t duration = terms.frame_duration_us;
    if (hint == Hint::Latency)
        return duration > 0 ? std::min<int64_t>(duration / 4, 5'000) : 5'000;
    return duration > 0 ? std::clamp<int64_t>(duration, 5'000, 100'000) : 50'000;
}

Batcher::Batcher(Rules rules) : rules_(rules), batches_(size_t(rules.slots)) {
    assert(rules.rows >= 1 && rules.rows <= 64 && rules.lanes >= 1 && rules.slots >= 1);
}

int64_t Batcher::timeout_of(const BatchTerms& terms) const {
    return terms.timeout_us >= 0 ? terms.timeout_us : auto_timeout_us(rules_.hint, terms);
}

int Batcher::join(const BatchTerms& terms) {
    auto free =
        std::find_if(members_.begin(), members_.end(), [](const Member& m) { return !m.here; });
    if (free == members_.end())
        free = members_.emplace(members_.end());
    *free = {.terms = terms, .here = true};
    return int(free - members_.begin());
}

std::optional<Batcher::Closed> Batcher::set_terms(int member, const BatchTerms& terms,
                                                  int64_t now_us) {
    members_[size_t(member)].terms = terms;
    return close_if_due(now_us);
}

std::optional<Batcher::Closed> Batcher::leave(int member, int64_t now_us) {
    std::optional<Closed> closed = pause(member, now_us);
    members_[size_t(member)].here = false;
    return closed;
}

std::optional<Batcher::Closed> Batcher::pause(int member, int64_t now_us) {
    Member& m = members_[size_t(member)];
    m.paused = true;
    if (open_ >= 0 && m.batch == serial_)
        batches_[size_t(open_)].asked = true;
    return close_if_due(now_us);
}

void Batcher::open(int slot) {
    assert(open_ < 0);
    batches_[size_t(slot)] = {};
    open_ = slot;
    serial_++;
}

Row Batcher::reserve(int member, int64_t now_us) {
    assert(open_ >= 0);
    Member& m = members_[size_t(member)];
    Batch& batch = batches_[size_t(open_)];
    m.batch = serial_;
    m.paused = false;
    m.last_us = now_us;
    batch.deadline_us = std::min(batch.deadline_us, now_us + timeout_of(m.terms));
    batch.patient = batch.patient && m.terms.timeout_us >= 0;
    const Row row{open_, batch.reserved++};
    if (batch.reserved == rules_.rows)
        close();
    return row;
}

std::optional<Batcher::Closed> Batcher::settle(Row row, bool filled, int64_t now_us) {
    Batch& batch = batches_[size_t(row.slot)];
    assert(batch.settled < batch.reserved);
    batch.settled++;
    if (filled)
        batch.filled |= uint64_t{1} << row.row;
    if (batch.closed)
        return batch.settled == batch.reserved ? finish(row.slot) : std::nullopt;
    return close_if_due(now_us);
}

std::optional<Batcher::Closed> Batcher::tick(int64_t now_us) { return close_if_due(now_us); }

std::optional<Batcher::Closed> Batcher::lane_done(int64_t now_us) {
    busy_--;
    return close_if_due(now_us);
}

int64_t Batcher::deadline_us() const {
    return open_ >= 0 ? batches_[size_t(open_)].deadline_us : never;
}

int Batcher::open_rows() const {
    return open_ >= 0 ? rules_.rows - batches_[size_t(open_)].reserved : 0;
}

std::optional<Batcher::Closed> Batcher::close_if_due(int64_t now_us) {
    if (open_ < 0 || !due(batches_[size_t(open_)], now_us))
        return std::nullopt;
    const int slot = open_;
    close();
    const Batch& batch = batches_[size_t(slot)];
    return batch.settled == batch.reserved ? finish(slot) : std::nullopt;
}

bool Batcher::due(const Batch& batch, int64_t now_us) const {
    if (batch.reserved == 0)
        return false;
    if (batch.asked || now_us >= batch.deadline_us)
        return true;
    const bool settled = batch.settled == batch.reserved;
    if (settled && batch.filled == 0)
        return true;
    if (settled && !batch.patient && busy_ < rules_.lanes)
        return true;
    return all_in(batch, now_us);
}

bool Batcher::all_in(const Batch& batch, int64_t now_us) const {
    return std::all_of(members_.begin(), members_.end(), [&](const Member& m) {
        if (!m.here || m.paused)
            return true;
        if (!m.terms.live)
            return false;
        return m.batch == serial_ || !expected_before(m, batch.deadline_us, now_us);
    });
}

// A camera that has been silent for two frames has stalled: nobody waits for it.
bool Batcher::expected_before(const Member& m, int64_t deadline_us, int64_t now_us) const {
    const int64_t duration = m.terms.frame_duration_us;
    if (duration == 0 || m.last_us < 0)
        return true;
    return m.last_us + duration <= deadline_us && now_us <= m.last_us + 2 * duration;
}

void Batcher::close() {
    batches_[size_t(open_)].closed = true;
    open_ = -1;
    busy_++;
}

std::optional<Batcher::Closed> Batcher::finish(int slot) {
    const uint64_t filled = batches_[size_t(slot)].filled;
    if (filled == 0)
        busy_--;
    return Closed{slot, filled};
}

} // namespace infer
