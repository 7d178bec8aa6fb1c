// SPDX-License-Identifier: LGPL-2.1-or-later
// SSD without DetectionOutput: box offsets and class scores for each prior box.
//
//   offsets  f32 [1, N, 4], [1, N, 1, 4] or [1, 4N]
//   scores   f32 [1, N, classes] or [1, N * classes]  the first class is the background
//   priors   f32 [1, 2, 4N]  corners as fractions of the input, then variances: what PriorBox gives
//            f32 [N, 4]      centre and size as fractions; variances 0.1 and 0.2
//
// With priors, offsets are x, y, width, height, and scores that are not probabilities go through
// the softmax. Without priors, the model is one of TensorFlow's (SSD MobileNet), recognised by the
// count of its anchors: offsets are y, x, height, width, and scores go through the sigmoid.
// Sources: OpenVINO's DetectionOutput; TensorFlow's multiple_grid_anchor_generator.py and
// faster_rcnn_box_coder.py.

#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"
#include "inference/decode/table.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "offsets 1xNx4, scores 1xNxC and priors 1x2x4N or Nx4, or offsets and scores of TensorFlow's "
    "SSD anchors";

// Fractions of the input, and what offsets are multiplied by.
struct Prior {
    float x, y, width, height;
    float of_centre_x = 0.1f, of_centre_y = 0.1f, of_width = 0.2f, of_height = 0.2f;
};

int64_t numbers_of(const Slot& slot) {
    int64_t n = 1;
    for (int64_t d : slot.dims)
        n *= d;
    return n;
}

struct Roles {
    size_t offsets = 0, scores = 0;
    int priors = -1; // -1: TensorFlow's
    int64_t count = 0, classes = 0;
};

