// SPDX-License-Identifier: LGPL-2.1-or-later
// Families whose outputs are plain lists: attributes, embedding, landmarks, indices. Each against a
// second, plainly written rule on random numbers.
#include "tests/decode_case.h"

#include <cmath>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

DecodeOptions options(std::vector<OutputSpec> outputs = {}, float threshold = 0) {
    DecodeOptions o;
    o.threshold = threshold;
    o.input_width = 48, o.input_height = 96;
    o.outputs = std::move(outputs);
    return o;
}

void put(Tensor& tensor, std::initializer_list<float> values) {
    std::copy(values.begin(), values.end(), tensor.span<float>().begin());
}

// "color white 0.80; type 2 0.50"
std::string said(const Decoded& decoded) {
    std::string text;
    for (const Attribute& a : decoded.attributes) {
        char score[16];
        std::snprintf(score, sizeof score, " %.2f", double(a.score));
        text += (text.empty() ? "" : "; ") + a.name + " " + a.label + score;
    }
    return text;
}

int fit(const char* decoder, const Outputs& outputs) {
    return find_decoder(decoder)->fit(outputs.formats(), 48, 96).score;
}

Outputs age_and_gender(float age, float female) {
    Outputs o;
    put(o.add("age_conv3", {1, 1, 1, 1}), {age});
    put(o.add("prob", {1, 2, 1, 1}), {female, 1 - female});
    return o;
}

} // namespace

// ---- attributes

TEST(Attributes, says_the_best_class_of_each_output_under_its_name) {
    Outputs o;
    put(o.add("type", {1, 4, 1, 1}), {0.02f, 0, 0.5f, 0.48f});
    put(o.add("color", {1, 3}), {0.1f, 0.8f, 0.1f});
    EXPECT_EQ(said(decode("attributes", o, options())), "type 2 0.50; color 1 0.80");
    const std::vector<OutputSpec> specs = {
        {.output = "type", .labels = {"car", "bus", "truck", "van"}},
        {.output = "color",
         .name = "paint",
         .labels = {"white", "gray", "red"},
         .threshold = 0.9f}};
    const Decoded named = decode("attributes", o, options(specs));
    EXPECT_EQ(said(named), "type truck 0.50");
    EXPECT_EQ(named.attributes[0].label_id, 2);
}

TEST(Attributes, puts_logits_through_the_softmax_as_the_plain_rule_does) {
    std::mt19937 random(3);
    for (int64_t classes : {2, 5, 40}) {
        Outputs o;
        fill_random(o.add("a", {1, classes}), -9, 9, random);
        o.add("b", {1, 1});
        const auto v = o[0].span<float>();
        size_t best = 0;
        double sum = 0;
        for (size_t i = 0; i < v.size(); i++) {
            sum += std::exp(double(v[i]));
            best = v[i] > v[best] ? i : best;
        }
        const Decoded d = decode("attributes", o, options());
        ASSERT_EQ(d.attributes.size(), 2u);
        EXPECT_EQ(d.attributes[0].label_id, int(best));
        EXPECT_NEAR(d.attributes[0].score, std::exp(double(v[best])) / sum, 1e-5);
    }
}

TEST(Attributes, takes_fractions_that_do_not_sum_up_to_one_for_a_yes_or_no_each) {
    Outputs o;
    put(o.add("453", {1, 4, 1, 1}), {0.76f, 0.2f, 0.5f, 0.05f});
    o.add("456", {1, 1});
    OutputSpec spec{.output = "453", .name = "wears", .labels = {"bag", "", "coat", "hat"}};
    EXPECT_EQ(said(decode("attributes", o, options({spec}))),
              "wears bag 0.76; wears coat 0.50; 456 0 1.00");
    spec.otherwise = {"no bag", "", "no coat", "no hat"};
    spec.threshold = 0.6f;
    EXPECT_EQ(said(decode("attributes", o, options({spec}))),
              "wears bag 0.76; wears no coat 0.50; wears no hat 0.95; 456 0 1.00");
    EXPECT_EQ(said(decode("attributes", o, options({}, 0.7f))), "453 0 0.76; 456 0 1.00");
}

