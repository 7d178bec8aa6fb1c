// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which cores there are, and how the process's models share them.
#include "devices/cpu/budget.h"
#include "devices/cpu/cores.h"
#include "tests/cpu_rig.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

using namespace infer;

namespace {

using Numbers = std::vector<int>;

// A folder that looks like /sys/fs/cgroup, or /sys/devices.
class Cores : public ::testing::Test {
protected:
    void SetUp() override {
        root_ = std::filesystem::temp_directory_path() / ("cores" + std::to_string(::getpid()));
        std::filesystem::create_directories(root_);
    }
    void TearDown() override { std::filesystem::remove_all(root_); }
    void write(const std::string& path, const std::string& text) {
        const auto file = root_ / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    std::filesystem::path root_;
};

TEST_F(Cores, the_smallest_quota_of_all_levels_counts) {
    write("pods/one/cpu.max", "400000 100000");
    write("pods/cpu.max", "150000 100000");
    write("cpu.max", "max 100000");
    EXPECT_DOUBLE_EQ(cpu::cgroup_quota(root_, "0::/pods/one\n"), 1.5);
}

TEST_F(Cores, no_limit_gives_none) {
    write("cpu.max", "max 100000");
    EXPECT_DOUBLE_EQ(cpu::cgroup_quota(root_, "0::/\n"), 0);
    EXPECT_DOUBLE_EQ(cpu::cgroup_quota(root_, ""), 0);
}

TEST_F(Cores, the_first_version_counts_too) {
    write("cpu/docker/abc/cpu.cfs_quota_us", "50000");
    write("cpu/docker/abc/cpu.cfs_period_us", "100000");
    write("cpu/cpu.cfs_quota_us", "-1");
    write("cpu/cpu.cfs_period_us", "100000");
    EXPECT_DOUBLE_EQ(cpu::cgroup_quota(root_, "4:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n"),
                     0.5);
}

TEST_F(Cores, one_node_of_equal_cores_is_taken_whole) {
    write("system/node/online", "0");
    write("system/node/node0/cpulist", "0-3");
    const auto map = cpu::core_map(root_, {0, 1, 3});
    EXPECT_EQ(map.near, (Numbers{0, 1, 3}));
    EXPECT_EQ(map.nodes, (std::vector<Numbers>{{0, 1, 3}}));
}

TEST_F(Cores, a_request_has_one_thread_of_each_fast_core) {
    write("cpu_core/cpus", "0-3");
    write("cpu_atom/cpus", "4-7");
    for (const auto& [cpu, siblings] :
         {std::pair{0, "0-1"}, {1, "0-1"}, {2, "2,3"}, {3, "2,3"}, {4, "4"}})
        write("system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list", siblings);
    EXPECT_EQ(cpu::core_map(root_, {0, 1, 2, 3, 4, 5}).near, (Numbers{0, 2}));
    EXPECT_EQ(cpu::core_map(root_, {4, 5}).near, (Numbers{4, 5})) << "there is no fast one to have";
}

TEST_F(Cores, a_request_stays_on_the_node_with_the_most_cores) {
    write("system/node/online", "0-1");
    write("system/node/node0/cpulist", "0-1,4-5");
    write("system/node/node1/cpulist", "2-3,6-7");
    const auto map = cpu::core_map(root_, {1, 2, 3, 6});
    EXPECT_EQ(map.near, (Numbers{2, 3, 6}));
    EXPECT_EQ(map.nodes, (std::vector<Numbers>{{1}, {2, 3, 6}}));
}

TEST_F(Cores, those_of_which_nothing_is_said_are_even) {
    EXPECT_EQ(cpu::core_map(root_, {0, 7}).near, (Numbers{0, 7}));
}

TEST(CoreBudget, gives_what_is_free_rather_than_nothing) {
    cpu::CoreBudget budget(3);
    const cpu::CoreBudget::Share one(budget, 1), rest(budget, 8);
    EXPECT_EQ(one.cores(), 1);
    EXPECT_EQ(rest.cores(), 2);
    EXPECT_EQ(budget.most_at_work(), 3);
}

TEST(CoreBudget, serves_those_who_wait_in_the_order_they_came) {
    cpu::CoreBudget budget(1);
    std::optional<cpu::CoreBudget::Share> first;
    first.emplace(budget, 1);
    Numbers order;
    std::vector<std::jthread> lanes;
    for (const int lane : {0, 1, 2}) {
        lanes.emplace_back([&, lane] {
            const cpu::CoreBudget::Share share(budget, 2);
            order.push_back(lane); // one core: one lane at a time
        });
        while (budget.waiting() < lane + 1)
            std::this_thread::yield();
    }
    first.reset();
    lanes.clear();
    EXPECT_EQ(order, (Numbers{0, 1, 2}));
    EXPECT_EQ(budget.most_at_work(), 1);
}

// y = relu(x), large enough that runs of two models meet.
std::unique_ptr<Executor> model_on_all_cores() {
    Graph graph;
    graph.inputs = {graph.add_value({.name = "x", .shape = {1, 8, 64, 64}})};
    graph.outputs = {graph.add_value({.name = "y", .shape = {1, 8, 64, 64}})};
    graph.nodes.push_back(
        {.op = "Relu", .name = "relu", .inputs = graph.inputs, .outputs = graph.outputs});
    return std::move(find_device("CPU")->compile(graph, {.streams = 4, .threads = 4}).value());
}

TEST(CoreBudget, of_the_process_holds_for_all_its_models) {
    const auto a = model_on_all_cores(), b = model_on_all_cores();
    Finished finished;
    std::vector<std::vector<Request>> requests;
    for (const auto& executor : {a.get(), b.get()}) {
        requests.push_back(executor->make_requests(40).value());
        for (Request& request : requests.back()) {
            request.done = finished.callback();
            executor->submit(request);
        }
    }
    finished.wait(80);
    EXPECT_EQ(cpu::CoreBudget::of_process().cores(), cpu::usable_cores());
    EXPECT_GE(cpu::CoreBudget::of_process().most_at_work(), 1);
    EXPECT_LE(cpu::CoreBudget::of_process().most_at_work(), cpu::usable_cores());
}

} // namespace
