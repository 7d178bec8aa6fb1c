// SPDX-License-Identifier: LGPL-2.1-or-later
// Detections out of maps: textboxes and openpose, against plainly written rules and drawn pictures.
#include "tests/decode_case.h"

#include "inference/decode/openpose_people.h"
#include "inference/decode/rotated_box.h"

#include <cmath>
#include <functional>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

DecodeOptions options(int width, int height, float threshold, int max = 300) {
    DecodeOptions o;
    o.threshold = threshold;
    o.max_detections = max;
    o.input_width = width, o.input_height = height;
    return o;
}

// A map that holds `inside` where `holds` says so.
Outputs drawn(int width, int height, float inside, const std::function<bool(float, float)>& holds) {
    Outputs o;
    Tensor& t = o.add("x", {1, 1, height, width});
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (holds(float(x) + 0.5f, float(y) + 0.5f))
                t.span<float>()[size_t(y * width + x)] = inside;
    return o;
}

float side(const Detection& d, size_t from, size_t to) {
    return std::hypot(d.keypoints[to].x - d.keypoints[from].x,
                      d.keypoints[to].y - d.keypoints[from].y);
}

} // namespace

// ---- textboxes

TEST(Textboxes, grows_the_core_of_a_line_to_the_line) {
    const auto holds = [](float x, float y) { return x > 20 && x < 61 && y > 10 && y < 21; };
    const Decoded d = decode("textboxes", drawn(100, 50, 0.9f, holds), options(200, 50, 0.6f));
    ASSERT_EQ(d.detections.size(), 1u);
    // 41x11 pixels are 40 x 10 from middle to middle; grown by 400 * 1.5 / 100 = 6.
    expect_box(d.detections[0], (20.5f - 6) * 2, 10.5f - 6, 52 * 2, 22, 1e-3f);
    EXPECT_NEAR(d.detections[0].score, 0.9f, 1e-6f);
    ASSERT_EQ(d.detections[0].keypoints.size(), 4u);
    EXPECT_NEAR(d.detections[0].keypoints[0].x, 29, 1e-3f); // top left, then clockwise
    EXPECT_NEAR(d.detections[0].keypoints[1].x, 133, 1e-3f);
    EXPECT_NEAR(d.detections[0].keypoints[2].y, 26.5f, 1e-3f);
    EXPECT_NEAR(d.detections[0].keypoints[3].x, 29, 1e-3f);
}

TEST(Textboxes, follows_lines_at_an_angle) {
    for (float degrees : {10.0f, 30.0f, 60.0f, 135.0f}) {
        const float a = degrees * float(M_PI) / 180, c = std::cos(a), s = std::sin(a);
        const auto holds = [&](float x, float y) {
            const float u = (x - 100) * c + (y - 100) * s, v = (y - 100) * c - (x - 100) * s;
            return std::abs(u) < 50 && std::abs(v) < 8;
        };
        const Decoded d = decode("textboxes", drawn(200, 200, 1, holds), options(200, 200, 0.6f));
        ASSERT_EQ(d.detections.size(), 1u);
        const Detection& box = d.detections[0];
        const float grow = 2 * 100 * 16 * 1.5f / 232; // of a side
        const float longer = std::max(side(box, 0, 1), side(box, 1, 2));
        const float shorter = std::min(side(box, 0, 1), side(box, 1, 2));
        EXPECT_NEAR(longer, 100 + grow, 3) << degrees;
        EXPECT_NEAR(shorter, 16 + grow, 3) << degrees;
        EXPECT_NEAR(box.x + box.width / 2, 100, 1);
        EXPECT_NEAR(box.y + box.height / 2, 100, 1);
        const size_t along = side(box, 0, 1) > side(box, 1, 2) ? 1 : 2;
        const float slope = std::atan2(box.keypoints[along].y - box.keypoints[along - 1].y,
                                       box.keypoints[along].x - box.keypoints[along - 1].x);
        EXPECT_NEAR(std::abs(std::sin(slope - a)), 0, 0.03f) << degrees;
    }
}

