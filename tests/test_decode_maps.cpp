// SPDX-License-Identifier: LGPL-2.1-or-later
// Families whose outputs are maps or sequences: segmentation, picture, ctc, heatmaps, simcc. Each
// against a second, plainly written rule on random numbers.
#include "tests/decode_case.h"

#include <cmath>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

DecodeOptions options(int width, int height, float threshold = 0.5f,
                      std::vector<OutputSpec> outputs = {}) {
    DecodeOptions o;
    o.threshold = threshold;
    o.input_width = width, o.input_height = height;
    o.outputs = std::move(outputs);
    return o;
}

void put(Tensor& tensor, std::initializer_list<float> values) {
    std::copy(values.begin(), values.end(), tensor.span<float>().begin());
}

std::vector<float> values_of(const Tensor& tensor) {
    const auto span = tensor.span<float>();
    return {span.begin(), span.end()};
}

} // namespace

// ---- segmentation

TEST(Segmentation, takes_the_greatest_score_as_the_plain_rule_does) {
    std::mt19937 random(1);
    for (int64_t classes : {2, 19, 256})
        for (bool last : {false, true}) {
            const int w = 45, h = 27; // more than a block of cells
            Outputs o;
            fill_random(o.add("x", last ? Shape{1, h, w, classes} : Shape{1, classes, h, w}), -5, 5,
                        random);
            const auto v = values_of(o[0]);
            const Decoded d = decode("segmentation", o, options(w, h));
            ASSERT_TRUE(d.segments);
            ASSERT_EQ(d.segments->width, w);
            ASSERT_EQ(d.segments->labels.size(), size_t(w * h));
            for (int64_t i = 0; i < w * h; i++) {
                int64_t best = 0;
                const auto at = [&](int64_t c) {
                    return v[size_t(last ? i * classes + c : c * w * h + i)];
                };
                for (int64_t c = 1; c < classes; c++)
                    best = at(c) > at(best) ? c : best;
                ASSERT_EQ(d.segments->labels[size_t(i)], best) << classes << " " << last;
            }
        }
}

TEST(Segmentation, of_equal_scores_takes_the_first_and_never_one_that_is_not_a_number) {
    Outputs o;
    put(o.add("x", {1, 3, 1, 4}), {1, nan_value, nan_value, -infinity, //
                                   1, 2, nan_value, -infinity,         //
                                   0, infinity, 3, -infinity});
    EXPECT_EQ(decode("segmentation", o, options(4, 1)).segments->labels,
              (std::vector<uint8_t>{0, 2, 2, 0}));
}

TEST(Segmentation, reads_one_number_a_place_by_its_values) {
    const struct {
        std::initializer_list<float> values;
        std::vector<uint8_t> labels;
    } cases[] = {
        {{0.2f, 0.5f, 0.9f, nan_value}, {0, 1, 1, 0}}, // probabilities
        {{-3, 0.1f, 7, nan_value}, {0, 1, 1, 0}},      // logits
        {{0, 3, 20, 255}, {0, 3, 20, 255}},            // classes
        {{0, 1, 1, 0}, {0, 1, 1, 0}},
        {{nan_value, nan_value, 1, 0}, {0, 0, 1, 0}},
    };
    for (const auto& c : cases)
        for (const Shape& shape : {Shape{1, 1, 2, 2}, Shape{1, 2, 2}, Shape{1, 2, 2, 1}}) {
            Outputs o;
            put(o.add("x", shape), c.values);
            EXPECT_EQ(decode("segmentation", o, options(2, 2)).segments->labels, c.labels);
        }
}

TEST(Segmentation, reads_classes_of_any_type) {
    const std::vector<int64_t> rows = {0, 20, 255, 300, -1, 7};
    const Tensor t = make_tensor<int64_t>(ElementType::I64, {1, 2, 3}, rows);
    const NamedTensor row{"x", t.view()};
    const auto d = find_decoder("segmentation")->decode(std::span(&row, 1), options(3, 2));
    ASSERT_TRUE(d.ok());
    EXPECT_EQ(d.value().segments->labels, (std::vector<uint8_t>{0, 20, 255, 255, 255, 7}));
}

