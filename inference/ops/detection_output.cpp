// SPDX-License-Identifier: LGPL-2.1-or-later
// DetectionOutput: what a detector of the SSD family has found: boxes from priors and offsets,
// the best of them by class after non-maximum suppression.
//
//   in   offsets     f32 [N, priors * (classes or 1) * 4]
//        scores      f32 [N, priors * classes]
//        priors      f32 [1 or N, 2 or 1, priors * size]: corners (size 4; 5 with a leading number
//                    where not normalized), and a second row of variances unless
//                    variance_encoded_in_target
//        arm_scores, arm_offsets   f32 [N, priors * 2] and like offsets, optional: a first stage
//                    that tells objects from background and moves the priors
//   out  y           f32 [1, 1, N * rows, 7]: image, class, score, x0, y0, x1, y1; a row with image
//                    -1 ends the list
//   attr see Settings
//
// OpenVINO DetectionOutput-1, -8; Liu et al., SSD (2016); the first stage: RefineDet (Zhang 2018).
#include "inference/ops/kernel.h"

#include <array>
#include <cmath>
#include <numeric>

namespace infer {
namespace {

using Box = std::array<float, 4>; // x0, y0, x1, y1

struct Settings {
    explicit Settings(const Node& node)
        : background(node.attr("background_label_id", int64_t{0})),
          top_k(node.attr("top_k", int64_t{-1})), keep_top_k(node.attr("keep_top_k", int64_t{-1})),
          centered(on(node, "centered", 0)), encoded(on(node, "variance_encoded_in_target", 0)),
          shared(on(node, "share_location", 1)), clip_before(on(node, "clip_before_nms", 0)),
          clip_after(on(node, "clip_after_nms", 0)),
          best_class_only(on(node, "decrease_label_id", 0)), normalized(on(node, "normalized", 0)),
          width(float(node.attr("input_width", int64_t{1}))),
          height(float(node.attr("input_height", int64_t{1}))),
          iou(node.attr("nms_threshold", 0.0f)), least(node.attr("confidence_threshold", 0.0f)),
          objectness(node.attr("objectness_score", 0.0f)) {}

