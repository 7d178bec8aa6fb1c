// SPDX-License-Identifier: LGPL-2.1-or-later
// NanoDet: anchor-free, boxes as distributions of the distance from a cell to each side.
//
// In pairs, one for each stride (8, 16, 32 and, in NanoDet-Plus, 64); any order:
//   scores     f32 [1, cells, classes]
//   distances  f32 [1, cells, 4 * bins]  left, top, right, bottom; the expected bin of the softmax
//              over `bins` logits is the distance in strides
// or in one tensor, as newer exports have it:
//   output     f32 [1, cells of all strides, classes + 4 * 8]
//
// Scores are probabilities or logits, told apart by their values. Cells lie row by row. The point
// of a cell is its middle; in NanoDet-Plus (known by stride 64) its top left corner. Sources: the
// project's gfl_head.py, nanodet_head.py and nanodet_plus_head.py.

#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "scores 1xNxC and distances 1xNx4B for the N cells of each stride 8, 16, 32 (and 64), or one "
    "output 1xNx(C + 32) over all of them";
constexpr int64_t one_output_bins = 8; // one tensor does not tell; all published models have 8

// Where one stride's numbers lie: columns [first, first + count) of the rows [row, row + cells) of
// an output.
struct Columns {
    size_t output = 0;
    int64_t first = 0, count = 0, row = 0;
};

struct Layout {
    Pyramid pyramid;
    std::array<Columns, 4> scores, distances;
    int64_t classes = 0, bins = 0;
    bool one_output = false;
};

std::optional<Layout> one_output_layout(const Slot& slot, int input_width, int input_height) {
    const int64_t classes = slot.dims.size() == 2 ? slot.dims[1] - 4 * one_output_bins : 0;
    if (classes < 1)
        return std::nullopt;
    for (int levels : {3, 4}) {
        Layout l{
            pyramid(levels, input_width, input_height), {}, {}, classes, one_output_bins, true};
        if (l.pyramid.cells != slot.dims[0])
            continue;
        int64_t row = 0;
        for (size_t i = 0; i < size_t(levels); i++) {
            l.scores[i] = {0, 0, classes, row};
            l.distances[i] = {0, classes, 4 * one_output_bins, row};
            row += l.pyramid.levels[i].cells();
        }
        return l;
    }
    return std::nullopt;
}

bool may_be_distances(const Slot& slot) { return slot.dims[1] % 4 == 0 && slot.dims[1] >= 8; }

// Of the two outputs of one stride: is the first the distances? By name, else by width, else no:
// every export lists the scores first.
bool distances_first(const Slot& a, const Slot& b) {
    const std::initializer_list<std::string_view> words = {"dis", "reg", "bbox", "box"};
    if (mentions(a.name, words) != mentions(b.name, words))
        return mentions(a.name, words);
    return may_be_distances(a) && !may_be_distances(b);
}

std::optional<Layout> pair_layout(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 6 && slots.size() != 8)
        return std::nullopt;
    Layout l{pyramid(int(slots.size() / 2), input_width, input_height), {}, {}, 0, 0, false};
    for (size_t level = 0; level < slots.size() / 2; level++) {
        std::vector<size_t> two;
        for (size_t i = 0; i < slots.size(); i++)
            if (slots[i].dims.size() == 2 && slots[i].dims[0] == l.pyramid.levels[level].cells())
                two.push_back(i);
        if (two.size() != 2)
            return std::nullopt;
        if (distances_first(slots[two[0]], slots[two[1]]))
            std::swap(two[0], two[1]);
        if (!may_be_distances(slots[two[1]]) || slots[two[0]].dims[1] < 1)
            return std::nullopt;
        const int64_t classes = slots[two[0]].dims[1], bins = slots[two[1]].dims[1] / 4;
        if (level > 0 && (classes != l.classes || bins != l.bins))
            return std::nullopt;
        l.classes = classes;
        l.bins = bins;
        l.scores[level] = {two[0], 0, classes, 0};
        l.distances[level] = {two[1], 0, 4 * bins, 0};
    }
    return l;
}

std::optional<Layout> layout_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() == 1)
        return one_output_layout(slots[0], input_width, input_height);
    return pair_layout(slots, input_width, input_height);
}

