// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the GPU device is beside its kernels: choice, errors, programs on the disk, requests at
// once.
#include "devices/gpu/context.h"
#include "devices/gpu/disk_cache.h"
#include "tests/small_graphs.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace infer;

namespace {

class Gpu : public ::testing::Test {
protected:
    void SetUp() override {
        if (const auto& all = gpu::all_hardware(); !all.ok())
            GTEST_SKIP() << all.error().text();
    }
};

Graph small_graph(int64_t batch = 1) {
    Builder b;
    const ValueId x = b.op("Conv", {b.input({batch, 3, 20, 30}), b.constant({8, 3, 3, 3}), none},
                           {{"activation", "Relu"}});
    return b.finish(
        {b.op("MaxPool", {x}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}})});
}

std::unique_ptr<Executor> compile(const Graph& graph, const CompileOptions& options) {
    auto executor = find_device("GPU")->compile(graph, options);
    EXPECT_TRUE(executor.ok()) << executor.error().text();
    return executor.ok() ? std::move(executor.value()) : nullptr;
}

TEST(GpuLoader, says_what_to_install_where_there_is_no_opencl) {
    const auto missing = gpu::load_opencl("libOpenCL-that-is-not-there.so");
    ASSERT_FALSE(missing.ok());
    EXPECT_NE(missing.error().what.find("ocl-icd-libopencl1"), std::string::npos)
        << missing.error().text();
}

TEST(GpuLoader, says_what_is_missing_in_a_library_that_is_none) {
    const auto wrong = gpu::load_opencl("libm.so.6");
    ASSERT_FALSE(wrong.ok());
    EXPECT_NE(wrong.error().what.find("clGetPlatformIDs"), std::string::npos)
        << wrong.error().text();
}

TEST_F(Gpu, is_found_by_number_name_and_platform) {
    const gpu::Hardware& first = gpu::all_hardware().value().front();
    EXPECT_EQ(find_device("GPU")->devices().value().front(), "GPU");
    for (const std::string& name :
         {std::string("GPU"), std::string("GPU.0"), "GPU:" + first.platform_name.substr(0, 8),
          "GPU:" + first.vendor}) {
        const auto found = gpu::find_hardware(name);
        ASSERT_TRUE(found.ok()) << found.error().text();
        EXPECT_EQ(found.value(), &first) << name;
    }
}

TEST_F(Gpu, refuses_what_is_not_there_and_says_what_is) {
    for (const char* name : {"GPU.77", "GPU:nobody", "GPU:", "GPUs"}) {
        const auto refused = find_device("GPU")->check(name);
        ASSERT_FALSE(refused.ok()) << name;
        EXPECT_NE(refused.error().what.find(gpu::all_hardware().value().front().name),
                  std::string::npos);
    }
}

TEST_F(Gpu, refuses_options_and_precisions_it_has_not) {
    for (const Precision precision : {Precision::BF16, Precision::Int8})
        EXPECT_FALSE(find_device("GPU")->compile(small_graph(), {.precision = precision}).ok());
    const auto refused = find_device("GPU")->compile(small_graph(), {.extra = {{"speed", "high"}}});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().where, "device-options");
}

TEST_F(Gpu, that_is_a_processor_is_never_taken_by_auto) {
    for (const gpu::Hardware& h : gpu::all_hardware().value())
        EXPECT_EQ(find_device("GPU")->rank(h.handle) == 0, h.is_processor) << h.name;
}

TEST_F(Gpu, says_what_does_not_fit_into_its_memory) {
    Builder b; // a GiB a value and a dozen of them that live at once
    const ValueId x = b.input({1, 16, 4096, 4096});
    std::vector<ValueId> all;
    for (int k = 0; k < 12; k++)
        all.push_back(
            b.op("MaxPool", {x}, {{"kernel_shape", Ints{k + 1, 1}}, {"pads", Ints{k, 0, 0, 0}}}));
    const Graph graph = b.finish(all);
    if (gpu::all_hardware().value().front().largest_buffer_bytes > (uint64_t(13) << 30))
        GTEST_SKIP() << "it would fit";
    const auto refused = find_device("GPU")->compile(graph, {});
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().what.find("smaller batch-size"), std::string::npos)
        << refused.error().text();
}

TEST_F(Gpu, runs_on_the_cpu_what_it_has_no_kernel_for_and_counts_it) {
    Builder b;
    const ValueId x = b.op("Relu", {b.input({2, 5, 9})});
    const ValueId y = b.op("Hardmax", {x}, {{"axis", int64_t(-1)}});
    const Graph graph = b.finish({b.op("Mul", {b.op("Sigmoid", {y}), x}), y});
    const std::vector<Tensor> inputs{random_tensor({2, 5, 9}, 5)};
    for (const Precision precision : {Precision::F32, Precision::F16}) {
        const auto executor = compile(graph, {.precision = precision});
        EXPECT_EQ(executor->describe().at("steps_on_cpu"), "1");
        EXPECT_NE(executor->describe().at("on_cpu").find("Hardmax"), std::string::npos);
        const auto wanted = run_reference(graph, inputs);
        const auto got = run_once(*executor, inputs);
        for (size_t k = 0; k < got.size(); k++)
            expect_near(got[k], wanted.value()[k], precision == Precision::F32 ? 1e-5f : 2e-3f,
                        "output " + std::to_string(k));
    }
}

