// SPDX-License-Identifier: LGPL-2.1-or-later
// The YOLO families against second, plainly written implementations.
#include "tests/decode_case.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

double squash(double x) { return 1 / (1 + std::exp(-x)); }

int64_t cells_of(int width, int height, std::initializer_list<int> strides) {
    int64_t cells = 0;
    for (int s : strides)
        cells += int64_t((width + s - 1) / s) * ((height + s - 1) / s);
    return cells;
}

// ---- v8: rows of x, y, width, height, scores

struct Rows {
    int64_t count, columns;
    std::vector<float> numbers; // [count, columns]
    float at(int64_t row, int64_t column) const { return numbers[size_t(row * columns + column)]; }
};

Rows random_rows(int64_t count, int64_t columns, float width, float height, std::mt19937& random) {
    Rows rows{count, columns, std::vector<float>(size_t(count * columns))};
    std::uniform_real_distribution<float> unit(0, 1);
    for (size_t i = 0; i < rows.numbers.size(); i++) {
        const size_t column = i % size_t(columns);
        const float u = unit(random);
        rows.numbers[i] = column == 0   ? u * width
                          : column == 1 ? u * height
                          : column == 2 ? u * width / 4
                          : column == 3 ? u * height / 4
                                        : u;
    }
    return rows;
}

Outputs as_output(const Rows& rows, bool transposed) {
    Outputs o;
    auto to = o.add("output0", transposed ? Shape{1, rows.columns, rows.count}
                                          : Shape{1, rows.count, rows.columns})
                  .span<float>();
    for (int64_t r = 0; r < rows.count; r++)
        for (int64_t c = 0; c < rows.columns; c++)
            to[size_t(transposed ? c * rows.count + r : r * rows.columns + c)] = rows.at(r, c);
    return o;
}

// `scores_from`: 4, or 5 behind an objectness.
std::vector<Detection> plain_rows(const Rows& rows, int64_t scores_from, float threshold) {
    std::vector<Detection> found;
    for (int64_t r = 0; r < rows.count; r++) {
        int64_t best = scores_from;
        for (int64_t c = scores_from; c < rows.columns; c++)
            if (rows.at(r, c) > rows.at(r, best))
                best = c;
        const float score = rows.at(r, best) * (scores_from == 5 ? rows.at(r, 4) : 1);
        if (score >= threshold)
            found.push_back(make_box(rows.at(r, 0) - rows.at(r, 2) / 2,
                                     rows.at(r, 1) - rows.at(r, 3) / 2, rows.at(r, 2),
                                     rows.at(r, 3), score, int(best - scores_from)));
    }
    return found;
}

// ---- Heads with anchors

enum class Form { Planes, Flat, Cells, CellAnchors, AnchorCells, AnchorPlanes };

struct Head {
    const char* decoder;
    int width, height, classes;
    std::vector<int> strides;
    std::vector<float> anchors;
    Form form;
    bool activated;
    bool given = false; // anchors come from the model-config
    std::vector<double> reach = {1, 1, 1};

    int per_cell() const { return int(anchors.size() / 2 / strides.size()); }
    int across(size_t level) const { return (width + strides[level] - 1) / strides[level]; }
    int down(size_t level) const { return (height + strides[level] - 1) / strides[level]; }
    int columns() const { return 5 + classes; }
};

// Numbers in the order [level][anchor][cell][column].
using Numbers = std::vector<std::vector<float>>;

bool is_squared(const Head& h) {
    return std::string(h.decoder) == "yolov5" || std::string(h.decoder) == "yolov7";
}

