// SPDX-License-Identifier: LGPL-2.1-or-later
// A device without a model, to test the flow: batches of N rows on L lanes, done on a virtual
// clock step by step, or by real threads. Its output repeats its input, so that a result says which
// frame it was made from.
#pragma once

#include "inference/session/parts.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace infer::fake {

class VirtualClock final : public Clock {
public:
    int64_t now_us() const override { return now_.load(); }
    void set(int64_t us) { now_ = us; }
    void advance(int64_t us) { now_ += us; }

private:
    std::atomic<int64_t> now_{0};
};

// What one test makes of the device, and what the device tells the test.
class Device {
public:
    struct Options {
        int batch = 4; // what the device prefers
        int lanes = 4;
        int64_t batch_us = 1000;   // how long a batch takes, whatever is in it
        bool random_order = false; // a batch takes 0.5 to 1.5 times as long
        bool threads = false;      // lanes are threads that take no time; else step() runs them
        unsigned seed = 1;
        std::set<int> fails = {}; // these batches fail; the first is 1
        std::set<int> hangs = {}; // these take a lane and never end, until let_go(); on virtual time
        int warm_ups = 1;         // first batches of an executor, which take no time and do not count
        std::string compile_error = {};
        bool hold_compile = false; // until let_compile(); with `holds_after` of them let through
        int holds_after = 0;
        bool no_memory = false;    // for requests
        bool hang_warm_up = false; // the first run never ends
        bool hold_end = false; // an executor's end waits for let_end(): a driver that does not come back
    };

    // `clock`: of several devices together; nullptr: its own.
    explicit Device(Options options, VirtualClock* clock = nullptr)
        : options_(std::move(options)), clock_(clock ? *clock : own_clock_), random_(options_.seed), id_(enlist(this)) {}
    ~Device() { enlist(nullptr, id_); }
    Device(const Device&) = delete;

    const Options& options() const { return options_; }
    VirtualClock& clock() { return clock_; }
    std::string id() const { return std::to_string(id_); } // for CompileOptions::extra["fake"]

    // Virtual time goes on to the end of the next batch, whose `done` is called on this thread.
    // false: nothing runs.
    bool step();
    std::optional<int64_t> next_end_us(); // of what step() would end
    void lose(bool lost) { lost_ = lost; } // meanwhile every batch fails
    void let_go();                         // what hangs ends now, and nothing hangs any more
    // The batch that was submitted as number `k` (from 1) ends now.
    void finish(int k);
    void wait_for_submits(int n); // until n batches were submitted in all; no warm-up counts
    int submits();
    int dones() { return dones_; }
    int doubled() { return doubled_; }       // requests submitted while in flight
    std::vector<uint64_t> rows_of_batches(); // masks in order of submission
    int running();                           // batches submitted and not done
    void hold_lanes(bool hold);              // lane threads take nothing meanwhile
    void let_compile();
    void let_end();
    void wait_end();  // an executor's end blocks here if asked to
    void wait_gone(); // until no executor is left
    void wait_compile(); // compile() blocks here if asked to
    void leave(); // an executor's last word
    std::atomic<int> compiles{0}, executors{0};

    // For executors; `of` is the caller, so that lanes run their own executor's batches only.
    void submit(Request& request, const void* of);
    bool run_one(const void* of); // a lane thread's turn; false once stopped and empty
    void stop_lanes(const void* of);
    void forget(const void* of);
    static Device* find(int id) { return enlist_table()[id]; }

private:
    struct Batch {
        Request* request;
        const void* of;
        int number;
        int64_t end_us;
    };
    static std::map<int, Device*>& enlist_table() {
        static std::map<int, Device*> table;
        return table;
    }
    static int enlist(Device* device, int id = 0) {
        static std::mutex mutex;
        std::lock_guard lock(mutex);
        static int last = 0;
        if (device)
            enlist_table()[id = ++last] = device;
        else
            enlist_table().erase(id);
        return id;
    }
    template <typename F> auto locked(F f) {
        std::lock_guard lock(mutex_);
        return f();
    }
    void start_waiting();
    void complete(const Batch& batch);

    const Options options_;
    VirtualClock own_clock_;
    VirtualClock& clock_;
    std::mutex mutex_; // guards all below
    std::condition_variable changed_;
    std::mt19937 random_;
    std::deque<Batch> queue_;    // submitted, waits for a lane
    std::vector<Batch> running_; // at most `lanes`, with those that hang
    std::vector<Batch> hung_;
    bool never_hangs_ = false;
    std::atomic<bool> lost_{false};
    std::set<Request*> in_flight_;
    std::vector<uint64_t> rows_;
    int submitted_ = 0;
    std::set<const void*> stopped_;
    bool held_ = false, may_compile_ = false, may_end_ = false;
    std::atomic<int> dones_{0}, doubled_{0};
    const int id_;
};