TEST(Attributes, puts_logits_of_a_yes_or_no_through_the_sigmoid) {
    Outputs o;
    put(o.add("x", {1, 3}), {2, -2, 0});
    const OutputSpec spec{.output = "x", .kind = OutputSpec::Multilabel};
    EXPECT_EQ(said(decode("attributes", o, options({spec}))), "x 0 0.88; x 2 0.50");
}

TEST(Attributes, reads_age_and_gender) {
    EXPECT_EQ(said(decode("attributes", age_and_gender(0.2856f, 0.18f), options())),
              "age 28.56 1.00; gender male 0.82");
    EXPECT_EQ(said(decode("attributes", age_and_gender(31.5f, 0.7f), options())),
              "age 31.5 1.00; gender female 0.70");
    const std::vector<OutputSpec> specs = {
        {.output = "age_conv3", .scale = 50.0f, .offset = 1.0f, .decimals = 0},
        {.output = "prob", .name = "sex", .labels = {"f", "m"}}};
    EXPECT_EQ(said(decode("attributes", age_and_gender(0.285f, 0.18f), options(specs))),
              "age 15 1.00; sex m 0.82");
}

TEST(Attributes, says_directions_as_numbers) {
    Outputs o;
    put(o.add("gaze_vector", {1, 3}), {-0.0475f, -0.17f, -0.90309f});
    EXPECT_EQ(said(decode("attributes", o, options())), "gaze_vector -0.0475, -0.17, -0.9031 1.00");
    const OutputSpec spec{.output = "gaze_vector", .name = "gaze", .labels = {"x", "y", "z"}};
    EXPECT_EQ(said(decode("attributes", o, options({spec}))),
              "gaze.x -0.0475 1.00; gaze.y -0.17 1.00; gaze.z -0.9031 1.00");
}

TEST(Attributes, reads_any_mix_of_lists) {
    Outputs o;
    std::mt19937 random(4);
    fill_random(o.add("face_embedding", {1, 32}), -1, 1, random);
    put(o.add("landmarks", {1, 4}), {0.5f, 0.25f, 1, 0});
    put(o.add("noise", {1, 2}), {1, 2});
    const OutputSpec spec{.output = "noise", .kind = OutputSpec::Ignored};
    const Decoded d = decode("attributes", o, options({spec}));
    EXPECT_EQ(d.embedding.size(), 32u);
    ASSERT_EQ(d.keypoints.size(), 2u);
    EXPECT_FLOAT_EQ(d.keypoints[0].x, 24);
    EXPECT_FLOAT_EQ(d.keypoints[0].y, 24);
    EXPECT_TRUE(d.attributes.empty());
}

TEST(Attributes, never_says_what_is_not_a_number) {
    Outputs o;
    put(o.add("a", {1, 3}), {nan_value, -infinity, nan_value});
    put(o.add("b", {1, 1}), {nan_value});
    o.add("c", {1, 20}, nan_value);
    const std::vector<OutputSpec> specs = {{.output = "c", .kind = OutputSpec::Multilabel}};
    EXPECT_EQ(said(decode("attributes", o, options(specs))), "");
    for (auto kind : {OutputSpec::Embedding, OutputSpec::Keypoints, OutputSpec::Text}) {
        const Decoded d = decode("attributes", o, options({{.output = "c", .kind = kind}}));
        EXPECT_TRUE(d.embedding.empty() && d.keypoints.empty() && d.attributes.empty());
    }
}

TEST(Attributes, are_known_by_several_lists_or_by_name) {
    EXPECT_GT(fit("attributes", age_and_gender(0, 0)), 0);
    Outputs gaze;
    gaze.add("gaze_vector", {1, 3});
    EXPECT_GT(fit("attributes", gaze), 0);
    Outputs boxes; // a row a box, without a batch dimension
    boxes.add("boxes", {33, 5});
    boxes.add("labels", {33});
    EXPECT_EQ(fit("attributes", boxes), 0);
    Outputs rows;
    rows.add("dets", {33, 5});
    rows.add("labels", {1});
    EXPECT_EQ(fit("attributes", rows), 0);
}

// ---- embedding