// TensorFlow's usual anchors: six grids, the finest with three anchors a cell, the others with six.
std::vector<Prior> tensorflow_priors(int input_width, int input_height) {
    constexpr int layers = 6;
    const auto size_at = [](int layer) { return 0.2f + 0.15f * float(layer); };
    std::vector<Prior> priors;
    int width = (input_width + 15) / 16, height = (input_height + 15) / 16;
    for (int layer = 0; layer < layers; layer++) {
        const float size = size_at(layer);
        const float next = layer + 1 < layers ? size_at(layer + 1) : 1.0f;
        std::vector<std::pair<float, float>> sizes; // and proportions, width over height
        if (layer == 0)
            sizes = {{0.1f, 1.0f}, {size, 2.0f}, {size, 0.5f}};
        else
            sizes = {{size, 1.0f}, {size, 2.0f},        {size, 0.5f},
                     {size, 3.0f}, {size, 1.0f / 3.0f}, {std::sqrt(size * next), 1.0f}};
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (const auto& [side, wide] : sizes)
                    priors.push_back({(float(x) + 0.5f) / float(width),
                                      (float(y) + 0.5f) / float(height), side * std::sqrt(wide),
                                      side / std::sqrt(wide)});
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
    return priors;
}

int64_t tensorflow_count(int input_width, int input_height) {
    int64_t count = 0;
    int64_t width = (input_width + 15) / 16, height = (input_height + 15) / 16;
    for (int layer = 0; layer < 6; layer++) {
        count += width * height * (layer == 0 ? 3 : 6);
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
    return count;
}

bool are_priors(const Slot& slot, const Shape& whole) {
    return (slot.dims.size() == 2 && slot.dims[0] == 2 && slot.dims[1] % 4 == 0) ||
           (whole.size() == 2 && whole[1] == 4 && whole[0] > 1);
}

// Of two outputs, which are the offsets: by name, else the one with four numbers a prior.
std::optional<Roles> split(std::span<const Slot> slots, size_t a, size_t b, int64_t count) {
    for (auto [offsets, scores] : {std::pair{a, b}, std::pair{b, a}}) {
        if (mentions(slots[scores].name, {"loc", "encod"}) ||
            mentions(slots[offsets].name, {"conf", "score", "class"}) ||
            numbers_of(slots[offsets]) != 4 * count || count < 1)
            continue;
        const int64_t numbers = numbers_of(slots[scores]);
        if (numbers % count == 0 && numbers / count >= 2)
            return Roles{offsets, scores, -1, count, numbers / count};
    }
    return std::nullopt;
}

std::optional<Roles> roles_of(std::span<const Slot> slots, std::span<const Shape> whole,
                              int input_width, int input_height) {
    if (slots.size() == 2)
        return split(slots, 0, 1, tensorflow_count(input_width, input_height));
    if (slots.size() != 3)
        return std::nullopt;
    for (size_t priors = 0; priors < 3; priors++) {
        if (!are_priors(slots[priors], whole[priors]))
            continue;
        const int64_t count =
            slots[priors].dims.size() == 2 ? slots[priors].dims[1] / 4 : whole[priors][0];
        if (auto roles = split(slots, priors == 0 ? 1 : 0, priors == 2 ? 1 : 2, count)) {
            roles->priors = int(priors);
            return roles;
        }
    }
    return std::nullopt;
}

std::vector<Prior> read_priors(const float* first, int64_t count, bool with_variances) {
    std::vector<Prior> priors;
    const float* variance = first + 4 * count;
    for (const float* p = first; p < first + 4 * count; p += 4, variance += 4)
        if (with_variances)
            priors.push_back({(p[0] + p[2]) / 2, (p[1] + p[3]) / 2, p[2] - p[0], p[3] - p[1],
                              variance[0], variance[1], variance[2], variance[3]});
        else
            priors.push_back({p[0], p[1], p[2], p[3]});
    return priors;
}

// What the scores of a row mean. The sigmoid keeps their order, and so does the softmax.
enum class Meaning { Probabilities, Sigmoid, Softmax };

float score_of(const Table& scores, const Best& best, Meaning meaning) {
    if (meaning == Meaning::Probabilities)
        return best.score;
    if (meaning == Meaning::Sigmoid)
        return sigmoid(best.score);
    float sum = 0;
    for (int64_t c = 0; c < scores.columns; c++)
        sum += std::exp(scores.at(best.row, c) - best.score);
    return 1 / sum;
}

void add(std::vector<Detection>& to, const Prior& p, const float* offset, bool y_first,
         const DecodeOptions& options, float score, int label) {
    const float ox = offset[y_first ? 1 : 0], oy = offset[y_first ? 0 : 1];
    const float ow = offset[y_first ? 3 : 2], oh = offset[y_first ? 2 : 3];
    const auto width = float(options.input_width), height = float(options.input_height);
    add_centred_box(to, (p.x + ox * p.of_centre_x * p.width) * width,
                    (p.y + oy * p.of_centre_y * p.height) * height,
                    p.width * std::exp(ow * p.of_width) * width,
                    p.height * std::exp(oh * p.of_height) * height, score, label);
}

std::vector<Shape> shapes_of(std::span<const NamedTensor> outputs) {
    std::vector<Shape> shapes;
    for (const NamedTensor& output : outputs)
        shapes.push_back(output.view.shape);
    return shapes;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles =
        roles_of(slots, shapes_of(outputs), options.input_width, options.input_height);
    if (!roles)
        return wrong_outputs("ssd-priors", slots, wanted);
    const auto data = all_floats(outputs, "ssd-priors");
    if (!data.ok())
        return data.error();
    const bool computed = roles->priors < 0;
    const std::vector<Prior> priors =
        computed ? tensorflow_priors(options.input_width, options.input_height)
                 : read_priors(data.value()[size_t(roles->priors)], roles->count,
                               slots[size_t(roles->priors)].dims.size() == 2);
    const Table scores = by_rows(data.value()[roles->scores], roles->count, roles->classes);
    const Meaning meaning = !scale_of(scores).logits ? Meaning::Probabilities
                            : computed               ? Meaning::Sigmoid
                                                     : Meaning::Softmax;
    const float least = meaning == Meaning::Probabilities ? options.threshold
                        : meaning == Meaning::Sigmoid     ? Scale{true}.limit(options.threshold)
                                                          : -std::numeric_limits<float>::max();
    Decoded decoded;
    for (const Best& best : best_of_rows(scores.part(1, roles->classes - 1), {}, least)) {
        const float score = score_of(scores, best, meaning);
        if (score >= options.threshold)
            add(decoded.detections, priors[size_t(best.row)],
                data.value()[roles->offsets] + 4 * best.row, computed, options, score,
                best.label + 1);
    }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    std::vector<Shape> shapes;
    for (const OutputFormat& output : outputs)
        shapes.push_back(output.shape);
    const auto roles = roles_of(slots_of(outputs), shapes, input_width, input_height);
    if (!roles)
        return {0, "ssd-priors has " + std::string(wanted), 0};
    return {85,
            "offsets and " + std::to_string(roles->classes) + " classes for " +
                std::to_string(roles->count) +
                (roles->priors < 0 ? " anchors, as many as TensorFlow's SSD has at this size"
                                   : " prior boxes"),
            int(roles->classes)};
}

} // namespace

extern const DecoderDef decoder_ssd_priors;
const DecoderDef decoder_ssd_priors = {
    .name = "ssd-priors",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::RGB,
                   .mean = {127.5f, 127.5f, 127.5f},
                   .std = {127.5f, 127.5f, 127.5f}},
    .threshold = 0.4f,
    .iou_threshold = 0.45f,
    .labels = coco_labels_91,
    .aliases = "ssd-mobilenet",
};

} // namespace infer