    static bool on(const Node& node, const char* key, int64_t fallback) {
        return node.attr(key, fallback) != 0;
    }
    int64_t background;        // class that is no object; -1: none is
    int64_t top_k, keep_top_k; // boxes a class before suppression, an image after it; -1: all
    bool centered;             // offsets move centre and size; else the corners
    bool encoded;              // variances are in the offsets already
    bool shared;               // one box for all classes
    bool clip_before, clip_after;
    bool best_class_only; // MXNet's way: each prior votes for its best class; classes count from 0
    bool normalized;      // priors are fractions; else pixels of width x height
    float width, height;
    float iou, least, objectness;
};

struct Sizes {
    int64_t images, priors, classes, boxes; // boxes a prior: one for each class, or 1
    int64_t prior_size, rows;
};

// Nothing if the inputs do not fit.
std::optional<Sizes> sizes_of(const Node& node, const Shape& offsets, const Shape& scores,
                              const Shape& priors) {
    const Settings s(node);
    Sizes z{};
    z.prior_size = s.normalized ? 4 : 5;
    if (offsets.size() != 2 || scores.size() != 2 || priors.size() != 3 ||
        scores[0] != offsets[0] || (priors[0] != 1 && priors[0] != offsets[0]) ||
        priors[1] != (s.encoded ? 1 : 2) || priors[2] % z.prior_size != 0 || priors[2] == 0)
        return {};
    z.images = offsets[0];
    z.priors = priors[2] / z.prior_size;
    z.classes = scores[1] / z.priors;
    z.boxes = s.shared ? 1 : z.classes;
    const int64_t named = node.attr("num_classes", int64_t{0}); // 0: not said
    if (z.classes < 1 || scores[1] != z.classes * z.priors || (named > 0 && named != z.classes) ||
        offsets[1] != z.priors * z.boxes * 4)
        return {};
    z.rows = s.keep_top_k > 0 ? s.keep_top_k
             : s.top_k > 0    ? s.top_k * z.classes
                              : z.priors * z.classes;
    return z;
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 5); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const auto z = sizes_of(node, in[0].shape, in[1].shape, in[2].shape);
    const bool staged = given(in, 3) || given(in, 4);
    if (!z || (staged && (!given(in, 3) || !given(in, 4) || in[4].shape != in[0].shape ||
                          in[3].shape != Shape{z->images, z->priors * 2})))
        return invalid(node, "its offsets " + to_string(in[0].shape) + ", scores " +
                                 to_string(in[1].shape) + " and priors " + to_string(in[2].shape) +
                                 " do not fit each other");
    return one(ElementType::F32, {1, 1, z->images * z->rows, 7});
}

// The prior moved by offsets; v: variances, nullptr where they are in the offsets already.
Box moved(const Settings& s, const Box& prior, const float* offsets, const float* v) {
    const auto by = [&](size_t k) { return (v ? v[k] : 1.0f) * offsets[k]; };
    Box box;
    if (s.centered) {
        const float w = prior[2] - prior[0], h = prior[3] - prior[1];
        const float x = (prior[0] + prior[2]) / 2 + by(0) * w,
                    y = (prior[1] + prior[3]) / 2 + by(1) * h;
        const float half_w = std::exp(by(2)) * w / 2, half_h = std::exp(by(3)) * h / 2;
        box = {x - half_w, y - half_h, x + half_w, y + half_h};
    } else
        for (size_t k = 0; k < 4; k++)
            box[k] = prior[k] + by(k);
    if (s.clip_before)
        for (float& c : box)
            c = std::clamp(c, 0.0f, 1.0f);
    return box;
}

// Boxes of one image, [priors][boxes].
std::vector<Box> boxes_of(const Settings& s, const Sizes& z, Views in, int64_t image) {
    const float* priors = in[2].span<float>().data() +
                          (in[2].shape[0] == 1 ? 0 : image * in[2].shape[1] * in[2].shape[2]);
    const float* variances = s.encoded ? nullptr : priors + z.priors * z.prior_size;
    const int64_t per_image = z.priors * z.boxes * 4;
    const float* offsets = in[0].span<float>().data() + image * per_image;
    const float* first = given(in, 4) ? in[4].span<float>().data() + image * per_image : nullptr;
    std::vector<Box> boxes;
    for (int64_t p = 0; p < z.priors; p++) {
        const float* corner = priors + p * z.prior_size + z.prior_size - 4;
        Box prior = {corner[0], corner[1], corner[2], corner[3]};
        if (!s.normalized)
            prior = {prior[0] / s.width, prior[1] / s.height, prior[2] / s.width,
                     prior[3] / s.height};
        const float* v = variances ? variances + p * 4 : nullptr;
        for (int64_t b = 0; b < z.boxes; b++) {
            const int64_t at = (p * z.boxes + b) * 4;
            boxes.push_back(
                moved(s, first ? moved(s, prior, first + at, v) : prior, offsets + at, v));
        }
    }
    return boxes;
}

// Scores of one image, [priors][classes]; where the first stage sees no object, all background.
std::vector<float> scores_of(const Settings& s, const Sizes& z, Views in, int64_t image) {
    const float* from = in[1].span<float>().data() + image * z.priors * z.classes;
    std::vector<float> scores(from, from + z.priors * z.classes);
    for (int64_t p = 0; given(in, 3) && p < z.priors; p++)
        if (in[3].span<float>()[size_t((image * z.priors + p) * 2 + 1)] < s.objectness)
            for (int64_t c = 0; c < z.classes; c++)
                scores[size_t(p * z.classes + c)] = c == s.background ? 1 : 0;
    return scores;
}

float overlap(const Box& a, const Box& b) {
    const float w = std::min(a[2], b[2]) - std::max(a[0], b[0]),
                h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
    if (!(w > 0) || !(h > 0))
        return 0;
    const auto area = [](const Box& r) { return (r[2] - r[0]) * (r[3] - r[1]); };
    return w * h / (area(a) + area(b) - w * h);
}

struct Found {
    float score;
    int64_t label, prior;
};

void sort_by_score(std::vector<Found>& found) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.score > b.score; });
}

