// SPDX-License-Identifier: LGPL-2.1-or-later
// RetinaNet: class scores and box offsets for nine anchors of each cell of strides 8 to 128, in one
// of two forms:
//
//   for each stride  f32 [1, 9 * classes, height, width] and [1, 36, height, width]
//   or               f32 [1, anchors, classes] and [1, anchors, 4], all strides, cell by cell
//
// Offsets are those of centre and logarithm of the size, relative to the anchor. Scores are logits
// or probabilities. Anchors are three sizes (4, 4 * 2^(1/3), 4 * 2^(2/3) strides) in three
// proportions; maps have the proportions side by side and points in the middle of the cells
// (NVIDIA's retinanet-examples, box.py), lists have the sizes side by side and points at the
// corners (torchvision, anchor_utils.py). With `anchors` of the model-config, their order counts.

#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/level_maps.h"
#include "inference/decode/pictures.h"
#include "inference/decode/table.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "1x(9C)xHxW and 1x36xHxW for each stride 8 to 128, or 1xNxC and 1xNx4 for the anchors of all";
constexpr size_t usual_per_cell = 9;
constexpr int list_levels = 5;

struct Side {
    float width = 0, height = 0;
};

std::vector<Side> map_anchors(float stride) {
    std::vector<Side> sides;
    for (int size = 0; size < 3; size++)
        for (float tall : {1.0f, 2.0f, 0.5f}) {
            const float width = std::nearbyint(stride / std::sqrt(tall));
            const float scale = 4 * std::exp2(float(size) / 3);
            sides.push_back({width * scale, std::nearbyint(width * tall) * scale});
        }
    return sides;
}

std::vector<Side> list_anchors(float stride) {
    std::vector<Side> sides;
    for (float tall : {0.5f, 1.0f, 2.0f})
        for (int size = 0; size < 3; size++) {
            const float scale = std::floor(4 * stride * std::exp2(float(size) / 3));
            sides.push_back({2 * std::nearbyint(scale / std::sqrt(tall) / 2),
                             2 * std::nearbyint(scale * std::sqrt(tall) / 2)});
        }
    return sides;
}

struct Layout {
    Pyramid pyramid;
    bool maps = false;
    std::vector<size_t> scores, offsets; // by level, or one of all
    int64_t classes = 0;
    size_t per_cell = 0;
};

std::optional<Layout> map_layout(std::span<const Slot> slots, size_t per_cell, int input_width,
                                 int input_height) {
    const auto maps = level_maps(slots, 2, input_width, input_height);
    if (!maps)
        return std::nullopt;
    Layout l{maps->pyramid, true, {}, {}, 0, per_cell};
    const auto anchors = int64_t(per_cell);
    for (const std::vector<size_t>& two : maps->outputs) {
        const bool second = slots[two[1]].dims[0] == 4 * anchors; // as exports order them
        const size_t offsets = two[second ? 1 : 0], scores = two[second ? 0 : 1];
        const int64_t channels = slots[scores].dims[0];
        if (slots[offsets].dims[0] != 4 * anchors || channels % anchors != 0 ||
            (l.classes > 0 && channels / anchors != l.classes))
            return std::nullopt;
        l.classes = channels / anchors;
        l.scores.push_back(scores);
        l.offsets.push_back(offsets);
    }
    return l;
}

std::optional<Layout> layout_of(std::span<const Slot> slots, size_t anchors, int input_width,
                                int input_height) {
    if (slots.size() != 2) {
        const size_t levels = slots.size() / 2;
        if (levels == 0 || anchors % levels != 0)
            return std::nullopt;
        return map_layout(slots, anchors ? anchors / levels : usual_per_cell, input_width,
                          input_height);
    }
    if (anchors % list_levels != 0)
        return std::nullopt;
    const size_t per_cell = anchors ? anchors / list_levels : usual_per_cell;
    Layout l{pyramid(list_levels, input_width, input_height), false, {}, {}, 0, per_cell};
    const int64_t rows = l.pyramid.cells * int64_t(per_cell);
    for (size_t offsets : {1u, 0u})
        if (slots[offsets].is({rows, 4}) && slots[1 - offsets].dims.size() == 2 &&
            slots[1 - offsets].dims[0] == rows && rows > 0) {
            l.scores = {1 - offsets};
            l.offsets = {offsets};
            l.classes = slots[1 - offsets].dims[1];
            return l.classes >= 1 ? std::optional(l) : std::nullopt;
        }
    return std::nullopt;
}

