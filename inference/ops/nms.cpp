// SPDX-License-Identifier: LGPL-2.1-or-later
// NonMaxSuppression: the boxes that no better box of their class overlaps.
//
//   in   boxes             f32 [batch, n, 4], see center_point_box
//        scores            f32 [batch, classes, n]
//        max_output        integer: boxes a class, at most; absent or 0 or less: none at all
//        iou_threshold     f32: a box goes that overlaps a better one by more; absent: 0
//        score_threshold   f32: a box counts if its score is above; absent: all count
//        soft_nms_sigma    f32: above 0, overlapped boxes lose score by exp(-iou^2 / (2 sigma))
//                          instead of going (beyond iou_threshold they go); absent: 0
//   out  selected_indices  [m, 3]: batch, class, box. By batch and class, best box first
//        selected_scores   f32 [m, 3]: batch, class, score (as soft_nms_sigma left it), optional
//        valid_outputs     [1]: m, optional
//   attr center_point_box        0 (default): two opposite corners y, x, y, x; 1: x, y,
//                                width, height
//        sort_result_descending  default 0; 1: all batches and classes together, best first
//        suppress_equal          default 0; 1: a box goes that overlaps by iou_threshold or more
//        output_type             of indices and valid_outputs: "i64" (default) or "i32"
//
// ONNX NonMaxSuppression-11 has the first output and center_point_box. OpenVINO's versions 1 to 9
// are the same with the rest; its CPU plugin is `suppress_equal` and never fills up with -1.
#include "inference/ops/kernel.h"

#include <cmath>

namespace infer {
namespace {

enum Input { Boxes, Scores, MaxOutput, IouThreshold, ScoreThreshold, SoftSigma };

int64_t most_a_class(int64_t boxes, int64_t max_output) {
    return std::clamp<int64_t>(max_output, 0, boxes);
}

// The only element of a present input.
template <typename T> T number(Views in, size_t k, T absent) {
    T value = absent;
    if (given(in, k))
        visit(in[k].type,
              [&]<typename E>(std::type_identity<E>) { value = T(in[k].span<E>()[0]); });
    return value;
}

Result<void> check(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 6); !ok.ok())
        return ok;
    const Shape &boxes = in[Boxes].shape, &scores = in[Scores].shape;
    const bool fits = boxes.size() == 3 && scores.size() == 3 && boxes[2] == 4 &&
                      boxes[0] == scores[0] && boxes[1] == scores[2] &&
                      in[Boxes].type == ElementType::F32 && in[Scores].type == ElementType::F32;
    if (!fits)
        return invalid(node, "takes f32 boxes [batch, n, 4] and scores [batch, classes, n], not " +
                                 to_string(boxes) + " and " + to_string(scores));
    for (size_t k = MaxOutput; k < in.size(); k++)
        if (in[k].present && count(in[k].shape) != 1)
            return invalid(node, "input " + std::to_string(k) + " is " + to_string(in[k].shape) +
                                     ", not one number");
    if (!index_type_of(node, "output_type"))
        return invalid(node, "output_type is neither i32 nor i64");
    return {};
}

FactsResult infer_nms(const Node& node, Facts in) {
    if (auto ok = check(node, in); !ok.ok())
        return ok.error();
    const ElementType index = *index_type_of(node, "output_type");
    return std::vector{fact(index, {-1, 3}), fact(ElementType::F32, {-1, 3}), fact(index, {1})};
}

struct Pick {
    int64_t batch = 0, label = 0, box = 0;
    float score = 0;
};

// Corners in order, one array a coordinate, so that many boxes are compared at once.
struct Corners {
    std::vector<float> y0, x0, y1, x1, area;

    void add(float a, float b, float c, float d) {
        y0.push_back(a);
        x0.push_back(b);
        y1.push_back(c);
        x1.push_back(d);
        area.push_back((c - a) * (d - b));
    }
    void add(const Corners& from, size_t k) { add(from.y0[k], from.x0[k], from.y1[k], from.x1[k]); }
};

Corners corners_of(const float* boxes, int64_t n, bool center) {
    Corners corners;
    for (const float* b = boxes; n > 0; n--, b += 4) {
        if (center) // x, y, width, height
            corners.add(b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2);
        else
            corners.add(std::min(b[0], b[2]), std::min(b[1], b[3]), std::max(b[0], b[2]),
                        std::max(b[1], b[3]));
    }
    return corners;
}

// Overlap of box k of `all` with box j of `kept`; boxes without area overlap nothing.
float iou(const Corners& kept, size_t j, const Corners& all, size_t k) {
    const float height = std::min(kept.y1[j], all.y1[k]) - std::max(kept.y0[j], all.y0[k]);
    const float width = std::min(kept.x1[j], all.x1[k]) - std::max(kept.x0[j], all.x0[k]);
    const float common = std::max(height, 0.0f) * std::max(width, 0.0f);
    const float both = kept.area[j] + all.area[k] - common;
    return common > 0 && both > 0 ? common / both : 0.0f;
}