// ---- picture

TEST(Picture, is_scaled_as_the_plain_rule_does) {
    const struct {
        float low, high, scale, offset; // of the numbers; what the rule is
    } cases[] = {{-0.3f, 1.4f, 255, 0}, {-1, 1, 127.5f, 127.5f}, {0, 255, 1, 0}};
    std::mt19937 random(2);
    for (const auto& c : cases)
        for (int channels : {1, 3})
            for (bool last : {false, true})
                for (bool bgr : {false, true}) {
                    const int w = 12, h = 8;
                    Outputs o;
                    fill_random(
                        o.add("x", last ? Shape{1, h, w, channels} : Shape{1, channels, h, w}),
                        c.low, c.high, random);
                    DecodeOptions how = options(w, h);
                    how.input_is_bgr = bgr;
                    const auto v = values_of(o[0]);
                    const Decoded d = decode("picture", o, how);
                    ASSERT_TRUE(d.picture);
                    ASSERT_EQ(d.picture->channels, channels);
                    ASSERT_EQ(d.picture->pixels.size(), size_t(w * h * channels));
                    for (int i = 0; i < w * h; i++)
                        for (int k = 0; k < channels; k++) {
                            const int from = bgr ? channels - 1 - k : k;
                            const float x =
                                v[size_t(last ? i * channels + from : from * w * h + i)];
                            const float y =
                                std::round(std::clamp(x * c.scale + c.offset, 0.0f, 255.0f));
                            ASSERT_NEAR(d.picture->pixels[size_t(i * channels + k)], y, 1);
                        }
                }
}

TEST(Picture, goes_by_what_the_config_says_and_survives_any_number) {
    Outputs o;
    put(o.add("x", {1, 1, 1, 4}), {0, 1, 0.5f, nan_value});
    EXPECT_EQ(decode("picture", o, options(4, 1)).picture->pixels,
              (std::vector<uint8_t>{0, 255, 128, 0}));
    const OutputSpec spec{.output = "x", .scale = 100.0f, .offset = 50.0f};
    EXPECT_EQ(decode("picture", o, options(4, 1, 0, {spec})).picture->pixels,
              (std::vector<uint8_t>{50, 150, 100, 0}));
    put(o[0], {infinity, -infinity, 1e30f, nan_value});
    EXPECT_EQ(decode("picture", o, options(4, 1)).picture->pixels,
              (std::vector<uint8_t>{255, 0, 255, 0}));
}

// ---- ctc

namespace {

// Steps of a text: the class with most of the probability at each.
Tensor& add_steps(Outputs& o, Shape shape, int64_t classes, const std::vector<int>& best,
                  bool classes_first = false) {
    Tensor& t = o.add("x", std::move(shape), 0.1f / float(classes - 1));
    for (size_t i = 0; i < best.size(); i++)
        t.span<float>()[classes_first ? size_t(best[i]) * best.size() + i
                                      : i * size_t(classes) + size_t(best[i])] = 0.9f;
    return t;
}

std::string text_of(const Outputs& o, std::vector<std::string> labels,
                    std::vector<OutputSpec> specs = {}) {
    DecodeOptions how = options(320, 48, 0.1f, std::move(specs));
    how.labels = std::move(labels);
    const Decoded d = decode("ctc", o, how);
    return d.attributes.empty() ? "" : d.attributes[0].name + " " + d.attributes[0].label;
}

} // namespace

TEST(Ctc, drops_blanks_and_repeats) {
    Outputs o;
    add_steps(o, {1, 8, 12}, 12, {0, 3, 3, 0, 3, 0, 11, 0});
    std::vector<std::string> letters;
    for (char c = 'a'; c < 'a' + 11; c++)
        letters.emplace_back(1, c);
    EXPECT_EQ(text_of(o, letters), "text cck"); // one label less than classes: blank first
    letters.pop_back();
    EXPECT_EQ(text_of(o, letters), "text cc "); // two less: a space after them
    EXPECT_EQ(text_of(o, {}), "text 3 3 11");
    const DecodeOptions how = options(320, 48, 0.95f);
    EXPECT_TRUE(decode("ctc", o, how).attributes.empty()); // 0.9 is less
}

