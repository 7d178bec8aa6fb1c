// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/fake_plugin.h"

#include "inference/device.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

namespace infer {

extern const DeviceDef device_auto, device_cpu, device_multi;

namespace {

struct Faults {
    int delay_us = 0, jitter_us = 0;
    int first_failure = 0, last_failure = 0; // requests from 1; 0: none
    int hang = 0;
};

// What hangs waits here, whichever executor it is of.
std::mutex hanging_mutex; // guards what follows
std::condition_variable hanging_changed;
int times_let_go = 0;

class FakeExecutor final : public Executor {
public:
    FakeExecutor(std::unique_ptr<Executor> cpu, Faults faults, std::string name)
        : cpu_(std::move(cpu)), faults_(faults), name_(std::move(name)),
          thread_([this](std::stop_token stop) { serve(stop); }) {}
    ~FakeExecutor() override {
        thread_.request_stop();
        thread_.join(); // with the queue empty
    }

    std::span<const InputFormat> inputs() const override { return cpu_->inputs(); }
    std::span<const OutputFormat> outputs() const override { return cpu_->outputs(); }
    int batch() const override { return cpu_->batch(); }
    int lanes() const override { return 1; }
    std::map<std::string, std::string> describe() const override {
        auto facts = cpu_->describe();
        facts["device"] = name_;
        return facts;
    }
    Result<std::vector<Request>> make_requests(int n) override { return cpu_->make_requests(n); }

    void submit(Request& request) override {
        {
            std::lock_guard lock(mutex_);
            queue_.push_back(&request);
        }
        added_.notify_one();
    }

private:
    void serve(std::stop_token stop) {
        for (int number = -1;; number++) {
            std::unique_lock lock(mutex_);
            if (!added_.wait(lock, stop, [&] { return !queue_.empty(); }))
                return;
            Request& request = *queue_.front();
            queue_.pop_front();
            lock.unlock();
            serve(request, number);
        }
    }

    void serve(Request& request, int number) {
        if (number > 0 && faults_.delay_us + faults_.jitter_us > 0) {
            const int more = std::uniform_int_distribution<>(0, faults_.jitter_us)(random_);
            std::this_thread::sleep_for(std::chrono::microseconds(faults_.delay_us + more));
        }
        if (number > 0 && number == faults_.hang) {
            std::unique_lock lock(hanging_mutex);
            hanging_changed.wait(lock, [now = times_let_go] { return times_let_go != now; });
        }
        if (number > 0 && number >= faults_.first_failure && number <= faults_.last_failure) {
            const Error error{Error::Device, name_,
                              "request " + std::to_string(number) + " failed"};
            request.done(&error);
        } else {
            cpu_->submit(request);
        }
    }

    const std::unique_ptr<Executor> cpu_;
    const Faults faults_;
    const std::string name_;
    std::mt19937 random_;
    std::mutex mutex_;
    std::condition_variable_any added_;
    std::deque<Request*> queue_; // guarded by mutex_
    std::jthread thread_;        // last: uses all above
};

Result<Faults> read_faults(std::map<std::string, std::string>& extra) {
    Faults faults;
    const auto take = [&](const char* name, auto read) {
        const auto option = extra.extract(name);
        return option.empty() || read(option.mapped().c_str());
    };
    const auto number = [](int& into) {
        return [&into](const char* text) { return std::sscanf(text, "%d", &into) == 1; };
    };
    const bool is_read = take("delay", number(faults.delay_us)) &&
                         take("jitter", number(faults.jitter_us)) &&
                         take("hang", number(faults.hang)) &&
                         take("lost",
                              [&](const char* text) {
                                  return std::sscanf(text, "%d-%d", &faults.first_failure,
                                                     &faults.last_failure) == 2;
                              }) &&
                         take("fail", [&](const char* text) {
                             faults.last_failure = std::atoi(text);
                             return (faults.first_failure = faults.last_failure) > 0;
                         });
    if (!is_read)
        return Error{Error::BadConfig, "device-options",
                     "of FAKE are not as tests/fake_plugin.h says"};
    return faults;
}

Result<std::unique_ptr<Executor>> compile(const Graph& graph, const CompileOptions& options) {
    CompileOptions of_cpu = options;
    if (const auto error = of_cpu.extra.extract("compile-error"); !error.empty())
        return Error{Error::Unsupported, options.device, error.mapped()};
    const auto faults = read_faults(of_cpu.extra);
    if (!faults.ok())
        return faults.error();
    of_cpu.streams = 1;
    auto cpu = device_cpu.compile(graph, of_cpu);
    if (!cpu.ok())
        return cpu;
    return std::unique_ptr<Executor>(
        std::make_unique<FakeExecutor>(std::move(cpu.value()), faults.value(), options.device));
}

const DeviceDef device_fake = {
    .name = "FAKE",
    .devices =
        [] {
            return Result<std::vector<std::string>>(
                std::vector<std::string>{"FAKE", "FAKE.1", "FAKE.2", "FAKE.3"});
        },
    .compile = compile,
    .preferred_batch = [](std::string_view, Hint) { return 1; },
    .rank = [](std::string_view device) { return device == "FAKE.3" ? 200 : 0; }};

} // namespace

std::span<const DeviceDef* const> all_devices() {
    static const DeviceDef* const table[] = {&device_cpu, &device_fake, &device_multi,
                                             &device_auto};
    return table;
}

} // namespace infer

void fake_plugin::let_go() {
    std::lock_guard lock(infer::hanging_mutex);
    infer::times_let_go++;
    infer::hanging_changed.notify_all();
}
