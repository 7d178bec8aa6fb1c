// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/load.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace infer::tools {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

Clock::duration seconds_of(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

double milliseconds(Clock::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

double cpu_seconds() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    const auto seconds = [](const timeval& t) {
        return double(t.tv_sec) + double(t.tv_usec) * 1e-6;
    };
    return seconds(use.ru_utime) + seconds(use.ru_stime);
}

// Takes the time of a measurement from its making to finish().
class Stopwatch {
public:
    Time begin() const { return begin_; }

    Measured finish(std::vector<double> latency_ms) const {
        Measured m;
        m.elapsed_s = milliseconds(Clock::now() - begin_) * 1e-3;
        m.cpu_s = cpu_seconds() - cpu_;
        std::sort(latency_ms.begin(), latency_ms.end());
        m.latency_ms = std::move(latency_ms);
        return m;
    }

private:
    double cpu_ = cpu_seconds();
    Time begin_ = Clock::now();
};

// Counts what is done and keeps the first error. Thread-safe.
class Tally {
public:
    void add(const Error* error) {
        std::lock_guard lock(mutex_);
        count_++;
        if (error && !error_)
            error_ = *error;
        changed_.notify_all();
    }

    // Blocks until `count` have been added. Looks for them a little first: on models of some
    // microseconds, waking this thread would be most of what is measured.
    void wait_for(size_t count) {
        const Time patience = Clock::now() + std::chrono::microseconds(50);
        while (count_ < count && Clock::now() < patience)
            std::this_thread::yield();
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return count_ >= count; });
    }

    std::optional<Error> error() {
        std::lock_guard lock(mutex_);
        return error_;
    }

private:
    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    std::atomic<size_t> count_ = 0; // written under mutex_
    std::optional<Error> error_;
};

// A request that submits itself again from its `done` until the time is over. An executor may call
// `done` before submit() returns, even on the same thread; `phase_` then lets the submitting thread
// go on instead of nesting one submit in the other.
class Circle {
public:
    Circle(Executor& executor, Request& request, Time end, Tally& ended)
        : executor_(executor), request_(request), end_(end), ended_(ended) {
        request.done = [this](const Error* error) { done(error); };
    }

    void go() {
        Phase before;
        do {
            phase_ = Submitting;
            started_ = Clock::now();
            executor_.submit(request_);
            before = phase_.exchange(Running);
        } while (before == Again);
        if (before == Over)
            ended_.add(failed_ ? &*failed_ : nullptr);
    }

    const std::vector<double>& latency_ms() const { return latency_ms_; }

private:
    enum Phase { Submitting, Running, Again, Over };

    void done(const Error* error) {
        const Time now = Clock::now();
        if (error)
            return finish(error);
        latency_ms_.push_back(milliseconds(now - started_));
        if (now >= end_)
            return finish(nullptr);
        if (phase_.exchange(Again) == Running)
            go();
    }

    // Exactly one of this and go() counts the end: whoever touches the circle last.
    void finish(const Error* error) {
        if (error)
            failed_ = *error;
        if (phase_.exchange(Over) == Running)
            ended_.add(failed_ ? &*failed_ : nullptr);
    }

    Executor& executor_;
    Request& request_;
    const Time end_;
    Tally& ended_;
    std::atomic<Phase> phase_ = Running;
    Time started_;
    std::vector<double> latency_ms_;
    std::optional<Error> failed_;
};

// A request with the time it was due.
struct Slot {
    Request& request;
    Time due;
};

// Slots to take and give back. Thread-safe.
class FreeList {
public:
    // Blocks until one is free.
    Slot& take() {
        std::unique_lock lock(mutex_);
        returned_.wait(lock, [&] { return !free_.empty(); });
        Slot* slot = free_.back();
        free_.pop_back();
        return *slot;
    }

    void give(Slot& slot) {
        std::lock_guard lock(mutex_);
        free_.push_back(&slot);
        returned_.notify_one();
    }

private:
    std::mutex mutex_; // guards free_
    std::condition_variable returned_;
    std::vector<Slot*> free_;
};

