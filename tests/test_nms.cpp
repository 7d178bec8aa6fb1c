// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace infer;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

Detection box(float x, float y, float width, float height, float score, int label = 0) {
    Detection d;
    d.x = x;
    d.y = y;
    d.width = width;
    d.height = height;
    d.score = score;
    d.label = label;
    return d;
}

float iou(const Detection& a, const Detection& b) {
    const float w = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
    const float h = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
    if (w <= 0 || h <= 0)
        return 0;
    const auto area = [](const Detection& d) {
        return ((d.x + d.width) - d.x) * ((d.y + d.height) - d.y);
    };
    return w * h / (area(a) + area(b) - w * h);
}

// The rule in plain words: take the best box left, remove what overlaps it, again.
std::vector<Detection> plain_suppress(std::vector<Detection> left, float threshold, size_t max) {
    std::vector<Detection> kept;
    while (!left.empty() && kept.size() < max) {
        size_t best = 0;
        for (size_t i = 1; i < left.size(); i++)
            if (left[i].score > left[best].score)
                best = i;
        const Detection winner = left[best];
        kept.push_back(winner);
        left.erase(left.begin() + ptrdiff_t(best));
        std::erase_if(left, [&](const Detection& d) {
            return d.label == winner.label && iou(d, winner) > threshold;
        });
    }
    return kept;
}

std::vector<Detection> random_boxes(size_t count, int labels, int score_steps, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> place(0, 300), side(0, 80);
    std::uniform_int_distribution<int> label(0, labels - 1), score(0, score_steps);
    std::vector<Detection> boxes;
    for (size_t i = 0; i < count; i++)
        boxes.push_back(box(place(random), place(random), side(random), side(random),
                            float(score(random)) / float(score_steps), label(random)));
    return boxes;
}

bool same(const Detection& a, const Detection& b) {
    return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height &&
           a.score == b.score && a.label == b.label;
}

} // namespace

TEST(Suppress, agrees_with_the_plain_rule_on_random_boxes_with_ties) {
    const struct {
        size_t count;
        int labels, score_steps, max;
        float threshold;
    } cases[] = {
        {0, 1, 9, 10, 0.5f},        {1, 1, 9, 10, 0.5f},     {200, 1, 5, 1000, 0.3f},
        {200, 3, 100, 1000, 0.45f}, {500, 80, 9, 20, 0.45f}, {500, 2, 1000, 1000, 0.0f},
        {200, 1, 3, 1000, 1.0f},    {100, 2, 10, 0, 0.5f},
    };
    for (const auto& c : cases)
        for (unsigned seed = 0; seed < 5; seed++) {
            std::vector<Detection> found = random_boxes(c.count, c.labels, c.score_steps, seed);
            const auto expected = plain_suppress(found, c.threshold, size_t(c.max));
            suppress(found, c.threshold, c.max);
            ASSERT_EQ(found.size(), expected.size()) << c.count << " boxes, seed " << seed;
            for (size_t i = 0; i < found.size(); i++)
                EXPECT_TRUE(same(found[i], expected[i])) << c.count << " boxes, place " << i;
        }
}

TEST(Suppress, keeps_a_box_whose_overlap_is_exactly_the_threshold) {
    // Two 2x1 boxes sharing 1 of 3: IoU is 1/3.
    std::vector<Detection> found = {box(0, 0, 2, 1, 0.9f), box(1, 0, 2, 1, 0.8f)};
    suppress(found, 1.0f / 3.0f, 10);
    EXPECT_EQ(found.size(), 2u);
    suppress(found, std::nextafter(1.0f / 3.0f, 0.0f), 10);
    EXPECT_EQ(found.size(), 1u);
}

TEST(Suppress, looks_at_each_label_alone) {
    std::vector<Detection> found = {box(0, 0, 10, 10, 0.9f, 1), box(0, 0, 10, 10, 0.8f, 2),
                                    box(0, 0, 10, 10, 0.7f, 1)};
    suppress(found, 0.5f, 10);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].label, 1);
    EXPECT_EQ(found[1].label, 2);
}

TEST(Suppress, drops_nan_scores_and_carries_keypoints_along) {
    std::vector<Detection> found = {box(0, 0, 1, 1, std::nanf("")), box(5, 5, 1, 1, 0.2f),
                                    box(9, 9, 1, 1, 0.6f)};
    found[2].keypoints = {{9.5f, 9.25f, 1}};
    suppress(found, 0.5f, 10);
    ASSERT_EQ(found.size(), 2u);
    ASSERT_EQ(found[0].keypoints.size(), 1u);
    EXPECT_EQ(found[0].keypoints[0].y, 9.25f);
}

