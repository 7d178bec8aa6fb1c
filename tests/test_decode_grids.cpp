// SPDX-License-Identifier: LGPL-2.1-or-later
// Decoders whose outputs come in groups: nanodet, yunet, centerface.
#include "tests/decode_case.h"

#include <cmath>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

DecodeOptions options(int width, int height, float threshold = 0.5f, float iou = 0.45f,
                      int max = 300) {
    return {threshold, iou, max, width, height};
}

// ---- nanodet

struct NanodetCase {
    int width, height, classes, bins, levels;
    bool logits, one_output, named;
};

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

int cells(const NanodetCase& c, int level) {
    const int stride = 8 << level;
    return ((c.width + stride - 1) / stride) * ((c.height + stride - 1) / stride);
}

// Random scores and distances of every level, in the form the case asks for.
Outputs nanodet_outputs(const NanodetCase& c, std::mt19937& random) {
    Outputs separate;
    for (int level = 0; level < c.levels; level++) {
        const std::string stride = std::to_string(8 << level);
        Tensor& scores = separate.add(c.named ? "cls_pred_stride_" + stride : stride + "a",
                                      {1, cells(c, level), c.classes});
        fill_random(scores, c.logits ? -4.0f : 0.0f, c.logits ? 2.0f : 0.8f, random);
        Tensor& distances = separate.add(c.named ? "dis_pred_stride_" + stride : stride + "b",
                                         {1, cells(c, level), 4 * c.bins});
        fill_random(distances, -3, 3, random);
    }
    if (!c.one_output)
        return separate;
    int64_t all = 0;
    for (int level = 0; level < c.levels; level++)
        all += cells(c, level);
    Outputs joined;
    auto to = joined.add("output", {1, all, c.classes + 4 * c.bins}).span<float>().begin();
    for (int level = 0; level < c.levels; level++)
        for (int i = 0; i < cells(c, level); i++)
            for (size_t part : {0, 1}) {
                const Tensor& from = separate[size_t(2 * level) + part];
                const int64_t n = from.shape()[2];
                to = std::copy_n(from.span<float>().begin() + i * n, n, to);
            }
    return joined;
}

// The rule of the project's head, from the same numbers, before NMS.
std::vector<Detection> plain_nanodet(const NanodetCase& c, Outputs& outputs, float threshold) {
    std::vector<Detection> found;
    const int columns = c.classes + 4 * c.bins;
    int row = 0;
    for (int level = 0; level < c.levels; level++)
        for (int i = 0; i < cells(c, level); i++, row++) {
            const int stride = 8 << level, width = (c.width + stride - 1) / stride;
            const size_t o = size_t(2 * level);
            const float* scores = c.one_output ? &outputs[0].span<float>()[size_t(row * columns)]
                                               : &outputs[o].span<float>()[size_t(i * c.classes)];
            const float* logits = c.one_output
                                      ? scores + c.classes
                                      : &outputs[o + 1].span<float>()[size_t(i * 4 * c.bins)];
            int label = 0;
            for (int k = 1; k < c.classes; k++)
                if (scores[k] > scores[label])
                    label = k;
            double side[4];
            for (int s = 0; s < 4; s++) {
                double sum = 0, weighted = 0;
                for (int b = 0; b < c.bins; b++) {
                    sum += std::exp(double(logits[s * c.bins + b]));
                    weighted += b * std::exp(double(logits[s * c.bins + b]));
                }
                side[s] = weighted / sum * stride;
            }
            const double middle = c.levels == 4 ? 0 : 0.5;
            const double x = (i % width + middle) * stride, y = (i / width + middle) * stride;
            Detection d;
            d.x = float(x - side[0]);
            d.y = float(y - side[1]);
            d.width = float(side[0] + side[2]);
            d.height = float(side[1] + side[3]);
            d.score = c.logits ? sigmoid(scores[label]) : scores[label];
            d.label = label;
            if (d.score >= threshold)
                found.push_back(d);
        }
    return found;
}

// ---- yunet

