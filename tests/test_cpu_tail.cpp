// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The CPU device with models whose outputs depend on the data in size.
#include "inference/model.h"
#include "inference/tail.h"
#include "tests/cpu_rig.h"
#include "tests/detector_graph.h"

#include <gtest/gtest.h>

#include <fstream>
#include <unistd.h>

using namespace infer;

namespace {

std::unique_ptr<Executor> executor_of(const Graph& graph, const CompileOptions& options) {
    auto executor = find_device("CPU")->compile(graph, options);
    EXPECT_TRUE(executor.ok()) << (executor.ok() ? "" : executor.error().text());
    return std::move(executor.value());
}

Graph detector() {
    Graph graph = detector_graph();
    EXPECT_TRUE(infer_shapes(graph).ok());
    EXPECT_TRUE(optimize(graph).ok());
    return graph;
}

void expect_equal(const Tensor& got, const Tensor& wanted) {
    ASSERT_EQ(got.shape(), wanted.shape());
    ASSERT_EQ(got.type(), wanted.type());
    if (got.type() == ElementType::I64) {
        EXPECT_TRUE(std::ranges::equal(got.span<int64_t>(), wanted.span<int64_t>()));
        return;
    }
    for (size_t k = 0; k < got.span<float>().size(); k++)
        EXPECT_NEAR(got.span<float>()[k], wanted.span<float>()[k], 1e-4f);
}

} // namespace

TEST(CpuTail, gives_as_many_boxes_as_each_picture_has) {
    const Graph graph = detector();
    for (const Hint hint : {Hint::Latency, Hint::Throughput}) {
        auto executor =
            executor_of(graph, {.hint = hint, .precision = Precision::F32, .threads = 2});
        ASSERT_EQ(executor->outputs().size(), 2u);
        EXPECT_EQ(executor->outputs()[0].shape, (Shape{-1, 5}));
        EXPECT_EQ(executor->outputs()[1].shape, (Shape{-1}));
        std::set<int64_t> counts;
        for (const float scale : {0.0f, 1.0f, 0.2f, 0.0f, 3.0f}) {
            const Tensor image = random_weights({1, 3, 32, 32}, 5, scale);
            const auto wanted = run_reference(graph, {image});
            ASSERT_TRUE(wanted.ok());
            const auto got = run_once(*executor, {image});
            for (size_t k = 0; k < 2; k++)
                expect_equal(got[k], wanted.value()[k]);
            counts.insert(got[0].shape()[0]);
        }
        EXPECT_GT(counts.size(), 2u);
    }
}

TEST(CpuTail, keeps_results_of_requests_apart) {
    const Graph graph = detector();
    auto executor = executor_of(graph, {.hint = Hint::Throughput, .threads = 2});
    auto requests = executor->make_requests(2);
    ASSERT_TRUE(requests.ok());
    const Tensor zeros(ElementType::F32, {1, 3, 32, 32});
    const Tensor noise = random_weights({1, 3, 32, 32}, 5, 1);
    Finished finished;
    for (size_t k = 0; k < 2; k++) {
        Request& request = requests.value()[k];
        EXPECT_EQ(request.outputs[0].shape, (Shape{0, 5})) << "before the first run";
        fill_input(executor->inputs()[0], request.inputs[0], k == 0 ? noise : zeros);
        request.done = finished.callback();
        executor->submit(request);
    }
    finished.wait(2);
    EXPECT_GT(requests.value()[0].outputs[0].shape[0], 0);
    EXPECT_EQ(requests.value()[1].outputs[0].shape, (Shape{0, 5}));
}

TEST(CpuTail, fails_the_request_that_does_not_fit_and_no_other) {
    GraphBuilder b;
    const ValueId x = b.input("x", {6});
    const ValueId found = b.node("NonZero", {b.node("Relu", {x})});
    b.graph.outputs = {b.node("Reshape", {found, b.ints({-1, 2})})};
    ASSERT_TRUE(infer_shapes(b.graph).ok());
    auto executor = executor_of(b.graph, {.hint = Hint::Latency});
    auto requests = executor->make_requests(1);
    Request& request = requests.value()[0];
    for (const float last : {0.0f, 1.0f, 0.0f}) {
        const std::vector<float> values{1, 2, -1, -1, -1, last};
        std::copy(values.begin(), values.end(), request.inputs[0].span<float>().begin());
        Finished finished;
        std::string error;
        request.done = [&, after = finished.callback()](const Error* e) {
            error = e ? e->text() : "";
            after(e);
        };
        executor->submit(request);
        finished.wait(1);
        EXPECT_EQ(error.empty(), last == 0) << error;
        if (last == 0)
            EXPECT_EQ(request.outputs[0].shape, (Shape{1, 2}));
        else
            EXPECT_NE(error.find("Reshape"), std::string::npos) << error;
    }
}

TEST(CpuTail, memory_stays_while_sizes_change) {
    const auto resident = [] {
        int64_t pages = 0, in_memory = 0;
        std::ifstream("/proc/self/statm") >> pages >> in_memory;
        return in_memory * sysconf(_SC_PAGESIZE);
    };
    const auto run_many = [executor = executor_of(detector(), {.hint = Hint::Latency})](int times) {
        auto requests = executor->make_requests(1);
        Request& request = requests.value()[0];
        for (int k = 0; k < times; k++) {
            const Tensor image = random_weights({1, 3, 32, 32}, unsigned(k), 0.1f * float(k % 30));
            fill_input(executor->inputs()[0], request.inputs[0], image);
            Finished finished;
            request.done = finished.callback();
            executor->submit(request);
            finished.wait(1);
        }
    };
    run_many(300);
    const int64_t before = resident();
    run_many(3000);
    EXPECT_LT(resident() - before, 4 << 20);
}

TEST(CpuTail, tells_its_time) {
    auto executor = executor_of(detector(), {.hint = Hint::Latency, .extra = {{"profile", "1"}}});
    run_once(*executor, {random_weights({1, 3, 32, 32}, 5, 1)});
    const auto layers = executor->layer_times();
    ASSERT_FALSE(layers.empty());
    EXPECT_EQ(layers.back().op, "Tail");
    EXPECT_EQ(layers.back().calls, 1u);
    EXPECT_GT(layers.back().total_us, 0);
}