TEST(Suppress, keeps_empty_boxes_and_gets_through_infinite_ones) {
    std::vector<Detection> found = {box(1, 1, 0, 0, 0.9f), box(1, 1, 0, 0, 0.8f),
                                    box(-infinity, 0, infinity, 1, 0.7f)};
    suppress(found, 0.5f, 10);
    EXPECT_EQ(found.size(), 3u);
}

TEST(MapToFrame, is_the_inverse_of_the_placement) {
    // A 400x200 region at (100, 50) letterboxed into 320x320: half of 0.8 of the rest above.
    const Placement where{0.8f, 0.8f, 0, 80, 100, 50};
    Detection d = box((150 - 100) * 0.8f, (60 - 50) * 0.8f + 80, 40 * 0.8f, 30 * 0.8f, 0.5f, 3);
    d.keypoints = {{(160 - 100) * 0.8f, (70 - 50) * 0.8f + 80, 0.25f}};
    const auto mapped = map_to_frame(d, where, 1920, 1080);
    ASSERT_TRUE(mapped);
    EXPECT_NEAR(mapped->x, 150, 1e-3);
    EXPECT_NEAR(mapped->y, 60, 1e-3);
    EXPECT_NEAR(mapped->width, 40, 1e-3);
    EXPECT_NEAR(mapped->height, 30, 1e-3);
    EXPECT_EQ(mapped->label, 3);
    EXPECT_EQ(mapped->score, 0.5f);
    ASSERT_EQ(mapped->keypoints.size(), 1u);
    EXPECT_NEAR(mapped->keypoints[0].x, 160, 1e-3);
    EXPECT_NEAR(mapped->keypoints[0].y, 70, 1e-3);
    EXPECT_EQ(mapped->keypoints[0].score, 0.25f);
}

TEST(MapToFrame, clips_to_the_frame_and_drops_only_what_is_outside) {
    const struct {
        Detection in;
        bool kept;
        float x, y, width, height;
    } cases[] = {
        {box(-5, -5, 10, 10, 1), true, 0, 0, 5, 5},
        {box(0, 0, 100, 50, 1), true, 0, 0, 100, 50},
        {box(90, 40, 20, 20, 1), true, 90, 40, 10, 10},
        {box(-10, -10, 500, 500, 1), true, 0, 0, 100, 50},
        {box(99.5f, 49.5f, 10, 10, 1), true, 99.5f, 49.5f, 0.5f, 0.5f},
        {box(100, 10, 10, 10, 1), false, 0, 0, 0, 0},
        {box(-10, 10, 10, 10, 1), false, 0, 0, 0, 0},
        {box(10, -30, 10, 20, 1), false, 0, 0, 0, 0},
        {box(10, 10, std::nanf(""), 20, 1), false, 0, 0, 0, 0},
    };
    for (const auto& c : cases) {
        const auto mapped = map_to_frame(c.in, {}, 100, 50);
        ASSERT_EQ(mapped.has_value(), c.kept) << c.in.x << " " << c.in.y;
        if (!c.kept)
            continue;
        EXPECT_FLOAT_EQ(mapped->x, c.x);
        EXPECT_FLOAT_EQ(mapped->y, c.y);
        EXPECT_FLOAT_EQ(mapped->width, c.width);
        EXPECT_FLOAT_EQ(mapped->height, c.height);
    }
}

TEST(MapToFrame, keeps_of_a_mask_what_lies_inside_the_frame) {
    Detection d = box(-10, 0, 40, 20, 1); // a quarter of it lies left of the frame
    d.mask = std::make_shared<Mask>(Mask{4, 2, {0, 1, 2, 3, 4, 5, 6, 7}});
    const auto mapped = map_to_frame(d, {}, 100, 50);
    ASSERT_TRUE(mapped && mapped->mask);
    EXPECT_EQ(mapped->mask->width, 3);
    EXPECT_EQ(mapped->mask->height, 2);
    EXPECT_EQ(mapped->mask->values, (std::vector<uint8_t>{1, 2, 3, 5, 6, 7}));
    EXPECT_EQ(d.mask->width, 4); // the decoder's own stays
}

TEST(MapToFrame, cuts_the_room_around_a_letterboxed_frame_off_its_segments) {
    DecodeOptions input;
    input.input_width = input.input_height = 40;
    const Placement where{0.4f, 0.4f, 0, 10, 0, 0}; // 100x50 in the middle of 40x40
    const Segments whole{2, 4, {9, 9, 1, 2, 3, 4, 9, 9}};
    const Segments frame = map_to_frame(whole, where, input, 100, 50);
    EXPECT_EQ(frame.width, 2);
    EXPECT_EQ(frame.height, 2);
    EXPECT_EQ(frame.labels, (std::vector<uint8_t>{1, 2, 3, 4}));
}
