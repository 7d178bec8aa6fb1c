// SPDX-License-Identifier: LGPL-2.1-or-later
// Where text is, by DB (Liao et al., "Real-time Scene Text Detection with Differentiable
// Binarization", section 3.5): a map of the probability that a pixel is the core of a line.
//
//   output  f32 [1, 1, H, W], [1, H, W, 1] or [1, H, W]   probability, or its logit
//
// Pixels above 0.3 that touch (8 neighbours) are one line; the smallest rectangle around them is
// grown by area * 1.5 / perimeter on each side, for the core is a line shrunk. The score is the
// map's mean within the rectangle. Rectangles with a side below 3 pixels (5 when grown) are noise.
// A detection is the upright box; its four keypoints are the corners, from the top left clockwise.

#include "inference/decode/maps.h"
#include "inference/decode/rotated_box.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted = "one output with one number for each place of the input";
constexpr float core = 0.3f, growth = 1.5f;
constexpr float least_side = 3, least_grown_side = 5;
constexpr int most_lines = 1000; // looked at

struct ProbabilityMap {
    std::span<const float> values;
    int width = 0, height = 0;
    bool logits = false;

    float at(int x, int y) const {
        const float v = values[size_t(y) * size_t(width) + size_t(x)];
        return logits ? sigmoid(v) : v;
    }
};

// The border of the pixels that touch (x, y), row by row: the first and the last one of each run.
// Clears them in `inside`.
std::vector<Point> take_region(std::vector<uint8_t>& inside, const ProbabilityMap& map, int x,
                               int y) {
    struct Seed {
        int x, y;
    };
    std::vector<Point> border;
    std::vector<Seed> open = {{x, y}};
    const auto row = [&](int r) { return inside.data() + size_t(r) * size_t(map.width); };
    while (!open.empty()) {
        const Seed seed = open.back();
        open.pop_back();
        uint8_t* here = row(seed.y);
        if (!here[seed.x])
            continue;
        int left = seed.x, right = seed.x;
        while (left > 0 && here[left - 1])
            left--;
        while (right + 1 < map.width && here[right + 1])
            right++;
        std::fill(here + left, here + right + 1, uint8_t(0));
        border.push_back({float(left), float(seed.y)});
        border.push_back({float(right), float(seed.y)});
        for (int next : {seed.y - 1, seed.y + 1})
            for (int at = std::max(left - 1, 0);
                 next >= 0 && next < map.height && at <= std::min(right + 1, map.width - 1); at++)
                if (row(next)[at])
                    open.push_back({at, next});
    }
    return border;
}

// Mean over the pixels whose centre lies in the box.
float mean_within(const ProbabilityMap& map, const RotatedBox& box) {
    const auto corners = box.corners();
    const auto [left, right] =
        std::minmax({corners[0].x, corners[1].x, corners[2].x, corners[3].x});
    const auto [top, bottom] =
        std::minmax({corners[0].y, corners[1].y, corners[2].y, corners[3].y});
    const float slack = 1e-3f;
    double sum = 0;
    int count = 0;
    for (int y = std::max(0, int(top)); y <= std::min(map.height - 1, int(bottom) + 1); y++)
        for (int x = std::max(0, int(left)); x <= std::min(map.width - 1, int(right) + 1); x++) {
            const float dx = float(x) - box.centre.x, dy = float(y) - box.centre.y;
            if (std::abs(dx * box.along.x + dy * box.along.y) > box.half_width + slack ||
                std::abs(dy * box.along.x - dx * box.along.y) > box.half_height + slack)
                continue;
            const float v = map.at(x, y);
            sum += std::isfinite(v) ? v : 0;
            count++;
        }
    return count > 0 ? float(sum / count) : 0;
}

