// SPDX-License-Identifier: LGPL-2.1-or-later
// Proposal: the regions that a region proposal network finds worth a look (Ren et al., Faster
// R-CNN).
//
//   in   scores  f32 [N, 2 * A, H, W]: of A anchors in each cell, first that it is none, then that
//   it
//                is one
//        deltas  f32 [N, 4 * A, H, W]: how far each anchor is off: centre, then size (logarithms)
//        image   f32 [3] or [4]: height, width, then the scale of min_size, or that of height and
//        width
//   out  rois    f32 [N * post_nms_topn, 5]: image, x1, y1, x2, y2; behind the last of all the
//   image
//                is -1
//        scores  f32 [N * post_nms_topn], optional
//   attr base_size, feat_stride, min_size: pixels; ratio, scale: of the anchors; pre_nms_topn,
//        post_nms_topn, nms_thresh; box_size_scale, box_coordinate_scale (1); clip_before_nms (1),
//        clip_after_nms (0); normalize (0): to fractions of the image; tensorflow (0): other
//        anchors, and x runs downwards everywhere, so that deltas and rois have y before x
//
// OpenVINO Proposal-1 and -4.
#include "inference/ops/kernel.h"

#include <cmath>
#include <numeric>

namespace infer {
namespace {

constexpr int64_t max_pairs = 1'000'000'000; // of boxes that may be compared

std::vector<float> list_of(const Node& node, const char* key) {
    const auto it = node.attrs.find(key);
    const auto* values =
        it == node.attrs.end() ? nullptr : std::get_if<std::vector<float>>(&it->second);
    return values ? *values : std::vector<float>();
}

int64_t anchors_of(const Node& node) {
    return int64_t(list_of(node, "ratio").size() * list_of(node, "scale").size());
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 3); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    const Shape &x = in[0].shape, &deltas = in[1].shape;
    const int64_t anchors = anchors_of(node), image = count(in[2].shape),
                  post = node.attr("post_nms_topn", int64_t{0}),
                  pre = node.attr("pre_nms_topn", int64_t{0});
    if (anchors < 1 || anchors > max_dim || x.size() != 4 || x[1] != 2 * anchors ||
        deltas != Shape{x[0], 4 * anchors, x[2], x[3]} || (image != 3 && image != 4))
        return invalid(node, "takes [N, 2 * " + std::to_string(anchors) +
                                 ", H, W], [N, 4 * that, H, W] and [3], not " + to_string(x) +
                                 ", " + to_string(deltas) + " and " + to_string(in[2].shape));
    if (post < 1 || pre < 1 || node.attr("feat_stride", int64_t{1}) < 1)
        return invalid(node, "pre_nms_topn, post_nms_topn and feat_stride must be at least 1");
    if (std::min(pre, anchors * x[2] * x[3]) > max_pairs / post)
        return unsupported(node, "pre_nms_topn times post_nms_topn is too large");
    return std::vector<ValueFacts>{fact(ElementType::F32, {x[0] * post, 5}),
                                   fact(ElementType::F32, {x[0] * post})};
}

struct Box {
    float x1, y1, x2, y2, score;
};

// What the attributes say, and the size of the image.
struct Settings {
    bool tensorflow, clip_before, clip_after, normalize;
    float offset; // of a box of one pixel: its size less x2 - x1
    float height, width, min_height, min_width;
    float size_scale, coordinate_scale, iou;
    int64_t stride;

    Settings(const Node& node, std::span<const float> image)
        : tensorflow(node.attr("tensorflow", int64_t{0}) != 0),
          clip_before(node.attr("clip_before_nms", int64_t{1}) != 0),
          clip_after(node.attr("clip_after_nms", int64_t{0}) != 0),
          normalize(node.attr("normalize", int64_t{0}) != 0), offset(tensorflow ? 0 : 1),
          height(image[tensorflow ? 1 : 0]), width(image[tensorflow ? 0 : 1]),
          min_height(float(node.attr("min_size", int64_t{0})) *
                     image[tensorflow ? image.size() - 1 : 2]),
          min_width(float(node.attr("min_size", int64_t{0})) *
                    image[tensorflow ? 2 : image.size() - 1]),
          size_scale(node.attr("box_size_scale", 1.0f)),
          coordinate_scale(node.attr("box_coordinate_scale", 1.0f)),
          iou(node.attr("nms_thresh", 0.7f)), stride(node.attr("feat_stride", int64_t{1})) {}

