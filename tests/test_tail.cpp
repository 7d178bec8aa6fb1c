// SPDX-License-Identifier: LGPL-2.1-or-later
// What depends on data in size: how it is cut off, what is said of it before a run, what it gives.
#include "inference/interpreter.h"
#include "inference/model.h"
#include "inference/tail.h"
#include "tests/detector_graph.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace infer;

namespace {

Tensor numbers(const Shape& shape, const std::vector<float>& values) {
    return make_tensor<float>(ElementType::F32, shape, values);
}

std::vector<int64_t> ints(const Tensor& t) {
    const auto values = t.span<int64_t>();
    return {values.begin(), values.end()};
}

// Ready to run, or an error in the test.
Graph ready(GraphBuilder& b, std::vector<ValueId> outputs) {
    b.graph.outputs = std::move(outputs);
    const auto shapes = infer_shapes(b.graph);
    EXPECT_TRUE(shapes.ok()) << shapes.error().text();
    const auto optimized = optimize(b.graph);
    EXPECT_TRUE(optimized.ok()) << optimized.error().text();
    return b.graph;
}

std::string operators(const Graph& graph) {
    std::string words;
    for (const Node& node : graph.nodes)
        words += (words.empty() ? "" : " ") + node.op;
    return words;
}

} // namespace

TEST(Tail, holds_all_that_depends_on_data_in_size) {
    GraphBuilder b;
    const ValueId x = b.input("x", {2, 3});
    const ValueId y = b.node("Relu", {x});
    const ValueId found = b.node("NonZero", {y});
    const ValueId doubled = b.node("Mul", {y, b.floats({2})});
    const ValueId count = b.node("Shape", {found});
    const Graph graph = ready(b, {found, doubled, count});
    EXPECT_EQ(operators(graph), "Relu Mul Tail");
    const Node* tail = tail_of(graph);
    ASSERT_NE(tail, nullptr);
    EXPECT_EQ(operators(*tail->bodies[0]), "NonZero Shape");
    EXPECT_EQ(graph.value(graph.outputs[0]).shape, (Shape{2, -1}));
    EXPECT_EQ(graph.value(graph.outputs[0]).type, ElementType::I64);
    EXPECT_EQ(graph.value(graph.outputs[1]).shape, (Shape{2, 3}));
    EXPECT_EQ(graph.value(graph.outputs[2]).shape, (Shape{2}));
    const auto out = run_reference(graph, {numbers({2, 3}, {-1, 1, 0, 3, -2, 5})});
    ASSERT_TRUE(out.ok()) << out.error().text();
    EXPECT_EQ(ints(out.value()[0]), (std::vector<int64_t>{0, 1, 1, 1, 0, 2}));
    EXPECT_EQ(ints(out.value()[2]), (std::vector<int64_t>{2, 3}));
}

TEST(Tail, is_not_there_where_the_content_is_known) {
    GraphBuilder b;
    const ValueId x = b.input("x", {1, 4});
    const ValueId ones = b.node("ConstantOfShape", {b.node("Size", {x})});
    const ValueId mask = b.node("Equal", {ones, b.floats({0})});
    const ValueId range = b.node("Squeeze", {b.node("NonZero", {mask}), b.ints({0})}); // 0 1 2 3
    const ValueId y = b.node("Gather", {x, range}, {{"axis", int64_t{1}}});
    const Graph graph = ready(b, {y});
    EXPECT_EQ(tail_of(graph), nullptr);
    EXPECT_EQ(graph.value(graph.outputs[0]).shape, (Shape{1, 4}));
}

TEST(Tail, begins_where_a_shape_is_computed_from_data) {
    struct Row {
        const char* op;
        std::vector<float> x;   // [4]
        std::vector<int64_t> n; // content of the computed parameter
        Shape declared, given;
    };
    const std::vector<Row> rows = {
        {"Reshape", {1, 2, 3, 4}, {2, 2}, {-1, -1}, {2, 2}},
        {"Expand", {1, 2, 3, 4}, {3, 4}, {-1, -1}, {3, 4}},
        {"Tile", {1, 2, 3, 4}, {3}, {-1}, {12}},
        {"TopK", {1, 2, 3, 4}, {3}, {-1}, {3}},
        {"ConstantOfShape", {1, 2, 3, 4}, {5, 1}, {-1, -1}, {5, 1}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.op);
        GraphBuilder b;
        const ValueId x = b.input("x", {4});
        const ValueId n = b.input("n", {int64_t(row.n.size())}, ElementType::I64);
        const ValueId y = row.op == std::string("ConstantOfShape") ? b.node(row.op, {n})
                          : row.op == std::string("TopK")          ? b.nodes(row.op, {x, n}, 2)[0]
                                                                   : b.node(row.op, {x, n});
        const Graph graph = ready(b, {y});
        EXPECT_EQ(graph.value(y).shape, row.declared);
        std::vector<Tensor> in{
            numbers({4}, row.x),
            make_tensor<int64_t>(ElementType::I64, {int64_t(row.n.size())}, row.n)};
        if (graph.inputs.size() == 1)
            in.erase(in.begin());
        const auto out = run_reference(graph, in);
        ASSERT_TRUE(out.ok()) << out.error().text();
        EXPECT_EQ(out.value()[0].shape(), row.given);
    }
}