// Every pixel of each region, every direction between two of them: slow and plain.
TEST(Textboxes, finds_the_smallest_boxes_as_the_plain_rule_does) {
    std::mt19937 random(7);
    for (int round = 0; round < 10; round++) {
        const int w = 24, h = 16;
        Outputs o;
        std::vector<int> region(size_t(w * h), -1);
        std::uniform_int_distribution<int> any(0, 99);
        std::vector<uint8_t> inside(size_t(w * h));
        Tensor& t = o.add("x", {1, h, w});
        for (size_t i = 0; i < inside.size(); i++) {
            inside[i] = any(random) < 35;
            t.span<float>()[i] = inside[i] ? 0.8f : 0.1f;
        }
        int regions = 0;
        const std::function<void(int, int)> flood = [&](int x, int y) {
            if (x < 0 || y < 0 || x >= w || y >= h || !inside[size_t(y * w + x)] ||
                region[size_t(y * w + x)] >= 0)
                return;
            region[size_t(y * w + x)] = regions;
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++)
                    flood(x + dx, y + dy);
        };
        for (int i = 0; i < w * h; i++)
            if (inside[size_t(i)] && region[size_t(i)] < 0) {
                flood(i % w, i / w);
                regions++;
            }
        std::vector<double> expected; // areas after growing
        for (int r = 0; r < regions; r++) {
            double least = 1e30, a = 0, b = 0;
            std::vector<std::pair<double, double>> points;
            for (int i = 0; i < w * h; i++)
                if (region[size_t(i)] == r)
                    points.push_back({i % w, i / w});
            for (const auto& p : points)
                for (const auto& q : points) {
                    const double l = std::hypot(q.first - p.first, q.second - p.second);
                    if (l == 0)
                        continue;
                    const double ux = (q.first - p.first) / l, uy = (q.second - p.second) / l;
                    double u0 = 1e30, u1 = -1e30, v0 = 1e30, v1 = -1e30;
                    for (const auto& k : points) {
                        const double u = k.first * ux + k.second * uy;
                        const double v = k.second * ux - k.first * uy;
                        u0 = std::min(u0, u), u1 = std::max(u1, u);
                        v0 = std::min(v0, v), v1 = std::max(v1, v);
                    }
                    if ((u1 - u0) * (v1 - v0) < least - 1e-6) {
                        least = (u1 - u0) * (v1 - v0);
                        a = u1 - u0, b = v1 - v0;
                    }
                }
            const double grown = a + b > 0 ? a * b * 1.5 / (a + b) : 0; // both sides together
            if (std::min(a, b) >= 3 && std::min(a, b) + grown >= 5)
                expected.push_back((a + grown) * (b + grown));
        }
        const Decoded d = decode("textboxes", o, options(w, h, 0));
        std::vector<double> found;
        for (const Detection& one : d.detections)
            found.push_back(double(side(one, 0, 1)) * double(side(one, 1, 2)));
        std::sort(found.begin(), found.end());
        std::sort(expected.begin(), expected.end());
        ASSERT_EQ(found.size(), expected.size()) << round;
        for (size_t i = 0; i < found.size(); i++)
            EXPECT_NEAR(found[i], expected[i], 0.02 * expected[i]) << round;
    }
}

TEST(Textboxes, reads_logits_and_drops_weak_and_small_ones) {
    const auto line = [](float x, float y) { return x > 4 && x < 30 && y > 4 && y < 12; };
    Outputs logits = drawn(64, 64, 4, line);
    for (float& v : logits[0].span<float>())
        v = v > 0 ? v : -4;
    const Decoded d = decode("textboxes", logits, options(64, 64, 0.6f));
    ASSERT_EQ(d.detections.size(), 1u);
    EXPECT_NEAR(d.detections[0].score, 1 / (1 + std::exp(-4.0f)), 1e-5f);
    EXPECT_TRUE(
        decode("textboxes", drawn(64, 64, 0.5f, line), options(64, 64, 0.6f)).detections.empty());
    const auto thin = [](float x, float y) { return x > 4 && x < 30 && y > 4 && y < 7; };
    EXPECT_TRUE(
        decode("textboxes", drawn(64, 64, 1, thin), options(64, 64, 0.6f)).detections.empty());
}

TEST(Textboxes, gives_the_best_of_too_many_and_survives_any_number) {
    const auto many = [](float x, float y) { return int(x) % 8 < 5 && int(y) % 8 < 5; };
    EXPECT_EQ(
        decode("textboxes", drawn(160, 160, 1, many), options(160, 160, 0.1f, 7)).detections.size(),
        7u);
    for (float bad : {nan_value, infinity, -infinity}) {
        Outputs o;
        o.add("x", {1, 1, 16, 16}, bad);
        for (const Detection& d : decode("textboxes", o, options(16, 16, 0.6f)).detections)
            EXPECT_TRUE(std::isfinite(d.x) && std::isfinite(d.width) && d.score <= 1);
    }
}

