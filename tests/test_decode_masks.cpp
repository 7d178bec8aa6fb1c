// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO with keypoints and with masks, against second, plainly written implementations.
#include "tests/decode_case.h"

#include <cmath>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr int side = 64, cells = 84; // strides 8, 16 and 32 over 64x64

// Rows of boxes in pixels, scores in 0..1 and further numbers in -`rest`..`rest`.
std::vector<float> random_rows(int rows, int columns, int scores_end, float rest,
                               std::mt19937& random) {
    std::vector<float> numbers(size_t(rows * columns));
    std::uniform_real_distribution<float> unit(0, 1);
    for (size_t i = 0; i < numbers.size(); i++) {
        const int column = int(i % size_t(columns));
        const float u = unit(random);
        numbers[i] = column < 2            ? u * side
                     : column < 4          ? 4 + u * side / 3
                     : column < scores_end ? u
                                           : (2 * u - 1) * rest;
    }
    return numbers;
}

Tensor& add(Outputs& o, const std::vector<float>& numbers, int rows, int columns, bool transposed) {
    Tensor& t = o.add("output0", transposed ? Shape{1, columns, rows} : Shape{1, rows, columns});
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            t.span<float>()[size_t(transposed ? c * rows + r : r * columns + c)] =
                numbers[size_t(r * columns + c)];
    return t;
}

