// SPDX-License-Identifier: LGPL-2.1-or-later
// Families that measure boxes from anchors or cells, against second, plainly written
// implementations: each case makes random tensors and, with the plain rule, what must come out.
#include "tests/decode_case.h"

#include <cmath>
#include <limits>

using namespace infer;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

double squash(double x) { return 1 / (1 + std::exp(-x)); }
int up(int size, int stride) { return (size + stride - 1) / stride; }

struct Case {
    Outputs outputs;
    std::vector<Detection> expected; // before suppression
};

float at(Tensor& t, int64_t i) { return t.span<float>()[size_t(i)]; }

void check(const char* decoder, Case& c, DecodeOptions options, float tolerance = 0.02f) {
    SCOPED_TRACE(decoder);
    ASSERT_FALSE(c.expected.empty());
    suppress(c.expected, options.iou_threshold, options.max_detections);
    expect_same(decode(decoder, c.outputs, options).detections, c.expected, tolerance);
    const Fit fit =
        find_decoder(decoder)->fit(c.outputs.formats(), options.input_width, options.input_height);
    EXPECT_TRUE(fit.score > 0 || !options.anchors.empty()) << fit.why;
}

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

// ---- ssd-priors

struct Prior {
    double x, y, w, h;
    double vx = 0.1, vy = 0.1, vw = 0.2, vh = 0.2;
};

std::vector<Prior> tensorflow_priors() { // 300x300: grids of 19, 10, 5, 3, 2 and 1
    std::vector<Prior> priors;
    const int grids[] = {19, 10, 5, 3, 2, 1};
    const double sizes[] = {0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0};
    for (int layer = 0; layer < 6; layer++)
        for (int i = 0; i < grids[layer] * grids[layer]; i++) {
            const double x = (i % grids[layer] + 0.5) / grids[layer],
                         y = (i / grids[layer] + 0.5) / grids[layer];
            const auto add = [&](double size, double wide) {
                priors.push_back({x, y, size * std::sqrt(wide), size / std::sqrt(wide)});
            };
            if (layer == 0) {
                add(0.1, 1), add(0.2, 2), add(0.2, 0.5);
                continue;
            }
            for (double wide : {1.0, 2.0, 0.5, 3.0, 1.0 / 3})
                add(sizes[layer], wide);
            add(std::sqrt(sizes[layer] * sizes[layer + 1]), 1);
        }
    return priors;
}

enum class PriorForm { PriorBox, Centres, TensorFlow };

Case ssd(PriorForm form, int classes, bool logits, float threshold, std::mt19937& random) {
    Case c;
    std::vector<Prior> priors = tensorflow_priors();
    if (form != PriorForm::TensorFlow)
        priors.resize(200);
    const auto n = int64_t(priors.size());
    const bool flat = form == PriorForm::PriorBox, sums = form != PriorForm::TensorFlow;
    Tensor& loc = c.outputs.add("mbox_loc", flat ? Shape{1, 4 * n} : Shape{1, n, 4});
    fill_random(loc, -2, 2, random);
    Tensor conf = c.outputs.add("mbox_conf", flat ? Shape{1, n * classes} : Shape{1, n, classes});
    fill_random(conf, logits ? -3.0f : 0.0f, logits ? 3.0f : 1.0f, random);
    if (flat) {
        Tensor& p = c.outputs.add("mbox_priorbox", {1, 2, 4 * n});
        for (size_t i = 0; i < priors.size(); i++) {
            Prior& q = priors[i];
            q.vx = 0.2, q.vh = 0.3;
            const double numbers[] = {q.x - q.w / 2, q.y - q.h / 2, q.x + q.w / 2, q.y + q.h / 2};
            const double variances[] = {q.vx, q.vy, q.vw, q.vh};
            for (size_t k = 0; k < 4; k++) {
                p.span<float>()[4 * i + k] = float(numbers[k]);
                p.span<float>()[4 * priors.size() + 4 * i + k] = float(variances[k]);
            }
        }
    } else if (form == PriorForm::Centres) {
        Tensor& p = c.outputs.add("priors", {n, 4});
        for (size_t i = 0; i < priors.size(); i++)
            for (size_t k = 0; k < 4; k++)
                p.span<float>()[4 * i + k] =
                    float(std::array{priors[i].x, priors[i].y, priors[i].w, priors[i].h}[k]);
    }
    Tensor offsets = c.outputs[0];
    for (int64_t i = 0; i < n; i++) {
        const Prior& q = priors[size_t(i)];
        int best = 1;
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            sum += std::exp(double(at(conf, i * classes + k)));
            if (k > 0 && at(conf, i * classes + k) > at(conf, i * classes + best))
                best = k;
        }
        const double v = at(conf, i * classes + best);
        const double score = !logits ? v : sums ? std::exp(v) / sum : squash(v);
        const int first = sums ? 0 : 1; // TensorFlow has y before x
        const double x = q.x + at(offsets, 4 * i + first) * q.vx * q.w,
                     y = q.y + at(offsets, 4 * i + 1 - first) * q.vy * q.h;
        const double w = q.w * std::exp(at(offsets, 4 * i + 2 + first) * q.vw);
        const double h = q.h * std::exp(at(offsets, 4 * i + 3 - first) * q.vh);
        if (score >= threshold)
            c.expected.push_back(
                make_box((x - w / 2) * 300, (y - h / 2) * 300, w * 300, h * 300, score, best));
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

TEST(SsdPriors, agree_with_the_plain_rule_with_priors_given_and_computed) {
    std::mt19937 random(47);
    for (PriorForm form : {PriorForm::PriorBox, PriorForm::Centres, PriorForm::TensorFlow})
        for (bool logits : {false, true}) {
            const float threshold = logits && form != PriorForm::TensorFlow ? 0.7f : 0.9f;
            Case made = ssd(form, 4, logits, threshold, random);
            check("ssd-priors", made, decode_options(300, 300, threshold));
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

TEST(Anchors, families_never_keep_numbers_that_are_not) {
    std::mt19937 random(49);
    std::pair<const char*, Case> cases[] = {
        {"blazeface", blazeface(128, {{8, 2}, {16, 6}}, 6, false, 1, random)},
        {"retinaface", retinaface(128, 128, false, 1, random)},
        {"retinanet", retinanet(128, 128, 2, true, false, 1, random)},
        {"fcos", fcos(128, 128, 2, 5, false, 1, random)},
        {"centernet", centernet(128, 128, 3, false, 1, random)},
        {"picodet", bins(128, 128, 2, 8, 4, BinForm::Rows, 1, random)}};
    for (auto& [decoder, c] : cases)
        for (float bad : {nan_value, infinity, -infinity})
            for (size_t parts = 0; parts < 2; parts++) { // all bad, then every other output
                for (size_t i = 0; i < c.outputs.size(); i++)
                    for (float& v : c.outputs[i].span<float>())
                        v = parts == 0 || i % 2 ? bad : 0.9f;
                const auto found = decode(decoder, c.outputs, decode_options(128, 128)).detections;
                for (const Detection& d : found)
                    EXPECT_TRUE(std::isfinite(d.x + d.y + d.width + d.height + d.score))
                        << decoder << bad;
            }
}
