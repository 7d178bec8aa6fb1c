// SPDX-License-Identifier: LGPL-2.1-or-later
// Families with anchors, against second, plainly written implementations.
#include "tests/anchor_case.h"

using namespace infer;

namespace {

// ---- blazeface

struct Layer {
    int stride, per_cell;
};

Case blazeface(int size, const std::vector<Layer>& layers, int points, bool split, float threshold,
               std::mt19937& random) {
    Case c;
    const int columns = 4 + 2 * points;
    std::vector<int> counts;
    for (const Layer& l : layers)
        counts.push_back(up(size, l.stride) * up(size, l.stride) * l.per_cell);
    if (!split)
        counts = {counts[0] + (counts.size() > 1 ? counts[1] : 0) +
                  (counts.size() > 2 ? counts[2] : 0)};
    for (int n : counts) {
        fill_random(c.outputs.add("regressors" + std::to_string(n), {1, n, columns}), -20, 60,
                    random);
        fill_random(c.outputs.add("scores" + std::to_string(n), {1, n, 1}), -6, 2, random);
    }
    size_t output = 0;
    int64_t row = 0;
    for (const Layer& l : layers) {
        const int across = up(size, l.stride);
        for (int y = 0; y < across; y++)
            for (int x = 0; x < across; x++)
                for (int k = 0; k < l.per_cell; k++, row++) {
                    Tensor &r = c.outputs[output], &s = c.outputs[output + 1];
                    const double cx = (x + 0.5) * l.stride, cy = (y + 0.5) * l.stride;
                    const double w = at(r, row * columns + 2), h = at(r, row * columns + 3);
                    const double score = squash(at(s, row));
                    if (score < threshold || w < 0 || h < 0)
                        continue;
                    Detection d = make_box(cx + at(r, row * columns) - w / 2,
                                           cy + at(r, row * columns + 1) - h / 2, w, h, score, 0);
                    for (int p = 0; p < points; p++)
                        d.keypoints.push_back({float(cx + at(r, row * columns + 4 + 2 * p)),
                                               float(cy + at(r, row * columns + 5 + 2 * p)),
                                               d.score});
                    c.expected.push_back(d);
                }
        if (split) {
            output += 2;
            row = 0;
        }
    }
    return c;
}

// ---- retinaface

Case retinaface(int width, int height, bool logits, float threshold, std::mt19937& random) {
    Case c;
    int64_t n = 0;
    for (int stride : {8, 16, 32})
        n += 2 * up(width, stride) * up(height, stride);
    fill_random(c.outputs.add("loc", {1, n, 4}), -2, 2, random);
    fill_random(c.outputs.add("conf", {1, n, 2}), logits ? -3.0f : 0.0f, logits ? 3.0f : 1.0f,
                random);
    fill_random(c.outputs.add("landms", {1, n, 10}), -3, 3, random);
    Tensor &loc = c.outputs[0], &conf = c.outputs[1], &points = c.outputs[2];
    if (!logits)
        for (int64_t i = 0; i < n; i++)
            conf.span<float>()[size_t(2 * i)] = 1 - at(conf, 2 * i + 1);
    int64_t i = 0;
    double smallest = 16;
    for (int stride : {8, 16, 32}) {
        for (int y = 0; y < up(height, stride); y++)
            for (int x = 0; x < up(width, stride); x++)
                for (double side : {smallest, 2 * smallest}) {
                    const double cx = (x + 0.5) * stride, cy = (y + 0.5) * stride;
                    const double score = logits ? std::exp(double(at(conf, 2 * i + 1))) /
                                                      (std::exp(double(at(conf, 2 * i))) +
                                                       std::exp(double(at(conf, 2 * i + 1))))
                                                : at(conf, 2 * i + 1);
                    const double w = side * std::exp(at(loc, 4 * i + 2) * 0.2);
                    const double h = side * std::exp(at(loc, 4 * i + 3) * 0.2);
                    Detection d =
                        make_box(cx + at(loc, 4 * i) * 0.1 * side - w / 2,
                                 cy + at(loc, 4 * i + 1) * 0.1 * side - h / 2, w, h, score, 1);
                    for (int k = 0; k < 5; k++)
                        d.keypoints.push_back(
                            {float(cx + at(points, 10 * i + 2 * k) * 0.1 * side),
                             float(cy + at(points, 10 * i + 2 * k + 1) * 0.1 * side), d.score});
                    if (score >= threshold)
                        c.expected.push_back(d);
                    i++;
                }
        smallest *= 4;
    }
    return c;
}

// ---- retinanet

std::vector<std::pair<double, double>> retina_sides(int stride, bool maps) {
    std::vector<std::pair<double, double>> sides;
    const double ratios[] = {maps ? 1.0 : 0.5, maps ? 2.0 : 1.0, maps ? 0.5 : 2.0};
    for (int i = 0; i < 9; i++) {
        const double tall = ratios[maps ? i % 3 : i / 3],
                     octave = std::pow(2, (maps ? i / 3 : i % 3) / 3.0);
        if (maps) {
            const double w = std::nearbyint(stride / std::sqrt(tall));
            sides.emplace_back(w * 4 * octave, std::nearbyint(w * tall) * 4 * octave);
        } else {
            const double scale = std::floor(4 * stride * octave);
            sides.emplace_back(2 * std::nearbyint(scale / std::sqrt(tall) / 2),
                               2 * std::nearbyint(scale * std::sqrt(tall) / 2));
        }
    }
    return sides;
}

Case retinanet(int width, int height, int classes, bool maps, bool logits, float threshold,
               std::mt19937& random) {
    Case c;
    const int strides[] = {8, 16, 32, 64, 128};
    int64_t all = 0;
    for (int s : strides)
        all += 9 * up(width, s) * up(height, s);
    for (int s : strides) {
        const int64_t w = up(width, s), h = up(height, s);
        if (!maps && s != 8)
            break;
        Tensor& scores = c.outputs.add("cls" + std::to_string(s),
                                       maps ? Shape{1, 9 * classes, h, w} : Shape{1, all, classes});
        fill_random(scores, logits ? -7.0f : 0.0f, logits ? 1.0f : 0.72f, random);
        fill_random(
            c.outputs.add("box" + std::to_string(s), maps ? Shape{1, 36, h, w} : Shape{1, all, 4}),
            -0.5f, 0.5f, random);
    }
    int64_t row = 0;
    for (int level = 0; level < 5; level++) {
        const int s = strides[level], w = up(width, s), h = up(height, s), cells = w * h;
        Tensor &scores = c.outputs[maps ? 2 * size_t(level) : 0],
               &boxes = c.outputs[maps ? 2 * size_t(level) + 1 : 1];
        const auto sides = retina_sides(s, maps);
        for (int i = 0; i < cells * 9; i++, row++) {
            // Boxes come anchor by anchor; lists cell by cell. Order matters only for equal scores.
            const int a = i % 9, cell = i / 9;
            const auto score_at = [&](int k) {
                return at(scores, maps ? (a * classes + k) * cells + cell : row * classes + k);
            };
            const auto box_at = [&](int k) {
                return at(boxes, maps ? (a * 4 + k) * cells + cell : row * 4 + k);
            };
            int best = 0;
            for (int k = 1; k < classes; k++)
                if (score_at(k) > score_at(best))
                    best = k;
            const double score = logits ? squash(score_at(best)) : score_at(best);
            const double middle = maps ? 0.5 : 0, sw = sides[size_t(a)].first,
                         sh = sides[size_t(a)].second;
            const double x = (cell % w + middle) * s + box_at(0) * sw,
                         y = (cell / w + middle) * s + box_at(1) * sh;
            const double bw = sw * std::exp(double(box_at(2))),
                         bh = sh * std::exp(double(box_at(3)));
            if (score >= threshold)
                c.expected.push_back(make_box(x - bw / 2, y - bh / 2, bw, bh, score, best));
        }
    }
    return c;
}

} // namespace