Outputs yunet_outputs(int width, int height, bool grouped_by_stride = false) {
    const int64_t sizes[] = {1, 1, 4, 10};
    const char* names[] = {"cls", "obj", "bbox", "kps"};
    Outputs o;
    for (int i = 0; i < 12; i++) {
        const int kind = grouped_by_stride ? i % 4 : i / 3;
        const int stride = 8 << (grouped_by_stride ? i / 4 : i % 3);
        o.add(std::string(names[kind]) + "_" + std::to_string(stride),
              {1, (width / stride) * (height / stride), sizes[kind]});
    }
    return o;
}

// ---- centerface

Outputs centerface_outputs(int64_t width, int64_t height) {
    Outputs o;
    for (int64_t channels : {1, 2, 2, 10})
        o.add(std::to_string(537 + o.size()), {1, channels, height / 4, width / 4});
    return o;
}

} // namespace

TEST(Nanodet, agrees_with_the_plain_rule_in_every_form) {
    const NanodetCase nanodet_cases[] = {
        {64, 64, 3, 8, 3, false, false, true},   {320, 320, 80, 8, 3, false, false, true},
        {64, 96, 5, 8, 3, true, false, true},    {100, 60, 3, 8, 3, false, false, true},
        {64, 64, 80, 16, 3, false, false, true}, {64, 64, 3, 8, 3, false, false, false},
        {64, 64, 8, 8, 3, false, false, false},  {128, 64, 4, 11, 4, true, false, true},
        {64, 64, 80, 8, 3, false, true, true},   {416, 416, 80, 8, 4, false, true, true},
        {128, 128, 1, 8, 4, true, true, true},
    };
    std::mt19937 random(3);
    for (const NanodetCase& c : nanodet_cases) {
        SCOPED_TRACE(std::to_string(c.width) + "x" + std::to_string(c.height) + " classes " +
                     std::to_string(c.classes) + " bins " + std::to_string(c.bins));
        Outputs o = nanodet_outputs(c, random);
        const float threshold = c.logits ? 0.85f : 0.78f;
        auto expected = plain_nanodet(c, o, threshold);
        ASSERT_FALSE(expected.empty());
        suppress(expected, 0.6f, 300);
        const auto found =
            decode("nanodet", o, options(c.width, c.height, threshold, 0.6f)).detections;
        ASSERT_EQ(found.size(), expected.size());
        for (size_t i = 0; i < found.size(); i++) {
            expect_box(found[i], expected[i].x, expected[i].y, expected[i].width,
                       expected[i].height, 0.01f);
            EXPECT_NEAR(found[i].score, expected[i].score, 1e-5f);
            EXPECT_EQ(found[i].label, expected[i].label);
        }
        EXPECT_GT(find_decoder("nanodet")->fit(o.formats(), c.width, c.height).score, 0);
        EXPECT_EQ(find_decoder("nanodet")->fit(o.formats(), c.width, c.height).classes, c.classes);
    }
}

TEST(Nanodet, never_keeps_numbers_that_are_not) {
    std::mt19937 random(4);
    Outputs o = nanodet_outputs({64, 64, 2, 8, 3, false, false, true}, random);
    for (size_t i = 0; i < o.size(); i++)
        for (float& v : o[i].span<float>())
            v = i % 2 ? nan_value : 0.9f;
    EXPECT_TRUE(decode("nanodet", o, options(64, 64)).detections.empty());
    for (size_t i = 0; i < o.size(); i++)
        for (float& v : o[i].span<float>())
            v = i % 2 ? 0.0f : nan_value;
    EXPECT_TRUE(decode("nanodet", o, options(64, 64)).detections.empty());
}

TEST(Fit, prefers_the_family_that_then_has_eighty_classes) {
    const struct {
        int64_t cells, columns;
        int size;
        const char* better;
        const char* other;
    } rows[] = {{2100, 85, 320, "yolox", "nanodet"},  {2100, 112, 320, "nanodet", "yolox"},
                {2125, 112, 320, "nanodet", "yolox"}, {2125, 85, 320, "yolox", "nanodet"},
                {2125, 33, 320, "nanodet", "yolox"},  {2100, 6, 320, "yolox", "nanodet"}};
    for (const auto& row : rows) {
        Outputs o;
        o.add("output", {1, row.cells, row.columns});
        EXPECT_GT(find_decoder(row.better)->fit(o.formats(), row.size, row.size).score,
                  find_decoder(row.other)->fit(o.formats(), row.size, row.size).score)
            << row.cells << "x" << row.columns;
    }
}