inline void Device::submit(Request& request, const void* of) {
    std::unique_lock lock(mutex_);
    const int number = ++submitted_;
    doubled_ += in_flight_.insert(&request).second ? 0 : 1;
    rows_.push_back(request.rows);
    queue_.push_back({&request, of, number, 0});
    if (!options_.threads)
        start_waiting();
    lock.unlock();
    changed_.notify_all();
}

inline void Device::start_waiting() {
    while (!queue_.empty() && int(running_.size() + hung_.size()) < options_.lanes) {
        Batch batch = queue_.front();
        queue_.pop_front();
        if (options_.hangs.contains(batch.number) && !never_hangs_) {
            hung_.push_back(batch);
            continue;
        }
        const double factor =
            options_.random_order ? std::uniform_real_distribution<>(0.5, 1.5)(random_) : 1.0;
        batch.end_us = clock_.now_us() + int64_t(factor * double(options_.batch_us));
        running_.push_back(batch);
    }
}

inline bool Device::step() {
    std::unique_lock lock(mutex_);
    const auto next =
        std::min_element(running_.begin(), running_.end(),
                         [](const Batch& a, const Batch& b) { return a.end_us < b.end_us; });
    if (next == running_.end())
        return false;
    const Batch batch = *next;
    running_.erase(next);
    clock_.set(std::max(clock_.now_us(), batch.end_us));
    start_waiting();
    lock.unlock();
    complete(batch);
    return true;
}

inline std::optional<int64_t> Device::next_end_us() {
    std::lock_guard lock(mutex_);
    const auto next = std::ranges::min_element(running_, {}, &Batch::end_us);
    return next == running_.end() ? std::nullopt : std::optional(next->end_us);
}

inline void Device::let_go() {
    std::unique_lock lock(mutex_);
    never_hangs_ = true;
    const std::vector<Batch> hung = std::exchange(hung_, {});
    start_waiting();
    lock.unlock();
    for (const Batch& batch : hung)
        complete(batch);
}

inline void Device::finish(int k) {
    std::unique_lock lock(mutex_);
    const auto it = std::find_if(running_.begin(), running_.end(),
                                 [&](const Batch& b) { return b.number == k; });
    if (it == running_.end())
        return;
    const Batch batch = *it;
    running_.erase(it);
    start_waiting();
    lock.unlock();
    complete(batch);
}

inline bool Device::run_one(const void* of) {
    std::unique_lock lock(mutex_);
    std::vector<std::deque<Batch>::iterator> mine;
    changed_.wait(lock, [&] {
        mine.clear();
        for (auto it = queue_.begin(); it != queue_.end(); ++it)
            if (it->of == of)
                mine.push_back(it);
        return stopped_.contains(of) || (!held_ && !mine.empty());
    });
    if (mine.empty())
        return false;
    const auto chosen = mine[options_.random_order ? random_() % mine.size() : 0];
    const Batch batch = *chosen;
    queue_.erase(chosen);
    lock.unlock();
    complete(batch);
    return true;
}

// The output repeats the input; rows that hold no frame get rubbish.
inline void echo(Request& request) {
    const auto rows = size_t(request.inputs[0].shape[0]);
    const size_t in_bytes = request.inputs[0].size_bytes() / rows;
    const size_t out_bytes = request.outputs[0].size_bytes() / rows;
    std::memset(request.outputs[0].data, 0xff, request.outputs[0].size_bytes());
    for (size_t row = 0; row < rows; row++)
        if (request.rows >> row & 1)
            std::memcpy(static_cast<char*>(request.outputs[0].data) + row * out_bytes,
                        static_cast<char*>(request.inputs[0].data) + row * in_bytes, out_bytes);
}

inline void Device::complete(const Batch& batch) {
    Request& request = *batch.request;
    echo(request);
    locked([&] { return in_flight_.erase(&request); });
    dones_++;
    const Error error{Error::Device, "fake device",
                      "batch " + std::to_string(batch.number) + " failed"};
    request.done(lost_ || options_.fails.contains(batch.number) ? &error : nullptr);
}

inline void Device::wait_for_submits(int n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return submitted_ >= n; });
}

inline int Device::submits() {
    return locked([&] { return submitted_; });
}

inline int Device::running() {
    return int(locked([&] { return running_.size() + queue_.size(); }));
}

inline std::vector<uint64_t> Device::rows_of_batches() {
    return locked([&] { return rows_; });
}