TEST(Tail, says_which_dimensions_of_an_output_may_change) {
    GraphBuilder b;
    const ValueId x = b.input("x", {10, 4});
    const ValueId found = b.node("NonZero", {x}); // [2, n]
    const ValueId rows = b.node("Transpose", {found}, {{"perm", std::vector<int64_t>{1, 0}}});
    const ValueId n = b.node("Gather", {b.node("Shape", {found}), b.ints({1})});
    const ValueId some = b.node("Min", {n, b.ints({5})});
    const ValueId few = b.node("Slice", {rows, b.ints({0}), some, b.ints({0})});
    const ValueId pairs =
        b.node("Reshape", {rows, b.node("Concat", {n, b.ints({2, 1})}, {{"axis", int64_t{0}}})});
    const ValueId sum = b.node("ReduceSum", {rows, b.ints({0})}, {{"keepdims", int64_t{0}}});
    const Graph graph = ready(b, {few, pairs, sum});
    EXPECT_EQ(graph.value(few).shape, (Shape{-1, 2})) << "at most 5";
    EXPECT_EQ(graph.value(pairs).shape, (Shape{-1, 2, 1}));
    EXPECT_EQ(graph.value(sum).shape, (Shape{2}));
}

TEST(Tail, finds_any_number_of_boxes) {
    Graph graph = detector_graph();
    ASSERT_TRUE(infer_shapes(graph).ok());
    ASSERT_TRUE(optimize(graph).ok());
    ASSERT_NE(tail_of(graph), nullptr);
    for (const Node& node : graph.nodes)
        EXPECT_NE(node.op, "NonMaxSuppression");
    EXPECT_EQ(graph.value(graph.outputs[0]).shape, (Shape{-1, 5}));
    EXPECT_EQ(graph.value(graph.outputs[1]).shape, (Shape{-1}));
    const auto none_found = run_reference(graph, {Tensor(ElementType::F32, {1, 3, 32, 32})});
    ASSERT_TRUE(none_found.ok()) << none_found.error().text();
    EXPECT_EQ(none_found.value()[0].shape(), (Shape{0, 5}));
    EXPECT_EQ(none_found.value()[1].shape(), (Shape{0}));
    const auto some = run_reference(graph, {random_weights({1, 3, 32, 32}, 5, 1)});
    ASSERT_TRUE(some.ok()) << some.error().text();
    const Tensor& boxes = some.value()[0];
    ASSERT_GT(boxes.shape()[0], 2);
    EXPECT_EQ(some.value()[1].shape()[0], boxes.shape()[0]);
    for (int64_t k = 0; k < boxes.shape()[0]; k++)
        EXPECT_GT(boxes.span<float>()[size_t(k * 5 + 4)], 0.51f);
}

TEST(Tail, says_what_does_not_fit_the_data) {
    GraphBuilder b;
    const ValueId x = b.input("x", {6});
    const ValueId found = b.node("NonZero", {x}); // [1, n]
    const ValueId pairs = b.node("Reshape", {found, b.ints({-1, 2})});
    const Graph graph = ready(b, {pairs});
    EXPECT_TRUE(run_reference(graph, {numbers({6}, {1, 1, 1, 1, 0, 0})}).ok());
    const auto odd = run_reference(graph, {numbers({6}, {1, 1, 1, 0, 0, 0})});
    ASSERT_FALSE(odd.ok());
    EXPECT_NE(odd.error().text().find("Reshape1"), std::string::npos) << odd.error().text();
}

TEST(Tail, stops_short_of_absurd_sizes) {
    GraphBuilder b;
    const ValueId n = b.input("n", {3}, ElementType::I64);
    const Graph graph = ready(b, {b.node("ConstantOfShape", {n})});
    for (const std::vector<int64_t>& shape :
         {std::vector<int64_t>{1 << 20, 1 << 20, 1 << 20}, {1 << 15, 1 << 15, 1}, {-1, 2, 2}}) {
        const auto out = run_reference(graph, {make_tensor<int64_t>(ElementType::I64, {3}, shape)});
        EXPECT_FALSE(out.ok());
    }
}

TEST(Tail, gives_outputs_memory_of_their_own) {
    GraphBuilder b;
    const ValueId x = b.input("x", {4});
    const ValueId n = b.input("n", {2}, ElementType::I64);
    b.graph.outputs = {b.node("Reshape", {x, n})};
    const Interpreter interpreter(std::make_shared<const Graph>(b.graph));
    std::vector<float> memory{1, 2, 3, 4};
    std::vector<int64_t> shape{2, 2};
    const auto out = interpreter.run({Tensor::borrow({ElementType::F32, {4}, memory.data()}),
                                      Tensor::borrow({ElementType::I64, {2}, shape.data()})});
    ASSERT_TRUE(out.ok()) << out.error().text();
    memory = {0, 0, 0, 0};
    EXPECT_EQ(out.value()[0].span<float>()[3], 4);
}
