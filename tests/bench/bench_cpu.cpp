// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a model on the CPU device: frames a second, latency, CPU time a frame, time by layer.
//
//   bench_cpu MODEL [--hint latency|throughput] [--precision P] [--seconds S] [--shape NAME=1,3,H,W]...
//             [--streams N] [--threads N] [--layers] [--onednn] [--input FILE.npy]... [--dump DIR]
#include "inference/device.h"
#include "inference/formats/npy.h"
#include "inference/model.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <sstream>

using namespace infer;
using Clock = std::chrono::steady_clock;

namespace {

struct Options {
    std::string model, dump;
    CompileOptions compile;
    LoadOptions load;
    std::vector<std::string> inputs;
    double seconds = 2;
    bool layers = false;
};

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; i++) {
        const std::string a = argv[i];
        const auto next = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
        if (a == "--hint")
            o.compile.hint = next() == "latency" ? Hint::Latency : Hint::Throughput;
        else if (a == "--precision")
            o.compile.precision = next() == "bf16" ? Precision::BF16 : Precision::F32;
        else if (a == "--seconds")
            o.seconds = std::stod(next());
        else if (a == "--streams")
            o.compile.streams = std::stoi(next());
        else if (a == "--threads")
            o.compile.threads = std::stoi(next());
        else if (a == "--layers")
            o.layers = true, o.compile.extra["profile"] = "1";
        else if (a == "--onednn")
            o.compile.extra["kernels"] = "onednn";
        else if (a == "--input")
            o.inputs.push_back(next());
        else if (a == "--dump")
            o.dump = next();
        else if (a == "--shape") {
            const std::string s = next();
            std::stringstream dims(s.substr(s.find('=') + 1));
            Shape shape;
            for (std::string x; std::getline(dims, x, ',');)
                shape.push_back(std::stoll(x));
            o.load.shapes[s.find('=') == std::string::npos ? "" : s.substr(0, s.find('='))] = shape;
        } else
            o.model = a;
    }
    return o;
}

template <typename T> T must(Result<T> result) {
    if (!result.ok()) {
        std::fprintf(stderr, "%s\n", result.error().text().c_str());
        std::exit(2);
    }
    return std::move(result.value());
}

// NCHW values into the memory the executor wants.
void fill(const InputFormat& format, const TensorView& to, const Tensor& from) {
    const bool swap = format.layout == InputFormat::NHWC && !format.channels_last;
    if (!swap) {
        std::memcpy(to.data, from.view().data, from.view().size_bytes());
        return;
    }
    const Shape& s = from.shape();
    const float* in = from.span<float>().data();
    float* out = static_cast<float*>(to.data);
    for (int64_t n = 0; n < s[0]; n++)
        for (int64_t p = 0; p < s[2] * s[3]; p++)
            for (int64_t c = 0; c < s[1]; c++)
                *out++ = in[(n * s[1] + c) * s[2] * s[3] + p];
}

void fill_inputs(const Options& o, const Executor& executor, std::vector<Request>& requests) {
    std::mt19937 rng(0);
    std::uniform_real_distribution<float> uniform(0, 1);
    for (Request& r : requests)
        for (size_t k = 0; k < r.inputs.size(); k++) {
            if (k < o.inputs.size())
                fill(executor.inputs()[k], r.inputs[k], must(load_npy(o.inputs[k])));
            else if (r.inputs[k].type == ElementType::F32)
                for (float& x : r.inputs[k].span<float>())
                    x = uniform(rng);
        }
}

double cpu_seconds() {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    const auto s = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
    return s(u.ru_utime) + s(u.ru_stime);
}

struct Counter {
    std::mutex mutex;
    std::condition_variable changed;
    int running = 0;
    std::vector<double> latencies; // ms
};

void measure(Executor& executor, std::vector<Request>& requests, double seconds) {
    Counter counter;
    std::vector<Clock::time_point> begun(requests.size());
    const auto start = Clock::now();
    const auto end = start + std::chrono::duration<double>(seconds);
    const double cpu = cpu_seconds();
    for (size_t k = 0; k < requests.size(); k++)
        requests[k].done = [&, k](const Error*) {
            const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begun[k]).count();
            bool again = Clock::now() < end;
            {
                std::lock_guard lock(counter.mutex);
                counter.latencies.push_back(ms);
                if (!again) {
                    counter.running--;
                    counter.changed.notify_one();
                }
            }
            if (again) {
                begun[k] = Clock::now();
                executor.submit(requests[k]);
            }
        };
    counter.running = int(requests.size());
    for (size_t k = 0; k < requests.size(); k++) {
        begun[k] = Clock::now();
        executor.submit(requests[k]);
    }
    std::unique_lock lock(counter.mutex);
    counter.changed.wait(lock, [&] { return counter.running == 0; });
    const double wall = std::chrono::duration<double>(Clock::now() - start).count();
    auto& l = counter.latencies;
    std::sort(l.begin(), l.end());
    std::printf("fps %.1f  p50 %.3f ms  p99 %.3f ms  cpu %.3f ms a frame\n", double(l.size()) / wall,
                l[l.size() / 2], l[l.size() * 99 / 100], (cpu_seconds() - cpu) * 1000 / double(l.size()));
}

void run_once(Executor& executor, Request& request) {
    std::mutex mutex;
    std::condition_variable changed;
    bool finished = false;
    request.done = [&](const Error*) {
        std::lock_guard lock(mutex);
        finished = true;
        changed.notify_one();
    };
    executor.submit(request);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return finished; });
}

} // namespace

int main(int argc, char** argv) {
    const Options o = parse(argc, argv);
    Graph graph = must(load_model(o.model, o.load));
    if (auto done = optimize(graph); !done.ok())
        return std::fprintf(stderr, "%s\n", done.error().text().c_str()), 2;
    const auto before = Clock::now();
    auto executor = must(find_device("CPU")->compile(graph, o.compile));
    std::printf("compiled in %.1f ms;", std::chrono::duration<double, std::milli>(Clock::now() - before).count());
    for (const auto& [key, value] : executor->describe())
        std::printf(" %s=%s", key.c_str(), value.c_str());
    std::printf("\n");
    const bool latency = o.compile.hint == Hint::Latency;
    auto requests = must(executor->make_requests(latency ? 1 : executor->lanes() + 2));
    fill_inputs(o, *executor, requests);
    run_once(*executor, requests[0]);
    if (!o.dump.empty()) {
        for (size_t k = 0; k < requests[0].outputs.size(); k++)
            (void)save_npy(o.dump + "/out" + std::to_string(k) + ".npy", requests[0].outputs[k]);
        return 0;
    }
    measure(*executor, requests, o.seconds);
    auto layers = executor->layer_times();
    if (!o.layers)
        return 0;
    double all = 0;
    for (const auto& l : layers)
        all += l.total_us / double(std::max<uint64_t>(l.calls, 1));
    for (const auto& l : layers) {
        const double us = l.total_us / double(std::max<uint64_t>(l.calls, 1));
        std::printf("%8.1f us %5.1f %%  %-14s %-18s %s\n", us, 100 * us / all, l.op.c_str(), l.kernel.c_str(),
                    l.name.c_str());
    }
}
