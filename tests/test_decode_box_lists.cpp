// SPDX-License-Identifier: LGPL-2.1-or-later
// Families whose boxes come in lists, or decoded without NMS, and those made of queries.
#include "tests/decode_case.h"

#include <cmath>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

void put(Tensor& tensor, std::initializer_list<float> values) {
    std::copy(values.begin(), values.end(), tensor.span<float>().begin());
}

// Named outputs of any type.
struct Lists {
    std::vector<std::pair<std::string, Tensor>> outputs;

    template <typename T>
    Lists& add(const char* name, ElementType type, Shape shape, std::vector<T> values) {
        outputs.emplace_back(name,
                             make_tensor<T>(type, std::move(shape), std::span<const T>(values)));
        return *this;
    }
    Lists& floats(const char* name, Shape shape, std::vector<float> values) {
        return add<float>(name, ElementType::F32, std::move(shape), std::move(values));
    }
    Lists& longs(const char* name, Shape shape, std::vector<int64_t> values) {
        return add<int64_t>(name, ElementType::I64, std::move(shape), std::move(values));
    }

    std::vector<Detection> decode(const char* decoder, const DecodeOptions& options) const {
        std::vector<NamedTensor> rows;
        for (const auto& [name, tensor] : outputs)
            rows.push_back({name, tensor.view()});
        const auto decoded = find_decoder(decoder)->decode(rows, options);
        EXPECT_TRUE(decoded.ok()) << decoded.error().text();
        return decoded.ok() ? decoded.value().detections : std::vector<Detection>();
    }
};

} // namespace

TEST(BoxesLabels, read_rows_with_and_without_a_batch_dimension) {
    for (bool batched : {false, true}) {
        Lists l;
        l.floats("boxes", batched ? Shape{1, 3, 5} : Shape{3, 5},
                 {10, 20, 30, 60, 0.7f, 0, 0, 5, 5, 0.2f, 1, 2, 3, 4, 0.9f});
        l.longs("labels", batched ? Shape{1, 3} : Shape{3}, {1, 0, 2});
        expect_same(l.decode("boxes-labels", decode_options(100, 100)),
                    {make_box(1, 2, 2, 2, 0.9, 2), make_box(10, 20, 20, 40, 0.7, 1)});
    }
}

TEST(BoxesLabels, get_through_no_boxes_and_one_box) {
    Lists none;
    none.floats("boxes", {0, 5}, {}).longs("labels", {0}, {});
    EXPECT_TRUE(none.decode("boxes-labels", decode_options(100, 100)).empty());
    Lists one;
    one.floats("boxes", {1, 5}, {0, 0, 10, 10, 0.9f}).longs("labels", {1}, {4});
    expect_same(one.decode("boxes-labels", decode_options(100, 100)),
                {make_box(0, 0, 10, 10, 0.9, 4)});
}

TEST(BoxesLabels, give_masks_that_cover_the_box) {
    std::vector<float> masks(2 * 28 * 28, 0.25f);
    std::fill(masks.begin() + 28 * 28, masks.end(), 0.75f);
    Lists l;
    l.floats("boxes", {2, 5}, {0, 0, 10, 10, 0.8f, 5, 5, 20, 20, 0.9f})
        .longs("labels", {2}, {0, 1});
    l.floats("masks", {2, 28, 28}, masks)
        .floats("feature_vector", {1, 64, 1, 1}, std::vector<float>(64));
    const auto found = l.decode("boxes-labels", decode_options(100, 100));
    ASSERT_EQ(found.size(), 2u);
    ASSERT_TRUE(found[0].mask && found[1].mask);
    EXPECT_EQ(found[0].label, 1);
    EXPECT_EQ(found[0].mask->width, 28);
    EXPECT_EQ(found[0].mask->values[400], 191);
    EXPECT_EQ(found[1].mask->values[400], 64);
}

TEST(Torchvision, reads_lists_and_cuts_masks_of_the_whole_input) {
    std::vector<float> masks(40 * 20, 0.0f);
    for (int y = 5; y < 15; y++)
        for (int x = 10; x < 20; x++)
            masks[size_t(y * 40 + x)] = 1;
    Lists l;
    l.floats("boxes", {1, 4}, {10, 5, 30, 15}).longs("labels", {1}, {17});
    l.floats("scores", {1}, {0.9f}).floats("masks", {1, 1, 20, 40}, masks);
    const auto found = l.decode("torchvision", decode_options(40, 20));
    expect_same(found, {make_box(10, 5, 20, 10, 0.9, 17)});
    ASSERT_TRUE(found[0].mask);
    EXPECT_EQ(found[0].mask->width, 20);
    EXPECT_EQ(found[0].mask->height, 10);
    EXPECT_EQ(found[0].mask->values[5 * 20 + 4], 255);
    EXPECT_EQ(found[0].mask->values[5 * 20 + 15], 0);
}

