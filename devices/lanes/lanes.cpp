// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/lanes/lanes.h"

#include <algorithm>

namespace infer::lanes {

void RequestQueue::add(Request& request) {
    {
        const std::lock_guard lock(mutex_);
        queue_.push_back(&request);
        size_++;
    }
    added_.notify_one();
}

Request* RequestQueue::next(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!added_.wait(lock, std::move(stop), [&] { return !queue_.empty(); }))
        return nullptr;
    Request* request = queue_.front();
    queue_.pop_front();
    size_--;
    return request;
}

void StepTime::add(std::chrono::steady_clock::duration more) {
    calls++;
    nanoseconds += uint64_t(std::chrono::nanoseconds(more).count());
}

Executor::LayerTime layer_time(std::string name, std::string op, std::string kernel,
                               const StepTime& time) {
    return {std::move(name), std::move(op), std::move(kernel), time.calls,
            double(time.nanoseconds) / 1000};
}

bool asks_for_times(const std::map<std::string, std::string>& extra) {
    const auto profile = extra.find("profile");
    return profile != extra.end() && profile->second != "0";
}

Result<void> run_tail(const Interpreter& tail, std::vector<Tensor> inputs,
                      std::span<const int> outputs, std::vector<Tensor>& results,
                      Request& request) {
    auto made = tail.run(std::move(inputs));
    if (!made.ok())
        return made.error();
    results = std::move(made.value());
    for (size_t k = 0; k < outputs.size(); k++)
        request.outputs[size_t(outputs[k])] = results[k].view();
    return {};
}

int rows_of(std::span<const InputFormat> inputs) {
    const auto image =
        std::ranges::find(inputs, size_t{4}, [](const InputFormat& in) { return in.shape.size(); });
    const auto first = image != inputs.end() ? image : inputs.begin();
    return first != inputs.end() && !first->shape.empty() ? int(first->shape[0]) : 1;
}

} // namespace infer::lanes