inline void Device::hold_lanes(bool hold) {
    locked([&] { return held_ = hold; });
    changed_.notify_all();
}

inline void Device::let_compile() {
    locked([&] { return may_compile_ = true; });
    changed_.notify_all();
}

inline void Device::wait_compile() {
    std::unique_lock lock(mutex_);
    const int number = compiles++;
    changed_.notify_all();
    changed_.wait(lock, [&] {
        return !options_.hold_compile || may_compile_ || number < options_.holds_after;
    });
}

inline void Device::let_end() {
    locked([&] { return may_end_ = true; });
    changed_.notify_all();
}

inline void Device::wait_end() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !options_.hold_end || may_end_; });
}

inline void Device::wait_gone() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return executors == 0; });
}

inline void Device::leave() {
    std::lock_guard lock(mutex_);
    executors--;
    changed_.notify_all(); // under the lock: the device may go once its waiter has woken
}

inline void Device::stop_lanes(const void* of) {
    locked([&] { return stopped_.insert(of).second; });
    changed_.notify_all();
}

inline void Device::forget(const void* of) {
    locked([&] { return stopped_.erase(of); });
}

class FakeExecutor final : public Executor {
public:
    static constexpr int64_t values = 2; // a row: source, number

    // `picture`: the shape of the input, which is [batch, values] if this is empty.
    FakeExecutor(Device& device, std::string name, int batch, Shape picture)
        : device_(device), name_(std::move(name)), batch_(batch) {
        device_.executors++;
        InputFormat input;
        input.layout = picture.empty() ? InputFormat::Plain : InputFormat::NCHW;
        input.name = "picture";
        input.shape = picture.empty() ? Shape{batch, values} : std::move(picture);
        inputs_ = {input};
        outputs_ = {{"echo", ElementType::F32, {batch, values}}};
        for (int lane = 0; device.options().threads && lane < device.options().lanes; lane++)
            lanes_.emplace_back([this] {
                while (device_.run_one(this)) {
                }
            });
    }
    ~FakeExecutor() override {
        device_.wait_end();
        while (!device_.options().threads && device_.step()) {
        }
        device_.stop_lanes(this);
        lanes_.clear();
        device_.forget(this);
        device_.leave();
    }

    std::span<const InputFormat> inputs() const override { return inputs_; }
    std::span<const OutputFormat> outputs() const override { return outputs_; }
    int batch() const override { return batch_; }
    int lanes() const override { return device_.options().lanes; }
    void submit(Request& request) override {
        if (device_.options().hang_warm_up && warm_ups_ == 0) {
            warm_ups_++;
            return;
        }
        if (warm_ups_++ >= device_.options().warm_ups)
            return device_.submit(request, this);
        echo(request);
        request.done(nullptr);
    }
    std::map<std::string, std::string> describe() const override { return {{"device", name_}}; }

    Result<std::vector<Request>> make_requests(int count) override {
        if (device_.options().no_memory)
            throw std::bad_alloc();
        std::vector<Request> requests(static_cast<size_t>(count));
        for (Request& request : requests) {
            auto memory = std::make_shared<std::pair<Tensor, Tensor>>(
                Tensor(ElementType::F32, inputs_[0].shape),
                Tensor(ElementType::F32, {batch_, values}));
            request.inputs = {memory->first.view()};
            request.outputs = {memory->second.view()};
            request.memory = memory;
        }
        return requests;
    }

private:
    Device& device_;
    const std::string name_;
    const int batch_;
    std::atomic<int> warm_ups_{0};
    std::vector<InputFormat> inputs_;
    std::vector<OutputFormat> outputs_;
    std::vector<std::jthread> lanes_;
};

inline Device& device_of(const CompileOptions& options) {
    return *Device::find(std::stoi(options.extra.at("fake")));
}

// The graph of a model with open height and width has its input; others have nothing.
inline Result<std::unique_ptr<Executor>> compile_fake(const Graph& graph,
                                                      const CompileOptions& options) {
    Device& device = device_of(options);
    device.wait_compile();
    if (!device.options().compile_error.empty())
        return Error{Error::Unsupported, "fake model", device.options().compile_error};
    const Shape picture = graph.inputs.empty() ? Shape{} : graph.value(graph.inputs[0]).shape;
    return std::unique_ptr<Executor>(
        std::make_unique<FakeExecutor>(device, options.device, options.batch, picture));
}

inline const DeviceDef device_fake = {
    .name = "FAKE",
    .devices = [] { return Result<std::vector<std::string>>(std::vector<std::string>{"FAKE", "FAKE.1", "FAKE.2"}); },
    .compile = compile_fake,
    .preferred_batch = [](std::string_view, Hint) { return 4; }};

} // namespace infer::fake