TEST(Blazeface, agrees_with_the_plain_rule_for_all_its_anchors) {
    std::mt19937 random(41);
    const struct {
        int size;
        std::vector<Layer> layers;
        int points;
        bool split;
    } cases[] = {{128, {{8, 2}, {16, 6}}, 6, false},
                 {192, {{8, 2}, {16, 6}}, 7, false},
                 {224, {{8, 2}, {16, 2}, {32, 6}}, 4, false},
                 {192, {{4, 1}}, 6, false},
                 {128, {{8, 2}, {16, 6}}, 6, true}};
    for (const auto& c : cases) {
        Case made = blazeface(c.size, c.layers, c.points, c.split, 0.8f, random);
        check("blazeface", made, decode_options(c.size, c.size, 0.8f, 0.3f));
    }
}

TEST(Retinaface, agrees_with_the_plain_rule) {
    std::mt19937 random(42);
    for (bool logits : {false, true}) {
        Case made = retinaface(100, 64, logits, 0.9f, random);
        check("retinaface", made, decode_options(100, 64, 0.9f, 0.4f));
    }
}

TEST(Retinanet, agrees_with_the_plain_rule_as_maps_and_lists) {
    std::mt19937 random(43);
    for (bool maps : {false, true})
        for (bool logits : {false, true}) {
            Case made = retinanet(160, 128, 5, maps, logits, 0.71f, random);
            check("retinanet", made, decode_options(160, 128, 0.71f, 0.5f));
        }
}

TEST(Anchors, of_the_config_count_in_retinanet) {
    std::mt19937 random(48);
    Case made = retinanet(160, 128, 2, true, false, 0.7f, random);
    DecodeOptions options = decode_options(160, 128, 0.7f, 0.5f);
    for (int stride : {8, 16, 32, 64, 128})
        for (const auto& [width, height] : retina_sides(stride, true)) {
            options.anchors.push_back(float(width));
            options.anchors.push_back(float(height));
        }
    check("retinanet", made, options);
}

TEST(Anchors, never_keep_numbers_that_are_not) {
    std::mt19937 random(49);
    std::pair<const char*, Case> cases[] = {
        {"blazeface", blazeface(128, {{8, 2}, {16, 6}}, 6, false, 1, random)},
        {"retinaface", retinaface(128, 128, false, 1, random)},
        {"retinanet", retinanet(128, 128, 2, true, false, 1, random)}};
    for (auto& [decoder, c] : cases)
        expect_numbers(decoder, c.outputs);
}
