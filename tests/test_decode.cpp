// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/run_decoder.h"
#include "inference/half.h"
#include "tests/decode_case.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

DecodeOptions options(int width, int height, float threshold = 0.5f, float iou = 0.45f,
                      int max = 300) {
    return {threshold, iou, max, width, height};
}

void put(Tensor& tensor, size_t at, std::initializer_list<float> values) {
    std::copy(values.begin(), values.end(), tensor.span<float>().begin() + ptrdiff_t(at));
}

Outputs ultraface_outputs(int64_t anchors) {
    Outputs o;
    o.add("scores", {1, anchors, 2});
    o.add("boxes", {1, anchors, 4});
    return o;
}

Outputs yolox_outputs(int64_t cells, int64_t classes) {
    Outputs o;
    o.add("output", {1, cells, 5 + classes});
    return o;
}

int fit(const char* decoder, const Outputs& outputs, int width, int height) {
    return find_decoder(decoder)->fit(outputs.formats(), width, height).score;
}

} // namespace

// ---- ultraface

TEST(Ultraface, scales_corner_fractions_and_takes_the_second_score) {
    Outputs o = ultraface_outputs(6);
    put(o[0], 2 * 2, {0.1f, 0.9f});
    put(o[1], 2 * 4, {0.25f, 0.5f, 0.5f, 0.75f});
    put(o[0], 4 * 2, {0.9f, 0.1f}); // background
    const Decoded d = decode("ultraface", o, options(320, 240));
    ASSERT_EQ(d.detections.size(), 1u);
    expect_box(d.detections[0], 80, 120, 80, 60);
    EXPECT_FLOAT_EQ(d.detections[0].score, 0.9f);
    EXPECT_EQ(d.detections[0].label, 1);
}

TEST(Ultraface, does_not_clip_boxes_that_leave_the_picture) {
    Outputs o = ultraface_outputs(1);
    put(o[0], 0, {0, 1});
    put(o[1], 0, {-0.1f, -0.1f, 1.1f, 1.2f});
    const Decoded d = decode("ultraface", o, options(100, 100));
    ASSERT_EQ(d.detections.size(), 1u);
    expect_box(d.detections[0], -10, -10, 120, 130);
}

TEST(Ultraface, reads_its_outputs_in_either_order) {
    Outputs o;
    o.add("b", {1, 3, 4});
    o.add("s", {1, 3, 2});
    put(o[0], 4, {0, 0, 0.5f, 0.5f});
    put(o[1], 3, {0.75f});
    EXPECT_EQ(decode("ultraface", o, options(10, 10)).detections.size(), 1u);
}

TEST(Ultraface, gives_nothing_for_nothing_and_the_best_for_too_much) {
    Outputs o = ultraface_outputs(500);
    EXPECT_TRUE(decode("ultraface", o, options(100, 100)).detections.empty());
    for (size_t i = 0; i < 500; i++) {
        put(o[0], i * 2, {0, 0.5f + float(i) / 1000});
        const float x = float(i);
        put(o[1], i * 4, {x, 0, x + 0.5f, 1});
    }
    const Decoded d = decode("ultraface", o, options(100, 100, 0.5f, 0.3f, 7));
    ASSERT_EQ(d.detections.size(), 7u);
    EXPECT_FLOAT_EQ(d.detections[0].score, 0.999f);
    EXPECT_FLOAT_EQ(d.detections[6].score, 0.993f);
}

TEST(Ultraface, never_keeps_numbers_that_are_not) {
    Outputs o = ultraface_outputs(6);
    const float bad[6][5] = {{nan_value, 0, 0, 1, 1}, {infinity, 0, 0, 1, 1},
                             {1, nan_value, 0, 1, 1}, {1, 0, -infinity, 1, 1},
                             {1, 0, 0, infinity, 1},  {1, 0.5f, 0, 0.2f, 1}};
    for (size_t i = 0; i < 6; i++) {
        put(o[0], i * 2, {0, bad[i][0]});
        put(o[1], i * 4, {bad[i][1], bad[i][2], bad[i][3], bad[i][4]});
    }
    EXPECT_TRUE(decode("ultraface", o, options(100, 100)).detections.empty());
}

// ---- yolox

