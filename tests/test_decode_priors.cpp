// SPDX-License-Identifier: LGPL-2.1-or-later
// SSD with prior boxes, against a second, plainly written implementation.
#include "tests/anchor_case.h"

using namespace infer;

namespace {

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

TEST(SsdPriors, agree_with_the_plain_rule_with_priors_given_and_computed) {
    std::mt19937 random(47);
    for (PriorForm form : {PriorForm::PriorBox, PriorForm::Centres, PriorForm::TensorFlow})
        for (bool logits : {false, true}) {
            const float threshold = logits && form != PriorForm::TensorFlow ? 0.7f : 0.9f;
            Case made = ssd(form, 4, logits, threshold, random);
            check("ssd-priors", made, decode_options(300, 300, threshold));
        }
}

TEST(SsdPriors, never_keep_numbers_that_are_not) {
    std::mt19937 random(49);
    Case made = ssd(PriorForm::PriorBox, 4, false, 1, random);
    expect_numbers("ssd-priors", made.outputs);
}
