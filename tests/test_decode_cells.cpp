// SPDX-License-Identifier: LGPL-2.1-or-later
// Families that measure boxes from the cells of their maps, against second, plainly written
// implementations.
#include "tests/anchor_case.h"

using namespace infer;

namespace {

// ---- fcos

Case fcos(int width, int height, int classes, int levels, bool logits, float threshold,
          std::mt19937& random) {
    Case c;
    for (int level = 0; level < levels; level++) {
        const int s = 8 << level, w = up(width, s), h = up(height, s), cells = w * h;
        const float low = logits ? -5.0f : 0.0f, high = logits ? 1.0f : 0.8f;
        const std::string end = std::to_string(s);
        fill_random(c.outputs.add("cls" + end, {1, classes, h, w}), low, high, random);
        fill_random(c.outputs.add("bbox" + end, {1, 4, h, w}), 0, 40, random);
        fill_random(c.outputs.add("centerness" + end, {1, 1, h, w}), low, high, random);
        const size_t first = 3 * size_t(level);
        Tensor &cls = c.outputs[first], &box = c.outputs[first + 1], &ctr = c.outputs[first + 2];
        for (int i = 0; i < cells; i++) {
            int best = 0;
            for (int k = 1; k < classes; k++)
                if (at(cls, k * cells + i) > at(cls, best * cells + i))
                    best = k;
            const double a = at(cls, best * cells + i), b = at(ctr, i);
            const double score = std::sqrt(logits ? squash(a) * squash(b) : a * b);
            const double x = (i % w + 0.5) * s, y = (i / w + 0.5) * s;
            if (score >= threshold)
                c.expected.push_back(make_box(
                    x - at(box, i), y - at(box, cells + i), at(box, i) + at(box, 2 * cells + i),
                    at(box, cells + i) + at(box, 3 * cells + i), score, best));
        }
    }
    return c;
}

// ---- centernet

Case centernet(int width, int height, int classes, bool logits, float threshold,
               std::mt19937& random) {
    Case c;
    const int w = width / 4, h = height / 4, cells = w * h;
    fill_random(c.outputs.add("hm", {1, classes, h, w}), logits ? -4.0f : 0.0f,
                logits ? 2.0f : 0.9f, random);
    fill_random(c.outputs.add("reg", {1, 2, h, w}), 0, 1, random);
    fill_random(c.outputs.add("wh", {1, 2, h, w}), 1, 8, random);
    Tensor &heat = c.outputs[0], &offset = c.outputs[1], &size = c.outputs[2];
    for (int k = 0; k < classes; k++)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                const int i = y * w + x;
                const double v = at(heat, k * cells + i), score = logits ? squash(v) : v;
                bool peak = score >= threshold;
                for (int j = std::max(y - 1, 0); j <= std::min(y + 1, h - 1); j++)
                    for (int n = std::max(x - 1, 0); n <= std::min(x + 1, w - 1); n++)
                        peak = peak && at(heat, k * cells + j * w + n) <= v;
                if (peak)
                    c.expected.push_back(
                        make_box((x + at(offset, i) - at(size, i) / 2) * 4,
                                 (y + at(offset, cells + i) - at(size, cells + i) / 2) * 4,
                                 at(size, i) * 4, at(size, cells + i) * 4, score, k));
            }
    return c;
}

// ---- Distances in bins, as maps or rows (see test_decode_grids.cpp for nanodet)

enum class BinForm { Rows, Maps, Joined };

