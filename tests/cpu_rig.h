// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs graphs on the CPU device for its tests.
#pragma once

#include "inference/device.h"
#include "inference/graph.h"

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace infer {

// Counts requests that are done, and waits for them.
class Finished {
public:
    std::function<void(const Error*)> callback() {
        return [this](const Error*) {
            const std::lock_guard lock(mutex_);
            count_++;
            changed_.notify_all();
        };
    }
    void wait(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return count_ >= count; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0; // guarded by mutex_
};

// Dense row-major values into the memory an executor asked for.
inline void fill_input(const InputFormat& format, const TensorView& to, const Tensor& from) {
    const Shape& s = from.shape();
    if (format.layout != InputFormat::NHWC || format.channels_last) {
        std::memcpy(to.data, from.view().data, from.view().size_bytes());
        return;
    }
    const float* in = from.span<float>().data();
    auto* out = static_cast<float*>(to.data);
    for (int64_t n = 0; n < s[0]; n++)
        for (int64_t p = 0; p < s[2] * s[3]; p++)
            for (int64_t c = 0; c < s[1]; c++)
                *out++ = in[(n * s[1] + c) * s[2] * s[3] + p];
}

// Runs once and copies the outputs.
inline std::vector<Tensor> run_once(Executor& executor, const std::vector<Tensor>& inputs) {
    auto requests = executor.make_requests(1);
    Request& request = requests.value()[0];
    for (size_t k = 0; k < inputs.size(); k++)
        fill_input(executor.inputs()[k], request.inputs[k], inputs[k]);
    Finished finished;
    request.done = finished.callback();
    executor.submit(request);
    finished.wait(1);
    std::vector<Tensor> outputs;
    for (const TensorView& view : request.outputs) {
        Tensor copy(view.type, view.shape);
        std::memcpy(copy.view().data, view.data, view.size_bytes());
        outputs.push_back(copy);
    }
    return outputs;
}

inline Tensor random_tensor(const Shape& shape, unsigned seed, float low = -1, float high = 1) {
    std::mt19937 rng(seed);
    std::uniform_real_distribution<float> uniform(low, high);
    Tensor t(ElementType::F32, shape);
    for (float& x : t.span<float>())
        x = uniform(rng);
    return t;
}

} // namespace infer