Numbers random_numbers(const Head& h, std::mt19937& random) {
    Numbers all;
    std::uniform_real_distribution<float> raw(-3, 2), unit(0, 1);
    for (size_t level = 0; level < h.strides.size(); level++) {
        std::vector<float> numbers(size_t(h.per_cell() * h.across(level) * h.down(level)) *
                                   size_t(h.columns()));
        for (size_t i = 0; i < numbers.size(); i++) {
            const size_t column = i % size_t(h.columns());
            const bool size = column == 2 || column == 3;
            numbers[i] = h.activated && (!size || is_squared(h)) ? unit(random)
                         : size                                  ? raw(random) / 4
                                                                 : raw(random);
        }
        all.push_back(std::move(numbers));
    }
    return all;
}

Shape shape_of(const Head& h, size_t level) {
    const int64_t a = h.per_cell(), n = h.columns(), y = h.down(level), x = h.across(level);
    switch (h.form) {
    case Form::Planes:
        return {1, a * n, y, x};
    case Form::Flat:
        return {1, a * n * y * x};
    case Form::Cells:
        return {1, y, x, a * n};
    case Form::CellAnchors:
        return {1, y, x, a, n};
    case Form::AnchorCells:
        return {1, a, y, x, n};
    case Form::AnchorPlanes:
        return {1, a, n, y, x};
    }
    return {};
}

Outputs as_outputs(const Head& h, const Numbers& numbers) {
    Outputs o;
    for (size_t k = 0; k < h.strides.size(); k++) {
        const size_t level =
            h.strides.size() - 1 - k; // the order does not matter: largest stride first
        auto to = o.add("out" + std::to_string(k), shape_of(h, level)).span<float>();
        const int a_count = h.per_cell(), n = h.columns(), cells = h.across(level) * h.down(level);
        size_t from = 0;
        for (int a = 0; a < a_count; a++)
            for (int cell = 0; cell < cells; cell++)
                for (int c = 0; c < n; c++) {
                    const bool planes = h.form == Form::Planes || h.form == Form::Flat ||
                                        h.form == Form::AnchorPlanes;
                    const int at = planes                        ? (a * n + c) * cells + cell
                                   : h.form == Form::AnchorCells ? (a * cells + cell) * n + c
                                                                 : (cell * a_count + a) * n + c;
                    to[size_t(at)] = numbers[level][from++];
                }
    }
    return o;
}

std::vector<Detection> plain_head(const Head& h, const Numbers& numbers, float threshold) {
    std::vector<Detection> found;
    const auto act = [&](float v) { return h.activated ? double(v) : squash(v); };
    for (size_t level = 0; level < h.strides.size(); level++) {
        const float* n = numbers[level].data();
        for (int a = 0; a < h.per_cell(); a++)
            for (int y = 0; y < h.down(level); y++)
                for (int x = 0; x < h.across(level); x++, n += h.columns()) {
                    const float* anchor =
                        &h.anchors[(level * size_t(h.per_cell()) + size_t(a)) * 2];
                    int label = 0;
                    double sum = 0;
                    for (int c = 0; c < h.classes; c++) {
                        sum += std::exp(double(n[5 + c]));
                        if (n[5 + c] > n[5 + label])
                            label = c;
                    }
                    double score = act(n[4]) * act(n[5 + label]);
                    if (std::string(h.decoder) == "yolov2" && !h.activated)
                        score = act(n[4]) * std::exp(double(n[5 + label])) / sum;
                    const double s = h.strides[level], r = h.reach[level];
                    double cx = (act(n[0]) * r - (r - 1) / 2 + x) * s;
                    double cy = (act(n[1]) * r - (r - 1) / 2 + y) * s;
                    double w = std::exp(double(n[2])) * anchor[0];
                    double hh = std::exp(double(n[3])) * anchor[1];
                    if (is_squared(h)) {
                        cx = (2 * act(n[0]) - 0.5 + x) * s;
                        cy = (2 * act(n[1]) - 0.5 + y) * s;
                        w = std::pow(2 * act(n[2]), 2) * anchor[0];
                        hh = std::pow(2 * act(n[3]), 2) * anchor[1];
                    }
                    if (score >= threshold)
                        found.push_back(make_box(cx - w / 2, cy - hh / 2, w, hh, score, label));
                }
    }
    return found;
}

