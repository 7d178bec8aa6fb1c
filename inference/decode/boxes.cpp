// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/boxes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace infer {
namespace {

// Indices of `detections` by falling score; NaN scores are left out.
std::vector<size_t> by_score(const std::vector<Detection>& detections) {
    std::vector<size_t> order;
    order.reserve(detections.size());
    for (size_t i = 0; i < detections.size(); i++)
        if (!std::isnan(detections[i].score))
            order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return detections[a].score > detections[b].score; });
    return order;
}

// Boxes kept so far, column by column, so that comparing one box with all of them is a loop
// without branches that compilers vectorise.
class Kept {
public:
    void add(const Detection& d) {
        left_.push_back(d.x);
        top_.push_back(d.y);
        right_.push_back(d.x + d.width);
        bottom_.push_back(d.y + d.height);
        label_.push_back(d.label);
    }

    bool overlaps(const Detection& d, float iou_threshold) const {
        const float left = d.x, top = d.y, right = d.x + d.width, bottom = d.y + d.height;
        const float area = (right - left) * (bottom - top);
        int hits = 0;
        for (size_t k = 0; k < left_.size(); k++) {
            const float w = std::min(right, right_[k]) - std::max(left, left_[k]);
            const float h = std::min(bottom, bottom_[k]) - std::max(top, top_[k]);
            const float both = (w > 0 ? w : 0) * (h > 0 ? h : 0);
            const float other = (right_[k] - left_[k]) * (bottom_[k] - top_[k]);
            // 0 / 0 of two empty boxes is NaN, which is not greater than anything.
            hits |= int(both / (area + other - both) > iou_threshold) & int(label_[k] == d.label);
        }
        return hits != 0;
    }

private:
    std::vector<float> left_, top_, right_, bottom_;
    std::vector<int> label_;
};

} // namespace

Detection* add_box(std::vector<Detection>& to, float left, float top, float right, float bottom,
                   float score, int label) {
    const float width = right - left, height = bottom - top;
    // NaN or infinite corners make the sum so too; a swapped corner makes a side negative.
    if (!std::isfinite(left + top + width + height + score) || width < 0 || height < 0)
        return nullptr;
    Detection& d = to.emplace_back();
    d.x = left;
    d.y = top;
    d.width = width;
    d.height = height;
    d.score = score;
    d.label = label;
    return &d;
}

Detection* add_centred_box(std::vector<Detection>& to, float x, float y, float width, float height,
                           float score, int label) {
    return add_box(to, x - width / 2, y - height / 2, x + width / 2, y + height / 2, score, label);
}

bool is_label(float number) {
    constexpr float most = 1e6f;
    return number >= 0 && number <= most;
}

void scale_fractions(std::vector<Detection>& detections, const DecodeOptions& options) {
    constexpr float most = 2; // boxes that leave the picture are a little larger than 1
    for (const Detection& d : detections)
        if (std::max({std::abs(d.x), std::abs(d.y), d.width, d.height}) > most)
            return;
    const float width = float(options.input_width), height = float(options.input_height);
    for (Detection& d : detections) {
        d.x *= width;
        d.width *= width;
        d.y *= height;
        d.height *= height;
        for (Keypoint& point : d.keypoints) {
            point.x *= width;
            point.y *= height;
        }
    }
}

void take(std::vector<Detection>& detections, const std::vector<size_t>& chosen) {
    std::vector<Detection> taken;
    taken.reserve(chosen.size());
    for (size_t i : chosen)
        taken.push_back(std::move(detections[i]));
    detections = std::move(taken);
}

std::vector<size_t> best_indices(const std::vector<Detection>& detections, int max) {
    std::vector<size_t> order = by_score(detections);
    if (order.size() > size_t(std::max(max, 0)))
        order.resize(size_t(std::max(max, 0)));
    return order;
}

void keep_best(std::vector<Detection>& detections, int max) {
    take(detections, best_indices(detections, max));
}

std::vector<size_t> suppressed_indices(const std::vector<Detection>& detections,
                                       float iou_threshold, int max) {
    std::vector<size_t> chosen;
    Kept kept;
    for (size_t i : by_score(detections)) {
        if (int64_t(chosen.size()) >= max)
            break;
        if (kept.overlaps(detections[i], iou_threshold))
            continue;
        kept.add(detections[i]);
        chosen.push_back(i);
    }
    return chosen;
}

void suppress(std::vector<Detection>& detections, float iou_threshold, int max) {
    take(detections, suppressed_indices(detections, iou_threshold, max));
}

} // namespace infer