// What an open loop needs besides its clock: slots whose `done` notes the latency and gives back.
class OpenLoop {
public:
    explicit OpenLoop(std::span<Request> requests) {
        for (Request& request : requests) {
            Slot& slot = *slots_.emplace_back(std::make_unique<Slot>(Slot{request, {}}));
            request.done = [this, &slot](const Error* error) { done(slot, error); };
            free_.give(slot);
        }
    }

    // Blocks until a request is free.
    void send(Executor& executor, Time due) {
        Slot& slot = free_.take();
        slot.due = due;
        sent_++;
        executor.submit(slot.request);
    }

    // Blocks until all that was sent is done.
    Result<std::vector<double>> finish() {
        finished_.wait_for(sent_);
        if (const auto error = finished_.error())
            return *error;
        return std::move(latency_ms_);
    }

    size_t sent() const { return sent_; }
    bool failed() { return finished_.error().has_value(); }

private:
    void done(Slot& slot, const Error* error) {
        {
            std::lock_guard lock(mutex_);
            latency_ms_.push_back(milliseconds(Clock::now() - slot.due));
        }
        free_.give(slot);
        finished_.add(error);
    }

    std::vector<std::unique_ptr<Slot>> slots_;
    FreeList free_;
    Tally finished_;
    size_t sent_ = 0;  // by the sending thread alone
    std::mutex mutex_; // guards latency_ms_
    std::vector<double> latency_ms_;
};

} // namespace

double Measured::percentile(double fraction) const {
    if (latency_ms.empty())
        return 0;
    return latency_ms[std::min(latency_ms.size() - 1,
                               size_t(fraction * double(latency_ms.size())))];
}

Result<void> run_once(Executor& executor, Request& request) {
    Tally finished;
    request.done = [&](const Error* error) { finished.add(error); };
    executor.submit(request);
    finished.wait_for(1);
    if (const auto error = finished.error())
        return *error;
    return {};
}

Result<Measured> one_at_a_time(Executor& executor, Request& request, double seconds) {
    const Stopwatch watch;
    std::vector<double> latency_ms;
    Tally finished;
    request.done = [&](const Error* error) { finished.add(error); };
    do {
        const Time started = Clock::now();
        executor.submit(request);
        finished.wait_for(latency_ms.size() + 1);
        latency_ms.push_back(milliseconds(Clock::now() - started));
    } while (!finished.error() && Clock::now() < watch.begin() + seconds_of(seconds));
    if (const auto error = finished.error())
        return *error;
    return watch.finish(std::move(latency_ms));
}

Result<Measured> keep_in_flight(Executor& executor, std::span<Request> requests, double seconds) {
    const Stopwatch watch;
    Tally ended;
    std::vector<std::unique_ptr<Circle>> circles;
    for (Request& request : requests)
        circles.push_back(std::make_unique<Circle>(executor, request,
                                                   watch.begin() + seconds_of(seconds), ended));
    for (auto& circle : circles)
        circle->go();
    ended.wait_for(circles.size());
    if (const auto error = ended.error())
        return *error;
    std::vector<double> latency_ms;
    for (auto& circle : circles)
        latency_ms.insert(latency_ms.end(), circle->latency_ms().begin(),
                          circle->latency_ms().end());
    return watch.finish(std::move(latency_ms));
}

Result<Measured> at_intervals(Executor& executor, std::span<Request> requests, double seconds,
                              double interval_s) {
    const Stopwatch watch;
    OpenLoop loop(requests);
    const size_t due = size_t(std::max(1.0, seconds / interval_s));
    const Time end = watch.begin() + seconds_of(seconds);
    while (loop.sent() < due && Clock::now() < end && !loop.failed()) {
        const Time scheduled = watch.begin() + seconds_of(interval_s * double(loop.sent()));
        std::this_thread::sleep_until(scheduled);
        loop.send(executor, scheduled);
    }
    auto latency_ms = loop.finish();
    if (!latency_ms.ok())
        return latency_ms.error();
    Measured measured = watch.finish(std::move(latency_ms.value()));
    measured.late = due - loop.sent();
    return measured;
}

} // namespace infer::tools