const std::vector<float> v3 = {10, 13, 16,  30,  33, 23,  30,  61,  62,
                               45, 59, 119, 116, 90, 156, 198, 373, 326};
const std::vector<float> v3_tiny = {10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319};
const std::vector<float> v4 = {12, 16, 19,  36,  40,  28,  36,  75,  76,
                               55, 72, 146, 142, 110, 192, 243, 459, 401};
const std::vector<float> v4_tiny = {23, 27, 37, 58, 81, 82, 81, 82, 135, 169, 344, 319};
const std::vector<float> large = {19,  27,  44,  40,  38,  94,  96,  68,  86,  152, 180, 137,
                                  140, 301, 303, 264, 238, 542, 436, 615, 739, 380, 925, 792};

std::vector<float> in_cells(std::vector<float> anchors) {
    for (float& v : anchors)
        v *= 32;
    return anchors;
}
const std::vector<float> v2 = in_cells({0.57273f, 0.677385f, 1.87446f, 2.06253f, 3.33843f, 5.47434f,
                                        7.88282f, 3.52778f, 9.77052f, 9.16828f});
const std::vector<float> v2_voc =
    in_cells({1.08f, 1.19f, 3.42f, 4.41f, 6.63f, 11.38f, 9.42f, 5.11f, 16.62f, 10.52f});

} // namespace

TEST(Yolov8, agrees_with_the_plain_rule_in_every_form) {
    std::mt19937 random(11);
    const struct {
        int width, height, classes;
        std::initializer_list<int> strides;
        bool transposed, fractions;
    } cases[] = {
        {64, 64, 80, {8, 16, 32}, true, false},     {640, 384, 3, {8, 16, 32}, true, false},
        {64, 96, 1, {8, 16, 32}, false, false},     {128, 128, 5, {8, 16, 32, 64}, true, false},
        {128, 128, 2, {4, 8, 16, 32}, true, false}, {320, 320, 7, {8, 16, 32}, true, true},
        {100, 60, 4, {8, 16, 32}, false, true}};
    for (const auto& c : cases) {
        SCOPED_TRACE(std::to_string(c.width) + " classes " + std::to_string(c.classes));
        const float w = c.fractions ? 1.0f : float(c.width),
                    h = c.fractions ? 1.0f : float(c.height);
        const Rows rows =
            random_rows(cells_of(c.width, c.height, c.strides), 4 + c.classes, w, h, random);
        auto expected = plain_rows(rows, 4, 0.7f);
        for (Detection& d : expected) {
            d.x *= float(c.width) / w, d.width *= float(c.width) / w;
            d.y *= float(c.height) / h, d.height *= float(c.height) / h;
        }
        ASSERT_FALSE(expected.empty());
        suppress(expected, 0.45f, 300);
        expect_same(
            decode("yolov8", as_output(rows, c.transposed), decode_options(c.width, c.height, 0.7f))
                .detections,
            expected);
    }
}

TEST(Yolov8, reads_other_counts_of_cells_by_the_longer_side) {
    std::mt19937 random(12);
    const Rows rows = random_rows(100, 7, 320, 320, random);
    for (bool transposed : {false, true})
        EXPECT_FALSE(decode("yolov8", as_output(rows, transposed), decode_options(320, 320))
                         .detections.empty());
}

TEST(Yolov5, agrees_with_the_plain_rule_on_rows) {
    std::mt19937 random(13);
    for (const char* decoder : {"yolov5", "yolov7", "yolov6"})
        for (int classes : {1, 80}) {
            const Rows rows =
                random_rows(3 * cells_of(96, 64, {8, 16, 32}), 5 + classes, 96, 64, random);
            auto expected = plain_rows(rows, 5, 0.5f);
            ASSERT_FALSE(expected.empty());
            suppress(expected, 0.45f, 300);
            expect_same(decode(decoder, as_output(rows, false), decode_options(96, 64)).detections,
                        expected);
        }
}