TEST(Ctc, finds_the_blank_where_the_label_file_has_it) {
    Outputs o;
    add_steps(o, {6, 1, 11}, 11, {10, 1, 1, 10, 1, 10});
    std::vector<std::string> letters = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    EXPECT_EQ(text_of(o, letters), "text bb"); // the last class is the best one of more steps
    letters.push_back("blank");
    EXPECT_EQ(text_of(o, letters), "text bb");
    EXPECT_EQ(text_of(o, letters, {{.output = "x", .name = "plate", .blank_last = false}}),
              "plate blankbblankbblank");
}

TEST(Ctc, reads_classes_before_steps_and_letters_without_a_label_file) {
    Outputs o;
    add_steps(o, {1, 37, 1, 5}, 37, {36, 10, 36, 2, 36}, true);
    EXPECT_EQ(text_of(o, {}), "text a2");
}

TEST(Ctc, agrees_with_the_plain_rule_on_random_logits) {
    std::mt19937 random(3);
    const int64_t steps = 40, classes = 15;
    Outputs o;
    fill_random(o.add("x", {1, steps, classes}), -6, 6, random);
    const auto v = values_of(o[0]);
    std::string expected;
    double score = 0;
    int letters = 0;
    int64_t before = -1;
    for (int64_t t = 0; t < steps; t++) {
        int64_t best = 0;
        double sum = 0;
        for (int64_t c = 0; c < classes; c++) {
            sum += std::exp(double(v[size_t(t * classes + c)]));
            if (v[size_t(t * classes + c)] > v[size_t(t * classes + best)])
                best = c;
        }
        if (best != before && best != 0) {
            expected += char('a' + best - 1);
            score += std::exp(double(v[size_t(t * classes + best)])) / sum;
            letters++;
        }
        before = best;
    }
    DecodeOptions how = options(320, 48, 0, {{.output = "x", .blank_last = false}});
    for (int64_t c = 1; c < classes; c++)
        how.labels.emplace_back(1, char('a' + c - 1));
    const Decoded d = decode("ctc", o, how);
    ASSERT_EQ(d.attributes.size(), 1u);
    EXPECT_EQ(d.attributes[0].label, expected);
    EXPECT_NEAR(d.attributes[0].score, score / letters, 1e-5);
}

TEST(Ctc, gives_nothing_for_blanks_and_numbers_that_are_not) {
    Outputs o;
    add_steps(o, {1, 4, 12}, 12, {0, 0, 0, 0});
    EXPECT_EQ(text_of(o, {}), "");
    for (float bad : {nan_value, infinity, -infinity}) {
        Outputs broken;
        broken.add("x", {1, 4, 12}, bad);
        EXPECT_EQ(text_of(broken, {}), "");
    }
}

// ---- heatmaps

TEST(Heatmaps, finds_each_peak_as_the_plain_rule_does) {
    std::mt19937 random(4);
    const int points = 17, w = 12, h = 16; // of 48x64
    for (bool last : {false, true}) {
        Outputs o;
        fill_random(o.add("x", last ? Shape{1, h, w, points} : Shape{1, points, h, w}), 0, 0.9f,
                    random);
        const auto v = values_of(o[0]);
        const Decoded d = decode("heatmaps", o, options(48, 64));
        ASSERT_EQ(d.keypoints.size(), size_t(points));
        for (int k = 0; k < points; k++) {
            const auto at = [&](int x, int y) {
                return v[size_t(last ? (y * w + x) * points + k : (k * h + y) * w + x)];
            };
            int px = 0, py = 0;
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++)
                    if (at(x, y) > at(px, py))
                        px = x, py = y;
            float x = float(px) + 0.5f, y = float(py) + 0.5f;
            if (px > 0 && px < w - 1)
                x += at(px + 1, py) > at(px - 1, py) ? 0.25f : -0.25f;
            if (py > 0 && py < h - 1)
                y += at(px, py + 1) > at(px, py - 1) ? 0.25f : -0.25f;
            EXPECT_FLOAT_EQ(d.keypoints[size_t(k)].x, x * 4);
            EXPECT_FLOAT_EQ(d.keypoints[size_t(k)].y, y * 4);
            EXPECT_FLOAT_EQ(d.keypoints[size_t(k)].score, at(px, py));
        }
    }
}

