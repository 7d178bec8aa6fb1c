// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/cpu_rig.h"
#include "tests/model_cases.h"

#include <gtest/gtest.h>

using namespace infer;

namespace {

Result<std::unique_ptr<Executor>> compile(const ModelCase& model, const CompileOptions& options) {
    auto graph = load_model(folder_of(model) + "/" + model.name + ".onnx", {.shapes = model.shapes});
    if (!graph.ok())
        return graph.error();
    if (auto done = optimize(graph.value()); !done.ok())
        return done.error();
    return find_device("CPU")->compile(graph.value(), options);
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

std::string name_of_case(const ::testing::TestParamInfo<ModelCase>& info) {
    std::string name = info.param.name;
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)))
            c = '_';
    return name;
}

INSTANTIATE_TEST_SUITE_P(Known, CpuModels, ::testing::ValuesIn(model_cases()), name_of_case);

} // namespace
