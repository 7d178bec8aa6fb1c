// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/gst/gate_device.h"

#include <algorithm>

namespace infer {
extern const DeviceDef device_cpu, device_multi;
}

using namespace infer;

namespace {

struct Held {
    Executor* executor;
    Request* request;
};

struct Gate {
    std::mutex mutex; // guards all below
    std::condition_variable changed;
    bool closed = false, failing = false, clings = false;
    int executors = 0;
    int passing = 0; // threads that let held ones through
    std::vector<Held> held;
} the_gate;

void run(const Held& h, bool failing) {
    const Error error = {Error::Device, "GATE", "was told to fail"};
    if (failing)
        h.request->done(&error);
    else
        h.executor->submit(*h.request);
}

class GateExecutor final : public Executor {
public:
    explicit GateExecutor(std::unique_ptr<Executor> cpu) : cpu_(std::move(cpu)) {
        std::lock_guard lock(the_gate.mutex);
        the_gate.executors++;
    }
    // Waits for what it holds, as every executor does.
    ~GateExecutor() override {
        std::unique_lock lock(the_gate.mutex);
        the_gate.changed.wait(lock, [this] {
            return the_gate.passing == 0 && !the_gate.clings &&
                   std::none_of(the_gate.held.begin(), the_gate.held.end(),
                                [this](const Held& h) { return h.executor == cpu_.get(); });
        });
        the_gate.executors--;
        the_gate.changed.notify_all();
    }

    std::span<const InputFormat> inputs() const override { return cpu_->inputs(); }
    std::span<const OutputFormat> outputs() const override { return cpu_->outputs(); }
    int batch() const override { return cpu_->batch(); }
    int lanes() const override { return cpu_->lanes(); }
    std::map<std::string, std::string> describe() const override { return {{"device", "GATE"}}; }
    Result<std::vector<Request>> make_requests(int n) override { return cpu_->make_requests(n); }

    void submit(Request& request) override {
        std::unique_lock lock(the_gate.mutex);
        if (the_gate.closed) {
            the_gate.held.push_back({cpu_.get(), &request});
            the_gate.changed.notify_all();
            return;
        }
        const bool failing = the_gate.failing;
        lock.unlock();
        run({cpu_.get(), &request}, failing);
    }

private:
    std::unique_ptr<Executor> cpu_;
};

Result<std::unique_ptr<Executor>> compile(const Graph& graph, const CompileOptions& options) {
    auto cpu = device_cpu.compile(graph, options);
    if (!cpu.ok())
        return cpu;
    return std::unique_ptr<Executor>(std::make_unique<GateExecutor>(std::move(cpu.value())));
}

const DeviceDef device_gate = {
    .name = "GATE",
    .devices = [] { return Result<std::vector<std::string>>(std::vector<std::string>{"GATE"}); },
    .compile = compile,
    .preferred_batch = [](std::string_view, Hint) { return 1; }};

} // namespace

void gate::close() {
    std::lock_guard lock(the_gate.mutex);
    the_gate.closed = true;
}

void gate::open() {
    std::unique_lock lock(the_gate.mutex);
    the_gate.closed = false;
    const auto held = std::exchange(the_gate.held, {});
    const bool failing = the_gate.failing;
    the_gate.passing++;
    lock.unlock();
    for (const Held& h : held)
        run(h, failing);
    lock.lock();
    the_gate.passing--;
    the_gate.changed.notify_all();
}

void gate::fail(bool failing) {
    std::lock_guard lock(the_gate.mutex);
    the_gate.failing = failing;
}

void gate::cling(bool clings) {
    std::lock_guard lock(the_gate.mutex);
    the_gate.clings = clings;
    the_gate.changed.notify_all();
}

int gate::executors() {
    std::lock_guard lock(the_gate.mutex);
    return the_gate.executors;
}

void gate::wait_until_gone() {
    std::unique_lock lock(the_gate.mutex);
    the_gate.changed.wait(lock, [] { return the_gate.executors == 0; });
}

void gate::wait_for_held(size_t batches) {
    std::unique_lock lock(the_gate.mutex);
    the_gate.changed.wait(lock, [&] { return the_gate.held.size() >= batches; });
}

// This program's devices, in place of devices/device_table.cpp.
namespace infer {

std::span<const DeviceDef* const> all_devices() {
    static const DeviceDef* const table[] = {&device_cpu, &device_gate, &device_multi};
    return table;
}

} // namespace infer
