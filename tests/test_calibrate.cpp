// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/calibrate/agreement.h"
#include "inference/calibrate/dead_channels.h"
#include "inference/calibrate/quantize.h"
#include "inference/calibrate/standard.h"
#include "inference/formats/onnx.h"
#include "inference/model.h"
#include "inference/quantized.h"
#include "tests/graph_builder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace infer::calibrate {
namespace {

Tensor random_numbers(const Shape& shape, unsigned seed, float spread = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, spread);
    Tensor t(ElementType::F32, shape);
    for (float& v : t.span<float>())
        v = normal(random);
    return t;
}

struct Net : GraphBuilder {
    ValueId conv(ValueId x, const Shape& weights, unsigned seed,
                 std::map<std::string, Attr> attrs = {}) {
        return node("Conv",
                    {x, constant(random_numbers(weights, seed, 0.3f)),
                     constant(random_numbers({weights[0]}, seed + 1, 0.1f))},
                    std::move(attrs));
    }
    Graph made(ValueId out) {
        graph.outputs = {out};
        auto standard = standard_form(graph);
        EXPECT_TRUE(standard.ok()) << standard.error().text();
        return standard.value();
    }
};

// What networks are made of: a Swish written out, a residual, depthwise, Concat, pooling.
Graph small_net() {
    Net net;
    const ValueId x = net.input("x", {1, 3, 16, 16});
    const ValueId a = net.conv(x, {8, 3, 3, 3}, 1, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
    const ValueId b = net.node("Mul", {a, net.node("Sigmoid", {a})});
    const ValueId c = net.conv(b, {8, 1, 3, 3}, 3,
                               {{"group", int64_t{8}}, {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
    const ValueId d = net.node("Relu", {net.node("Add", {c, b})});
    const ValueId e = net.node("Concat", {d, b}, {{"axis", int64_t{1}}});
    const ValueId f = net.node(
        "MaxPool", {e},
        {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{2, 2}}});
    return net.made(net.conv(f, {4, 16, 1, 1}, 5));
}

std::vector<TensorView> views(const std::vector<Tensor>& tensors) {
    std::vector<TensorView> out;
    for (const Tensor& t : tensors)
        out.push_back(t.view());
    return out;
}

// Shows it some random pictures.
void show(Calibration& calibration, const Shape& shape) {
    for (const bool first : {true, false})
        for (unsigned seed = 0; seed < 4; seed++) {
            const std::vector<Tensor> in = {random_numbers(shape, 100 + seed)};
            const auto out = run_reference(calibration.observed(), in);
            ASSERT_TRUE(out.ok()) << out.error().text();
            if (first)
                calibration.widen(views(in), views(out.value()));
            else
                calibration.add(views(in), views(out.value()));
        }
}

double error_of(const Graph& graph, const Graph& expected, const Tensor& in) {
    const auto a = run_reference(expected, {in}), b = run_reference(graph, {in});
    EXPECT_TRUE(a.ok() && b.ok());
    double error = 0, power = 0;
    for (size_t k = 0; k < a.value()[0].span<float>().size(); k++) {
        const double x = double(a.value()[0].span<float>()[k]);
        error += std::pow(x - double(b.value()[0].span<float>()[k]), 2);
        power += x * x;
    }
    return std::sqrt(error / power);
}

TEST(Histogram, sees_all_by_minmax_and_leaves_out_what_is_rare_by_the_others) {
    Histogram histogram;
    const Tensor many = random_numbers({100000}, 1);
    const std::vector<float> rare = {40};
    for (const auto& numbers : {std::span<const float>(many.span<float>()), std::span(rare)})
        histogram.widen(numbers);
    for (const auto& numbers : {std::span<const float>(many.span<float>()), std::span(rare)})
        histogram.add(numbers);
    EXPECT_EQ(histogram.range(Observer::MinMax).high, 40);
    for (const Observer observer : {Observer::Percentile, Observer::MSE, Observer::KL}) {
        const Range range = histogram.range(observer);
        EXPECT_LT(range.high, observer == Observer::MSE ? 36 : 12) << name_of(observer);
        EXPECT_GT(range.high, 2.5f) << name_of(observer);
        EXPECT_LT(range.low, -2) << name_of(observer);
    }
}

TEST(Histogram, always_holds_0_and_takes_what_is_not_a_number_for_nothing) {
    Histogram histogram;
    const std::vector<float> numbers = {3, 5, NAN, INFINITY};
    histogram.widen(numbers);
    histogram.add(numbers);
    for (const Observer observer : all_observers) {
        const Range range = histogram.range(observer);
        EXPECT_EQ(range.low, 0) << name_of(observer);
        EXPECT_GT(range.high, 2) << name_of(observer);
        EXPECT_LE(range.high, 5) << name_of(observer);
    }
}

TEST(Calibration, makes_a_model_that_multiplies_bytes_alone_and_says_the_same) {
    Calibration calibration(small_net());
    ASSERT_EQ(calibration.layers().size(), 3u);
    show(calibration, {1, 3, 16, 16});
    for (const Observer observer : all_observers) {
        const auto quantized = calibration.quantized(calibration.all_layers(), observer);
        ASSERT_TRUE(quantized.ok()) << quantized.error().text();
        EXPECT_LT(
            error_of(quantized.value(), calibration.graph(), random_numbers({1, 3, 16, 16}, 9)),
            observer == Observer::KL ? 0.1 : 0.04)
            << name_of(observer);
        Graph bytes = quantized.value();
        ASSERT_TRUE(optimize(bytes).ok());
        EXPECT_EQ(run_in_bytes(bytes).share(), 1);
    }
}

TEST(Calibration, leaves_the_layers_in_float_that_it_is_not_given) {
    Calibration calibration(small_net());
    show(calibration, {1, 3, 16, 16});
    const size_t first = calibration.layers()[0].node;
    auto quantized = calibration.quantized({first}, Observer::MinMax);
    ASSERT_TRUE(quantized.ok());
    ASSERT_TRUE(optimize(quantized.value()).ok());
    const ByteWork work = run_in_bytes(quantized.value());
    EXPECT_EQ(work.in_bytes, calibration.layers()[0].multiplications);
    EXPECT_EQ(work.in_float.size(), 2u);
    const auto none = calibration.quantized({}, Observer::MinMax);
    ASSERT_TRUE(none.ok());
    EXPECT_EQ(error_of(none.value(), calibration.graph(), random_numbers({1, 3, 16, 16}, 9)), 0);
}

TEST(Calibration, moves_what_rounding_weights_shifts_on_average_into_the_bias) {
    Net net;
    const ValueId x = net.input("x", {1, 1, 8, 8});
    Tensor weights(ElementType::F32, {1, 1, 1, 2});
    weights.span<float>()[0] = 127, weights.span<float>()[1] = 0.4f; // rounded to 0
    const ValueId y = net.node("Conv", {x, net.constant(weights)});
    Calibration calibration(net.made(y));
    const std::vector<Tensor> in = {Tensor(ElementType::F32, {1, 1, 8, 8})};
    std::ranges::fill(in[0].span<float>(), 1.0f);
    calibration.widen(views(in), {});
    calibration.add(views(in), {});
    const auto quantized = calibration.quantized(calibration.all_layers(), Observer::MinMax);
    ASSERT_TRUE(quantized.ok());
    const auto out = run_reference(quantized.value(), in);
    ASSERT_TRUE(out.ok());
    EXPECT_NEAR(out.value()[0].span<float>()[0], 127.4f, 0.01f);
}

TEST(WriteOnnx, gives_a_file_that_reads_back_as_the_same_model) {
    Calibration calibration(small_net());
    show(calibration, {1, 3, 16, 16});
    const auto quantized = calibration.quantized(calibration.all_layers(), Observer::MinMax);
    ASSERT_TRUE(quantized.ok());
    const auto bytes = write_onnx(quantized.value());
    ASSERT_TRUE(bytes.ok()) << bytes.error().text();
    auto read = parse_onnx(bytes.value(), "", "test");
    ASSERT_TRUE(read.ok()) << read.error().text();
    ASSERT_TRUE(infer_shapes(read.value()).ok());
    EXPECT_EQ(read.value().value(read.value().inputs[0]).name, "x");
    EXPECT_EQ(error_of(read.value(), quantized.value(), random_numbers({1, 3, 16, 16}, 9)), 0);
}

TEST(WriteOnnx, names_operators_that_onnx_has_not) {
    Net net;
    const ValueId x = net.input("x", {1, 4, 8, 8});
    net.graph.outputs = {net.node("ChannelShuffle", {x}, {{"group", int64_t{2}}})};
    const auto bytes = write_onnx(net.graph);
    ASSERT_FALSE(bytes.ok());
    EXPECT_NE(bytes.error().text().find("ChannelShuffle"), std::string::npos);
}

TEST(StandardForm, writes_a_detection_output_out) {
    Net net;
    constexpr int64_t priors = 12;
    const ValueId offsets = net.input("offsets", {1, priors * 4}),
                  scores = net.input("scores", {1, priors * 3});
    Tensor boxes(ElementType::F32, {1, 2, priors * 4});
    for (int64_t p = 0; p < priors; p++)
        for (int64_t k = 0; k < 4; k++) {
            boxes.span<float>()[size_t(p * 4 + k)] = 0.06f * float(p) + (k < 2 ? 0.0f : 0.2f);
            boxes.span<float>()[size_t((priors + p) * 4 + k)] = 0.1f;
        }
    const ValueId found = net.node("DetectionOutput", {offsets, scores, net.constant(boxes)},
                                   {{"normalized", int64_t{1}},
                                    {"centered", int64_t{1}},
                                    {"share_location", int64_t{1}},
                                    {"top_k", int64_t{10}},
                                    {"keep_top_k", int64_t{6}},
                                    {"nms_threshold", 0.4f},
                                    {"confidence_threshold", 0.05f}});
    net.graph.outputs = {found};
    const std::vector<Tensor> in = {random_numbers({1, priors * 4}, 1, 0.2f),
                                    random_numbers({1, priors * 3}, 2)};
    ASSERT_TRUE(infer_shapes(net.graph).ok());
    const auto expected = run_reference(net.graph, in);
    const auto standard = standard_form(net.graph);
    ASSERT_TRUE(standard.ok()) << standard.error().text();
    ASSERT_TRUE(write_onnx(standard.value()).ok());
    const auto written = run_reference(standard.value(), in);
    ASSERT_TRUE(expected.ok() && written.ok());
    const auto rows_of = [](const Tensor& t) { // sorted; up to the row that ends the list
        std::vector<std::vector<float>> rows;
        for (size_t k = 0; k < t.span<float>().size() && t.span<float>()[k] >= 0; k += 7)
            rows.emplace_back(t.span<float>().begin() + int64_t(k),
                              t.span<float>().begin() + int64_t(k) + 7);
        std::ranges::sort(rows);
        return rows;
    };
    const auto a = rows_of(expected.value()[0]), b = rows_of(written.value()[0]);
    ASSERT_EQ(a.size(), b.size());
    ASSERT_GT(a.size(), 2u);
    for (size_t r = 0; r < a.size(); r++)
        for (size_t k = 0; k < 7; k++)
            EXPECT_NEAR(a[r][k], b[r][k], 1e-5f);
}

// Two convolutions with a Relu and a pooling between; of the first, channel 1 has a bias below 0
// and no weights, channel 2 one above 0.
Graph net_with_dead_channels() {
    Net net;
    const ValueId x = net.input("x", {1, 3, 12, 12});
    Tensor weights = random_numbers({4, 3, 3, 3}, 1);
    std::ranges::fill(weights.span<float>().subspan(27, 54), 0.0f);
    const ValueId a = net.node("Conv", {x, net.constant(weights), net.floats({0.1f, -1, 1, 0.2f})});
    const ValueId b = net.node("MaxPool", {net.node("Relu", {a})},
                               {{"kernel_shape", std::vector<int64_t>{2, 2}}});
    return net.made(net.conv(b, {5, 4, 1, 1}, 5));
}

TEST(DeadChannels, are_those_without_weights_whose_results_are_cut_to_0) {
    const auto zeros = zeros_of(net_with_dead_channels());
    ASSERT_EQ(zeros.size(), 2u);
    EXPECT_EQ(zeros[0].dead_channels, 1);
    EXPECT_EQ(zeros[0].channels, 4);
    EXPECT_EQ(zeros[0].share, 0.5);
    EXPECT_EQ(zeros[1].dead_channels, 0);
}

TEST(DeadChannels, are_taken_out_and_nothing_changes) {
    const Graph whole = net_with_dead_channels();
    Graph pruned = whole;
    EXPECT_EQ(prune_dead_channels(pruned), 1);
    ASSERT_TRUE(infer_shapes(pruned).ok());
    EXPECT_EQ(pruned.value(pruned.nodes[0].outputs[0]).shape, (Shape{1, 3, 10, 10}));
    EXPECT_EQ(error_of(pruned, whole, random_numbers({1, 3, 12, 12}, 9)), 0);
    EXPECT_EQ(prune_dead_channels(pruned), 0);
}

TEST(DeadChannels, stay_where_others_than_convolutions_read_them) {
    Graph graph = net_with_dead_channels();
    graph.outputs.push_back(graph.nodes[1].outputs[0]); // the Relu's
    EXPECT_EQ(prune_dead_channels(graph), 0);
}

Finding boxes(const std::vector<Detection>& detections) {
    Finding finding;
    finding.decoded.detections = detections;
    return finding;
}

Detection box(float x, float score, int label) {
    Detection detection;
    detection.x = x, detection.width = 10, detection.height = 10;
    detection.score = score, detection.label = label;
    return detection;
}

TEST(Agreement, is_f1_of_boxes_that_overlap_by_half) {
    DecodeOptions options;
    options.threshold = 0.5f;
    const Detection a = box(0, 0.9f, 1), moved = box(2, 0.8f, 1), far = box(40, 0.8f, 1),
                    other = box(0, 0.9f, 2);
    struct {
        std::vector<Detection> expected, found;
        double f1;
    } cases[] = {
        {{a}, {a}, 1},
        {{a}, {moved}, 1},
        {{a}, {far}, 0},
        {{a}, {other}, 0},
        {{a}, {}, 0},
        {{a, far}, {a}, 2.0 / 3},
        {{a}, {a, moved}, 2.0 / 3},
    };
    for (const auto& c : cases) {
        const Finding expected = boxes(c.expected), found = boxes(c.found);
        EXPECT_NEAR(agreement({&expected, 1}, {&found, 1}, options).value, c.f1, 1e-9);
    }
}

TEST(Agreement, does_not_count_an_object_at_the_very_threshold_as_lost) {
    DecodeOptions options;
    options.threshold = 0.5f;
    EXPECT_NEAR(with_margin(options).threshold, 0.48f, 1e-6f);
    const Finding sure = boxes({box(0, 0.505f, 1)}), less = boxes({box(0, 0.495f, 1)});
    EXPECT_EQ(agreement({&sure, 1}, {&less, 1}, options).value, 1);
    EXPECT_EQ(agreement({&less, 1}, {&sure, 1}, options).value, 1);
}

TEST(Agreement, compares_what_there_is) {
    const DecodeOptions options;
    Finding a, b;
    a.decoded.classes = {{3, 0.9f}}, b.decoded.classes = {{4, 0.5f}};
    EXPECT_EQ(agreement({&a, 1}, {&b, 1}, options).value, 0);
    b.decoded.classes = {{3, 0.4f}, {4, 0.3f}};
    a.decoded.embedding = {1, 0}, b.decoded.embedding = {1, 1};
    EXPECT_NEAR(agreement({&a, 1}, {&b, 1}, options).value, std::sqrt(0.5), 1e-6);
    const std::pair<const char*, double> texts[] = {
        {"0.1, -0.2", 1}, {"0.11, -0.2", 1}, {"0.1, -0.3", 0}, {"0.1", 0}, {"none", 0}};
    for (const auto& [text, value] : texts) {
        Finding e, f;
        e.decoded.attributes = {{"gaze", "0.1, -0.2", -1, 1}};
        f.decoded.attributes = {{"gaze", text, -1, 1}};
        EXPECT_EQ(agreement({&e, 1}, {&f, 1}, options).value, value) << text;
    }
    Finding c, d;
    c.outputs = {random_numbers({8}, 1)}, d.outputs = {c.outputs[0].clone()};
    EXPECT_NEAR(agreement({&c, 1}, {&d, 1}, options).value, 1, 1e-9);
}

} // namespace
} // namespace infer::calibrate
