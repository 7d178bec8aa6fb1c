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

TEST(Fill, values_of_a_picture_go_where_the_memory_has_its_channels) {
    const Tensor tensor(ElementType::F32, {1, 2, 1, 3}); // two channels of three pixels
    InputFormat input = input_of(ElementType::F32, {1, 2, 1, 3});
    const std::vector<float> values = {1, 2, 3, 4, 5, 6};
    const std::vector<float> planar = values, interleaved = {1, 4, 2, 5, 3, 6};
    for (const bool channels_last : {false, true}) {
        input.layout = InputFormat::NHWC;
        input.channels_last = channels_last;
        ASSERT_TRUE(write_values(values, input, tensor.view()).ok());
        const auto got = tensor.span<float>();
        EXPECT_EQ(std::vector(got.begin(), got.end()), channels_last ? planar : interleaved);
    }
}

TEST(Fill, every_picture_input_gets_the_frame_at_its_own_size_and_the_others_their_row_of_values) {
    InputFormat left = input_of(ElementType::F32, {2, 3, 2, 2}), gray = left, numbers = left;
    gray.shape = {2, 4, 4, 1};
    gray.channels_last = true;
    numbers.shape = {2, 3};
    numbers.layout = InputFormat::Plain;
    const std::vector<InputFormat> inputs = {left, gray, numbers};
    const Tensor a(ElementType::F32, {1, 3, 2, 2}), b(ElementType::F32, {1, 4, 4, 1}),
        c(ElementType::F32, {1, 3});
    Processing how;
    how.image_input = 1;
    how.more_image_inputs = {0};
    how.preprocess.color = PreprocessSpec::Gray;
    how.values = {{2, {1, 2, 3, 1, 2, 3}}}; // both rows of the request
    const std::vector<uint8_t> pixels(3 * 64, 200);
    FrameView frame;
    frame.format = PixelFormat::BGR;
    frame.width = frame.height = 8;
    frame.plane[0] = pixels.data();
    frame.stride[0] = 24;
    const auto placed =
        preprocessing_fill(inputs)(frame, how, std::vector{a.view(), b.view(), c.view()});
    ASSERT_TRUE(placed.ok()) << placed.error().text();
    EXPECT_EQ(placed.value().scale_x, 0.5f); // of the main picture
    for (const Tensor* t : {&a, &b})
        for (const float x : t->span<float>())
            EXPECT_NEAR(x, 200, 1);
    EXPECT_EQ(c.span<float>()[2], 3);
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

// A request of three rows: two detections of the first image, none of the second, one of the third.
TEST(Rows, of_a_list_that_names_images_each_row_gets_its_own_lines) {
    const Tensor in(ElementType::F32, {3, 1});
    Tensor list(ElementType::F32, {1, 1, 6, 7});
    const float lines[][3] = {{0, 1, 0.9f}, {2, 4, 0.8f}, {0, 2, 0.7f}, {-1, 0, 0}, {0, 9, 0.9f}};
    for (size_t i = 0; i < std::size(lines); i++)
        std::copy_n(lines[i], 3, &list.span<float>()[i * 7]);
    Request request;
    request.inputs = {in.view()};
    request.outputs = {list.view()};
    const std::vector<OutputFormat> formats = {{"out", ElementType::F32, {1, 1, 6, 7}, 0}};
    RowViews views(request, formats, 3);
    const std::vector<std::vector<float>> wanted = {{0, 1, 0, 2}, {-1, 0, 0, 0}, {0, 4, -1, 0}};
    for (int row : {0, 1, 2, 0}) {
        const TensorView view = views.outputs(request, row)[0].view;
        ASSERT_EQ(view.shape, (Shape{1, 1, 2, 7}));
        const auto v = view.span<float>();
        EXPECT_EQ((std::vector<float>{v[0], v[1], v[7], v[8]}), wanted[size_t(row)]) << row;
    }
}

TEST(Rows, a_list_as_long_as_there_are_lines_keeps_that_for_each_row) {
    const Tensor in(ElementType::F32, {2, 1});
    const std::vector<int64_t> numbers = {0, 5, 6, 1, 7, 8, 1, 9, 9};
    const Tensor list = make_tensor<int64_t>(ElementType::I64, {3, 3}, numbers);
    Request request;
    request.inputs = {in.view()};
    request.outputs = {list.view()};
    const std::vector<OutputFormat> formats = {{"selected", ElementType::I64, {-1, 3}, 0}};
    RowViews views(request, formats, 2);
    EXPECT_EQ(views.outputs(request, 0)[0].view.shape, (Shape{1, 3}));
    const TensorView second = views.outputs(request, 1)[0].view;
    ASSERT_EQ(second.shape, (Shape{2, 3}));
    EXPECT_EQ(second.span<int64_t>()[0], 0);
    EXPECT_EQ(second.span<int64_t>()[4], 9);
}
