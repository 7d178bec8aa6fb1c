// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What executors share whose lanes run a program step by step.
#pragma once

#include "inference/device.h"
#include "inference/interpreter.h"
#include "inference/memory_error.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace infer::lanes {

// Requests that wait for a lane, first come first served. Thread-safe.
class RequestQueue {
public:
    void add(Request& request);
    Request* next(std::stop_token stop); // blocks; nullptr once stopped and empty
    bool is_empty() const { return size_ == 0; }

private:
    std::mutex mutex_; // guards all below
    std::condition_variable_any added_;
    std::deque<Request*> queue_;
    std::atomic<size_t> size_{0}; // queue_.size(), written under mutex_
};

// Ends a request with what `run` says of it.
template <typename Run> void answer(Request& request, const std::string& device, Run run) {
    const Result<void> ran = or_memory_error("device=" + device, "run less at once", run);
    request.done(ran.ok() ? nullptr : &ran.error());
}

// Time by step, added up over lanes.
struct StepTime {
    std::atomic<uint64_t> calls{0}, nanoseconds{0};

    void add(std::chrono::steady_clock::duration more);
};
Executor::LayerTime layer_time(std::string name, std::string op, std::string kernel,
                               const StepTime& time);
// Whether CompileOptions::extra asks for them.
bool asks_for_times(const std::map<std::string, std::string>& extra);

// What comes last and depends on the data in size (inference/tail.h). The results' memory is
// theirs: `results` keeps it for the request, whose outputs `outputs` they become.
Result<void> run_tail(const Interpreter& tail, std::vector<Tensor> inputs,
                      std::span<const int> outputs, std::vector<Tensor>& results, Request& request);

// Frames of a request, as the model says: what its first image has, or else its first input.
int rows_of(std::span<const InputFormat> inputs);

} // namespace infer::lanes