bool overlaps_any(const Corners& kept, const Corners& all, size_t k, float threshold) {
    constexpr size_t block = 16; // compared without looking in between
    for (size_t j = 0; j < kept.area.size(); j += block) {
        const size_t end = std::min(j + block, kept.area.size());
        int hits = 0;
        for (size_t i = j; i < end; i++)
            hits += iou(kept, i, all, k) > threshold;
        if (hits)
            return true;
    }
    return false;
}

// A box that may be chosen. `compared`: kept boxes its score has been lowered for.
struct Candidate {
    float score = 0;
    int64_t box = 0;
    size_t compared = 0;
};

// For heaps with the best on top: of equal scores the first box.
bool worse(const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score < b.score : a.box > b.box;
}

class Class {
public:
    Class(const Corners& boxes, float iou_threshold, float sigma)
        : boxes_(boxes), iou_threshold_(iou_threshold), scale_(sigma > 0 ? -0.5f / sigma : 0) {}

    // Appends at most `most` boxes with a score above `least` to `picks`, best first.
    void choose(const float* scores, float least, int64_t most, Pick place,
                std::vector<Pick>& picks);

private:
    bool keeps(Candidate& candidate, float least) const;

    const Corners& boxes_;
    const float iou_threshold_, scale_; // scale_ 0: overlapping boxes go at once
    Corners kept_;
    std::vector<Candidate> heap_;
};

// Whether the candidate stays; its score may have become less.
bool Class::keeps(Candidate& candidate, float least) const {
    const auto k = size_t(candidate.box);
    if (scale_ == 0)
        return !overlaps_any(kept_, boxes_, k, iou_threshold_);
    for (size_t j = kept_.area.size(); j-- > candidate.compared;) {
        const float overlap = iou(kept_, j, boxes_, k);
        if (overlap > iou_threshold_)
            return false;
        candidate.score *= std::exp(scale_ * overlap * overlap);
        if (!(candidate.score > least))
            return false;
    }
    candidate.compared = kept_.area.size();
    return true;
}

void Class::choose(const float* scores, float least, int64_t most, Pick place,
                   std::vector<Pick>& picks) {
    heap_.clear();
    kept_ = {};
    for (size_t k = 0; k < boxes_.area.size(); k++)
        if (scores[k] > least)
            heap_.push_back({scores[k], int64_t(k), 0});
    std::make_heap(heap_.begin(), heap_.end(), worse);
    while (!heap_.empty() && most > 0) {
        std::pop_heap(heap_.begin(), heap_.end(), worse);
        Candidate best = heap_.back();
        heap_.pop_back();
        const float before = best.score;
        if (!keeps(best, least))
            continue;
        if (best.score != before) { // its turn may be later now
            heap_.push_back(best);
            std::push_heap(heap_.begin(), heap_.end(), worse);
            continue;
        }
        kept_.add(boxes_, size_t(best.box));
        place.box = best.box;
        place.score = best.score;
        picks.push_back(place);
        most--;
    }
}

std::vector<Pick> choose_all(const Node& node, Views in) {
    const Shape& s = in[Scores].shape; // batch, classes, n
    const int64_t most = most_a_class(s[2], number<int64_t>(in, MaxOutput, 0));
    const float least = number(in, ScoreThreshold, -std::numeric_limits<float>::infinity());
    const bool center = node.attr("center_point_box", int64_t{0}) != 0;
    float overlap = number(in, IouThreshold, 0.0f);
    if (node.attr("suppress_equal", int64_t{0}))
        overlap = std::nextafter(overlap, -1.0f);
    std::vector<Pick> picks;
    for (int64_t batch = 0; batch < s[0] && most > 0; batch++) {
        const float* boxes = in[Boxes].span<float>().data() + batch * s[2] * 4;
        const Corners corners = corners_of(boxes, s[2], center);
        Class one(corners, overlap, number(in, SoftSigma, 0.0f));
        for (int64_t label = 0; label < s[1]; label++)
            one.choose(in[Scores].span<float>().data() + (batch * s[1] + label) * s[2], least, most,
                       {batch, label, 0, 0}, picks);
    }
    if (node.attr("sort_result_descending", int64_t{0}))
        std::stable_sort(picks.begin(), picks.end(),
                         [](const Pick& a, const Pick& b) { return a.score > b.score; });
    return picks;
}

std::vector<Tensor> make_nms(const Node& node, Views in) {
    const std::vector<Pick> picks = choose_all(node, in);
    const ElementType index = *index_type_of(node, "output_type");
    const auto rows = int64_t(picks.size());
    std::vector<int64_t> indices;
    Tensor scores(ElementType::F32, {rows, 3});
    auto score = scores.span<float>().begin();
    for (const Pick& p : picks) {
        indices.insert(indices.end(), {p.batch, p.label, p.box});
        for (const float x : {float(p.batch), float(p.label), p.score})
            *score++ = x;
    }
    return {indices_of(index, {rows, 3}, indices), scores, indices_of(index, {1}, {rows})};
}

constexpr OpDef table[] = {{"NonMaxSuppression", infer_nms, run_made<make_nms>, false, make_nms}};

} // namespace

extern constinit const OpList ops_nms = table;

} // namespace infer
