// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/multi/planner.h"
#include "inference/device.h"
#include "inference/session/timer.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace infer::multi {

// What one of the devices is given when it joins.
struct Candidate {
    std::string name = {};
    std::unique_ptr<Executor> executor = nullptr; // nullptr: it comes later, see Core::join
    std::shared_ptr<Request> canary = nullptr;    // of the executor: for trials, no frame is in it
    int64_t first_run_us = 0;
};

// Several devices at work on one model. Requests wait in one line and go, in order, to the device
// that would finish them first. A device that fails, or does not answer, is put aside, its requests
// run on others, and a canary now and then finds out whether it is back. Whoever is called back by
// a device after its time holds nothing but this, so it may outlive its executor. Thread-safe.
class Core : public std::enable_shared_from_this<Core> {
public:
    struct Terms {
        Policy policy = Policy::Fastest;
        int64_t patience_us =
            2'000'000; // and 20 times as long as a request takes: then a device hangs
        const Clock* clock = nullptr; // nullptr: the machine's, and a thread that looks at it
        std::function<void(const DeviceNotice&)> on_notice;
    };

    // The first of the candidates with an executor is whose requests users fill.
    Core(Terms terms, std::vector<Candidate> candidates, size_t home);
    ~Core();
    void start();                                          // once a shared_ptr holds it
    Result<void> join(size_t device, Candidate candidate); // one that had no executor
    void leave_out(size_t device, const std::string& why); // the same: it will not come

    Result<std::vector<Request>> make_requests(int count);
    void submit(Request& request);
    void tick();
    // Waits for requests in flight, unless a device hangs; that one's end is nobody's business any
    // more.
    void close();

    const Executor& home() const { return *members_[home_].executor; } // before close()
    std::span<const InputFormat> inputs() const { return inputs_; }
    std::span<const OutputFormat> outputs() const { return outputs_; }
    std::vector<DeviceCounters> counters() const;
    std::map<std::string, std::string> describe() const;

private:
    enum class State { Coming, InUse, PutAside, LeftOut };
    enum class Run { None, Running, Stuck }; // Stuck: given up, and may answer yet

    struct Member {
        std::string name;
        std::unique_ptr<Executor> executor;
        State state = State::Coming;
        std::string why; // unless InUse
        std::shared_ptr<Request> canary;
        Run canary_run = Run::None;
        int64_t canary_us = 0; // began
        int running = 0, stuck = 0;
        ServiceTime service;
        int64_t served_us = 0;                             // when it served the last
        uint64_t turn = 0;                                 // see Lanes
        int64_t retry_us = 0, backoff_us = 0, back_us = 0; // back_us: since when it is InUse again
        uint64_t blamed_by = 0;                            // the request that put it aside
        uint64_t requests = 0, failures = 0;
    };
    // One request of the user's, and one of each device's for it.
    struct Slot {
        Request* outer = nullptr;
        std::deque<Request> inner;
        std::vector<Run> runs;
        std::vector<Tensor> outputs; // where the device's have another type
        int at = -1;                 // the device that runs it
        int64_t begun_us = 0;
        uint64_t serial = 0; // of the submit
        uint64_t tried = 0;  // devices that failed it
    };
    // What is to be done once the lock is let go.
    struct Todo {
        std::vector<std::pair<Slot*, size_t>> launches;
        std::vector<size_t> canaries;
        std::vector<std::pair<Slot*, Error>> failed;
        std::vector<DeviceNotice> notices;
    };
    struct InLine {
        bool operator()(const Slot* a, const Slot* b) const { return a->serial < b->serial; }
    };

    int64_t now_us() const { return clock_->now_us(); }
    int64_t patience_us(const Member& member) const {
        return terms_.patience_us + 20 * member.service.us();
    }
    bool may_serve(const Slot& slot, size_t device) const;
    uint64_t allowed(const Slot& slot) const;
    Result<void> give_requests(size_t device, std::span<const std::shared_ptr<Slot>> slots);

    // core.cpp: with the lock held.
    void plan(int64_t now_us, Todo& todo);
    std::vector<Lanes> lanes_at(int64_t now_us) const;
    void forget_old_times(int64_t now_us);
    // health.cpp: the same.
    void failed(Slot& slot, size_t device, const Error& error, Todo& todo);
    void run_elsewhere(Slot& slot, const Error& error, Todo& todo);
    void put_aside(size_t device, const std::string& why, uint64_t blamed_by, Todo& todo);
    void take_back(size_t device, Todo& todo);
    void look_for_hangs(int64_t now_us, Todo& todo);
    void hangs(size_t device, Todo& todo);
    void send_canaries(int64_t now_us, Todo& todo);
    int64_t next_look_us() const;

    // With the lock not held.
    void act(Todo todo);
    void catch_canary(size_t device);
    void launch(Slot& slot, size_t device);
    void deliver(Slot& slot, size_t device);
    void finish(Slot& slot, const Error* error);
    void done(Slot& slot, size_t device, const Error* error);
    void canary_done(size_t device, const Error* error);
    static void abandon(std::unique_ptr<Executor> executor,
                        std::vector<std::shared_ptr<Slot>> slots, std::shared_ptr<Request> canary);

    const Terms terms_;
    const std::unique_ptr<const Clock> own_clock_;
    const Clock* const clock_;
    const size_t home_;
    const std::vector<InputFormat> inputs_;   // of the requests that users fill
    const std::vector<OutputFormat> outputs_; // as users read them

    std::mutex making_; // one make_requests(), join() or end of executors at a time; before mutex_
    mutable std::mutex
        mutex_; // guards all below; an executor is set once, before its member is InUse
    std::condition_variable idle_;
    std::vector<Member> members_; // never resized
    std::vector<std::shared_ptr<Slot>> slots_;
    std::set<Slot*, InLine> line_;
    uint64_t serial_ = 0;
    int active_ = 0; // submitted and not finished
    bool closing_ = false;

    std::unique_ptr<Timer> timer_; // nullptr on a test's clock. Last: its thread uses all above
};

} // namespace infer::multi