// The rule of the paper's code, cell by cell, without any short cut; boxes before NMS.
std::vector<Detection> plain_yolox(std::span<const float> rows, int classes, int width, int height,
                                   std::vector<int> strides, float threshold) {
    std::vector<Detection> found;
    size_t at = 0;
    for (int stride : strides)
        for (int y = 0; y < height / stride; y++)
            for (int x = 0; x < width / stride; x++, at += size_t(5 + classes)) {
                int label = 0;
                for (int c = 1; c < classes; c++)
                    if (rows[at + 5 + size_t(c)] > rows[at + 5 + size_t(label)])
                        label = c;
                Detection d;
                d.label = label;
                d.score = rows[at + 4] * rows[at + 5 + size_t(label)];
                d.width = std::exp(rows[at + 2]) * float(stride);
                d.height = std::exp(rows[at + 3]) * float(stride);
                d.x = (rows[at] + float(x)) * float(stride) - d.width / 2;
                d.y = (rows[at + 1] + float(y)) * float(stride) - d.height / 2;
                if (d.score >= threshold)
                    found.push_back(d);
            }
    return found;
}

TEST(Yolox, agrees_with_the_plain_rule_on_random_tensors) {
    const struct {
        int width, height, classes;
        std::vector<int> strides;
    } cases[] = {{64, 32, 3, {8, 16, 32}},
                 {416, 416, 80, {8, 16, 32}},
                 {192, 192, 1, {8, 16, 32}},
                 {128, 64, 2, {8, 16, 32, 64}}};
    std::mt19937 random(1);
    for (const auto& c : cases) {
        int64_t cells = 0;
        for (int s : c.strides)
            cells += (c.width / s) * (c.height / s);
        Outputs o = yolox_outputs(cells, c.classes);
        fill_random(o[0], 0, 1, random);
        auto expected =
            plain_yolox(o[0].span<float>(), c.classes, c.width, c.height, c.strides, 0.7f);
        ASSERT_FALSE(expected.empty());
        suppress(expected, 0.45f, 300);
        const auto found = decode("yolox", o, options(c.width, c.height, 0.7f)).detections;
        ASSERT_EQ(found.size(), expected.size());
        for (size_t i = 0; i < found.size(); i++) {
            expect_box(found[i], expected[i].x, expected[i].y, expected[i].width,
                       expected[i].height, 0.01f);
            EXPECT_FLOAT_EQ(found[i].score, expected[i].score);
            EXPECT_EQ(found[i].label, expected[i].label);
        }
    }
}

TEST(Yolox, also_reads_boxes_that_are_in_pixels_already) {
    // 64x64: 64 + 16 + 4 cells, each with its centre in pixels.
    Outputs o = yolox_outputs(84, 2);
    size_t at = 0;
    for (int stride : {8, 16, 32})
        for (int y = 0; y < 64 / stride; y++)
            for (int x = 0; x < 64 / stride; x++, at += 7)
                put(o[0], at,
                    {(float(x) + 0.5f) * float(stride), (float(y) + 0.5f) * float(stride),
                     float(stride), float(stride), 0.1f, 0.5f, 0.5f});
    put(o[0], 70 * 7 + 4, {0.9f, 0.1f, 1.0f}); // stride 16, cell (2, 1)
    const Decoded d = decode("yolox", o, options(64, 64));
    ASSERT_EQ(d.detections.size(), 1u);
    expect_box(d.detections[0], 32, 16, 16, 16);
    EXPECT_EQ(d.detections[0].label, 1);
}

TEST(Yolox, of_equal_classes_takes_the_first_and_of_equal_boxes_the_earlier) {
    Outputs o = yolox_outputs(84, 3);
    put(o[0], 3 * 8, {0, 0, 0, 0, 1, 0.6f, 0.8f, 0.8f});
    put(o[0], 9 * 8, {0, 0, 0, 0, 1, 0.6f, 0.8f, 0.8f});
    const Decoded d = decode("yolox", o, options(64, 64));
    ASSERT_EQ(d.detections.size(), 2u);
    EXPECT_EQ(d.detections[0].label, 1);
    EXPECT_GT(d.detections[0].x, d.detections[1].x);
}

TEST(Yolox, never_keeps_numbers_that_are_not) {
    Outputs o = yolox_outputs(84, 1);
    put(o[0], 0, {nan_value, 0, 0, 0, 1, 1});
    put(o[0], 6, {0, 0, 1000, 0, 1, 1}); // exp() overflows
    put(o[0], 12, {0, 0, 0, 0, nan_value, 1});
    put(o[0], 18, {0, 0, 0, 0, 1, nan_value});
    put(o[0], 24, {0, 0, 0, 0, infinity, 1});
    EXPECT_TRUE(decode("yolox", o, options(64, 64)).detections.empty());
    for (float& v : o[0].span<float>())
        v = nan_value;
    EXPECT_TRUE(decode("yolox", o, options(64, 64)).detections.empty());
}

