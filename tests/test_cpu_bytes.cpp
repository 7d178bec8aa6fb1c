// SPDX-License-Identifier: LGPL-2.1-or-later
// Quantised networks on the CPU device: on bytes, the results of the plain kernels; without VNNI, a
// clear refusal.
#include "inference/calibrate/agreement.h"
#include "inference/decode/run_decoder.h"
#include "inference/processing.h"
#include "inference/quantized.h"
#include "devices/cpu/onednn.h"
#include "devices/cpu/simd.h"
#include "inference/quantized.h"
#include "tests/case_name.h"
#include "tests/model_cases.h"
#include "tests/quantized_cases.h"

#include <gtest/gtest.h>

using namespace infer;

namespace {

Result<std::unique_ptr<Executor>> compile(const Graph& graph, Precision precision,
                                          int threads = 1) {
    return find_device("CPU")->compile(graph, {.hint = Hint::Latency,
                                               .precision = precision,
                                               .threads = threads,
                                               .extra = {{"profile", "1"}}});
}

Graph optimized(Graph graph) {
    EXPECT_TRUE(infer_shapes(graph).ok());
    EXPECT_TRUE(optimize(graph).ok());
    return graph;
}

bool has_bytes() { return cpu::onednn::has_vnni(); }

class CpuBytes : public ::testing::TestWithParam<QuantizedCase> {};

// A number in the middle of two steps may go either way, and with it what is made of it.
TEST_P(CpuBytes, give_what_the_plain_kernels_give) {
    if (!has_bytes())
        GTEST_SKIP() << "this processor has no VNNI";
    const Graph graph = optimized(graph_of(GetParam()));
    Graph bytes = graph;
    run_in_bytes(bytes);
    const Tensor input = random_tensor(graph.value(graph.inputs[0]).shape, 7);
    const auto wanted = run_reference(bytes, {input});
    ASSERT_TRUE(wanted.ok());
    for (const std::string& set : cpu::instruction_sets())
        for (const int threads : {1, 3}) {
            cpu::use_instruction_set(set);
            auto executor = compile(graph, Precision::Int8, threads);
            ASSERT_TRUE(executor.ok()) << executor.error().text();
            EXPECT_EQ(executor.value()->describe().at("precision"), "int8");
            for (int again = 0; again < 2; again++) // the second time over used memory
                EXPECT_EQ(
                    difference(run_once(*executor.value(), {input})[0], wanted.value()[0], 0.01f),
                    "")
                    << set << ", threads " << threads;
            for (const auto& layer : executor.value()->layer_times())
                EXPECT_NE(layer.kernel, "reference") << layer.op;
        }
    cpu::use_instruction_set("");
}

std::string name_of_case(const ::testing::TestParamInfo<QuantizedCase>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Forms, CpuBytes, ::testing::ValuesIn(quantized_cases()), name_of_case);

TEST(CpuPrecision, auto_runs_quantised_models_on_bytes_and_f32_does_not) {
    const Graph graph = optimized(graph_of(quantized_cases()[0]));
    auto by_itself = compile(graph, Precision::Auto), floats = compile(graph, Precision::F32);
    ASSERT_TRUE(by_itself.ok() && floats.ok());
    EXPECT_EQ(by_itself.value()->describe().at("precision") == "int8", has_bytes());
    EXPECT_EQ(floats.value()->describe().at("precision"), "f32");
    EXPECT_FALSE(floats.value()->describe().contains("int8_share"));
}

TEST(CpuPrecision, says_how_much_runs_on_bytes_and_what_does_not) {
    if (!has_bytes())
        GTEST_SKIP() << "this processor has no VNNI";
    const Graph graph = optimized(graph_of(quantized_cases().back()));
    auto executor = compile(graph, Precision::Int8);
    ASSERT_TRUE(executor.ok());
    const auto words = executor.value()->describe();
    EXPECT_EQ(words.at("int8_share"), "50.0 %");
    EXPECT_TRUE(words.at("in_float").starts_with("Conv")) << words.at("in_float");
}

TEST(CpuPrecision, int8_of_a_model_that_is_not_quantised_is_refused_with_what_to_do) {
    QuantizedBuilder b;
    b.graph.outputs = {b.conv(b.input("x", {1, 8, 6, 6}), {8, 8, 1, 1})};
    auto executor = compile(optimized(b.graph), Precision::Int8);
    ASSERT_FALSE(executor.ok());
    EXPECT_EQ(executor.error().where, "precision");
    EXPECT_NE(executor.error().what.find("precision=auto"), std::string::npos);
}

// Real networks against the results that are known of them.
class CpuByteModels : public ::testing::TestWithParam<ModelCase> {};

TEST_P(CpuByteModels, give_the_known_outputs_on_bytes) {
    const ModelCase& model = GetParam();
    if (file_of(model).empty())
        GTEST_SKIP() << "no " << model.name << " under $GI_SHARED/models";
    if (!has_bytes())
        GTEST_SKIP() << "this processor has no VNNI";
    auto graph = load_model(file_of(model), {.shapes = model.shapes});
    ASSERT_TRUE(graph.ok() && optimize(graph.value()).ok());
    auto executor = compile(graph.value(), Precision::Int8);
    ASSERT_TRUE(executor.ok()) << executor.error().text();
    const KnownResults known = known_results(model);
    EXPECT_EQ(difference(graph.value(), run_once(*executor.value(), known.inputs), known.outputs),
              "");
    for (const auto& layer : executor.value()->layer_times())
        if (layer.op.starts_with("Conv")) {
            EXPECT_EQ(layer.kernel.find("ref"), std::string::npos)
                << layer.name << " runs " << layer.kernel;
            EXPECT_EQ(layer.kernel.find("gemm"), std::string::npos)
                << layer.name << " runs " << layer.kernel;
        }
}

// The picture's outputs as tensors `decode` understands.
calibrate::Finding finding_of(const Graph& graph, const std::vector<Tensor>& outputs,
                              const Processing& how) {
    std::vector<NamedTensor> named;
    for (size_t k = 0; k < outputs.size(); k++)
        named.push_back({graph.value(graph.outputs[k]).name, outputs[k].view()});
    calibrate::Finding finding{{}, outputs};
    if (how.decoder) {
        const auto decoded =
            run_decoder(*how.decoder, named, calibrate::with_margin(how.options));
        EXPECT_TRUE(decoded.ok()) << decoded.error().text();
        if (decoded.ok())
            finding.decoded = decoded.value();
    }
    return finding;
}

std::shared_ptr<const Processing> processing_of(const Graph& graph, const Executor& executor) {
    std::vector<InputFormat> inputs(executor.inputs().begin(), executor.inputs().end());
    ModelConfig config;
    for (const InputFormat& input : inputs)
        if (input.shape.size() != 4)
            config.values[input.name] = {1};
    const auto how = make_processing(inputs, executor.outputs(), config, graph.metadata);
    return how.ok() ? how.value() : nullptr;
}

// How much of the network the file itself has on a grid.
double least_share(std::string_view model) {
    if (model.starts_with("age-gender")) // its first layer reads floats
        return 0.89;
    if (model.starts_with("license-plate")) // three small layers do
        return 0.96;
    return 0.98;
}

TEST_P(CpuByteModels, find_what_is_known_on_bytes_nearly_alone) {
    const ModelCase& model = GetParam();
    if (file_of(model).empty())
        GTEST_SKIP() << "no " << model.name << " under $GI_SHARED/models";
    if (!has_bytes())
        GTEST_SKIP() << "this processor has no VNNI";
    auto graph = load_model(file_of(model), {.shapes = model.shapes});
    ASSERT_TRUE(graph.ok() && optimize(graph.value()).ok());
    Graph bytes = graph.value();
    EXPECT_GE(run_in_bytes(bytes).share(), least_share(model.name));
    auto executor = compile(graph.value(), Precision::Int8);
    ASSERT_TRUE(executor.ok()) << executor.error().text();
    const KnownResults known = known_results(model);
    const auto how = processing_of(graph.value(), *executor.value());
    ASSERT_TRUE(how);
    const auto expected = finding_of(graph.value(), known.outputs, *how),
               found = finding_of(graph.value(), run_once(*executor.value(), known.inputs), *how);
    const auto agreement = calibrate::agreement({&expected, 1}, {&found, 1}, how->options);
    EXPECT_GE(agreement.value, 0.98) << agreement.words;
}

std::vector<ModelCase> quantized_models() {
    std::vector<ModelCase> models;
    for (const ModelCase& model : compared_model_cases())
        if (std::string_view(model.name).ends_with("int8"))
            models.push_back(model);
    return models;
}

INSTANTIATE_TEST_SUITE_P(Known, CpuByteModels, ::testing::ValuesIn(quantized_models()), case_name);

} // namespace