// One stride's part of an output.
struct Block {
    const float* first;
    int64_t step; // from row to row
    const float* row(int64_t i) const { return first + i * step; }
};

Block block(const Columns& c, std::span<const NamedTensor> outputs) {
    const TensorView& view = outputs[c.output].view;
    const int64_t step = view.shape[2];
    return {static_cast<const float*>(view.data) + c.row * step + c.first, step};
}

// Nearly all scores are background: as logits those are negative. Up to 512 numbers, taken evenly,
// decide.
bool are_logits(const Block& scores, int64_t cells, int64_t classes) {
    const int64_t count = cells * classes, step = std::max<int64_t>(count / 512, 1) | 1;
    for (int64_t i = 0; i < count; i += step) {
        const float v = scores.row(i / classes)[i % classes];
        if (v < 0 || v > 1)
            return true;
    }
    return false;
}

// The expected bin of the softmax.
float distance(const float* logits, int64_t bins) {
    const float top = *std::max_element(logits, logits + bins);
    float sum = 0, weighted = 0;
    for (int64_t i = 0; i < bins; i++) {
        const float e = std::exp(logits[i] - top);
        sum += e;
        weighted += e * float(i);
    }
    return weighted / sum;
}

void find(const Grid& grid, const Block& scores, const Block& distances, const Layout& layout,
          float threshold, std::vector<Detection>& to) {
    const bool logits = are_logits(scores, grid.cells(), layout.classes);
    const float limit = logits ? std::log(threshold / (1 - threshold)) : threshold;
    const float middle = layout.pyramid.count == 4 ? 0.0f : 0.5f;
    const float stride = float(grid.stride);
    for (int64_t cell = 0; cell < grid.cells(); cell++) {
        const float* row = scores.row(cell);
        if (!any_at_least({row, size_t(layout.classes)}, limit))
            continue;
        const float* best = row;
        for (const float* v = row; v < row + layout.classes; v++)
            if (*v > *best || std::isnan(*best))
                best = v;
        const float* sides = distances.row(cell);
        float side[4];
        for (int k = 0; k < 4; k++)
            side[k] = distance(sides + k * layout.bins, layout.bins) * stride;
        const float x = (float(cell % grid.width) + middle) * stride;
        const float y = (float(cell / grid.width) + middle) * stride;
        add_box(to, x - side[0], y - side[1], x + side[2], y + side[3],
                logits ? 1 / (1 + std::exp(-*best)) : *best, int(best - row));
    }
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, options.input_width, options.input_height);
    if (!layout)
        return wrong_outputs("nanodet", slots, wanted);
    for (const NamedTensor& output : outputs)
        if (auto f32 = floats(output, "nanodet"); !f32.ok())
            return f32.error();
    Decoded decoded;
    for (size_t i = 0; i < size_t(layout->pyramid.count); i++)
        find(layout->pyramid.levels[i], block(layout->scores[i], outputs),
             block(layout->distances[i], outputs), *layout, options.threshold, decoded.detections);
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, input_width, input_height);
    if (!layout)
        return {0, "nanodet has " + std::string(wanted), 0};
    const int classes = int(layout->classes);
    const std::string what = std::to_string(classes) + (classes == 1 ? " class" : " classes") +
                             " and distances in " + std::to_string(layout->bins) +
                             " bins for the cells of strides 8 to " +
                             std::to_string(4 << layout->pyramid.count);
    if (!layout->one_output)
        return {95, what, classes};
    // yolox has one output too: 80 classes speak for the one that then has them.
    const bool plus = layout->pyramid.count == 4;
    return {classes == 80 ? 90 : plus ? 70 : 40, what + ", in one output", classes};
}

} // namespace

extern const DecoderDef decoder_nanodet;
const DecoderDef decoder_nanodet = {
    .name = "nanodet",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR,
                   .mean = {103.53f, 116.28f, 123.675f},
                   .std = {57.375f, 57.12f, 58.395f}},
    .threshold = 0.35f,
    .iou_threshold = 0.6f,
    .labels = coco_labels,
};

} // namespace infer