TEST_F(Gpu, runs_a_tail_whose_size_depends_on_the_data) {
    Builder b;
    const ValueId x = b.op("Relu", {b.input({1, 40})});
    const Graph graph = b.finish({b.op("NonZero", {x}), x});
    const std::vector<Tensor> inputs{random_tensor({1, 40}, 9)};
    const auto executor = compile(graph, {});
    const auto wanted = run_reference(graph, inputs);
    ASSERT_TRUE(wanted.ok());
    const auto got = run_once(*executor, inputs);
    expect_near(got[0], wanted.value()[0], 0, "places");
    expect_near(got[1], wanted.value()[1], 0, "values");
}

TEST_F(Gpu, has_two_lanes_for_throughput_and_serves_many_requests_at_once) {
    const Graph graph = small_graph(3);
    const auto executor = compile(graph, {.hint = Hint::Throughput, .precision = Precision::F32});
    EXPECT_EQ(executor->lanes(), 2);
    EXPECT_EQ(executor->batch(), 3);
    auto requests = executor->make_requests(6);
    ASSERT_TRUE(requests.ok()) << requests.error().text();
    Finished finished;
    std::vector<Tensor> inputs;
    for (size_t k = 0; k < 6; k++) {
        inputs.push_back(random_tensor({3, 3, 20, 30}, unsigned(k)));
        fill_input(executor->inputs()[0], requests.value()[k].inputs[0], inputs[k]);
        requests.value()[k].done = finished.callback();
    }
    for (int round = 1; round <= 5; round++) {
        for (Request& request : requests.value())
            executor->submit(request);
        finished.wait(6 * round);
    }
    for (size_t k = 0; k < 6; k++)
        expect_near(Tensor::borrow(requests.value()[k].outputs[0]),
                    run_reference(graph, {inputs[k]}).value()[0], 1e-5f,
                    "request " + std::to_string(k));
}

TEST_F(Gpu, shares_context_and_programs_between_models) {
    const gpu::Hardware& hardware = gpu::all_hardware().value().front();
    const auto first = compile(small_graph(), {});
    const auto context = gpu::Context::of(hardware);
    ASSERT_TRUE(context.ok());
    const int compiled = context.value()->compiled();
    const auto second = compile(small_graph(2), {});
    EXPECT_EQ(gpu::Context::of(hardware).value(), context.value());
    EXPECT_EQ(context.value()->compiled(), compiled); // another batch is no other kernel
}

// A cache folder of its own, and a context of its own: programs of living ones are known already.
class GpuCache : public Gpu {
protected:
    void SetUp() override {
        Gpu::SetUp();
        if (const char* before = std::getenv("XDG_CACHE_HOME"))
            before_ = before;
        folder_ =
            std::filesystem::temp_directory_path() / ("gi-gpu-cache-" + std::to_string(getpid()));
        setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
    }
    void TearDown() override {
        if (!folder_.empty())
            std::filesystem::remove_all(folder_);
        if (before_.empty())
            unsetenv("XDG_CACHE_HOME");
        else
            setenv("XDG_CACHE_HOME", before_.c_str(), 1);
    }
    static int compiled_by_a_start() {
        return std::stoi(
            compile(small_graph(), {.hint = Hint::Latency})->describe().at("kernels_compiled"));
    }
    std::filesystem::path folder_;
    std::string before_;
};

TEST_F(GpuCache, lets_a_second_start_compile_nothing) {
    EXPECT_GT(compiled_by_a_start(), 0);
    EXPECT_EQ(compiled_by_a_start(), 0);
}

TEST_F(GpuCache, that_is_damaged_is_made_anew) {
    const int all = compiled_by_a_start();
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder_))
        if (file.is_regular_file())
            std::filesystem::resize_file(file.path(), std::filesystem::file_size(file.path()) / 2);
    EXPECT_EQ(compiled_by_a_start(), all);
    EXPECT_EQ(compiled_by_a_start(), 0);
}

TEST_F(GpuCache, gives_a_program_to_its_own_key_alone) {
    gpu::write_cached("key", "binary");
    EXPECT_EQ(gpu::read_cached("key"), "binary");
    EXPECT_EQ(gpu::read_cached("another key"), std::nullopt);
}

TEST_F(GpuCache, that_cannot_be_written_hinders_nobody) {
    std::ofstream(folder_.string()) << "a file where the folder would be";
    EXPECT_GT(compiled_by_a_start(), 0);
    EXPECT_GT(compiled_by_a_start(), 0);
}

} // namespace
