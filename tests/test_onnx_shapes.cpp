// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX models at shapes, batches and under keys.
#include "tests/onnx_rig.h"

using namespace infer;
using testing::HasSubstr;

TEST(Onnx, free_dimensions_are_the_users_to_say) {
    OnnxModel m;
    m.input("x", {-1, 3, -1, -1}).output("y");
    m.node("Relu", {"x"}, {"y"});
    EXPECT_THAT(problem(m), HasSubstr("input 'x' is 1x3x?x?, which the model leaves open; say what "
                                      "it is, for example --shape x=1x3x480x640"));
    EXPECT_EQ(problem(m, {{{"x", {1, 3, 20, 30}}}, 1}), "");
    EXPECT_EQ(problem(m, {{{"", {1, 3, 20, 30}}}, 1}), "");
    EXPECT_THAT(problem(m, {{{"z", {1, 3, 20, 30}}}, 1}),
                HasSubstr("has no input 'z'; its inputs are x"));
    EXPECT_THAT(problem(m, {{{"x", {1, 3}}}, 1}), HasSubstr("another number of dimensions"));
    EXPECT_THAT(problem(m, {{{"x", {1, 3, 0, 30}}}, 1}), HasSubstr("positive dimensions"));
}

TEST(Onnx, a_declared_shape_can_be_replaced) {
    OnnxModel m;
    m.input("x", {10, 3, 32, 32}).output("y");
    m.node("Relu", {"x"}, {"y"});
    const auto graph = load_model(m.save("declared.onnx"), {{{"x", {1, 3, 48, 64}}}, 1});
    ASSERT_TRUE(graph.ok());
    EXPECT_EQ(graph.value().value(graph.value().outputs[0]).shape, (Shape{1, 3, 48, 64}));
}

// The same rows alone and in a batch.
TEST(Onnx, a_batch_gives_each_row_its_own_result) {
    const std::string path = small_network().save("batch.onnx");
    auto one = load_model(path), four = load_model(path, {{}, 4});
    ASSERT_TRUE(one.ok() && four.ok()) << four.error().text();
    ASSERT_TRUE(optimize(one.value()).ok() && optimize(four.value()).ok());
    Tensor rows(ElementType::F32, {4, 2, 8, 8});
    for (size_t i = 0; i < rows.span<float>().size(); i++)
        rows.span<float>()[i] = float(i * 13 % 29) / 29;
    const auto together = run_reference(four.value(), {rows});
    ASSERT_TRUE(together.ok());
    for (size_t r = 0; r < 4; r++) {
        const auto alone = run_reference(
            one.value(), {make_tensor<float>(ElementType::F32, {1, 2, 8, 8},
                                             rows.span<const float>().subspan(r * 128, 128))});
        ASSERT_TRUE(alone.ok());
        for (size_t k = 0; k < 2; k++) {
            const auto a = alone.value()[k].span<float>();
            Shape shape = alone.value()[k].shape();
            const Tensor part = make_tensor<float>(
                ElementType::F32, shape,
                together.value()[k].span<const float>().subspan(r * a.size(), a.size()));
            EXPECT_EQ(difference(part, alone.value()[k], 1e-5f, 1e-6f), "") << "row " << r;
        }
    }
}

TEST(Onnx, a_model_that_mixes_its_rows_cannot_be_batched) {
    OnnxModel m;
    m.input("x", {1, 4}).output("y").ints("s", {4});
    m.node("Reshape", {"x", "s"}, {"y"});
    EXPECT_THAT(problem(m, {{}, 2}), HasSubstr("output 'y': cannot be batched (2 rows): "
                                              "'y' is 4 for one row and 8 then"));
    OnnxModel sum;
    sum.input("x", {1, 4}).output("y").ints("axes", {0});
    sum.node("Relu", {"x"}, {"r"});
    set_int(sum.node("ReduceSum", {"r", "axes"}, {"s"}), "keepdims", 0);
    sum.node("Add", {"x", "s"}, {"y"});
    EXPECT_THAT(problem(sum, {{}, 2}),
                HasSubstr("node 'the_ReduceSum' (ReduceSum): cannot be batched"));
}

TEST(Onnx, content_makes_the_key) {
    const std::string a = small_network().save("a.onnx"), b = small_network().save("b.onnx"),
                      c = relu().save("c.onnx");
    EXPECT_EQ(content_hash(a).value(), content_hash(b).value());
    EXPECT_NE(content_hash(a).value(), content_hash(c).value());
    const std::string abc = OnnxModel::save_bytes("abc.txt", "abc"); // FIPS 180-4's example
    EXPECT_EQ(content_hash(abc).value(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