TEST(RotatedBox, holds_points_on_a_line_and_none) {
    std::vector<Point> line = {{0, 0}, {2, 2}, {1, 1}, {2, 2}};
    const std::vector<Point> hull = convex_hull(line);
    EXPECT_EQ(hull.size(), 2u);
    const RotatedBox box = smallest_box(hull);
    EXPECT_NEAR(std::min(box.half_width, box.half_height), 0, 1e-6f);
    std::vector<Point> one = {{3, 4}};
    EXPECT_EQ(convex_hull(one).size(), 1u);
    std::vector<Point> none;
    EXPECT_TRUE(convex_hull(none).empty());
}

// ---- openpose

namespace {

constexpr int map_width = 60, map_height = 40;

// A standing body: x, y of the 18 joints, in cells from its neck.
const std::array<std::pair<float, float>, 18> standing = {{{0, -4},
                                                           {0, 0},
                                                           {-3, 0},
                                                           {-4, 4},
                                                           {-4, 8},
                                                           {3, 0},
                                                           {4, 4},
                                                           {4, 8},
                                                           {-2, 9},
                                                           {-2, 14},
                                                           {-2, 19},
                                                           {2, 9},
                                                           {2, 14},
                                                           {2, 19},
                                                           {-0.8f, -5},
                                                           {0.8f, -5},
                                                           {-1.8f, -4.5f},
                                                           {1.8f, -4.5f}}};
const std::array<std::array<int, 3>, 19> limbs_of_body = {{{1, 2, 12},
                                                           {1, 5, 20},
                                                           {2, 3, 14},
                                                           {3, 4, 16},
                                                           {5, 6, 22},
                                                           {6, 7, 24},
                                                           {1, 8, 0},
                                                           {8, 9, 2},
                                                           {9, 10, 4},
                                                           {1, 11, 6},
                                                           {11, 12, 8},
                                                           {12, 13, 10},
                                                           {1, 0, 28},
                                                           {0, 14, 30},
                                                           {14, 16, 34},
                                                           {0, 15, 32},
                                                           {15, 17, 36},
                                                           {2, 16, 18},
                                                           {5, 17, 26}}};

// Paints a body with its neck there: a bump for each joint, the direction along each limb.
void paint(Tensor& heat, Tensor& field, float neck_x, float neck_y, uint32_t without = 0) {
    const auto joint = [&](int j) {
        return std::pair(neck_x + standing[size_t(j)].first, neck_y + standing[size_t(j)].second);
    };
    const auto cell = [](Tensor& t, int c, int x, int y) -> float& {
        return t.span<float>()[size_t((c * map_height + y) * map_width + x)];
    };
    for (int y = 0; y < map_height; y++)
        for (int x = 0; x < map_width; x++) {
            const float cx = float(x) + 0.5f, cy = float(y) + 0.5f;
            for (int j = 0; j < 18; j++) {
                const auto [jx, jy] = joint(j);
                const float square = (cx - jx) * (cx - jx) + (cy - jy) * (cy - jy);
                if (!(without >> j & 1))
                    cell(heat, j, x, y) =
                        std::max(cell(heat, j, x, y), 0.9f * std::exp(-square / 2));
            }
            for (const auto& [from, to, channel] : limbs_of_body) {
                const auto [ax, ay] = joint(from);
                const auto [bx, by] = joint(to);
                const float length = std::hypot(bx - ax, by - ay);
                const float ux = (bx - ax) / length, uy = (by - ay) / length;
                const float along = (cx - ax) * ux + (cy - ay) * uy;
                const float across = std::abs((cy - ay) * ux - (cx - ax) * uy);
                if (along > -1 && along < length + 1 && across < 1.2f) {
                    cell(field, channel, x, y) = ux;
                    cell(field, channel + 1, x, y) = uy;
                }
            }
        }
}

Outputs people_outputs() {
    Outputs o;
    o.add("fields", {1, 38, map_height, map_width});
    o.add("heat", {1, 19, map_height, map_width});
    return o;
}

} // namespace