TEST(Heatmaps, give_a_point_for_each_map_whatever_it_holds) {
    Outputs o;
    Tensor& t = o.add("x", {1, 4, 4, 4}, 0.5f);
    for (size_t i = 0; i < 16; i++) {
        t.span<float>()[i] = nan_value;
        t.span<float>()[16 + i] = infinity;
        t.span<float>()[32 + i] = -3;
    }
    const Decoded d = decode("heatmaps", o, options(16, 16));
    ASSERT_EQ(d.keypoints.size(), 4u);
    for (const Keypoint& k : d.keypoints)
        EXPECT_TRUE(k.x >= 0 && k.x <= 16 && k.y >= 0 && k.y <= 16);
    EXPECT_EQ(d.keypoints[0].score, 0);
    EXPECT_EQ(d.keypoints[2].score, 0);
    EXPECT_FLOAT_EQ(d.keypoints[3].x, 2); // of equal ones the first
}

// ---- simcc

TEST(Simcc, finds_each_point_as_the_plain_rule_does) {
    std::mt19937 random(5);
    const int points = 17, w = 96, h = 128;
    for (bool swapped : {false, true}) {
        Outputs o;
        fill_random(o.add(swapped ? "simcc_y" : "simcc_x", {1, points, (swapped ? h : w) * 2}), 0,
                    1, random);
        fill_random(o.add(swapped ? "simcc_x" : "simcc_y", {1, points, (swapped ? w : h) * 2}), 0,
                    1, random);
        const auto x = values_of(o[swapped ? 1 : 0]), y = values_of(o[swapped ? 0 : 1]);
        const Decoded d = decode("simcc", o, options(w, h));
        ASSERT_EQ(d.keypoints.size(), size_t(points));
        for (int k = 0; k < points; k++) {
            const auto bx = std::max_element(x.begin() + k * w * 2, x.begin() + (k + 1) * w * 2);
            const auto by = std::max_element(y.begin() + k * h * 2, y.begin() + (k + 1) * h * 2);
            EXPECT_FLOAT_EQ(d.keypoints[size_t(k)].x, float(bx - x.begin() - k * w * 2) / 2);
            EXPECT_FLOAT_EQ(d.keypoints[size_t(k)].y, float(by - y.begin() - k * h * 2) / 2);
            EXPECT_FLOAT_EQ(d.keypoints[size_t(k)].score, std::min(*bx, *by));
        }
    }
}

TEST(Simcc, survives_numbers_that_are_not) {
    Outputs o;
    o.add("simcc_x", {1, 2, 16}, nan_value);
    o.add("simcc_y", {1, 2, 32}, -infinity);
    const Decoded d = decode("simcc", o, options(8, 16));
    ASSERT_EQ(d.keypoints.size(), 2u);
    EXPECT_EQ(d.keypoints[0].score, 0);
}

// ---- which family takes what

