// SPDX-License-Identifier: LGPL-2.1-or-later
// What run_in_bytes() makes of quantised networks: bytes wherever there can be, the same results.
#include "inference/quantized.h"

#include "tests/quantized_cases.h"

#include <gtest/gtest.h>

using namespace infer;

namespace {

std::string operators(const Graph& graph) {
    std::string text;
    for (const Node& node : graph.nodes)
        text += (text.empty() ? "" : " ") + node.op;
    return text;
}

Graph optimized(Graph graph) {
    const auto inferred = infer_shapes(graph);
    EXPECT_TRUE(inferred.ok()) << (inferred.ok() ? "" : inferred.error().text());
    const auto done = optimize(graph);
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().text());
    return graph;
}

class Quantized : public ::testing::TestWithParam<QuantizedCase> {};

TEST_P(Quantized, runs_on_bytes) {
    Graph graph = optimized(graph_of(GetParam()));
    const ByteWork work = run_in_bytes(graph);
    EXPECT_EQ(operators(graph), GetParam().operators);
    EXPECT_NEAR(work.share(), GetParam().share, 0.01);
    const auto inferred = infer_shapes(graph);
    EXPECT_TRUE(inferred.ok()) << inferred.error().text();
}

// Roundings that were dropped or moved shift a result by a few steps of 255, no more.
TEST_P(Quantized, gives_what_floats_give) {
    const Graph floats = optimized(graph_of(GetParam()));
    Graph bytes = floats;
    run_in_bytes(bytes);
    const Tensor input = random_tensor(floats.value(floats.inputs[0]).shape, 7);
    const auto wanted = run_reference(floats, {input}), got = run_reference(bytes, {input});
    ASSERT_TRUE(wanted.ok() && got.ok());
    const auto a = got.value()[0].span<float>(), b = wanted.value()[0].span<float>();
    float largest = 0, worst = 0;
    for (size_t k = 0; k < b.size(); k++) {
        largest = std::max(largest, std::abs(b[k]));
        worst = std::max(worst, std::abs(a[k] - b[k]));
    }
    EXPECT_LE(worst, 0.03f * largest);
}

std::string name_of_case(const ::testing::TestParamInfo<QuantizedCase>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Forms, Quantized, ::testing::ValuesIn(quantized_cases()), name_of_case);

TEST(QuantizedModels, without_quantisers_stay_as_they_are) {
    QuantizedBuilder b;
    b.graph.outputs = {b.conv(b.input("x", {1, 8, 6, 6}), {8, 8, 1, 1})};
    Graph graph = optimized(b.graph);
    EXPECT_EQ(run_in_bytes(graph).in_bytes, 0);
    EXPECT_EQ(operators(graph), "Conv");
}

TEST(QuantizedModels, with_quantised_weights_alone_stay_as_they_are) {
    QuantizedBuilder b;
    const ValueId x = b.input("x", {1, 8, 6, 6});
    b.graph.outputs = {b.conv(b.node("Relu", {x}), {8, 8, 1, 1}), b.pair(x, 0.1f, 3)};
    Graph graph = optimized(b.graph);
    const std::string before = operators(graph);
    EXPECT_EQ(run_in_bytes(graph).in_bytes, 0);
    EXPECT_EQ(operators(graph), before);
}

// A rounding whose range begins at 0 is what is left of a Relu.
TEST(QuantizedModels, keep_roundings_that_cut_off_negative_numbers) {
    QuantizedBuilder b;
    const ValueId x = b.pair(b.input("x", {1, 8, 6, 6}), 0.01f, 128);
    const ValueId y = b.pair(b.conv(x, {8, 8, 1, 1}), 0.04f, 0);
    b.graph.outputs = {b.conv(b.pair(b.node("Add", {y, x}), 0.04f, 120), {8, 8, 1, 1})};
    Graph graph = optimized(b.graph);
    run_in_bytes(graph);
    EXPECT_EQ(operators(graph), "ToBytes ConvBytes AddBytes ConvBytes");
}

// Weights with more than 255 steps between them would not fit signed bytes.
TEST(QuantizedModels, leave_weights_that_are_no_signed_bytes_to_floats) {
    QuantizedBuilder b;
    const ValueId x = b.pair(b.input("x", {1, 8, 6, 6}), 0.01f, 128);
    Tensor weights = b.grid_weights({8, 8, 1, 1}, 250);
    weights.span<float>()[0] = 251 * 0.002f, weights.span<float>()[1] = 2 * 0.002f;
    b.graph.outputs = {b.node("Conv", {x, b.constant(weights)})};
    Graph graph = optimized(b.graph);
    EXPECT_EQ(run_in_bytes(graph).in_bytes, 0);
}

// A file may hold operators of ours, with numbers that are not known.
TEST(QuantizedModels, that_compute_scales_of_bytes_themselves_are_left_alone) {
    QuantizedBuilder b;
    const ValueId x = b.pair(b.input("x", {1, 8, 6, 6}), 0.01f, 128), scale = b.input("scale", {8});
    const ValueId q =
        b.node("ToBytes", {b.conv(x, {8, 8, 1, 1}), scale, scale}, {{"to", std::string("u8")}});
    const ValueId weights = b.constant(Tensor(ElementType::I8, {8, 8, 1, 1}));
    const ValueId y = b.node("ConvBytes", {q, weights, scale, scale});
    b.graph.outputs = {
        b.node("ToBytes", {y, b.floats({1}), b.floats({0})}, {{"to", std::string("u8")}})};
    Graph graph = optimized(b.graph);
    run_in_bytes(graph);
    EXPECT_EQ(operators(graph), "ToBytes ConvBytes ToBytes ConvBytes ToBytes");
}

TEST(QuantizedModels, name_the_layers_that_stay_in_float_largest_first) {
    QuantizedBuilder b;
    const ValueId x = b.pair(b.input("x", {1, 8, 6, 6}), 0.01f, 128);
    const ValueId y = b.conv(x, {8, 8, 1, 1});
    const ValueId small = b.node("Conv", {y, b.constant(random_tensor({2, 8, 1, 1}, 1))});
    const ValueId large = b.node("Conv", {y, b.constant(random_tensor({9, 8, 1, 1}, 2))});
    b.graph.outputs = {small, large};
    Graph graph = optimized(b.graph);
    const ByteWork work = run_in_bytes(graph);
    ASSERT_EQ(work.in_float.size(), 2u);
    EXPECT_GT(work.in_float[0], work.in_float[1]); // Conv4 is the larger one
    EXPECT_EQ(work.total, 36 * 8 * (8 + 2 + 9));
    EXPECT_EQ(work.in_bytes, 36 * 8 * 8);
}

} // namespace
