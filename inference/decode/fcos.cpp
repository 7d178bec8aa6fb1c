// SPDX-License-Identifier: LGPL-2.1-or-later
// FCOS: anchor-free, with a centerness besides the class. For each stride 8, 16, 32, 64 and 128 (or
// fewer from 8 on):
//
//   scores      f32 [1, classes, height, width]  logits or probabilities
//   sides       f32 [1, 4, height, width]        distances from the cell's middle to the left, top,
//                                                right and bottom of the box in pixels
//   centerness  f32 [1, 1, height, width]        as the scores
//
// The score is the root of class * centerness. Outputs are told apart by channels, and by name
// where classes are one or four, else the model's order (scores, sides, centerness) counts. Source:
// the paper's code, fcos/inference.py.

#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/level_maps.h"
#include "inference/decode/table.h"

#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "1xCxHxW, 1x4xHxW and 1x1xHxW for each stride 8, 16, 32, 64 and 128";

struct Level {
    size_t scores = 0, sides = 0, centerness = 0;
};

struct Layout {
    Pyramid pyramid;
    std::vector<Level> levels;
    int64_t classes = 0;
};

// Takes the output of so many channels out of `from`: the one called so, else the last.
std::optional<size_t> take_map(std::span<const Slot> slots, std::vector<size_t>& from,
                               int64_t channels, std::initializer_list<std::string_view> words) {
    std::optional<size_t> found;
    for (size_t k = 0; k < from.size(); k++) {
        const Slot& slot = slots[from[k]];
        if (slot.dims[0] == channels && (!found || !mentions(slots[from[*found]].name, words)))
            found = k;
    }
    if (!found)
        return std::nullopt;
    const size_t output = from[*found];
    from.erase(from.begin() + ptrdiff_t(*found));
    return output;
}

std::optional<Layout> layout_of(std::span<const Slot> slots, int input_width, int input_height) {
    auto maps = level_maps(slots, 3, input_width, input_height);
    if (!maps)
        return std::nullopt;
    Layout layout{maps->pyramid, {}, 0};
    for (std::vector<size_t>& outputs : maps->outputs) {
        const auto centerness = take_map(slots, outputs, 1, {"cent", "ctr"});
        const auto sides = take_map(slots, outputs, 4, {"bbox", "box", "reg"});
        if (!centerness || !sides)
            return std::nullopt;
        const int64_t classes = slots[outputs[0]].dims[0];
        if (!layout.levels.empty() && classes != layout.classes)
            return std::nullopt;
        layout.classes = classes;
        layout.levels.push_back({outputs[0], *sides, *centerness});
    }
    return layout;
}

// A root of class * centerness reaches the threshold only where the class reaches its square.
void find(const Grid& grid, const Table& scores, const float* sides, const Table& centerness,
          float threshold, std::vector<Detection>& to) {
    const Scale scale = scale_of(scores);
    const Scale centre_scale = scale_of(centerness);
    const int64_t cells = grid.cells();
    for (const Best& best : best_of_rows(scores, scale, threshold * threshold)) {
        const float score = std::sqrt(best.score * centre_scale.score(centerness.at(best.row, 0)));
        if (!(score >= threshold))
            continue;
        const float x = (float(best.row % grid.width) + 0.5f) * float(grid.stride);
        const float y = (float(best.row / grid.width) + 0.5f) * float(grid.stride);
        const float* side = sides + best.row;
        add_box(to, x - side[0], y - side[cells], x + side[2 * cells], y + side[3 * cells], score,
                best.label);
    }
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, options.input_width, options.input_height);
    if (!layout)
        return wrong_outputs("fcos", slots, wanted);
    const auto data = all_floats(outputs, "fcos");
    if (!data.ok())
        return data.error();
    Decoded decoded;
    for (size_t i = 0; i < layout->levels.size(); i++) {
        const Level& level = layout->levels[i];
        const Grid& grid = layout->pyramid.levels[i];
        find(grid, by_columns(data.value()[level.scores], layout->classes, grid.cells()),
             data.value()[level.sides], by_columns(data.value()[level.centerness], 1, grid.cells()),
             options.threshold, decoded.detections);
    }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = layout_of(slots, input_width, input_height);
    if (!layout)
        return {0, "fcos has " + std::string(wanted), 0};
    return {90,
            std::to_string(layout->classes) +
                " classes, four sides and a centerness for the cells of strides " +
                strides_of(layout->pyramid),
            int(layout->classes)};
}

} // namespace

extern const DecoderDef decoder_fcos;
const DecoderDef decoder_fcos = {
    .name = "fcos",
    .decode = decode,
    .fit = fit,
    // Detectron's, as Caffe's models have it.
    .preprocess = {.color = PreprocessSpec::BGR, .mean = {102.9801f, 115.9465f, 122.7717f}},
    .threshold = 0.4f,
    .iou_threshold = 0.6f,
    .labels = coco_labels,
};

} // namespace infer
