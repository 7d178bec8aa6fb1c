// SPDX-License-Identifier: LGPL-2.1-or-later
// BlazeFace and MediaPipe's other detectors (palm, pose): SSD with square anchors of one size, of
// which only the centres count.
//
//   regressors  f32 [1, anchors, 4 + 2K]  x, y, width, height, K points of x and y: from the
//                                         anchor's centre in pixels of the input
//   scores      f32 [1, anchors, 1]       logits
// or the same in a pair for each stride.
//
// Anchors: strides 8, 16, 16, 16 (short-range face, palm), 8, 16, 32, 32, 32 (pose, older palm)
// with two a layer, those of equal strides side by side in a cell; or stride 4 with one (full-range
// face). MediaPipe blends overlapping boxes; here the best one stays. Source: MediaPipe's
// ssd_anchors_calculator and tensors_to_detections_calculator.

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/table.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "regressors 1xNx(4 + 2K) and scores 1xNx1, N being the anchors of BlazeFace over the input";

struct Layer {
    int stride, per_cell;
};
const std::vector<Layer> layouts[] = {{{8, 2}, {16, 6}}, {{8, 2}, {16, 2}, {32, 6}}, {{4, 1}}};

Grid grid_of(int stride, int input_width, int input_height) {
    return pyramid(1, input_width, input_height, stride).levels[0];
}

int64_t anchors_of(const Layer& layer, int input_width, int input_height) {
    return grid_of(layer.stride, input_width, input_height).cells() * layer.per_cell;
}

// Regressors and scores of `layers`, in order of the anchors.
struct Block {
    size_t regressors = 0, scores = 0;
    std::vector<Layer> layers;
};

struct Layout {
    std::vector<Block> blocks;
    int64_t columns = 0, anchors = 0;
};

// The pair of outputs that has `anchors` rows.
std::optional<Block> block_of(std::span<const Slot> slots, int64_t anchors) {
    Block block;
    bool regressors = false, scores = false;
    for (size_t i = 0; i < slots.size(); i++) {
        const auto d = slots[i].dims;
        if (d.size() != 2 || d[0] != anchors)
            continue;
        if (d[1] == 1 && !scores) {
            block.scores = i;
            scores = true;
        } else if (d[1] >= 4 && d[1] % 2 == 0 && !regressors) {
            block.regressors = i;
            regressors = true;
        }
    }
    return regressors && scores ? std::optional(block) : std::nullopt;
}

std::optional<Layout> layout_of(std::span<const Slot> slots, int input_width, int input_height) {
    for (const std::vector<Layer>& layers : layouts) {
        Layout l;
        for (const Layer& layer : layers)
            l.anchors += anchors_of(layer, input_width, input_height);
        if (slots.size() == 2) {
            if (auto block = block_of(slots, l.anchors)) {
                block->layers = layers;
                l.blocks.push_back(*block);
            }
        } else if (slots.size() == 2 * layers.size()) {
            for (const Layer& layer : layers)
                if (auto block = block_of(slots, anchors_of(layer, input_width, input_height))) {
                    block->layers = {layer};
                    l.blocks.push_back(*block);
                }
            if (l.blocks.size() != layers.size())
                l.blocks.clear();
        }
        if (l.blocks.empty())
            continue;
        l.columns = slots[l.blocks[0].regressors].dims[1];
        if (std::all_of(l.blocks.begin(), l.blocks.end(),
                        [&](const Block& b) { return slots[b.regressors].dims[1] == l.columns; }))
            return l;
    }
    return std::nullopt;
}

// `cell_x`, `cell_y`: the anchor's centre in pixels.
void add(std::vector<Detection>& to, const float* row, int64_t columns, float x, float y,
         float score) {
    Detection* d = add_centred_box(to, x + row[0], y + row[1], row[2], row[3], score, 0);
    for (int64_t k = 4; d && k + 1 < columns; k += 2)
        if (std::isfinite(row[k] + row[k + 1]))
            d->keypoints.push_back({x + row[k], y + row[k + 1], score});
}

// Moves `rows` and `scores` on behind the layer's.
void find(const Layer& layer, int64_t columns, const DecodeOptions& options, const float*& rows,
          const float*& scores, std::vector<Detection>& to) {
    const Grid grid = grid_of(layer.stride, options.input_width, options.input_height);
    const int64_t count = grid.cells() * layer.per_cell;
    for (const Best& best : best_of_rows(by_rows(scores, count, 1), {true}, options.threshold)) {
        const int64_t cell = best.row / layer.per_cell;
        const float x = (float(cell % grid.width) + 0.5f) * float(layer.stride);
        const float y = (float(cell / grid.width) + 0.5f) * float(layer.stride);
        add(to, rows + best.row * columns, columns, x, y, best.score);
    }
    rows += count * columns;
    scores += count;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, options.input_width, options.input_height);
    if (!layout)
        return wrong_outputs("blazeface", slots, wanted);
    const auto data = all_floats(outputs, "blazeface");
    if (!data.ok())
        return data.error();
    Decoded decoded;
    for (const Block& block : layout->blocks) {
        const float* rows = data.value()[block.regressors];
        const float* scores = data.value()[block.scores];
        for (const Layer& layer : block.layers)
            find(layer, layout->columns, options, rows, scores, decoded.detections);
    }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, input_width, input_height);
    if (!layout)
        return {0, "blazeface has " + std::string(wanted), 0};
    return {92,
            "a score, a box and " + std::to_string((layout->columns - 4) / 2) +
                " points for each of " + std::to_string(layout->anchors) +
                " anchors, as many as MediaPipe's detectors have at this size",
            1};
}

} // namespace

extern const DecoderDef decoder_blazeface;
const DecoderDef decoder_blazeface = {
    .name = "blazeface",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::RGB,
                   .resize = PreprocessSpec::LetterboxCenter,
                   .pad = 0,
                   .mean = {127.5f, 127.5f, 127.5f},
                   .std = {127.5f, 127.5f, 127.5f}},
    .threshold = 0.5f,
    .iou_threshold = 0.3f,
    .aliases = "mediapipe",
};

} // namespace infer