class Image {
public:
    Image(const Settings& s, const Sizes& z, Views in, int64_t image)
        : s_(s), z_(z), boxes_(boxes_of(s, z, in, image)), scores_(scores_of(s, z, in, image)) {}

    const Box& box(const Found& f) const {
        return boxes_[size_t(f.prior * z_.boxes + (s_.shared ? 0 : f.label))];
    }
    std::vector<Found> found() const;

private:
    std::vector<Found> suppressed(std::vector<Found> all) const;
    std::vector<Found> by_class() const;
    std::vector<Found> by_best_class() const;

    const Settings& s_;
    const Sizes& z_;
    const std::vector<Box> boxes_;
    const std::vector<float> scores_;
};

// The best first, without those that cover a better one of their class.
std::vector<Found> Image::suppressed(std::vector<Found> all) const {
    sort_by_score(all);
    if (s_.top_k > -1 && all.size() > size_t(s_.top_k))
        all.resize(size_t(s_.top_k));
    std::vector<Found> kept;
    for (const Found& f : all)
        if (std::none_of(kept.begin(), kept.end(), [&](const Found& k) {
                return k.label == f.label && overlap(box(k), box(f)) > s_.iou;
            }))
            kept.push_back(f);
    return kept;
}

std::vector<Found> Image::by_class() const {
    std::vector<Found> all;
    for (int64_t c = 0; c < z_.classes; c++) {
        std::vector<Found> candidates;
        for (int64_t p = 0; c != s_.background && p < z_.priors; p++)
            if (const float score = scores_[size_t(p * z_.classes + c)]; score > s_.least)
                candidates.push_back({score, c, p});
        for (const Found& f : suppressed(std::move(candidates)))
            all.push_back(f);
    }
    return all;
}

std::vector<Found> Image::by_best_class() const {
    std::vector<Found> all;
    for (int64_t p = 0; p < z_.priors; p++) {
        Found best{-1, -1, p};
        for (int64_t c = 0; c < z_.classes; c++)
            if (const float score = scores_[size_t(p * z_.classes + c)];
                c != s_.background && score > best.score)
                best = {score, c, p};
        if (best.label >= 0 && best.score >= s_.least)
            all.push_back(best);
    }
    return suppressed(std::move(all));
}

// By class, the best of each first.
std::vector<Found> Image::found() const {
    std::vector<Found> all = s_.best_class_only ? by_best_class() : by_class();
    sort_by_score(all);
    if (s_.keep_top_k > -1 && all.size() > size_t(s_.keep_top_k))
        all.resize(size_t(s_.keep_top_k));
    std::stable_sort(all.begin(), all.end(),
                     [](const Found& a, const Found& b) { return a.label < b.label; });
    return all;
}

void run(const Node& node, Views in, Views out) {
    const Settings s(node);
    const Sizes z = *sizes_of(node, in[0].shape, in[1].shape, in[2].shape);
    float* y = out[0].span<float>().data();
    float* const end = y + count(out[0].shape);
    std::fill(y, end, 0.0f);
    for (int64_t n = 0; n < z.images; n++) {
        const Image image(s, z, in, n);
        for (const Found& f : image.found()) {
            if (y + 7 > end)
                return;
            y[0] = float(n);
            y[1] = float(f.label - (s.best_class_only ? 1 : 0));
            y[2] = f.score;
            for (size_t k = 0; k < 4; k++)
                y[3 + k] = s.clip_after ? std::clamp(image.box(f)[k], 0.0f, 1.0f) : image.box(f)[k];
            y += 7;
        }
    }
    if (y < end)
        y[0] = -1;
}

constexpr OpDef table[] = {{"DetectionOutput", infer, run}};

} // namespace

extern constinit const OpList ops_detection_output = table;

} // namespace infer