int best_of(const float* scores, int count) {
    int best = 0;
    for (int i = 1; i < count; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

// The mask at the box's pixels, as the comment of mask_of() has it, in doubles.
double plain_mask(const Tensor& prototypes, const float* weights, const Detection& box, int x,
                  int y) {
    const int channels = int(prototypes.shape()[1]), height = int(prototypes.shape()[2]),
              width = int(prototypes.shape()[3]);
    const auto sum = [&](int row, int column) {
        double total = 0;
        for (int c = 0; c < channels; c++)
            total += double(weights[c]) *
                     double(prototypes.span<float>()[size_t((c * height + row) * width + column)]);
        return total;
    };
    const auto place = [](double at, int count) {
        return std::clamp(at * count / side - 0.5, 0.0, count - 1.0);
    };
    const double px = place(box.x + (x + 0.5) * box.width / box.mask->width, width);
    const double py = place(box.y + (y + 0.5) * box.height / box.mask->height, height);
    const int c0 = int(px), r0 = int(py), c1 = std::min(c0 + 1, width - 1),
              r1 = std::min(r0 + 1, height - 1);
    const double wx = px - c0, wy = py - r0;
    const double logit = (sum(r0, c0) * (1 - wx) + sum(r0, c1) * wx) * (1 - wy) +
                         (sum(r1, c0) * (1 - wx) + sum(r1, c1) * wx) * wy;
    return 255 / (1 + std::exp(-logit));
}

} // namespace

TEST(YoloPose, agrees_with_the_plain_rule) {
    const struct {
        int classes, points, each;
        bool transposed;
    } cases[] = {{1, 17, 3, true}, {1, 17, 3, false}, {2, 5, 3, true}, {1, 4, 2, true}};
    std::mt19937 random(31);
    for (const auto& c : cases) {
        SCOPED_TRACE(std::to_string(c.points) + " points");
        const int columns = 4 + c.classes + c.points * c.each;
        const auto rows = random_rows(cells, columns, 4 + c.classes, 1, random);
        std::vector<Detection> expected;
        for (int r = 0; r < cells; r++) {
            const float* n = &rows[size_t(r * columns)];
            const int label = best_of(n + 4, c.classes);
            if (n[4 + label] < 0.6f)
                continue;
            Detection d =
                make_box(n[0] - n[2] / 2, n[1] - n[3] / 2, n[2], n[3], n[4 + label], label);
            for (int k = 0; k < c.points; k++) {
                const float* p = n + 4 + c.classes + k * c.each;
                d.keypoints.push_back({p[0], p[1], c.each == 3 ? p[2] : d.score});
            }
            expected.push_back(d);
        }
        ASSERT_FALSE(expected.empty());
        suppress(expected, 0.45f, 300);
        Outputs o;
        add(o, rows, cells, columns, c.transposed);
        DecodeOptions options = decode_options(side, side, 0.6f);
        options.labels.assign(size_t(c.classes), "x");
        expect_same(decode("yolo-pose", o, options).detections, expected);
    }
}

TEST(YoloPose, reads_rows_that_are_chosen_already) {
    Outputs o;
    auto row = o.add("output0", {1, 300, 12}).span<float>();
    const float numbers[] = {10, 20, 30, 60, 0.9f, 0, 11, 21, 0.5f, nan_value, 5, 0.5f};
    std::copy(std::begin(numbers), std::end(numbers), row.begin());
    Detection d = make_box(10, 20, 20, 40, 0.9, 0);
    d.keypoints = {{11, 21, 0.5f}, {10, 20, 0}}; // the second is none, and keeps its number
    expect_same(decode("yolo-pose", o, decode_options(640, 640)).detections, {d});
}

TEST(YoloSeg, agrees_with_the_plain_rule_in_every_form) {
    const struct {
        int rows, classes, objectness;
        bool transposed, chosen;
    } cases[] = {{cells, 3, 0, true, false},
                 {cells, 1, 0, false, false},
                 {3 * cells, 2, 1, false, false},
                 {300, 0, 0, false, true}};
    std::mt19937 random(32);
    constexpr int weights = 8;
    for (const auto& c : cases) {
        SCOPED_TRACE(std::to_string(c.rows) + " rows");
        const int head = c.chosen ? 6 : 4 + c.objectness + c.classes, columns = head + weights;
        auto rows = random_rows(c.rows, columns, head, 1, random);
        std::vector<Detection> expected;
        std::vector<const float*> coefficients;
        for (int r = 0; r < c.rows; r++) {
            float* n = &rows[size_t(r * columns)];
            if (c.chosen) {
                n[2] += n[0], n[3] += n[1], n[5] = float(r % 3);
                if (n[4] >= 0.8f)
                    expected.push_back(make_box(n[0], n[1], n[2] - n[0], n[3] - n[1], n[4], r % 3));
                continue;
            }
            const int label = best_of(n + 4 + c.objectness, c.classes);
            const float score = n[4 + c.objectness + label] * (c.objectness ? n[4] : 1);
            if (score >= 0.8f)
                expected.push_back(
                    make_box(n[0] - n[2] / 2, n[1] - n[3] / 2, n[2], n[3], score, label));
        }
        ASSERT_FALSE(expected.empty());
        suppress(expected, c.chosen ? 1 : 0.45f, 300);
        Outputs o;
        add(o, rows, c.rows, columns, c.transposed);
        Tensor& prototypes = o.add("output1", {1, weights, side / 4, side / 4});
        fill_random(prototypes, -2, 2, random);
        const auto found = decode("yolo-seg", o, decode_options(side, side, 0.8f)).detections;
        expect_same(found, expected);
        for (const Detection& d : found) {
            ASSERT_TRUE(d.mask);
            EXPECT_EQ(d.mask->width, int(std::ceil(d.width)));
            EXPECT_EQ(d.mask->height, int(std::ceil(d.height)));
            const float* n = nullptr;
            for (int r = 0; r < c.rows && !n; r++) // the row it came from
                if (const float* row = &rows[size_t(r * columns)];
                    std::abs((c.chosen ? row[0] : row[0] - row[2] / 2) - d.x) < 1e-4f)
                    n = row;
            ASSERT_TRUE(n);
            for (int y = 0; y < d.mask->height; y += 3)
                for (int x = 0; x < d.mask->width; x += 3)
                    EXPECT_NEAR(d.mask->values[size_t(y * d.mask->width + x)],
                                plain_mask(prototypes, n + head, d, x, y), 1.01);
        }
    }
}

TEST(YoloSeg, bounds_masks_of_absurd_boxes) {
    Outputs o;
    auto v = o.add("output0", {1, 6, cells}).span<float>();
    o.add("output1", {1, 1, 16, 16}, 1);
    for (size_t k : {0u, 1u, 2u, 3u})
        v[k * cells] = k < 2 ? 32 : 1e30f;
    v[4 * cells] = 1;
    const auto found = decode("yolo-seg", o, decode_options(side, side)).detections;
    ASSERT_EQ(found.size(), 1u);
    EXPECT_LE(found[0].mask->values.size(), size_t(side * side));
    v[5 * cells] = nan_value;
    EXPECT_EQ(decode("yolo-seg", o, decode_options(side, side)).detections[0].mask->values[0], 0);
}
