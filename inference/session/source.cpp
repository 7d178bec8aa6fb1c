// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/source.h"

#include "inference/memory_error.h"
#include "inference/session/engine.h"

namespace infer {
namespace {

BatchTerms terms_of(const SourceOptions& options) {
    return {options.live, options.batch_timeout_us, options.frame_duration_us};
}

} // namespace

Output without_result(std::unique_ptr<Frame> frame, uint64_t number, FrameStatus status,
                      std::string reason) {
    Output output;
    output.item = std::move(frame);
    output.is_frame = true;
    output.number = number;
    output.status = status;
    output.reason = std::move(reason);
    return output;
}

// Keeps no copy of the lease: once somebody may push, it is the source's alone.
void SourceState::start(std::shared_ptr<Engine> engine, Fill fill, const Sizes* sizes) {
    {
        std::lock_guard lock(mutex_);
        if (gate_ == Gate::Closed)
            return;
        engine_ = std::move(engine);
        fill_ = std::move(fill);
        sizes_ = sizes;
        join_pool();
    }
    may_push_.notify_all();
}

// With the lock held. The engine itself calls on_row, so it is there; a row that nobody wants any more is
// a hole.
void SourceState::join_pool() {
    auto on_row = [weak = weak_from_this(), engine = engine_.get()](Row row) {
        const auto source = weak.lock();
        if (!source)
            engine->settle(row, false);
        else if (source->use_row(*engine, row))
            source->fill_pending(*engine);
    };
    client_ = engine_->pool().join(terms_of(options_), options_.priority, std::move(on_row));
    if (gate_ == Gate::Flushing)
        engine_->pool().cancel(*client_);
}

void SourceState::let_go() {
    std::lock_guard lock(mutex_);
    engine_.reset();
    offered_.reset();
}

// What waits for the device leaves as failed.
void SourceState::fail(const Error& why) {
    std::unique_lock lock(mutex_);
    if (failure_)
        return;
    failure_ = why;
    awaited_.reset();
    std::deque<Pending> pending = std::exchange(pending_, {});
    const auto engine = gate_ == Gate::Closed ? nullptr : engine_;
    const auto client = client_;
    if (engine && engine->pool().cancel(*client))
        asked_for_row_ = false;
    lock.unlock();
    may_push_.notify_all();
    for (Pending& p : pending) {
        engine->count_failed();
        arrive(p.credit.place, without_result(std::move(p.frame), p.credit.number, FrameStatus::Failed, why.text()));
    }
    if (engine)
        engine->pause(*client);
}

PushResult SourceState::wait_ready() {
    std::unique_lock lock(mutex_);
    return wait_ready(lock);
}

PushResult SourceState::wait_ready(std::unique_lock<std::mutex>& lock) {
    may_push_.wait(lock, [&] { return gate_ != Gate::Open || engine_ || failure_; });
    if (gate_ != Gate::Open)
        return closed_as(gate_);
    return failure_ ? PushResult::Failed : PushResult::Ok;
}

PushResult SourceState::take_credit(Credit& credit) {
    std::unique_lock lock(mutex_);
    if (const PushResult is = wait_ready(lock); is != PushResult::Ok)
        return is;
    pusher_waits_ = true;
    may_push_.wait(lock, [&] { return gate_ != Gate::Open || failure_ || frames_held_ < bound(); });
    pusher_waits_ = false;
    if (gate_ != Gate::Open)
        return closed_as(gate_);
    if (failure_)
        return PushResult::Failed;
    frames_held_++;
    stats_.in++;
    credit = {line_.take_place(), next_number_++, engine_.get(), client_};
    return PushResult::Ok;
}

PushResult SourceState::closed() {
    std::lock_guard lock(mutex_);
    if (gate_ != Gate::Open)
        return closed_as(gate_);
    return failure_ ? PushResult::Failed : PushResult::Flushing;
}

// No row came for a frame that has its place: flushed or closed, or the device hangs and it leaves as failed.
PushResult SourceState::turned_away(Credit credit, std::unique_ptr<Frame> frame) {
    const PushResult is = closed();
    if (is != PushResult::Failed)
        return is;
    credit.engine->count_failed();
    arrive(credit.place, without_result(std::move(frame), credit.number, FrameStatus::Failed, failure_->text()));
    return is;
}

PushResult SourceState::push(std::unique_ptr<Frame> frame, std::shared_ptr<const Processing> how, int64_t slack_us) {
    std::optional<Error> misfit;
    if (follows_size_)
        if (const PushResult is = fit(frame->size(), how, misfit); is != PushResult::Ok)
            return is;
    if (misfit)
        return pass(std::move(frame), FrameStatus::Failed, misfit->text());
    if (drops())
        return push_dropping(std::move(frame), std::move(how), slack_us);
    Credit credit;
    if (const PushResult taken = take_credit(credit); taken != PushResult::Ok)
        return taken;
    Engine& engine = *credit.engine;
    const int64_t pushed_us = engine.now_us();
    const std::optional<Row> row = engine.pool().acquire(credit.client, pushed_us);
    if (!row)
        return turned_away(std::move(credit), std::move(frame));
    // Under a limit a frame is taken in when it has a row: before that, upstream is held.
    const int64_t taken_us = engine.is_limited() ? engine.now_us() : pushed_us;
    fill_and_settle(*row, {std::move(credit), std::move(frame), std::move(how), taken_us});
    return PushResult::Ok;
}

void SourceState::fill_and_settle(Row row, Pending pending) {
    Engine& engine = *pending.credit.engine;
    const int64_t begun = engine.now_us();
    Result<void> filled = fill_row(engine, row, *pending.frame, *pending.how);
    Work& work = engine.work(row);
    if (filled.ok()) {
        work.source = shared_from_this();
        work.place = pending.credit.place;
        work.number = pending.credit.number;
        work.frame = std::move(pending.frame);
        work.how = std::move(pending.how);
        work.pushed_us = pending.pushed_us;
        work.preprocess_us = engine.now_us() - begun;
    }
    engine.settle(row, filled.ok());
    if (filled.ok())
        return;
    engine.count_failed();
    arrive(pending.credit.place,
           without_result(std::move(pending.frame), pending.credit.number, FrameStatus::Failed, filled.error().text()));
}

Result<void> SourceState::fill_row(Engine& engine, Row row, Frame& frame, const Processing& how) {
    const Result<FrameView> view = frame.map();
    if (!view.ok())
        return view.error();
    Result<Placement> where = or_memory_error("pre-processing", "run less at once", [&] {
        return fill_(view.value(), how, engine.row_inputs(row));
    });
    frame.unmap();
    if (!where.ok())
        return where.error();
    Work& work = engine.work(row);
    work.where = where.value();
    work.width = view.value().width;
    work.height = view.value().height;
    return {};
}

// Waits only for this source's own downstream: while frames are ready to leave and are not taken.
PushResult SourceState::pass(std::unique_ptr<Frame> frame, FrameStatus status, std::string reason) {
    std::unique_lock lock(mutex_);
    pusher_waits_ = true;
    may_push_.wait(lock,
                   [&] { return gate_ != Gate::Open || frames_held_ < bound() || !line_.ready(); });
    pusher_waits_ = false;
    if (gate_ != Gate::Open)
        return closed_as(gate_);
    frames_held_++;
    stats_.in++;
    put(lock, line_.take_place(),
        without_result(std::move(frame), next_number_++, status, std::move(reason)));
    return PushResult::Ok;
}

PushResult SourceState::push_marker(std::unique_ptr<Item> marker, bool closes_batch) {
    std::unique_lock lock(mutex_);
    if (gate_ != Gate::Open)
        return closed_as(gate_);
    const auto engine = engine_;
    const auto client = client_;
    Output output;
    output.item = std::move(marker);
    put(lock, line_.take_place(), std::move(output));
    if (closes_batch && engine)
        engine->pause(*client);
    return PushResult::Ok;
}

void SourceState::arrive(Place place, Output output) {
    std::unique_lock lock(mutex_);
    put(lock, place, std::move(output));
}

// Puts and unlocks; what nobody wants any more is destroyed after that.
bool SourceState::put(std::unique_lock<std::mutex>& lock, Place place, Output output) {
    const std::optional<Output> rejected = line_.put(place, std::move(output));
    const bool wake = popper_waits_ && line_.ready();
    lock.unlock();
    if (wake)
        may_pop_.notify_one();
    return !rejected;
}

std::optional<Output> SourceState::pop() {
    std::unique_lock lock(mutex_);
    popper_waits_ = true;
    may_pop_.wait(lock, [&] { return gate_ != Gate::Open || line_.ready(); });
    popper_waits_ = false;
    if (gate_ != Gate::Open)
        return std::nullopt;
    std::optional<Output> output = line_.take();
    if (output->is_frame) {
        frames_held_--;
        stats_.count(output->status);
    }
    const bool wake = pusher_waits_;
    lock.unlock();
    if (wake)
        may_push_.notify_one();
    return output;
}

void SourceState::flush_start() { shut(Gate::Flushing); }
void SourceState::close() { shut(Gate::Closed); }

void SourceState::shut(Gate gate) {
    std::deque<std::optional<Output>> thrown_away;
    std::unique_lock lock(mutex_);
    if (gate_ == Gate::Closed)
        return;
    gate_ = gate;
    stats_.flushed += uint64_t(frames_held_);
    frames_held_ = 0;
    awaited_.reset();
    offered_.reset();
    thrown_away = line_.flush();
    generation_ = line_.generation();
    const std::deque<Pending> pending = std::exchange(pending_, {});
    const auto engine = engine_;
    const auto client = client_;
    if (engine && engine->pool().cancel(*client))
        asked_for_row_ = false;
    lock.unlock();
    may_push_.notify_all();
    may_pop_.notify_all();
    while (!thrown_away.empty()) // in order, which a deque's destructor does not keep
        thrown_away.pop_front();
    if (engine && gate == Gate::Closed)
        engine->leave(*client);
    else if (engine)
        engine->pause(*client);
}

void SourceState::flush_stop() {
    std::lock_guard lock(mutex_);
    if (gate_ != Gate::Flushing)
        return;
    gate_ = Gate::Open;
    if (engine_ && !failure_)
        engine_->pool().resume(*client_);
}

void SourceState::set_options(const SourceOptions& options) {
    std::unique_lock lock(mutex_);
    options_ = options;
    const auto engine = gate_ == Gate::Closed ? nullptr : engine_;
    const auto client = client_;
    lock.unlock();
    if (engine)
        engine->set_terms(*client, terms_of(options), options.priority);
}

int SourceState::bound() const {
    return engine_ ? engine_->in_flight_bound() : bound_before_ready_;
}

int SourceState::in_flight_bound() const {
    std::lock_guard lock(mutex_);
    return bound();
}

int64_t SourceState::batch_delay_us() const {
    std::lock_guard lock(mutex_);
    return engine_ ? engine_->pool().timeout_us(*client_) : 0;
}

SourceStats SourceState::stats() const {
    std::lock_guard lock(mutex_);
    SourceStats now = stats_;
    now.in_flight = frames_held_;
    now.ready = line_.ready();
    return now;
}

} // namespace infer