// ---- ssd

TEST(Ssd, stops_at_the_end_mark_and_drops_weak_boxes) {
    Outputs o;
    put(o.add("detection_out", {1, 1, 5, 7}), 0, {0,  3, 0.9f,  0.1f,  0.2f, 0.5f, 0.6f, //
                                                  0,  3, 0.1f,  0,     0,    1,    1,    //
                                                  0,  1, 0.95f, -0.1f, 0,    1.5f, 1,    //
                                                  -1, 0, 0,     0,     0,    0,    0,    //
                                                  0,  1, 1.0f,  0,     0,    1,    1});
    const Decoded d = decode("ssd", o, options(200, 100));
    ASSERT_EQ(d.detections.size(), 2u);
    EXPECT_EQ(d.detections[0].label, 1); // best first
    expect_box(d.detections[0], -20, 0, 320, 100);
    EXPECT_EQ(d.detections[1].label, 3);
    expect_box(d.detections[1], 20, 20, 80, 40);
}

TEST(Ssd, survives_any_numbers_and_any_count) {
    Outputs o;
    Tensor& t = o.add("out", {1, 1, 4, 7});
    put(t, 0, {0, nan_value, 0.9f, 0, 0, 1, 1, 0, 1e30f, 0.9f,     0, 0, 1, 1,
               0, -infinity, 0.9f, 0, 0, 1, 1, 0, 1,     infinity, 0, 0, 1, 1});
    EXPECT_TRUE(decode("ssd", o, options(10, 10)).detections.empty());
    Outputs none;
    none.add("out", {1, 1, 0, 7});
    EXPECT_TRUE(decode("ssd", none, options(10, 10)).detections.empty());
}

// ---- classification

TEST(Classification, takes_probabilities_as_they_are) {
    Outputs o;
    put(o.add("prob", {1, 4}), 0, {0.1f, 0.6f, 0.05f, 0.25f});
    const Decoded d = decode("classification", o, options(1, 1, 0.1f));
    ASSERT_EQ(d.classes.size(), 3u);
    EXPECT_EQ(d.classes[0].label, 1);
    EXPECT_FLOAT_EQ(d.classes[0].score, 0.6f);
    EXPECT_EQ(d.classes[1].label, 3);
    EXPECT_EQ(d.classes[2].label, 0);
}

TEST(Classification, puts_logits_through_the_softmax) {
    Outputs o;
    put(o.add("logits", {1, 3, 1, 1}), 0, {1000, 1001, 999});
    const Decoded d = decode("classification", o, options(1, 1, 0));
    ASSERT_EQ(d.classes.size(), 3u);
    const double sum = std::exp(0.0) + std::exp(1.0) + std::exp(-1.0);
    EXPECT_EQ(d.classes[0].label, 1);
    EXPECT_NEAR(d.classes[0].score, std::exp(1.0) / sum, 1e-6);
    EXPECT_NEAR(d.classes[2].score, std::exp(-1.0) / sum, 1e-6);
}

TEST(Classification, gives_the_best_five_at_most_and_ties_in_order) {
    Outputs o;
    o.add("x", {1, 10}, 0.1f);
    const Decoded d = decode("classification", o, options(1, 1, 0.05f));
    ASSERT_EQ(d.classes.size(), 5u);
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(d.classes[size_t(i)].label, i);
}

TEST(Classification, never_keeps_numbers_that_are_not) {
    Outputs o;
    put(o.add("x", {1, 4}), 0, {nan_value, infinity, 2, -infinity});
    const Decoded d = decode("classification", o, options(1, 1, 0));
    ASSERT_EQ(d.classes.size(), 1u);
    EXPECT_EQ(d.classes[0].label, 2);
    Outputs all_bad;
    all_bad.add("x", {1, 3}, nan_value);
    EXPECT_TRUE(decode("classification", all_bad, options(1, 1, 0)).classes.empty());
}

// ---- all of them

