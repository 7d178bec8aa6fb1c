// SPDX-License-Identifier: LGPL-2.1-or-later
// Real models, optimized, run by the reference kernels: every operator, shape rule and pass at
// once.
#include "tests/case_name.h"
#include "tests/model_cases.h"

#include "inference/graph.h"

#include <gtest/gtest.h>

using namespace infer;

class Models : public testing::TestWithParam<ModelCase> {};
class Batches : public testing::TestWithParam<ModelCase> {};

TEST_P(Models, match_their_known_results_after_optimization) {
    const ModelCase& model = GetParam();
    const std::string folder = folder_of(model);
    if (folder.empty())
        GTEST_SKIP() << "no shared/models/" << model.name;
    const KnownResults known = known_results(model);
    ASSERT_FALSE(known.outputs.empty());
    LoadOptions options;
    options.shapes = model.shapes;
    auto graph = load_model(file_of(model), options);
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    const size_t before = graph.value().nodes.size();
    const auto optimized = optimize(graph.value());
    ASSERT_TRUE(optimized.ok()) << optimized.error().text();
    EXPECT_LE(graph.value().nodes.size(), before);
    auto outputs = run_reference(graph.value(), known.inputs);
    ASSERT_TRUE(outputs.ok()) << outputs.error().text();
    EXPECT_EQ(difference(graph.value(), outputs.value(), known.outputs), "");
}

// The known input twice: both rows must give what it gives alone.
TEST_P(Batches, give_each_row_of_a_batch_its_result) {
    const ModelCase& model = GetParam();
    const std::string folder = folder_of(model);
    if (folder.empty())
        GTEST_SKIP() << "no shared/models/" << model.name;
    const KnownResults known = known_results(model);
    ASSERT_EQ(known.inputs.size(), 1u);
    LoadOptions options;
    options.shapes = model.shapes;
    options.batch = 2;
    auto graph = load_model(file_of(model), options);
    ASSERT_TRUE(graph.ok()) << graph.error().text();
    ASSERT_TRUE(optimize(graph.value()).ok());
    const auto one = known.inputs[0].span<float>();
    Tensor two(ElementType::F32, graph.value().value(graph.value().inputs[0]).shape);
    ASSERT_EQ(two.span<float>().size(), 2 * one.size());
    for (size_t i = 0; i < 2 * one.size(); i++)
        two.span<float>()[i] = one[i % one.size()];
    const auto outputs = run_reference(graph.value(), {two});
    ASSERT_TRUE(outputs.ok()) << outputs.error().text();
    for (size_t k = 0; k < known.outputs.size(); k++)
        for (size_t row : {size_t(0), size_t(1)}) {
            const size_t n = known.outputs[k].span<float>().size();
            const Tensor part =
                make_tensor<float>(ElementType::F32, known.outputs[k].shape(),
                                   outputs.value()[k].span<const float>().subspan(row * n, n));
            EXPECT_EQ(difference(part, known.outputs[k]), "") << "output " << k << ", row " << row;
        }
}

namespace {

std::vector<ModelCase> light(const std::vector<ModelCase>& cases) {
    std::vector<ModelCase> left;
    std::copy_if(cases.begin(), cases.end(), std::back_inserter(left),
                 [](const ModelCase& model) { return !model.heavy; });
    return left;
}

} // namespace

INSTANTIATE_TEST_SUITE_P(Onnx, Models, testing::ValuesIn(model_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Compared, Models, testing::ValuesIn(light(compared_model_cases())), case_name);
INSTANTIATE_TEST_SUITE_P(Onnx, Batches, testing::ValuesIn(model_cases()), case_name);
