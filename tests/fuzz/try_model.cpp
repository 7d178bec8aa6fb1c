// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/fuzz/try_model.h"

#include "inference/device.h"
#include "inference/evaluate.h"
#include "inference/model.h"

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace infer {
namespace {

constexpr int64_t most_work = int64_t{1} << 22; // of a model that is run, see cost_of()

// An error nobody can act on is a bug.
template <typename T> bool succeeded(const Result<T>& result) {
    if (result.ok())
        return true;
    if (result.error().what.empty()) {
        std::fprintf(stderr, "an error without a word: %s\n", result.error().text().c_str());
        std::abort();
    }
    return false;
}

bool is_small(const Graph& graph) {
    int64_t work = 0;
    for (const Node& node : graph.nodes) {
        const int64_t cost = cost_of(graph, node);
        if (cost > most_work || (work += cost) > most_work)
            return false;
    }
    for (const Value& value : graph.values)
        if (count(value.shape) > most_work)
            return false;
    return true;
}

void run_once(Executor& executor) {
    auto requests = executor.make_requests(1);
    if (!succeeded(requests))
        return;
    std::mutex mutex;
    std::condition_variable came;
    bool done = false;
    Request& request = requests.value()[0];
    request.rows = 1;
    request.done = [&](const Error*) {
        std::lock_guard lock(mutex);
        done = true;
        came.notify_one();
    };
    executor.submit(request);
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return done; });
}

} // namespace

void try_model(const std::string& path) {
    auto graph = load_model(path);
    if (!succeeded(graph) || !is_small(graph.value()))
        return;
    std::vector<Tensor> zeros;
    for (ValueId v : graph.value().inputs)
        zeros.emplace_back(graph.value().value(v).type, graph.value().value(v).shape);
    succeeded(run_reference(graph.value(), zeros));
    if (!succeeded(optimize(graph.value())) || !is_small(graph.value()))
        return;
    CompileOptions options;
    options.threads = 1;
    options.precision = Precision::F32;
    auto executor = find_device("CPU")->compile(graph.value(), options);
    if (succeeded(executor))
        run_once(*executor.value());
}

} // namespace infer