TEST(Torchvision, knows_labels_by_type_where_names_say_nothing) {
    Lists l;
    l.floats("3179", {2, 4}, {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.5f, 1.1f, 1})
        .floats("3180", {2}, {0.6f, 0.8f});
    l.longs("3181", {2}, {3, 9});
    expect_same(l.decode("torchvision", decode_options(100, 200)),
                {make_box(50, 100, 60, 100, 0.8, 9), make_box(10, 40, 20, 40, 0.6, 3)});
}

TEST(TfDetection, reads_top_left_first_and_no_more_than_counted) {
    Lists l;
    l.floats("detection_boxes", {1, 3, 4}, {0.1f, 0.2f, 0.5f, 0.4f, 0, 0, 1, 1, 0, 0, 1, 1});
    l.floats("detection_classes", {1, 3}, {18, 1, 2})
        .floats("detection_scores", {1, 3}, {0.9f, 0.6f, 0.6f});
    l.floats("num_detections", {1}, {2});
    l.floats("raw_detection_boxes", {1, 7, 4}, std::vector<float>(28));
    l.floats("raw_detection_scores", {1, 7, 91}, std::vector<float>(7 * 91));
    expect_same(l.decode("tf-detection", decode_options(100, 200)),
                {make_box(20, 20, 20, 80, 0.9, 18), make_box(0, 0, 100, 200, 0.6, 1)});
}

TEST(EfficientNms, reads_left_top_first) {
    Lists l;
    l.add<int32_t>("num_dets", ElementType::I32, {1, 1}, {1});
    l.floats("det_boxes", {1, 2, 4}, {10, 20, 30, 60, 0, 0, 9, 9})
        .floats("det_scores", {1, 2}, {0.5f, 0.9f});
    l.add<int32_t>("det_classes", ElementType::I32, {1, 2}, {3, 4});
    expect_same(l.decode("efficientnms", decode_options(100, 100)),
                {make_box(10, 20, 20, 40, 0.5, 3)});
}

TEST(Paddle, reads_rows_and_their_count) {
    Lists l;
    l.floats("a", {3, 6}, {2, 0.9f, 10, 20, 30, 60, -1, 0.9f, 0, 0, 1, 1, 1, 0.9f, 0, 0, 5, 5});
    l.add<int32_t>("b", ElementType::I32, {1}, {2});
    expect_same(l.decode("paddle", decode_options(100, 100)), {make_box(10, 20, 20, 40, 0.9, 2)});
    Lists none;
    none.floats("a", {0, 6}, {}).add<int32_t>("b", ElementType::I32, {1}, {0});
    EXPECT_TRUE(none.decode("paddle", decode_options(100, 100)).empty());
}

TEST(Lists, never_keep_numbers_that_are_not_and_no_more_than_the_maximum) {
    Lists l;
    l.floats("boxes", {5, 4},
             {0, 0, nan_value, 1, 0, 0, infinity, 1, 9, 9, 2, 2, 0, 0, 5, 5, 0, 0, 6, 6});
    l.floats("labels", {5}, {1, 1, 1, nan_value, 1}).floats("scores", {5}, {1, 1, 1, 1, infinity});
    EXPECT_TRUE(l.decode("torchvision", decode_options(10, 10)).empty());
    Lists many;
    many.floats("boxes", {50, 4}, std::vector<float>(200, 5));
    many.longs("labels", {50}, std::vector<int64_t>(50, 1))
        .floats("scores", {50}, std::vector<float>(50, 0.9f));
    EXPECT_EQ(many.decode("torchvision", decode_options(10, 10, 0.5f, 0.5f, 7)).size(), 7u);
}

// ---- Corners and scores of all classes

TEST(CornerBoxes, agree_with_the_plain_rule) {
    const struct {
        const char* decoder;
        bool by_class, background, fractions;
    } cases[] = {{"pp-yoloe", true, false, false},
                 {"yolo-nas", false, false, false},
                 {"ssd-boxes", false, true, true},
                 {"ssd-boxes", false, false, true}};
    std::mt19937 random(21);
    constexpr int n = 84, classes = 4, width = 64, height = 64;
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.decoder) + (c.background ? " with background" : ""));
        Outputs o;
        auto boxes = o.add("boxes", {1, n, 4}).span<float>();
        auto scores =
            o.add("scores", c.by_class ? Shape{1, classes, n} : Shape{1, n, classes}).span<float>();
        fill_random(o[0], 0, c.fractions ? 0.5f : 32, random);
        std::vector<Detection> expected;
        for (size_t i = 0; i < n; i++) {
            std::vector<float> row(classes);
            float sum = 0;
            for (float& v : row)
                sum += v = float(random() % 1000) / 1000;
            for (size_t k = 0; k < classes; k++) {
                row[k] = c.background ? row[k] / sum : row[k];
                scores[c.by_class ? k * n + i : i * classes + k] = row[k];
            }
            boxes[i * 4 + 2] += boxes[i * 4];
            boxes[i * 4 + 3] += boxes[i * 4 + 1];
            size_t best = c.background ? 1 : 0;
            for (size_t k = best; k < classes; k++)
                if (row[k] > row[best])
                    best = k;
            const float unit = c.fractions ? 64 : 1;
            const float* b = &boxes[i * 4];
            if (row[best] >= 0.4f)
                expected.push_back(make_box(b[0] * unit, b[1] * unit, (b[2] - b[0]) * unit,
                                            (b[3] - b[1]) * unit, row[best], int(best)));
        }
        ASSERT_FALSE(expected.empty());
        suppress(expected, 0.45f, 300);
        expect_same(decode(c.decoder, o, decode_options(width, height, 0.4f)).detections, expected);
    }
}