TEST(Fit, no_family_takes_anothers_outputs) {
    struct Named {
        const char* name;
        Shape shape;
        ElementType type = ElementType::F32;
    };
    const struct {
        const char* decoder;
        int width, height;
        std::vector<Named> outputs;
    } cases[] = {
        {"attributes", 72, 72, {{"type", {1, 4, 1, 1}}, {"color", {1, 7, 1, 1}}}},
        {"attributes", 62, 62, {{"age_conv3", {1, 1, 1, 1}}, {"prob", {1, 2, 1, 1}}}},
        {"attributes", 60, 60, {{"angle_y_fc", {1, 1}}, {"angle_p_fc", {1, 1}}}},
        {"attributes", 60, 60, {{"gaze_vector", {1, 3}}}},
        {"embedding", 128, 256, {{"reid_embedding", {1, 256}}}},
        {"embedding", 112, 112, {{"683", {1, 512}}}},
        {"embedding", 128, 128, {{"face_embeddings", {1, 256, 1, 1}}}},
        {"landmarks", 48, 48, {{"95", {1, 10, 1, 1}}}},
        {"landmarks", 60, 60, {{"align_fc3", {1, 70}}}},
        {"landmarks", 112, 112, {{"output", {1, 136}}}},
        {"landmarks", 256, 256, {{"points", {1, 68, 2}}}},
        {"indices", 94, 24, {{"dec", {1, 88, 1, 1}}}},
        {"indices", 94, 24, {{"decode", {1, 20}, ElementType::I64}}},
        {"classification", 224, 224, {{"output", {1, 1000}}}},
        {"classification", 224, 224, {{"fetch_name_0", {1, 4}}}},
        {"ctc", 320, 48, {{"softmax_11.tmp_0", {1, 40, 6625}}}},
        {"ctc", 120, 32, {{"logits", {30, 1, 37}}}},
        {"ctc", 94, 24, {{"d_predictions.0", {1, 71, 1, 88}}}},
        {"textboxes", 640, 320, {{"sigmoid_0.tmp_0", {1, 1, 320, 640}}}},
        {"textboxes", 640, 640, {{"text_map", {1, 1, 160, 160}}}},
        {"segmentation", 896, 512, {{"tf.identity", {1, 512, 896, 4}}}},
        {"segmentation", 512, 512, {{"out", {1, 21, 512, 512}}, {"aux", {1, 21, 512, 512}}}},
        {"segmentation", 2048, 1024, {{"argmax", {1, 1024, 2048}, ElementType::I64}}},
        {"segmentation", 512, 512, {{"logits", {1, 150, 128, 128}}}},
        {"segmentation", 320, 320, {{"mask", {1, 1, 320, 320}}}},
        {"segmentation", 320, 240, {{"segmap", {1, 3, 240, 320}}}},
        {"picture", 320, 240, {{"output", {1, 3, 240, 320}}}},
        {"picture", 224, 224, {{"output", {1, 1, 672, 672}}}},
        {"picture", 320, 240, {{"image", {1, 480, 640, 3}}}},
        {"heatmaps", 192, 256, {{"output", {1, 17, 64, 48}}}},
        {"heatmaps", 256, 256, {{"heatmaps", {1, 68, 64, 64}}}},
        {"simcc", 192, 256, {{"simcc_x", {1, 17, 384}}, {"simcc_y", {1, 17, 512}}}},
        {"openpose", 456, 256, {{"L1", {1, 38, 32, 57}}, {"L2", {1, 19, 32, 57}}}},
        {"openpose", 368, 368, {{"net_output", {1, 57, 46, 46}}}},
        {"yolox", 416, 416, {{"output", {1, 3549, 85}}}},
        {"ssd", 300, 300, {{"detection_out", {1, 1, 200, 7}}}},
        {"ultraface", 320, 240, {{"scores", {1, 4420, 2}}, {"boxes", {1, 4420, 4}}}},
        {"centerface",
         640,
         480,
         {{"537", {1, 1, 120, 160}},
          {"538", {1, 2, 120, 160}},
          {"539", {1, 2, 120, 160}},
          {"540", {1, 10, 120, 160}}}},
    };
    for (const auto& c : cases) {
        std::vector<OutputFormat> formats;
        for (const Named& output : c.outputs)
            formats.push_back({output.name, output.type, output.shape});
        int best = 0;
        std::string chosen;
        for (const DecoderDef* decoder : all_decoders()) {
            const Fit fit = decoder->fit(formats, c.width, c.height);
            if (fit.score > best) {
                best = fit.score;
                chosen = std::string(decoder->name);
            }
        }
        EXPECT_EQ(chosen, c.decoder) << formats[0].name << " " << to_string(formats[0].shape);
    }
}