Case bins(int width, int height, int classes, int count, int levels, BinForm form, float threshold,
          std::mt19937& random) {
    Case c;
    for (int level = 0; level < levels; level++) {
        const int s = 8 << level, w = up(width, s), h = up(height, s), cells = w * h;
        Tensor scores(ElementType::F32, {cells, classes}),
            sides(ElementType::F32, {cells, 4 * count});
        fill_random(scores, -6, 2, random);
        fill_random(sides, -3, 3, random);
        const auto spread = [&](Tensor& to, int64_t first, const Tensor& from) { // rows to maps
            const int64_t n = from.shape()[1];
            for (int64_t i = 0; i < cells; i++)
                for (int64_t k = 0; k < n; k++)
                    to.span<float>()[size_t((first + k) * cells + i)] =
                        from.span<float>()[size_t(i * n + k)];
        };
        const std::string end = std::to_string(s);
        if (form == BinForm::Joined) {
            Tensor& to = c.outputs.add("output" + end, {1, 4 * count + classes, h, w});
            spread(to, 0, sides);
            spread(to, 4 * count, scores);
        } else if (form == BinForm::Maps) {
            spread(c.outputs.add("reg" + end, {1, 4 * count, h, w}), 0, sides);
            spread(c.outputs.add("cls" + end, {1, classes, h, w}), 0, scores);
        } else {
            for (auto [name, from] : {std::pair{"cls", &scores}, std::pair{"reg", &sides}}) {
                Tensor& to = c.outputs.add(name + end, {1, cells, from->shape()[1]});
                std::copy(from->span<float>().begin(), from->span<float>().end(),
                          to.span<float>().begin());
            }
        }
        for (int i = 0; i < cells; i++) {
            int best = 0;
            for (int k = 1; k < classes; k++)
                if (at(scores, i * classes + k) > at(scores, i * classes + best))
                    best = k;
            double d[4];
            for (int side = 0; side < 4; side++) {
                double sum = 0, weighted = 0;
                for (int b = 0; b < count; b++) {
                    const double e = std::exp(double(at(sides, (i * 4 + side) * count + b)));
                    sum += e;
                    weighted += b * e;
                }
                d[side] = weighted / sum * s;
            }
            const double score = squash(at(scores, i * classes + best));
            if (score >= threshold)
                c.expected.push_back(make_box((i % w + 0.5) * s - d[0], (i / w + 0.5) * s - d[1],
                                              d[0] + d[2], d[1] + d[3], score, best));
        }
    }
    return c;
}

} // namespace

TEST(Fcos, agrees_with_the_plain_rule) {
    std::mt19937 random(44);
    for (int classes : {1, 4, 80})
        for (bool logits : {false, true}) {
            Case made = fcos(160, 128, classes, classes == 4 ? 3 : 5, logits, 0.6f, random);
            check("fcos", made, decode_options(160, 128, 0.6f, 0.6f));
        }
}

TEST(Centernet, agrees_with_the_plain_rule) {
    std::mt19937 random(45);
    for (int classes : {1, 2, 80})
        for (bool logits : {false, true}) {
            Case made = centernet(96, 64, classes, logits, 0.8f, random);
            check("centernet", made, decode_options(96, 64, 0.8f, 0.5f));
        }
}

TEST(Bins, agree_with_the_plain_rule_as_rows_and_maps) {
    std::mt19937 random(46);
    const struct {
        const char* decoder;
        int classes, bins, levels;
        BinForm form;
    } cases[] = {{"picodet", 80, 8, 4, BinForm::Rows},
                 {"picodet", 3, 8, 4, BinForm::Maps},
                 {"yolov8", 80, 16, 3, BinForm::Joined},
                 {"yolov8", 80, 16, 3, BinForm::Maps},
                 {"yolov8", 1, 16, 3, BinForm::Maps}};
    for (const auto& c : cases) {
        Case made = bins(128, 64, c.classes, c.bins, c.levels, c.form, 0.85f, random);
        check(c.decoder, made, decode_options(128, 64, 0.85f));
    }
}

TEST(Cells, never_keep_numbers_that_are_not) {
    std::mt19937 random(49);
    std::pair<const char*, Case> cases[] = {
        {"fcos", fcos(128, 128, 2, 5, false, 1, random)},
        {"centernet", centernet(128, 128, 3, false, 1, random)},
        {"picodet", bins(128, 128, 2, 8, 4, BinForm::Rows, 1, random)}};
    for (auto& [decoder, c] : cases)
        expect_numbers(decoder, c.outputs);
}
