// SPDX-License-Identifier: LGPL-2.1-or-later
//
// All known models on the first GPU (PoCL where there is none), in f32: the same bounds as on the
// CPU.
#include "tests/case_name.h"
#include "tests/cpu_rig.h"
#include "tests/model_cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

using namespace infer;

namespace {

Result<std::unique_ptr<Executor>> compile(const ModelCase& model) {
    auto graph = load_model(file_of(model), {.shapes = model.shapes});
    if (!graph.ok())
        return graph.error();
    if (auto done = optimize(graph.value()); !done.ok())
        return done.error();
    return find_device("GPU")->compile(
        graph.value(),
        {.hint = Hint::Latency, .precision = Precision::F32, .extra = {{"profile", "1"}}});
}

bool must_be_on_the_gpu(const std::string& op) {
    return op.starts_with("Conv") || op.ends_with("Pool") || op == "Resize" || op == "MatMul" ||
           op == "Gemm" || op == "Chain" || op.ends_with("Softmax") || op == "FakeQuantize" ||
           op == "Add" || op == "Mul" || op == "Relu" || op == "Sigmoid";
}

// A detector, a classifier, one with a part on the CPU, a quantised one; or all.
std::vector<ModelCase> cases() {
    constexpr std::string_view names[] = {"mnist-12", "ultraface-rfb-320", "ppocr-cls-mnv3",
                                          "face-detection-retail-0004-fp16",
                                          "ultraface-rfb-320-ir11-nncf-int8"};
    std::vector<ModelCase> chosen;
    for (const auto& list : {model_cases(), compared_model_cases()})
        for (const ModelCase& model : list)
            if (std::getenv("GI_FULL") || std::ranges::find(names, model.name) != std::end(names))
                chosen.push_back(model);
    return chosen;
}

class GpuModels : public ::testing::TestWithParam<ModelCase> {};

TEST_P(GpuModels, give_the_known_outputs) {
    const ModelCase& model = GetParam();
    if (file_of(model).empty())
        GTEST_SKIP() << "no " << model.name << " under $GI_SHARED/models";
    if (!find_device("GPU")->devices().ok())
        GTEST_SKIP() << find_device("GPU")->devices().error().text();
    auto graph = load_model(file_of(model), {.shapes = model.shapes});
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    auto executor = compile(model);
    ASSERT_TRUE(executor.ok()) << executor.error().text();
    const KnownResults known = known_results(model);
    const auto outputs = run_once(*executor.value(), known.inputs);
    EXPECT_EQ(difference(graph.value(), outputs, known.outputs), "");
    for (const auto& layer : executor.value()->layer_times())
        EXPECT_FALSE(layer.kernel == "reference on the CPU" && must_be_on_the_gpu(layer.op))
            << layer.op << " " << layer.name;
}

INSTANTIATE_TEST_SUITE_P(Known, GpuModels, ::testing::ValuesIn(cases()), case_name);

} // namespace