TEST(Decoders, are_found_by_name) {
    for (const DecoderDef* d : all_decoders())
        EXPECT_EQ(find_decoder(d->name), d);
    EXPECT_EQ(find_decoder("yolo"), nullptr);
}

TEST(Decoders, say_what_is_wrong_with_another_models_outputs) {
    Outputs o;
    o.add("embedding", {1, 3, 17});
    o.add("more", {1});
    for (const DecoderDef* d : all_decoders()) {
        const auto decoded = d->decode(o.rows(), options(64, 64));
        if (d->name == "tensors") {
            ASSERT_TRUE(decoded.ok());
            EXPECT_TRUE(decoded.value().wants_tensors);
            continue;
        }
        ASSERT_FALSE(decoded.ok()) << d->name;
        EXPECT_EQ(decoded.error().where, "decoder=" + std::string(d->name));
        EXPECT_NE(decoded.error().what.find("embedding 1x3x17"), std::string::npos);
        EXPECT_EQ(d->fit(o.formats(), 64, 64).score, 0) << d->name;
        EXPECT_FALSE(d->fit(o.formats(), 64, 64).why.empty());
    }
}

TEST(Decoders, refuse_types_they_do_not_read) {
    const Tensor halves(ElementType::F16, {1, 1, 2, 7});
    const NamedTensor row{"out", halves.view()};
    const auto decoded = find_decoder("ssd")->decode(std::span(&row, 1), options(1, 1));
    ASSERT_FALSE(decoded.ok());
    EXPECT_NE(decoded.error().what.find("f16"), std::string::npos);
}

TEST(Decoders, read_halves_and_doubles_when_run) {
    Tensor halves(ElementType::F16, {1, 1, 1, 7});
    const float row[] = {0, 1, 0.75f, 0.25f, 0.25f, 0.5f, 0.5f};
    std::transform(std::begin(row), std::end(row), halves.span<uint16_t>().begin(), to_f16);
    Tensor doubles(ElementType::F64, {1, 1, 1, 7});
    std::copy(std::begin(row), std::end(row), doubles.span<double>().begin());
    for (const Tensor& tensor : {halves, doubles}) {
        const NamedTensor output{"out", tensor.view()};
        const auto decoded =
            run_decoder(*find_decoder("ssd"), std::span(&output, 1), options(100, 100));
        ASSERT_TRUE(decoded.ok()) << decoded.error().text();
        ASSERT_EQ(decoded.value().detections.size(), 1u);
        expect_box(decoded.value().detections[0], 25, 25, 25, 25);
        EXPECT_EQ(decoded.value().detections[0].score, 0.75f);
    }
}

TEST(Decoders, get_through_empty_and_scalar_outputs) {
    for (Shape shape : {Shape{}, Shape{0}, Shape{1, 0, 4}, Shape{1, 0}}) {
        Outputs o;
        o.add("x", shape);
        for (const DecoderDef* d : all_decoders()) {
            (void)d->decode(o.rows(), options(64, 64));
            (void)d->fit(o.formats(), 64, 64);
        }
    }
}

TEST(Fit, knows_a_family_by_counts_that_follow_from_the_input_size) {
    EXPECT_GT(fit("yolox", yolox_outputs(3549, 80), 416, 416), 0);
    EXPECT_GT(fit("yolox", yolox_outputs(756, 1), 192, 192), 0);
    EXPECT_EQ(fit("yolox", yolox_outputs(3549, 80), 320, 320), 0);
    EXPECT_GT(fit("ultraface", ultraface_outputs(4420), 320, 240),
              fit("ultraface", ultraface_outputs(4420), 640, 480));
}

TEST(Fit, tells_class_scores_from_embeddings) {
    const struct {
        const char* name;
        Shape shape;
        bool is_classes;
    } cases[] = {
        {"Plus214_Output_0", {1, 10}, true}, {"fetch_name_0", {1, 4}, true},
        {"prob", {1, 2, 1, 1}, true},        {"softmax", {1, 1000}, true},
        {"Identity:0", {1, 256}, false},     {"reid_embedding", {1, 100}, false},
        {"gaze_vector", {1, 3}, false},      {"95", {1, 10, 1, 1}, false},
        {"probabilities", {1, 512}, true},   {"x", {1, 1}, false},
    };
    for (const auto& c : cases) {
        Outputs o;
        o.add(c.name, c.shape);
        EXPECT_EQ(fit("classification", o, 224, 224) > 0, c.is_classes) << c.name;
    }
}