// Scores and offsets of one anchor at one level, a row a cell.
struct Tables {
    Table scores, offsets;
};

Tables tables_of(const Layout& l, size_t level, size_t anchor, std::span<const float* const> data) {
    const int64_t cells = l.pyramid.levels[level].cells(), a = int64_t(anchor);
    const auto per_cell = int64_t(l.per_cell);
    if (l.maps)
        return {by_columns(data[l.scores[level]] + a * l.classes * cells, l.classes, cells),
                by_columns(data[l.offsets[level]] + a * 4 * cells, 4, cells)};
    int64_t first = a;
    for (size_t i = 0; i < level; i++)
        first += l.pyramid.levels[i].cells() * per_cell;
    return {{data[l.scores[0]] + first * l.classes, cells, l.classes, per_cell * l.classes, 1},
            {data[l.offsets[0]] + first * 4, cells, 4, per_cell * 4, 1}};
}

void find(const Tables& t, const Grid& grid, const Side& side, float middle, Scale scale,
          float threshold, std::vector<Detection>& to) {
    for (const Best& best : best_of_rows(t.scores, scale, threshold)) {
        const auto offset = [&](int64_t k) { return t.offsets.at(best.row, k); };
        const float x = (float(best.row % grid.width) + middle) * float(grid.stride);
        const float y = (float(best.row / grid.width) + middle) * float(grid.stride);
        add_centred_box(to, x + offset(0) * side.width, y + offset(1) * side.height,
                        std::exp(offset(2)) * side.width, std::exp(offset(3)) * side.height,
                        best.score, best.label);
    }
}

std::vector<Side> anchors_at(const Layout& l, size_t level, const std::vector<float>& given) {
    const auto stride = float(l.pyramid.levels[level].stride);
    if (given.empty())
        return l.maps ? map_anchors(stride) : list_anchors(stride);
    std::vector<Side> sides;
    for (size_t a = 0; a < l.per_cell; a++) {
        const float* side = &given[2 * (level * l.per_cell + a)];
        sides.push_back({side[0], side[1]});
    }
    return sides;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto l =
        layout_of(slots, options.anchors.size() / 2, options.input_width, options.input_height);
    if (!l)
        return wrong_outputs("retinanet", slots, wanted);
    const auto data = all_floats(outputs, "retinanet");
    if (!data.ok())
        return data.error();
    Decoded decoded;
    const auto levels = size_t(l->pyramid.count);
    Scale scale;
    for (size_t level = 0; level < levels; level++)
        for (size_t a = 0; a < l->per_cell; a++)
            scale.logits |= scale_of(tables_of(*l, level, a, data.value()).scores).logits;
    for (size_t level = 0; level < levels; level++) {
        const std::vector<Side> sides = anchors_at(*l, level, options.anchors);
        for (size_t a = 0; a < l->per_cell; a++)
            find(tables_of(*l, level, a, data.value()), l->pyramid.levels[level], sides[a],
                 l->maps ? 0.5f : 0.0f, scale, options.threshold, decoded.detections);
    }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const auto l = layout_of(slots_of(outputs), 0, input_width, input_height);
    if (!l)
        return {0, "retinanet has " + std::string(wanted), 0};
    return {90,
            std::to_string(l->classes) + " classes and a box for nine anchors of strides " +
                strides_of(l->pyramid),
            int(l->classes)};
}

} // namespace

extern const DecoderDef decoder_retinanet;
const DecoderDef decoder_retinanet = {
    .name = "retinanet",
    .decode = decode,
    .fit = fit,
    .preprocess = imagenet_picture,
    .threshold = 0.4f,
    .iou_threshold = 0.5f,
    .labels = coco_labels,
};

} // namespace infer
