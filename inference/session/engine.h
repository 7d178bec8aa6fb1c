// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/latency_limit.h"
#include "inference/reorder.h"
#include "inference/request_pool.h"
#include "inference/session/parts.h"
#include "inference/session/rows.h"
#include "inference/session/timer.h"
#include "inference/session/watchdog.h"
#include "inference/stats.h"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace infer {

class SourceState;

// What travels with a frame through a row of a request.
struct Work {
    std::shared_ptr<SourceState> source;
    Reorder<Output>::Place place;
    uint64_t number = 0; // Output::number
    std::unique_ptr<Frame> frame;
    std::shared_ptr<const Processing> how;
    Placement where;
    int width = 0, height = 0; // of the frame
    int64_t pushed_us = 0, preprocess_us = 0;
};

// How an engine works, apart from what it runs.
struct EngineOptions {
    Hint hint = Hint::Throughput;
    const Clock* clock = nullptr; // nullptr: the monotonic one
    int64_t hang_timeout_ms = -1; // see SessionConfig
    // Called once, on the timer's thread or in tick(), before the frames that the device has leave as failed.
    std::function<void(const Error&)> on_hang;
    std::string settings_from; // Choice::from
};

// A compiled model at work: the executor, its requests, and the way from filled rows to results.
// Knows sources only as where results go. Thread-safe.
class Engine {
public:
    Engine(std::unique_ptr<Executor> executor, std::vector<Request> requests, EngineOptions options,
           std::shared_ptr<FlowCounters> counters);
    ~Engine(); // waits for requests in flight; never on a device thread

    // Until the device has nothing to do, or hangs, or so much time has passed. true: it has nothing.
    // On a test's clock it has nothing unless it hangs: nobody would tell it the time.
    bool wait_idle(std::optional<int64_t> for_us) {
        return own_clock_ ? watchdog_.wait_idle(for_us) : !watchdog_.hangs();
    }
    bool hangs() const { return watchdog_.hangs(); }
    // Waits for what it has in flight and ends it. Nobody waits for one that hangs: a thread of its own
    // does, which nobody joins.
    static void end(std::unique_ptr<Engine> engine);

    // One run on zeros by the calling thread, before anything else: how long a batch takes.
    Result<void> warm_up();

    const Executor& executor() const { return *executor_; }
    RequestPool& pool() { return pool_; }
    const RequestPool& pool() const { return pool_; }
    int64_t now_us() const { return clock_->now_us(); }
    int in_flight_bound() const;  // of one source
    int64_t inference_us() const; // p95 of a batch; before frames: the warm-up's
    std::map<std::string, std::string> describe() const;
    // Under a latency limit: how it is held, and how long a frame may wait for a row and still be in time.
    bool is_limited() const { return counters_->latency_limit_us > 0; }
    LatencyLimit::State limit_state() const { return limit_.state(); }
    int64_t longest_wait_us() const;

    // For the holder of a row, until it settles the row: what to fill, and what it carries.
    std::span<const TensorView> row_inputs(Row row) const;
    Work& work(Row row) { return slots_[size_t(row.slot)].work[size_t(row.row)]; }
    void settle(Row row, bool filled);
    void count_failed() { counters_->frames++, counters_->failed++; } // a frame that reached no batch

    // A change that may have closed a batch: see RequestPool. Called with no lock held.
    void pause(RequestPool::Client& client) { submit(pool_.pause(client, now_us())); }
    void leave(RequestPool::Client& client) { submit(pool_.leave(client, now_us())); }
    void set_terms(RequestPool::Client& client, const BatchTerms& terms, int priority);
    void tick(); // a test's clock has moved

    // This thread is inside some device's `done`.
    static bool on_device_thread();

private:
    struct Slot {
        RowViews views;
        std::vector<Work> work; // by row; its row's holder's, then the device thread's
        int64_t submitted_us = 0;
        std::atomic<bool> in_flight{false};
    };
    struct Finished {
        std::shared_ptr<SourceState> source;
        Reorder<Output>::Place place;
        Output output;
    };

    void submit(std::optional<int> slot);
    void done(int slot, const Error* error); // device thread
    std::vector<Finished> collect(int slot, const Error* error, int64_t done_us);
    void hold_limit(const std::vector<Finished>& finished);
    static void arrive(std::vector<Finished> finished);
    void give_up();
    Error hang_error() const;
    Output finish_row(std::span<const NamedTensor> outputs, Work& work, const Error* error,
                      int64_t inference_us);
    void look();
    int64_t on_time(); // timer thread

    const std::unique_ptr<const Clock> own_clock_; // set unless a test brought one
    const Clock* const clock_;
    const std::function<void(const Error&)> on_hang_;
    RequestPool pool_;
    std::deque<Slot> slots_; // never resized
    const std::shared_ptr<FlowCounters> counters_;
    LatencyLimit limit_;
    std::atomic<int> window_; // as the pool has it
    std::string device_;
    const std::string settings_from_;
    int64_t warm_up_us_ = 0;
    Watchdog watchdog_;
    std::unique_ptr<Executor> executor_; // its lanes call done(), which uses all above
    std::unique_ptr<Timer> timer_;       // unless a test brought a clock
};

} // namespace infer