TEST(Embedding, leaves_as_it_is_or_at_length_one) {
    std::mt19937 random(5);
    for (const Shape& shape : {Shape{1, 256}, Shape{1, 128, 1, 1}, Shape{1, 1, 1, 512}}) {
        Outputs o;
        fill_random(o.add("x", shape), -3, 3, random);
        const auto v = o[0].span<float>();
        double length = 0;
        for (float one : v)
            length += double(one) * one;
        const Decoded raw = decode("embedding", o, options());
        EXPECT_EQ(raw.embedding, std::vector<float>(v.begin(), v.end()));
        const Decoded one = decode("embedding", o, options({{.output = "x", .normalize = true}}));
        ASSERT_EQ(one.embedding.size(), v.size());
        for (size_t i = 0; i < v.size(); i++)
            EXPECT_NEAR(one.embedding[i], v[i] / std::sqrt(length), 1e-6);
    }
}

TEST(Embedding, survives_zeros_and_numbers_that_are_not) {
    Outputs o;
    o.add("x", {1, 64});
    const std::vector<OutputSpec> normalized = {{.output = "x", .normalize = true}};
    EXPECT_EQ(decode("embedding", o, options(normalized)).embedding, std::vector<float>(64, 0.0f));
    o[0].span<float>()[3] = nan_value;
    EXPECT_TRUE(decode("embedding", o, options()).embedding.empty());
}

// ---- landmarks

TEST(Landmarks, are_fractions_or_pixels_of_the_input) {
    std::mt19937 random(6);
    for (float most : {1.0f, 40.0f}) {
        Outputs o;
        fill_random(o.add("95", {1, 10, 1, 1}), 0, most, random);
        o[0].span<float>()[0] = most * 0.9f;
        const Decoded d = decode("landmarks", o, options());
        ASSERT_EQ(d.keypoints.size(), 5u);
        for (size_t i = 0; i < 5; i++) {
            EXPECT_FLOAT_EQ(d.keypoints[i].x, o[0].span<float>()[2 * i] * (most > 1 ? 1 : 48));
            EXPECT_FLOAT_EQ(d.keypoints[i].y, o[0].span<float>()[2 * i + 1] * (most > 1 ? 1 : 96));
        }
    }
}

TEST(Landmarks, come_as_rows_and_scaled_too) {
    Outputs o;
    put(o.add("points", {1, 2, 3}), {0.5f, 0.5f, 0.25f, 1, nan_value, 0.5f});
    const Decoded d = decode("landmarks", o, options());
    ASSERT_EQ(d.keypoints.size(), 1u); // the other is not a number
    EXPECT_FLOAT_EQ(d.keypoints[0].y, 48);
    EXPECT_FLOAT_EQ(d.keypoints[0].score, 0.25f);
    Outputs around; // -1..1
    put(around.add("x", {1, 4}), {-1, 0, 1, 1});
    const Decoded s =
        decode("landmarks", around, options({{.output = "x", .scale = 0.5f, .offset = 0.5f}}));
    EXPECT_FLOAT_EQ(s.keypoints[0].x, 0);
    EXPECT_FLOAT_EQ(s.keypoints[0].y, 48);
    EXPECT_FLOAT_EQ(s.keypoints[1].x, 48);
}

// ---- indices

TEST(Indices, are_rows_of_the_labels_up_to_the_first_below_zero) {
    Outputs o;
    put(o.add("dec", {1, 8, 1, 1}, -1), {2, 0, 1, -1, 2});
    DecodeOptions with = options();
    with.labels = {"A", "B", "\xe7\x9a\x96"};
    EXPECT_EQ(said(decode("indices", o, with)), "text \xe7\x9a\x96"
                                                "AB 1.00");
    EXPECT_EQ(said(decode("indices", o, options())), "text 2 0 1 1.00");
    put(o[0], {-1});
    EXPECT_EQ(said(decode("indices", o, with)), "");
    put(o[0], {nan_value, 1});
    EXPECT_EQ(said(decode("indices", o, with)), "");
}

TEST(Indices, are_read_from_whole_numbers_too) {
    const std::vector<int64_t> rows = {1, 1, -1, 0};
    const Tensor t = make_tensor<int64_t>(ElementType::I64, {1, 4}, rows);
    const NamedTensor row{"text", t.view()};
    DecodeOptions with = options();
    with.labels = {"A", "B"};
    const auto d = find_decoder("indices")->decode(std::span(&row, 1), with);
    ASSERT_TRUE(d.ok());
    EXPECT_EQ(said(d.value()), "text BB 1.00");
}
