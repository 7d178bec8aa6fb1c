// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Frames of a source that waits for no device: they take their place in line at once and wait for a row
// in a short queue. Whoever has both a frame and a free row fills it: the streaming thread if a row is free, else
// whoever frees one. The pool's line decides whose turn it is, as it does for sources that wait.
#include "inference/session/engine.h"
#include "inference/session/source.h"

namespace infer {
namespace {

constexpr size_t most_pending = 2; // one that is the next, one that comes meanwhile

} // namespace

bool SourceState::drops() {
    std::lock_guard lock(mutex_);
    return !follows_size_ && (options_.drop != Drop::None || !pending_.empty() || asked_for_row_);
}

// Waits for the model, once, and for this source's own downstream, as pass() does.
PushResult SourceState::push_dropping(std::unique_ptr<Frame> frame, std::shared_ptr<const Processing> how,
                                      int64_t slack_us) {
    std::unique_lock lock(mutex_);
    if (const PushResult is = wait_ready(lock); is != PushResult::Ok)
        return is;
    pusher_waits_ = true;
    may_push_.wait(lock, [&] {
        return gate_ != Gate::Open || frames_held_ < bound() || (options_.drop != Drop::None && !line_.ready());
    });
    pusher_waits_ = false;
    if (gate_ != Gate::Open)
        return closed_as(gate_);
    if (failure_)
        return PushResult::Failed;
    frames_held_++;
    stats_.in++;
    const auto engine = engine_;
    const int64_t now_us = engine->now_us();
    const bool is_due = slack_us < std::numeric_limits<int64_t>::max() - now_us;
    pending_.push_back({{line_.take_place(), next_number_++, engine.get(), client_}, std::move(frame), std::move(how), now_us,
                        is_due ? now_us + slack_us : std::numeric_limits<int64_t>::max()});
    Dropped dropped;
    // None: the last that wait from before it was changed to that.
    while (options_.drop != Drop::None && pending_.size() > most_pending) {
        dropped.emplace_back(std::move(pending_.front()), "newer frames came before the device was free");
        pending_.pop_front();
    }
    const bool asks = !std::exchange(asked_for_row_, true);
    lock.unlock();
    leave_without_result(std::move(dropped));
    if (asks)
        fill_pending(*engine);
    return PushResult::Ok;
}

// What is filled next; nullopt: nothing, and asked_for_row_ is over.
std::optional<SourceState::Pending> SourceState::next_pending(int64_t now_us, Dropped& dropped) {
    std::lock_guard lock(mutex_);
    while (!pending_.empty()) {
        Pending next = std::move(pending_.front());
        pending_.pop_front();
        if (options_.drop == Drop::Late && next.due_us <= now_us)
            dropped.emplace_back(std::move(next), "its result could not be in time any more");
        else if (now_us - next.pushed_us > next.credit.engine->longest_wait_us())
            dropped.emplace_back(std::move(next), "it would have taken longer than latency-limit");
        else
            return next;
    }
    asked_for_row_ = false;
    return std::nullopt;
}

// Asks for rows and fills them while frames are pending. Ends as well if a row is to come later.
void SourceState::fill_pending(Engine& engine) {
    for (;;) {
        std::unique_lock lock(mutex_);
        if (gate_ != Gate::Open || pending_.empty()) {
            asked_for_row_ = false;
            return;
        }
        const auto client = client_;
        lock.unlock();
        const RequestPool::Asked asked = engine.pool().acquire_later(client, engine.now_us());
        const bool is_in_line = !asked.row && !asked.is_cancelled; // cancelled: by a flush, which may be over
        if (is_in_line || (asked.row && !use_row(engine, *asked.row)))
            return;
    }
}

// Fills the row; false: nothing was pending, and asked_for_row_ is over.
bool SourceState::use_row(Engine& engine, Row row) {
    Dropped dropped;
    std::optional<Pending> next = next_pending(engine.now_us(), dropped);
    leave_without_result(std::move(dropped));
    if (!next) {
        engine.settle(row, false);
        return false;
    }
    fill_and_settle(row, std::move(*next));
    return true;
}

void SourceState::leave_without_result(Dropped dropped) {
    for (auto& [pending, reason] : dropped) {
        arrive(pending.credit.place,
               infer::without_result(std::move(pending.frame), pending.credit.number, FrameStatus::Dropped, reason));
    }
}

} // namespace infer