TEST(AnchorGrids, agree_with_the_plain_rule_in_every_form) {
    const std::vector<double> r4 = {1.2, 1.1, 1.05}, r4_tiny = {1.05, 1.05};
    const Head heads[] = {
        {"yolov2", 96, 64, 80, {32}, v2, Form::Planes, false},
        {"yolov2", 96, 64, 3, {32}, v2, Form::Flat, true},
        {"yolov2", 416, 416, 20, {32}, v2_voc, Form::Cells, false},
        {"yolov2", 96, 96, 4, {32}, {20, 30, 50, 60}, Form::Planes, false, true},
        {"yolov3", 96, 64, 80, {8, 16, 32}, v3, Form::Planes, false},
        {"yolov3", 96, 64, 2, {8, 16, 32}, v3, Form::Flat, true},
        {"yolov3", 100, 60, 3, {8, 16, 32}, v3, Form::Cells, false},
        {"yolov3", 96, 64, 3, {8, 16, 32}, v3, Form::AnchorPlanes, true},
        {"yolov3", 96, 64, 1, {16, 32}, v3_tiny, Form::Planes, true, false, {1, 1}},
        {"yolov3", 64, 64, 2, {16, 32}, {9, 8, 7, 6, 50, 40, 30, 20}, Form::Planes, false, true},
        {"yolov4", 96, 64, 80, {8, 16, 32}, v4, Form::CellAnchors, false, false, r4},
        {"yolov4", 96, 64, 2, {8, 16, 32}, v4, Form::Planes, false, false, r4},
        {"yolov4", 96, 64, 2, {16, 32}, v4_tiny, Form::Planes, false, false, r4_tiny},
        {"yolov5", 96, 64, 80, {8, 16, 32}, v3, Form::AnchorCells, false},
        {"yolov5", 96, 64, 2, {8, 16, 32}, v3, Form::Planes, true},
        {"yolov5",
         128,
         128,
         2,
         {8, 16, 32, 64},
         large,
         Form::AnchorCells,
         false,
         false,
         {1, 1, 1, 1}},
        {"yolov7", 96, 64, 80, {8, 16, 32}, v4, Form::AnchorCells, false},
    };
    std::mt19937 random(14);
    for (const Head& h : heads) {
        SCOPED_TRACE(std::string(h.decoder) + " form " + std::to_string(int(h.form)) + " classes " +
                     std::to_string(h.classes));
        const Numbers numbers = random_numbers(h, random);
        const Outputs outputs = as_outputs(h, numbers);
        const bool shared = std::string(h.decoder) == "yolov2" && !h.activated; // by the classes
        const float threshold = shared ? std::min(0.6f, 1.6f / float(h.classes)) : 0.6f;
        auto expected = plain_head(h, numbers, threshold);
        ASSERT_FALSE(expected.empty());
        suppress(expected, 0.45f, 300);
        DecodeOptions options = decode_options(h.width, h.height, threshold);
        if (h.given)
            options.anchors = h.anchors;
        expect_same(decode(h.decoder, outputs, options).detections, expected, 0.02f);
        if (!h.given) {
            EXPECT_EQ(find_decoder(h.decoder)->fit(outputs.formats(), h.width, h.height).classes,
                      h.classes);
        }
    }
}

TEST(AnchorGrids, say_when_anchors_do_not_fit_the_strides) {
    Outputs o;
    o.add("a", {1, 18, 8, 8});
    o.add("b", {1, 18, 4, 4});
    DecodeOptions options = decode_options(128, 128);
    options.anchors = {1, 2, 3, 4, 5, 6};
    const auto decoded = find_decoder("yolov3")->decode(o.rows(), options);
    ASSERT_FALSE(decoded.ok());
    EXPECT_NE(decoded.error().what.find("`anchors` has 6 numbers; for 2 strides"),
              std::string::npos)
        << decoded.error().what;
}