    void clip(Box& b) const {
        const float right = width - offset, bottom = height - offset;
        b.x1 = std::max(0.0f, std::min(b.x1, right)), b.x2 = std::max(0.0f, std::min(b.x2, right));
        b.y1 = std::max(0.0f, std::min(b.y1, bottom)),
        b.y2 = std::max(0.0f, std::min(b.y2, bottom));
    }
};

// Around the first cell.
std::vector<Box> anchors_in_cell(const Node& node, const Settings& s) {
    const auto base = float(node.attr("base_size", int64_t{16}));
    const float center = s.tensorflow ? 0 : (base - s.offset) / 2;
    std::vector<Box> anchors;
    for (const float ratio : list_of(node, "ratio")) {
        float w = std::sqrt(base * base / ratio);
        w = s.tensorflow ? w : std::round(w);
        const float h = s.tensorflow ? w * ratio : std::round(w * ratio);
        for (const float scale : list_of(node, "scale")) {
            const float x = (w * scale - s.offset) / 2, y = (h * scale - s.offset) / 2;
            anchors.push_back({center - x, center - y, center + x, center + y, 0});
        }
    }
    return anchors;
}

// An anchor, moved and stretched as the network says.
Box moved(Box b, const float (&delta)[4], const Settings& s) {
    const float w = b.x2 - b.x1 + s.offset, h = b.y2 - b.y1 + s.offset;
    const float x = b.x1 + w / 2 + delta[0] / s.coordinate_scale * w,
                y = b.y1 + h / 2 + delta[1] / s.coordinate_scale * h;
    const float half_w = std::exp(delta[2] / s.size_scale) * w / 2,
                half_h = std::exp(delta[3] / s.size_scale) * h / 2;
    return {x - half_w, y - half_h, x + half_w, y + half_h, b.score};
}

// All boxes of image n, cell by cell. Those that are too small get the score 0.
std::vector<Box> boxes_of(const Settings& s, const std::vector<Box>& anchors, Views in, int64_t n) {
    const Shape& x = in[0].shape;
    const int64_t plane = x[2] * x[3], a = int64_t(anchors.size());
    const float* scores = in[0].span<float>().data() + (n * 2 * a + a) * plane;
    const float* deltas = in[1].span<float>().data() + n * 4 * a * plane;
    std::vector<Box> boxes;
    boxes.reserve(size_t(a * plane));
    for (int64_t i = 0; i < x[2]; i++)
        for (int64_t j = 0; j < x[3]; j++)
            for (int64_t k = 0; k < a; k++) {
                Box b = anchors[size_t(k)];
                const auto dx = float((s.tensorflow ? i : j) * s.stride),
                           dy = float((s.tensorflow ? j : i) * s.stride);
                b = {b.x1 + dx, b.y1 + dy, b.x2 + dx, b.y2 + dy, scores[k * plane + i * x[3] + j]};
                if (s.tensorflow)
                    s.clip(b);
                float delta[4];
                for (int64_t d = 0; d < 4; d++)
                    delta[d] = deltas[(4 * k + d) * plane + i * x[3] + j];
                b = moved(b, delta, s);
                if (s.clip_before)
                    s.clip(b);
                if (!(b.x2 - b.x1 + s.offset >= s.min_width &&
                      b.y2 - b.y1 + s.offset >= s.min_height))
                    b.score = 0;
                boxes.push_back(b);
            }
    return boxes;
}

float overlap(const Box& a, const Box& b, float offset) {
    const float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1) + offset,
                h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1) + offset;
    const auto area = [&](const Box& c) { return (c.x2 - c.x1 + offset) * (c.y2 - c.y1 + offset); };
    const float both = std::max(w, 0.0f) * std::max(h, 0.0f);
    return both / (area(a) + area(b) - both);
}

// The best `most` of the best `considered`, without those that overlap a better one.
std::vector<Box> best(std::vector<Box> boxes, int64_t considered, size_t most, const Settings& s) {
    std::stable_sort(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) {
        return (a.score == a.score ? a.score : -INFINITY) >
               (b.score == b.score ? b.score : -INFINITY);
    });
    boxes.resize(size_t(std::min(considered, int64_t(boxes.size()))));
    std::vector<Box> kept;
    for (const Box& b : boxes) {
        if (kept.size() == most)
            break;
        if (std::none_of(kept.begin(), kept.end(),
                         [&](const Box& k) { return overlap(k, b, s.offset) > s.iou; }))
            kept.push_back(b);
    }
    return kept;
}

void run(const Node& node, Views in, Views out) {
    const Settings s(node, in[2].span<float>());
    const auto anchors = anchors_in_cell(node, s);
    const int64_t post = node.attr("post_nms_topn", int64_t{0}),
                  pre = node.attr("pre_nms_topn", int64_t{0});
    const std::span<float> rois = out[0].span<float>();
    std::fill(rois.begin(), rois.end(), 0.0f);
    const bool has_scores = out.size() > 1 && out[1].data;
    if (has_scores)
        std::fill(out[1].span<float>().begin(), out[1].span<float>().end(), 0.0f);
    for (int64_t n = 0; n < in[0].shape[0]; n++) {
        auto row = size_t(n * post);
        for (Box b : best(boxes_of(s, anchors, in, n), pre, size_t(post), s)) {
            if (s.clip_after)
                s.clip(b);
            const float w = s.normalize ? s.width : 1, h = s.normalize ? s.height : 1;
            const float values[] = {float(n), b.x1 / w, b.y1 / h, b.x2 / w, b.y2 / h};
            std::copy(std::begin(values), std::end(values), rois.begin() + int64_t(row) * 5);
            if (has_scores)
                out[1].span<float>()[row] = b.score;
            row++;
        }
        if (row < size_t((n + 1) * post))
            rois[row * 5] = -1;
    }
}

constexpr OpDef table[] = {{"Proposal", infer, run}};

} // namespace

extern constinit const OpList ops_proposal = table;

} // namespace infer
