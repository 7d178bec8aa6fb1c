// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The CPU device: who runs what at once, what it says of itself, what it refuses.
#include "devices/cpu/cores.h"
#include "devices/cpu/team.h"
#include "inference/model.h"
#include "tests/cpu_rig.h"

#include <gtest/gtest.h>

#include <array>
#include <barrier>
#include <set>
#include <thread>

using namespace infer;

namespace {

// y = relu(x), x [1, 4, 8, 8].
Graph small_graph() {
    Graph graph;
    const ValueId x = graph.add_value({.name = "x", .shape = {1, 4, 8, 8}});
    const ValueId y = graph.add_value({.name = "y", .shape = {1, 4, 8, 8}});
    graph.nodes.push_back({.op = "Relu", .name = "relu", .inputs = {x}, .outputs = {y}});
    graph.inputs = {x};
    graph.outputs = {y};
    return graph;
}

std::unique_ptr<Executor> executor_of(const CompileOptions& options) {
    auto executor = find_device("CPU")->compile(small_graph(), options);
    EXPECT_TRUE(executor.ok());
    return std::move(executor.value());
}

TEST(Cpu, is_listed) {
    ASSERT_NE(find_device("CPU"), nullptr);
    EXPECT_EQ(find_device("CPU")->devices().value(), std::vector<std::string>{"CPU"});
    EXPECT_EQ(find_device("TPU"), nullptr);
}

// Each request's `done` waits for the other's: only lanes that run at once get past.
TEST(Cpu, two_requests_meet_in_throughput) {
    auto executor = executor_of({.hint = Hint::Throughput, .streams = 2, .threads = 2});
    ASSERT_EQ(executor->lanes(), 2);
    auto requests = executor->make_requests(2);
    std::barrier<> meeting(2);
    Finished finished;
    for (Request& request : requests.value()) {
        request.done = [&, after = finished.callback()](const Error* error) {
            meeting.arrive_and_wait();
            after(error);
        };
        executor->submit(request);
    }
    finished.wait(2);
}

TEST(Cpu, two_slices_of_one_request_meet_in_latency) {
    cpu::Team team(2);
    std::barrier<> meeting(2);
    std::set<int> threads;
    std::mutex mutex;
    team.work(2, [&] {
        team.run(2, [&](int, int thread) {
            meeting.arrive_and_wait();
            const std::lock_guard lock(mutex);
            threads.insert(thread);
        });
    });
    EXPECT_EQ(threads, (std::set<int>{0, 1}));
}

TEST(Cpu, a_team_runs_every_slice_of_every_step_once) {
    for (const int threads : {1, 2, 5}) {
        cpu::Team team(threads);
        for (int round = 0; round < 20; round++)
            team.work(threads, [&] {
                for (int step = 0; step < 50; step++) {
                    std::vector<std::atomic<int>> runs(static_cast<size_t>(1 + step % 9));
                    std::atomic<bool> wrong_thread = false;
                    team.run(int(runs.size()), [&](int slice, int thread) {
                        runs[size_t(slice)]++;
                        wrong_thread = wrong_thread || thread < 0 || thread >= threads;
                    });
                    for (const auto& n : runs)
                        ASSERT_EQ(n, 1);
                    ASSERT_FALSE(wrong_thread);
                }
            });
    }
}

TEST(Cpu, the_hint_decides_lanes_and_threads_unless_told) {
    const int cores = cpu::usable_cores();
    EXPECT_EQ(executor_of({.hint = Hint::Latency})->lanes(), 1);
    EXPECT_EQ(executor_of({.hint = Hint::Throughput})->lanes(), cores);
    EXPECT_EQ(executor_of({.hint = Hint::Throughput, .streams = 3})->lanes(), 3);
    EXPECT_EQ(executor_of({.hint = Hint::Throughput, .threads = 5})->lanes(), 5);
    auto six = executor_of({.hint = Hint::Throughput, .streams = 2, .threads = 6});
    EXPECT_EQ(six->describe().at("lanes"), "2");
    EXPECT_EQ(six->describe().at("threads"), "6");
}

TEST(Cpu, waits_for_requests_in_flight_when_it_goes) {
    auto executor = executor_of({.hint = Hint::Throughput, .streams = 1, .threads = 1});
    auto requests = executor->make_requests(8);
    std::atomic<int> done = 0;
    for (Request& request : requests.value()) {
        request.done = [&](const Error*) { done++; };
        executor->submit(request);
    }
    executor.reset();
    EXPECT_EQ(done, 8);
}

TEST(Cpu, requests_outlive_their_executor) {
    auto executor = executor_of({});
    auto requests = executor->make_requests(1);
    executor.reset();
    std::memset(requests.value()[0].inputs[0].data, 0, requests.value()[0].inputs[0].size_bytes());
}

TEST(Cpu, refuses_a_precision_it_has_not) {
    const auto refused = find_device("CPU")->compile(small_graph(), {.precision = Precision::F16});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, Error::Unsupported);
    EXPECT_NE(refused.error().what.find("precision=f32"), std::string::npos) << refused.error().what;
}

TEST(Cpu, names_the_options_it_has) {
    for (const auto& [key, value, word] : {std::array{"kernel", "own", "kernels"}, std::array{"kernels", "fast", "onednn"}}) {
        const auto refused = find_device("CPU")->compile(small_graph(), {.extra = {{key, value}}});
        ASSERT_FALSE(refused.ok());
        EXPECT_NE(refused.error().what.find(word), std::string::npos) << refused.error().what;
    }
}

TEST(Cpu, times_layers_only_when_asked) {
    EXPECT_TRUE(executor_of({})->layer_times().empty());
    auto measured = executor_of({.extra = {{"profile", "1"}}});
    run_once(*measured, {random_tensor({1, 4, 8, 8}, 1)});
    ASSERT_FALSE(measured->layer_times().empty());
    EXPECT_EQ(measured->layer_times()[0].calls, 1u);
    EXPECT_FALSE(measured->layer_times()[0].kernel.empty());
}

} // namespace
