// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/case_name.h"
#include "tests/cpu_rig.h"
#include "tests/model_cases.h"
#include "tests/npz.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <set>

using namespace infer;

namespace {

Result<std::unique_ptr<Executor>> compile(const ModelCase& model, const CompileOptions& options) {
    auto graph = load_model(file_of(model), {.shapes = model.shapes});
    if (!graph.ok())
        return graph.error();
    if (auto done = optimize(graph.value()); !done.ok())
        return done.error();
    return find_device("CPU")->compile(graph.value(), options);
}

class ComparedCpuModels : public ::testing::TestWithParam<ModelCase> {};

TEST_P(ComparedCpuModels, give_the_known_outputs) {
    const ModelCase& model = GetParam();
    if (file_of(model).empty())
        GTEST_SKIP() << "no " << model.name << " under $GI_SHARED/models";
    auto graph = load_model(file_of(model), {.shapes = model.shapes});
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    auto executor = compile(model, {.hint = Hint::Latency, .precision = Precision::F32});
    ASSERT_TRUE(executor.ok()) << executor.error().text();
    const KnownResults known = known_results(model);
    const auto outputs = run_once(*executor.value(), known.inputs);
    EXPECT_EQ(difference(graph.value(), outputs, known.outputs), "");
}

TEST(CpuModelCases, are_all_there_are) {
    if (shared_folder().empty())
        GTEST_SKIP() << "no shared models (GI_SHARED)";
    std::set<std::string> known;
    for (const auto& cases : {model_cases(), compared_model_cases()})
        for (const ModelCase& model : cases)
            known.insert(model.name);
    for (const auto& there : std::filesystem::directory_iterator(shared_folder() + "/models"))
        if (there.is_directory()) {
            EXPECT_TRUE(known.contains(there.path().filename().string())) << there.path();
        }
}

class CpuModels : public ::testing::TestWithParam<ModelCase> {
protected:
    void SetUp() override {
        if (folder_of(GetParam()).empty())
            GTEST_SKIP() << "no " << GetParam().name << " under $GI_SHARED/models";
    }
    void check(const CompileOptions& options) {
        auto executor = compile(GetParam(), options);
        ASSERT_TRUE(executor.ok()) << executor.error().text();
        const KnownResults known = known_results(GetParam());
        const auto outputs = run_once(*executor.value(), known.inputs);
        ASSERT_EQ(outputs.size(), known.outputs.size());
        for (size_t k = 0; k < outputs.size(); k++)
            EXPECT_EQ(difference(outputs[k], known.outputs[k]), "") << "output " << k;
    }
};

TEST_P(CpuModels, one_lane_over_all_cores_gives_the_known_outputs) {
    check({.hint = Hint::Latency, .precision = Precision::F32});
}

TEST_P(CpuModels, one_thread_a_lane_gives_the_known_outputs) {
    check({.hint = Hint::Throughput, .precision = Precision::F32});
}

// Whatever the lanes and slices, each value is summed in the same order.
TEST_P(CpuModels, slices_change_no_bit) {
    const KnownResults known = known_results(GetParam());
    auto whole = compile(GetParam(), {.hint = Hint::Latency, .precision = Precision::F32, .threads = 1});
    auto sliced = compile(GetParam(), {.hint = Hint::Latency, .precision = Precision::F32, .threads = 3});
    ASSERT_TRUE(whole.ok() && sliced.ok());
    const auto a = run_once(*whole.value(), known.inputs), b = run_once(*sliced.value(), known.inputs);
    for (size_t k = 0; k < a.size(); k++)
        EXPECT_EQ(std::memcmp(a[k].view().data, b[k].view().data, a[k].view().size_bytes()), 0) << "output " << k;
}

// The two ways to compute a convolution; oneDNN's must not be one of its plain kernels.
TEST_P(CpuModels, onednn_gives_the_known_outputs_by_fast_kernels) {
    const CompileOptions options{.hint = Hint::Latency, .precision = Precision::F32, .extra = {{"kernels", "onednn"}, {"profile", "1"}}};
    check(options);
    auto executor = compile(GetParam(), options);
    size_t onednn = 0;
    for (const auto& layer : executor.value()->layer_times()) {
        onednn += layer.kernel.starts_with("onednn");
        EXPECT_EQ(layer.kernel.find("onednn ref"), std::string::npos) << layer.name << " runs " << layer.kernel;
    }
    EXPECT_GT(onednn, 0u);
}

// bf16 keeps 8 bits of each factor, layer after layer: a fifth of the norm tells rounding from a mistake
// (which gives several times the norm). Where the processor has it.
TEST_P(CpuModels, bf16_stays_near_the_known_outputs_or_is_refused) {
    auto executor = compile(GetParam(), {.hint = Hint::Latency, .precision = Precision::BF16});
    if (!executor.ok()) {
        EXPECT_EQ(executor.error().kind, Error::Unsupported);
        return;
    }
    const KnownResults known = known_results(GetParam());
    const auto outputs = run_once(*executor.value(), known.inputs);
    for (size_t k = 0; k < outputs.size(); k++) {
        const auto a = outputs[k].span<float>(), b = known.outputs[k].span<float>();
        double error = 0, size = 0;
        for (size_t i = 0; i < a.size(); i++) {
            error += (a[i] - b[i]) * (a[i] - b[i]);
            size += b[i] * b[i];
        }
        EXPECT_LE(error, 0.2 * 0.2 * size) << "output " << k;
    }
}

// A plain kernel on a convolution would be the slowest layer by far.
TEST_P(CpuModels, every_convolution_has_a_fast_kernel) {
    auto executor = compile(GetParam(), {.hint = Hint::Latency, .precision = Precision::F32, .extra = {{"profile", "1"}}});
    ASSERT_TRUE(executor.ok()) << executor.error().text();
    for (const auto& layer : executor.value()->layer_times())
        if (layer.op.starts_with("Conv")) {
            EXPECT_EQ(layer.kernel.find("ref"), std::string::npos) << layer.name << " runs " << layer.kernel;
            EXPECT_EQ(layer.kernel.find("gemm"), std::string::npos) << layer.name << " runs " << layer.kernel;
        }
}

INSTANTIATE_TEST_SUITE_P(Known, CpuModels, ::testing::ValuesIn(model_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Known, ComparedCpuModels, ::testing::ValuesIn(compared_model_cases()), case_name);

} // namespace
