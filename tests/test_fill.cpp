// SPDX-License-Identifier: LGPL-2.1-or-later
// What a source writes into its row, and which part of a request's memory that is.
#include "inference/session/fill.h"
#include "inference/session/rows.h"

#include <gtest/gtest.h>

#include <limits>

using namespace infer;

namespace {

InputFormat input_of(ElementType type, Shape shape) {
    InputFormat input;
    input.name = "x";
    input.type = type;
    input.shape = std::move(shape);
    return input;
}

uint16_t written(ElementType type, float value) {
    const Tensor tensor(type, {1});
    EXPECT_TRUE(write_values(std::vector{value}, input_of(type, {1}), tensor.view()).ok());
    return tensor.span<uint16_t>()[0];
}

} // namespace

TEST(Fill, values_are_written_in_the_inputs_element_type) {
    const Tensor wide(ElementType::I64, {1, 2});
    ASSERT_TRUE(
        write_values(std::vector{3.0f, -4.0f}, input_of(ElementType::I64, {1, 2}), wide.view())
            .ok());
    EXPECT_EQ(wide.span<int64_t>()[1], -4);
    struct Case {
        float value;
        uint16_t half, bfloat;
    };
    const Case cases[] = {
        {1.0f, 0x3c00, 0x3f80},      {-2.0f, 0xc000, 0xc000},   {65504.0f, 0x7bff, 0x4780},
        {1e9f, 0x7c00, 0x4e6e},      {6e-8f, 0x0001, 0x3381},   {0.0f, 0, 0},
        {0.333333f, 0x3555, 0x3eab}, {2047.5f, 0x6800, 0x4500},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(written(ElementType::F16, c.value), c.half) << c.value;
        EXPECT_EQ(written(ElementType::BF16, c.value), c.bfloat) << c.value;
    }
    EXPECT_EQ(written(ElementType::F16, std::numeric_limits<float>::quiet_NaN()) & 0x7e00, 0x7e00);
}

TEST(Fill, one_value_fills_the_input_and_another_count_is_refused) {
    const Tensor tensor(ElementType::F32, {1, 3});
    const InputFormat input = input_of(ElementType::F32, {1, 3});
    ASSERT_TRUE(write_values(std::vector{7.0f}, input, tensor.view()).ok());
    EXPECT_EQ(tensor.span<float>()[2], 7.0f);
    const auto refused = write_values(std::vector{1.0f, 2.0f}, input, tensor.view());
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().text(), "input x: got 2 values, takes 1 or 3 (1x3)");
}

TEST(Rows, each_row_is_a_tensor_of_its_own_in_the_requests_memory) {
    const Tensor whole(ElementType::F32, {4, 2, 3});
    const TensorView row = row_of(whole.view(), 2, 4);
    EXPECT_EQ(row.shape, (Shape{1, 2, 3}));
    EXPECT_EQ(row.data, whole.span<float>().data() + 12);
    EXPECT_EQ(row_of(whole.view(), 0, 1).shape, whole.shape()); // a batch of one is itself
}

TEST(Rows, an_output_whose_shape_is_known_only_after_the_run_is_looked_at_again) {
    const Tensor in(ElementType::F32, {2, 1}), before(ElementType::F32, {2, 4}),
        after(ElementType::F32, {2, 6});
    Request request;
    request.inputs = {in.view()};
    request.outputs = {before.view()};
    const std::vector<OutputFormat> formats = {{"out", ElementType::F32, {2, 4}}};
    RowViews views(request, formats, 2);
    EXPECT_EQ(views.outputs(request, 1)[0].view.shape, (Shape{1, 4}));
    request.outputs = {after.view()};
    EXPECT_EQ(views.outputs(request, 1)[0].view.shape, (Shape{1, 6}));
    EXPECT_EQ(views.outputs(request, 1)[0].view.data, after.span<float>().data() + 6);
}