TEST(CornerBoxes, read_boxes_with_a_dimension_of_one) {
    Outputs o;
    o.add("boxes", {1, 10, 1, 4});
    o.add("confs", {1, 10, 3});
    put(o[0], {0.25f, 0.5f, 0.5f, 1});
    put(o[1], {0.9f, 0.1f, 0.1f});
    expect_same(decode("ssd-boxes", o, decode_options(100, 100)).detections,
                {make_box(25, 50, 25, 50, 0.9, 0)});
}

// ---- Queries

TEST(Queries, agree_with_the_plain_rule) {
    const struct {
        const char* decoder;
        int classes;
        bool logits, boxes_first;
    } cases[] = {{"detr", 91, true, false},    {"detr", 3, true, false},
                 {"rt-detr", 80, true, false}, {"rt-detr", 1, true, true},
                 {"rf-detr", 91, true, true},  {"rf-detr", 2, false, false}};
    std::mt19937 random(22);
    constexpr int queries = 30, width = 320, height = 200;
    for (const auto& c : cases) {
        SCOPED_TRACE(c.decoder + std::to_string(c.classes));
        const bool softmax = std::string(c.decoder) == "detr";
        const int columns = c.classes + (softmax ? 1 : 0);
        Outputs o;
        for (bool boxes : {c.boxes_first, !c.boxes_first})
            o.add(boxes ? "pred_boxes" : "logits", {1, queries, boxes ? 4 : columns});
        Tensor &boxes = o[c.boxes_first ? 0 : 1], &logits = o[c.boxes_first ? 1 : 0];
        fill_random(boxes, 0, 1, random);
        fill_random(logits, c.logits ? -6.0f : 0.0f, c.logits ? 4.0f : 1.0f, random);
        std::vector<Detection> expected;
        for (int q = 0; q < queries; q++) {
            const float* row = &logits.span<float>()[size_t(q * columns)];
            int best = 0;
            double sum = 0;
            for (int k = 0; k < columns; k++)
                sum += std::exp(double(row[k]));
            for (int k = 0; k < c.classes; k++)
                if (row[k] > row[best])
                    best = k;
            const double score = softmax    ? std::exp(double(row[best])) / sum
                                 : c.logits ? 1 / (1 + std::exp(-double(row[best])))
                                            : row[best];
            const float* b = &boxes.span<float>()[size_t(q * 4)];
            if (score >= (softmax ? 0.05 : 0.6))
                expected.push_back(make_box((b[0] - b[2] / 2) * width, (b[1] - b[3] / 2) * height,
                                            b[2] * width, b[3] * height, score, best));
        }
        ASSERT_FALSE(expected.empty());
        suppress(expected, 1, 300);
        expect_same(
            decode(c.decoder, o, decode_options(width, height, softmax ? 0.05f : 0.6f)).detections,
            expected);
    }
}

TEST(RtDetr, also_reads_boxes_and_scores_in_one_and_final_lists) {
    Outputs o;
    o.add("output0", {1, 300, 6});
    put(o[0], {0.5f, 0.5f, 0.25f, 0.5f, 0.1f, 0.8f});
    expect_same(decode("rt-detr", o, decode_options(400, 400)).detections,
                {make_box(150, 100, 100, 200, 0.8, 1)});
    Lists l;
    l.longs("labels", {1, 2}, {5, 6}).floats("boxes", {1, 2, 4}, {0, 0, 9, 9, 10, 20, 30, 60});
    l.floats("scores", {1, 2}, {0.1f, 0.9f});
    expect_same(l.decode("rt-detr", decode_options(400, 400)), {make_box(10, 20, 20, 40, 0.9, 6)});
}

TEST(Queries, never_keep_numbers_that_are_not) {
    for (const char* decoder : {"detr", "rt-detr", "rf-detr"})
        for (float bad : {nan_value, infinity, -infinity}) {
            Outputs o;
            o.add("logits", {1, 10, 5}, bad);
            o.add("pred_boxes", {1, 10, 4}, 0.5f);
            EXPECT_TRUE(decode(decoder, o, decode_options(64, 64)).detections.empty())
                << decoder << bad;
            Outputs boxes;
            boxes.add("logits", {1, 10, 5}, 3);
            boxes.add("pred_boxes", {1, 10, 4}, bad);
            EXPECT_TRUE(decode(decoder, boxes, decode_options(64, 64, 0.1f)).detections.empty())
                << decoder;
        }
}