TEST(Openpose, tells_people_apart_and_finds_their_joints) {
    Outputs o = people_outputs();
    const std::vector<std::pair<float, float>> necks = {{12.3f, 10.2f}, {30.5f, 8}, {50.1f, 12.4f}};
    for (const auto& [x, y] : necks)
        paint(o[1], o[0], x, y);
    auto found = decode("openpose", o, options(map_width * 8, map_height * 8, 0.2f)).detections;
    ASSERT_EQ(found.size(), 3u);
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
    for (size_t p = 0; p < 3; p++) {
        ASSERT_EQ(found[p].keypoints.size(), 18u);
        for (size_t j = 0; j < 18; j++) {
            EXPECT_NEAR(found[p].keypoints[j].x / 8, necks[p].first + standing[j].first, 0.35f)
                << j;
            EXPECT_NEAR(found[p].keypoints[j].y / 8, necks[p].second + standing[j].second, 0.35f)
                << j;
            EXPECT_GT(found[p].keypoints[j].score, 0.5f);
        }
        EXPECT_NEAR(found[p].y / 8, necks[p].second - 5, 0.5f);
        EXPECT_NEAR(found[p].height / 8, 24, 0.7f);
    }
}

TEST(Openpose, gives_the_joints_not_found_no_score) {
    Outputs o = people_outputs();
    paint(o[1], o[0], 30, 10, 1u << 4 | 1u << 17);
    const auto found =
        decode("openpose", o, options(map_width * 8, map_height * 8, 0.2f)).detections;
    ASSERT_EQ(found.size(), 1u);
    for (size_t j = 0; j < 18; j++)
        EXPECT_EQ(found[0].keypoints[j].score == 0, j == 4 || j == 17) << j;
}

TEST(Openpose, reads_all_maps_in_one_output_too) {
    Outputs two = people_outputs();
    paint(two[1], two[0], 20, 10);
    Outputs one;
    Tensor& t = one.add("net_output", {1, 57, map_height, map_width});
    const auto heat = two[1].span<float>(), field = two[0].span<float>();
    std::copy(heat.begin(), heat.end(), t.span<float>().begin());
    std::copy(field.begin(), field.end(), t.span<float>().begin() + ptrdiff_t(heat.size()));
    const auto a = decode("openpose", two, options(480, 320, 0.2f)).detections;
    const auto b = decode("openpose", one, options(480, 320, 0.2f)).detections;
    ASSERT_EQ(a.size(), 1u);
    ASSERT_EQ(b.size(), 1u);
    EXPECT_EQ(a[0].keypoints[3].x, b[0].keypoints[3].x);
}

TEST(Openpose, finds_peaks_as_the_plain_rule_does) {
    std::mt19937 random(8);
    const int w = 15, h = 11;
    Tensor t(ElementType::F32, {h, w});
    fill_random(t, -0.5f, 1, random);
    const auto at = [&](int x, int y) {
        return x < 0 || y < 0 || x >= w || y >= h ? -1.0f : t.span<float>()[size_t(y * w + x)];
    };
    std::vector<float> expected;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            bool top = at(x, y) > 0.1f;
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++)
                    top = top && ((dx == 0 && dy == 0) || at(x, y) > at(x + dx, y + dy));
            if (top)
                expected.push_back(at(x, y));
        }
    std::sort(expected.rbegin(), expected.rend());
    const auto found = openpose::find_peaks({t.span<float>().data(), w, h});
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); i++)
        EXPECT_EQ(found[i].score, expected[i]);
}

TEST(Openpose, survives_noise_and_numbers_that_are_not) {
    std::mt19937 random(9);
    Outputs o = people_outputs();
    EXPECT_TRUE(decode("openpose", o, options(480, 320, 0.2f)).detections.empty());
    fill_random(o[0], -1, 1, random);
    fill_random(o[1], 0, 1, random);
    EXPECT_LE(decode("openpose", o, options(480, 320, 0, 5)).detections.size(), 5u);
    for (float bad : {nan_value, infinity})
        for (size_t which : {size_t(0), size_t(1)}) {
            for (size_t i = 0; i < o[which].span<float>().size(); i += 7)
                o[which].span<float>()[i] = bad;
            for (const Detection& d : decode("openpose", o, options(480, 320, 0)).detections)
                EXPECT_TRUE(std::isfinite(d.x) && std::isfinite(d.score));
        }
}
