// SPDX-License-Identifier: LGPL-2.1-or-later
// How a source finds the engine for its frames' size. Streaming thread, but for offer() and
// awaits().
#include "inference/session/engine.h"
#include "inference/session/shelf.h"
#include "inference/session/source.h"

namespace infer {
namespace {

// Adds to what has been tried for a frame before.
void add_reason(std::optional<Error>& misfit, FrameSize size, const Error& why) {
    const std::string at = std::to_string(size.width) + "x" + std::to_string(size.height);
    if (!misfit)
        misfit = Error{why.kind, "input-size=source",
                       "the model cannot run at " + at + " (" + why.text() + ")"};
    else
        misfit->what += ", nor at " + at + " (" + why.text() + ")";
}

} // namespace

// Ok: engine_ is right for such frames, or `misfit` says why there is none.
PushResult SourceState::fit(FrameSize frame, std::shared_ptr<const Processing>& how,
                            std::optional<Error>& misfit) {
    if (const PushResult is = wait_ready(); is != PushResult::Ok)
        return is;
    const bool is_known = frame == fitted_ && how == asked_how_;
    if (!is_known)
        if (const PushResult is = find_engine(frame, how, misfit); is != PushResult::Ok || misfit)
            return is;
    how = fitted_how_;
    return PushResult::Ok;
}

PushResult SourceState::find_engine(FrameSize frame, const std::shared_ptr<const Processing>& how,
                                    std::optional<Error>& misfit) {
    for (const FrameSize size : sizes_->rule.sizes_for(frame)) {
        auto found = ask(size);
        if (!found)
            return closed();
        Result<Lease> engine = fit_processing(size, std::move(*found), how);
        if (engine.ok()) {
            misfit.reset();
            change_engine(std::move(engine.value()));
            fitted_ = frame;
            asked_how_ = how;
            return PushResult::Ok;
        }
        add_reason(misfit, size, engine.error());
    }
    fitted_ = {};
    engine_->count_failed();
    return PushResult::Ok;
}

// Fits `how` to an engine found for `size`: its decoder must be able to read what comes out.
Result<Lease> SourceState::fit_processing(FrameSize size, Result<Lease> engine,
                                          const std::shared_ptr<const Processing>& how) {
    if (!engine.ok())
        return engine;
    const Executor& executor = engine.value()->executor();
    fitted_how_ = at_size(how, executor.inputs());
    if (auto reads = try_decoder(*fitted_how_, executor.outputs(), executor.batch());
        !reads.ok()) {
        sizes_->shelf.refuse(size, reads.error());
        return reads.error();
    }
    return engine;
}

// nullopt: flushed or closed meanwhile.
std::optional<Result<Lease>> SourceState::ask(FrameSize size) {
    {
        std::lock_guard lock(mutex_);
        if (gate_ != Gate::Open)
            return std::nullopt;
        awaited_ = size;
        offered_.reset();
    }
    auto there = sizes_->shelf.find(size, shared_from_this());
    std::unique_lock lock(mutex_);
    // A flush that has ended before this thread wakes took `awaited_` away.
    if (!there)
        may_push_.wait(lock, [&] { return !awaited_ || offered_; });
    awaited_.reset();
    auto offered = std::exchange(offered_, std::nullopt);
    return there ? std::move(there) : std::move(offered);
}

bool SourceState::awaits(FrameSize size) const {
    std::lock_guard lock(mutex_);
    return awaited_ == size;
}

void SourceState::offer(FrameSize size, const Result<Lease>& engine) {
    {
        std::lock_guard lock(mutex_);
        if (awaited_ != size)
            return;
        offered_ = engine;
    }
    may_push_.notify_all();
}

// Frames in flight stay where they are; the line puts their results in order.
void SourceState::change_engine(Lease engine) {
    std::unique_lock lock(mutex_);
    if (gate_ == Gate::Closed || engine == engine_)
        return;
    const Lease before = std::exchange(engine_, std::move(engine));
    const auto client = client_;
    join_pool();
    fill_ = sizes_->make_fill(engine_->executor().inputs());
    lock.unlock();
    before->leave(*client);
}

} // namespace infer