// The middle of pixel (x, y) is (x + 0.5, y + 0.5); cells become pixels of the model's input.
Detection to_detection(const RotatedBox& box, float score, float scale_x, float scale_y) {
    Detection d;
    d.score = std::min(score, 1.0f);
    float left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;
    for (const Point& corner : box.corners()) {
        const float x = (corner.x + 0.5f) * scale_x, y = (corner.y + 0.5f) * scale_y;
        d.keypoints.push_back({x, y, d.score});
        left = std::min(left, x), right = std::max(right, x);
        top = std::min(top, y), bottom = std::max(bottom, y);
    }
    d.x = left, d.y = top, d.width = right - left, d.height = bottom - top;
    return d;
}

void add_line(std::vector<Point>& border, const ProbabilityMap& map, const DecodeOptions& options,
              std::vector<Detection>& to) {
    RotatedBox box = smallest_box(convex_hull(border));
    if (2 * std::min(box.half_width, box.half_height) < least_side)
        return;
    const float score = mean_within(map, box);
    if (!(score >= options.threshold))
        return;
    const float area = 4 * box.half_width * box.half_height;
    const float by = area * growth / (4 * (box.half_width + box.half_height));
    box.half_width += by;
    box.half_height += by;
    if (2 * std::min(box.half_width, box.half_height) >= least_grown_side)
        to.push_back(to_detection(box, score, float(options.input_width) / float(map.width),
                                  float(options.input_height) / float(map.height)));
}

std::vector<Detection> find_lines(const ProbabilityMap& map, const DecodeOptions& options) {
    std::vector<uint8_t> inside(map.values.size());
    const float least = map.logits ? std::log(core / (1 - core)) : core;
    for (size_t i = 0; i < inside.size(); i++)
        inside[i] = map.values[i] > least;
    std::vector<Detection> lines;
    int looked_at = 0;
    for (int y = 0; y < map.height; y++)
        for (int x = 0; x < map.width && looked_at < most_lines; x++)
            if (inside[size_t(y) * size_t(map.width) + size_t(x)]) {
                std::vector<Point> border = take_region(inside, map, x, y);
                looked_at++;
                add_line(border, map, options, lines);
            }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const Detection& a, const Detection& b) { return a.score > b.score; });
    lines.resize(std::min(lines.size(), size_t(options.max_detections)));
    return lines;
}

std::optional<MapForm> form_of(std::span<const Slot> slots, int width, int height) {
    const auto form = slots.size() == 1 ? map_form(slots[0], width, height) : std::nullopt;
    return form && form->channels == 1 ? form : std::nullopt;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto form = form_of(slots, options.input_width, options.input_height);
    if (!form)
        return wrong_outputs("textboxes", slots, wanted);
    const auto values = floats(outputs[0], "textboxes");
    if (!values.ok())
        return values.error();
    ProbabilityMap map{values.value(), int(form->width), int(form->height), false};
    map.logits = std::any_of(map.values.begin(), map.values.end(),
                             [](float v) { return v < -0.01f || v > 1.01f; });
    Decoded decoded;
    decoded.detections = find_lines(map, options);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int width, int height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto form = form_of(slots, width, height);
    const int stride = form ? map_stride(*form, width, height) : 0;
    if (stride == 0 || stride > 4 || outputs[0].type != ElementType::F32)
        return {0, "textboxes has " + std::string(wanted), 0};
    const std::string name(slots[0].name);
    if (mentions(name, {"text", "binar", "shrink"}))
        return {70, "a number for each place under the name `" + name + "`", 1};
    // What PaddlePaddle's exporters call outputs without a name.
    if (mentions(name, {".tmp_", "fetch_name", "save_infer_model"}))
        return {55, "a number for each place, exported from PaddlePaddle", 1};
    return {0, "the name `" + name + "` does not speak of text", 0};
}

} // namespace

extern const DecoderDef decoder_textboxes;
const DecoderDef decoder_textboxes = {
    .name = "textboxes",
    .decode = decode,
    .fit = fit,
    // PaddleOCR's: ImageNet's numbers, though in the order blue, green, red.
    .preprocess = {.color = PreprocessSpec::BGR,
                   .mean = {123.675f, 116.28f, 103.53f},
                   .std = {58.395f, 57.12f, 57.375f}},
    .threshold = 0.6f,
    .labels = "text",
};

} // namespace infer
