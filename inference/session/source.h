// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/reorder.h"
#include "inference/request_pool.h"
#include "inference/session/parts.h"
#include "inference/session/sizes.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace infer {

class Engine;

// A frame that leaves without a result.
Output without_result(std::unique_ptr<Frame> frame, uint64_t number, FrameStatus status, std::string reason);

// One source, from both sides: its threads (see Source) and the device threads that bring results.
// Rows in flight hold it, so it outlives its Source; it holds neither session nor engine, so the
// last of its holders may be a device thread.
class SourceState : public std::enable_shared_from_this<SourceState> {
public:
    using Place = Reorder<Output>::Place;

    SourceState(const SourceOptions& options, int bound_before_ready, bool follows_size)
        : options_(options), bound_before_ready_(bound_before_ready),
          next_number_(options.first_number), follows_size_(follows_size) {}

    // The model is compiled, or it failed; it may fail later, if its device hangs. Any thread. `engine` outlives every later call
    // but arrive() and wants(). `sizes`: what it is exchanged by, if it follows_size.
    void start(std::shared_ptr<Engine> engine, Fill fill, const Sizes* sizes);
    void fail(const Error& why);
    // Nothing but arrive() and wants() is called any more: the engine may go.
    void let_go();

    // The shelf's thread: the engine of that size, if it is what this waits for.
    void offer(FrameSize size, const Result<std::shared_ptr<Engine>>& engine);
    bool awaits(FrameSize size) const;

    // See Source.
    PushResult wait_ready();
    PushResult push(std::unique_ptr<Frame> frame, std::shared_ptr<const Processing> how, int64_t slack_us);
    PushResult pass(std::unique_ptr<Frame> frame, FrameStatus status, std::string reason);
    PushResult push_marker(std::unique_ptr<Item> marker, bool closes_batch);
    std::optional<Output> pop();
    void flush_start();
    void flush_stop();
    void close();
    void set_options(const SourceOptions& options);
    int in_flight_bound() const;
    int64_t batch_delay_us() const; // what its frames may wait for company; 0 before start()
    SourceStats stats() const;

    // Device threads, and whoever else has a frame's outcome. Dropped if flushed meanwhile.
    void arrive(Place place, Output output);
    bool wants(Place place) const { return place.generation == generation_.load(); }

private:
    enum class Gate { Open, Flushing, Closed };

    // What push() holds while it takes a frame in: the credit, and where the result goes.
    struct Credit {
        Place place;
        uint64_t number = 0;
        Engine* engine = nullptr;
        std::shared_ptr<RequestPool::Client> client;
    };

    // A frame that has its place and waits for a row: SourceOptions::drop.
    struct Pending {
        Credit credit;
        std::unique_ptr<Frame> frame;
        std::shared_ptr<const Processing> how;
        int64_t pushed_us = 0, due_us = 0;
    };
    using Dropped = std::vector<std::pair<Pending, const char*>>; // and why

    static PushResult closed_as(Gate gate) {
        return gate == Gate::Closed ? PushResult::Closed : PushResult::Flushing;
    }
    PushResult wait_ready(std::unique_lock<std::mutex>& lock);
    PushResult take_credit(Credit& credit);
    PushResult closed();
    PushResult turned_away(Credit credit, std::unique_ptr<Frame> frame);
    void join_pool();
    PushResult fit(FrameSize frame, std::shared_ptr<const Processing>& how,
                   std::optional<Error>& misfit);
    PushResult find_engine(FrameSize frame, const std::shared_ptr<const Processing>& how,
                           std::optional<Error>& misfit);
    std::optional<Result<std::shared_ptr<Engine>>> ask(FrameSize size);
    Result<std::shared_ptr<Engine>> fit_processing(FrameSize size,
                                                   Result<std::shared_ptr<Engine>> engine,
                                                   const std::shared_ptr<const Processing>& how);
    void change_engine(std::shared_ptr<Engine> engine);
    Result<void> fill_row(Engine& engine, Row row, Frame& frame, const Processing& how);
    void fill_and_settle(Row row, Pending pending);
    bool drops();
    PushResult push_dropping(std::unique_ptr<Frame> frame, std::shared_ptr<const Processing> how, int64_t slack_us);
    std::optional<Pending> next_pending(int64_t now_us, Dropped& dropped);
    void fill_pending(Engine& engine);
    bool use_row(Engine& engine, Row row);
    void leave_without_result(Dropped dropped);
    bool put(std::unique_lock<std::mutex>& lock, Place place, Output output);
    void shut(Gate gate);
    int bound() const;

    // Guards all below that is not said to be otherwise. Taken before the pool's lock, never after.
    mutable std::mutex mutex_;
    std::condition_variable may_push_; // one waiter: the streaming thread
    std::condition_variable may_pop_;  // one waiter: the task of the src pad
    SourceOptions options_;
    const int bound_before_ready_;
    Gate gate_ = Gate::Open;
    std::shared_ptr<Engine> engine_;              // a Lease; after start()
    std::optional<Error> failure_;                // after fail()
    std::shared_ptr<RequestPool::Client> client_; // with engine_
    std::optional<FrameSize> awaited_;            // that ask() waits for
    std::optional<Result<std::shared_ptr<Engine>>> offered_;
    Reorder<Output> line_;
    int frames_held_ = 0; // in line_ or on their way there
    uint64_t next_number_;
    bool pusher_waits_ = false, popper_waits_ = false;
    std::deque<Pending> pending_; // the oldest first
    bool asked_for_row_ = false;  // for what is pending: a row will come, or is being filled
    SourceStats stats_;

    const bool follows_size_;
    // Set by start(), then the streaming thread's alone; fill_ is whoever's asked_for_row_ lets fill.
    Fill fill_;
    const Sizes* sizes_ = nullptr;
    FrameSize fitted_;                             // of frames that engine_ is for
    std::shared_ptr<const Processing> asked_how_;  // what was fitted to it, and
    std::shared_ptr<const Processing> fitted_how_; // what came out
    std::atomic<uint64_t> generation_{0}; // copy of line_.generation() for wants()
};

} // namespace infer