TEST(Yolov10, takes_rows_as_they_are) {
    Outputs o;
    auto row = o.add("output0", {1, 300, 6}).span<float>();
    const float rows[][6] = {{10, 20, 30, 60, 0.9f, 2},  {10, 20, 30, 60, 0.8f, 2},
                             {1, 1, 2, 2, 0.4f, 0},      {-5, -5, 500, 20, 0.95f, 0},
                             {0, 0, 9, 9, nan_value, 1}, {0, 0, 9, 9, 0.9f, nan_value},
                             {0, 0, 9, 9, 0.9f, -1},     {9, 0, 3, 9, 0.9f, 1},
                             {0, nan_value, 9, 9, 1, 1}, {0, 0, infinity, 9, 1, 1}};
    for (size_t i = 0; i < std::size(rows); i++)
        std::copy(std::begin(rows[i]), std::end(rows[i]), row.begin() + ptrdiff_t(6 * i));
    const auto found = decode("yolov10", o, decode_options(100, 100)).detections;
    expect_same(found, {make_box(-5, -5, 505, 25, 0.95, 0), make_box(10, 20, 20, 40, 0.9, 2),
                        make_box(10, 20, 20, 40, 0.8, 2)});
    EXPECT_EQ(decode("yolov10", o, decode_options(100, 100, 0.5f, 0.45f, 1)).detections.size(), 1u);
}

TEST(Yolov10, also_reads_rows_that_name_their_image) {
    Outputs o;
    auto row = o.add("output", {2, 7}).span<float>();
    const float rows[] = {0, 0.1f, 0.2f, 0.3f, 0.5f, 7, 0.9f, 0, 0, 0, 1, 1, 7, 0.1f};
    std::copy(std::begin(rows), std::end(rows), row.begin());
    expect_same(decode("yolov10", o, decode_options(100, 200)).detections,
                {make_box(10, 40, 20, 60, 0.9, 7)});
    Outputs none;
    none.add("output", {0, 7});
    EXPECT_TRUE(decode("yolov10", none, decode_options(100, 200)).detections.empty());
}

TEST(Yolo, of_equal_classes_takes_the_first_and_keeps_no_more_than_the_maximum) {
    Outputs o;
    auto v = o.add("output0", {1, 7, 84}).span<float>();
    for (size_t cell = 0; cell < 84; cell++) {
        v[cell] = v[84 + cell] = 10 * float(cell);
        v[2 * 84 + cell] = v[3 * 84 + cell] = 5;
        v[5 * 84 + cell] = v[6 * 84 + cell] = 0.75f; // classes 1 and 2
    }
    const auto found = decode("yolov8", o, decode_options(64, 64, 0.5f, 0.45f, 10)).detections;
    ASSERT_EQ(found.size(), 10u);
    EXPECT_EQ(found[0].label, 1);
    EXPECT_EQ(found[9].x, 87.5f); // of equal scores the earlier
}

TEST(Yolo, never_keeps_numbers_that_are_not) {
    const struct {
        const char* decoder;
        std::vector<Shape> shapes;
    } cases[] = {{"yolov8", {{1, 6, 84}}},
                 {"yolov8", {{1, 84, 6}}},
                 {"yolov5", {{1, 252, 7}}},
                 {"yolov5", {{1, 3, 8, 8, 7}, {1, 3, 4, 4, 7}, {1, 3, 2, 2, 7}}},
                 {"yolov3", {{1, 21, 8, 8}, {1, 21, 4, 4}, {1, 21, 2, 2}}},
                 {"yolov2", {{1, 35, 2, 2}}},
                 {"yolov10", {{1, 300, 6}}}};
    for (const auto& c : cases)
        for (float bad : {nan_value, infinity, -infinity}) {
            Outputs o;
            for (const Shape& shape : c.shapes)
                o.add("out", shape, bad);
            EXPECT_TRUE(decode(c.decoder, o, decode_options(64, 64)).detections.empty())
                << c.decoder << " " << bad;
        }
}