TEST(Yunet, puts_box_and_landmarks_where_the_cell_says) {
    for (bool grouped : {false, true}) {
        Outputs o = yunet_outputs(64, 64, grouped);
        // stride 16, cell (2, 3): 4 cells a row.
        const size_t cell = 3 * 4 + 2;
        const size_t at[4] = {grouped ? 4u : 1u, grouped ? 5u : 4u, grouped ? 6u : 7u,
                              grouped ? 7u : 10u};
        o[at[0]].span<float>()[cell] = 0.9f;
        o[at[1]].span<float>()[cell] = 0.4f;
        const float box[] = {0.5f, -0.25f, std::log(2.0f), std::log(1.5f)};
        std::copy(std::begin(box), std::end(box), o[at[2]].span<float>().begin() + 4 * cell);
        o[at[3]].span<float>()[10 * cell + 2] = 1.5f; // x of the second point
        const auto found = decode("yunet", o, options(64, 64)).detections;
        ASSERT_EQ(found.size(), 1u);
        EXPECT_FLOAT_EQ(found[0].score, 0.6f);
        // Centre (2.5, 2.75) * 16 = (40, 44); 32 by 24.
        expect_box(found[0], 24, 32, 32, 24);
        ASSERT_EQ(found[0].keypoints.size(), 5u);
        EXPECT_FLOAT_EQ(found[0].keypoints[0].x, 32);
        EXPECT_FLOAT_EQ(found[0].keypoints[0].y, 48);
        EXPECT_FLOAT_EQ(found[0].keypoints[1].x, 56);
    }
}

TEST(Yunet, clamps_scores_and_never_keeps_numbers_that_are_not) {
    Outputs o = yunet_outputs(64, 64);
    for (size_t i = 0; i < 6; i++)
        for (float& v : o[i].span<float>())
            v = i < 3 ? -5.0f : 7.0f;
    EXPECT_TRUE(decode("yunet", o, options(64, 64)).detections.empty());
    o[1].span<float>()[0] = 7;
    const auto found = decode("yunet", o, options(64, 64)).detections;
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].score, 1);
    for (size_t i = 0; i < o.size(); i++)
        for (float& v : o[i].span<float>())
            v = i < 6 ? 1 : nan_value;
    EXPECT_TRUE(decode("yunet", o, options(64, 64)).detections.empty());
}

TEST(Centerface, reads_peaks_scales_offsets_and_points) {
    Outputs o = centerface_outputs(64, 32);
    const size_t map = 16 * 8, at = 5 * 16 + 7; // row 5, column 7
    o[0].span<float>()[at] = 0.75f;
    o[1].span<float>()[at] = std::log(3.0f);       // 12 pixels high
    o[1].span<float>()[map + at] = std::log(2.0f); // 8 wide
    o[2].span<float>()[at] = 0.25f;
    o[2].span<float>()[map + at] = -0.5f;
    o[3].span<float>()[at] = 0.5f;        // y of the first point
    o[3].span<float>()[map + at] = 0.25f; // x of the first point
    const auto found = decode("centerface", o, options(64, 32)).detections;
    ASSERT_EQ(found.size(), 1u);
    EXPECT_FLOAT_EQ(found[0].score, 0.75f);
    // Centre x (7 - 0.5 + 0.5) * 4 = 28, y (5 + 0.25 + 0.5) * 4 = 23.
    expect_box(found[0], 24, 17, 8, 12);
    ASSERT_EQ(found[0].keypoints.size(), 5u);
    EXPECT_FLOAT_EQ(found[0].keypoints[0].x, 26);
    EXPECT_FLOAT_EQ(found[0].keypoints[0].y, 23);
}

TEST(Centerface, never_keeps_numbers_that_are_not) {
    Outputs o = centerface_outputs(64, 32);
    for (float& v : o[0].span<float>())
        v = 0.9f;
    for (float& v : o[1].span<float>())
        v = 1000; // exp() overflows
    EXPECT_TRUE(decode("centerface", o, options(64, 32)).detections.empty());
    for (float& v : o[0].span<float>())
        v = nan_value;
    EXPECT_TRUE(decode("centerface", o, options(64, 32)).detections.empty());
}
