// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/anchor_grid.h"

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/table.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace infer {
namespace {

constexpr int64_t objectness = 4, classes_from = 5; // columns

// One stride's output.
struct Level {
    size_t output = 0;
    Grid grid;
    AnchorRule::Form form = AnchorRule::Maps;
    bool planes = true; // a plane a number, else a run of numbers a cell
    int64_t anchors = 0, columns = 0;
};

// Which of the orders of anchor_grid.h this is.
std::optional<Level> level_of(const Slot& slot, size_t output, const Grid& grid, int64_t anchors) {
    const auto d = slot.dims;
    const int64_t h = grid.height, w = grid.width, a = anchors;
    if (d.size() == 1 && d[0] % (h * w * a) == 0)
        return Level{output, grid, AnchorRule::Maps, true, a, d[0] / (h * w * a)};
    if (d.size() == 3 && d[1] == h && d[2] == w && d[0] % a == 0)
        return Level{output, grid, AnchorRule::Maps, true, a, d[0] / a};
    if (d.size() == 3 && d[0] == h && d[1] == w && d[2] % a == 0)
        return Level{output, grid, AnchorRule::Maps, false, a, d[2] / a};
    if (d.size() == 4 && d[0] == h && d[1] == w && d[2] == a)
        return Level{output, grid, AnchorRule::CellAnchors, false, a, d[3]};
    if (d.size() == 4 && d[0] == a && d[1] == h && d[2] == w)
        return Level{output, grid, AnchorRule::AnchorMaps, false, a, d[3]};
    if (d.size() == 4 && d[0] == a && d[2] == h && d[3] == w)
        return Level{output, grid, AnchorRule::AnchorMaps, true, a, d[1]};
    return std::nullopt;
}

int64_t numbers_of(const Slot& slot) {
    return std::accumulate(slot.dims.begin(), slot.dims.end(), int64_t(1), std::multiplies<>());
}

// The numbers of one anchor, a row a cell.
Table table_of(const Level& level, const float* data, int64_t anchor) {
    const int64_t cells = level.grid.cells(), n = level.columns;
    if (level.planes)
        return by_columns(data + anchor * n * cells, n, cells);
    if (level.form == AnchorRule::AnchorMaps)
        return by_rows(data + anchor * n * cells, cells, n);
    return {data + anchor * n, cells, n, level.anchors * n, 1};
}

// Smallest stride first; empty: not the family's. The more cells, the longer the output.
std::vector<Level> levels_of(std::span<const Slot> slots, int input_width, int input_height,
                             int64_t anchors) {
    const size_t count = slots.size();
    if (count < 1 || count > 4 || anchors < 1)
        return {};
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return numbers_of(slots[a]) > numbers_of(slots[b]);
    });
    const int first_stride = count == 1 ? 32 : count == 2 ? 16 : 8;
    const Pyramid p = pyramid(int(count), input_width, input_height, first_stride);
    std::vector<Level> levels;
    for (size_t i = 0; i < count; i++) {
        const auto level = level_of(slots[order[i]], order[i], p.levels[i], anchors);
        if (!level || level->columns <= classes_from || level->grid.cells() == 0 ||
            (i > 0 && level->columns != levels[0].columns))
            return {};
        levels.push_back(*level);
    }
    return levels;
}

std::span<const float> usual_anchors(const AnchorRule& rule, size_t outputs) {
    return outputs >= 1 && outputs <= rule.anchors.size() ? rule.anchors[outputs - 1]
                                                          : std::span<const float>();
}

// True if the numbers that should lie in 0..1 do not.
bool are_logits(const AnchorRule& rule, const Table& t) {
    if (rule.box == AnchorRule::Squared)
        return scale_of(t).logits;
    return scale_of(t.part(0, 2)).logits ||
           scale_of(t.part(objectness, t.columns - objectness)).logits;
}

// The best classes where only one of them can be there.
std::vector<Best> best_exclusive(const Table& t, Scale scale, float threshold) {
    std::vector<Best> found;
    const Table classes = t.part(classes_from, t.columns - classes_from);
    for (int64_t row = 0; row < t.rows; row++) {
        const float object = t.at(row, objectness);
        if (!(object >= scale.limit(threshold)))
            continue;
        int label = 0;
        for (int c = 1; c < classes.columns; c++)
            if (classes.at(row, c) > classes.at(row, label))
                label = c;
        float sum = 0; // of a softmax, in which the best counts 1
        for (int64_t c = 0; c < classes.columns; c++)
            sum += std::exp(classes.at(row, c) - classes.at(row, label));
        const float score = scale.logits ? sigmoid(object) / sum : object * classes.at(row, label);
        if (score >= threshold)
            found.push_back({row, label, score});
    }
    return found;
}

void add(Decoded& to, const AnchorRule& rule, const Grid& grid, const Table& t, const Best& best,
         const float* anchor, bool logits) {
    const auto unit = [&](int64_t column) {
        return logits ? sigmoid(t.at(best.row, column)) : t.at(best.row, column);
    };
    const float column = float(best.row % grid.width), row = float(best.row / grid.width);
    const float stride = float(grid.stride);
    if (rule.box == AnchorRule::Squared) {
        const float w = 2 * unit(2), h = 2 * unit(3);
        add_centred_box(to.detections, (2 * unit(0) - 0.5f + column) * stride,
                        (2 * unit(1) - 0.5f + row) * stride, w * w * anchor[0], h * h * anchor[1],
                        best.score, best.label);
        return;
    }
    const int level = grid.stride >= 64 ? 3 : grid.stride == 32 ? 2 : grid.stride == 16 ? 1 : 0;
    const float reach = rule.reach[size_t(level)], back = (reach - 1) / 2;
    add_centred_box(to.detections, (unit(0) * reach - back + column) * stride,
                    (unit(1) * reach - back + row) * stride,
                    std::exp(t.at(best.row, 2)) * anchor[0],
                    std::exp(t.at(best.row, 3)) * anchor[1], best.score, best.label);
}

Error wrong_anchors(size_t numbers, size_t outputs) {
    return {Error::BadConfig, "model-config",
            "`anchors` has " + std::to_string(numbers) + " numbers; for " +
                std::to_string(outputs) +
                " strides give width and height of as many anchors for each"};
}

} // namespace

Result<Decoded> decode_anchor_grids(const AnchorRule& rule, std::span<const NamedTensor> outputs,
                                    const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    std::span<const float> anchors = options.anchors;
    if (anchors.empty())
        anchors = usual_anchors(rule, slots.size());
    else if (slots.empty() || anchors.size() % (2 * slots.size()) != 0)
        return wrong_anchors(anchors.size(), slots.size());
    const int64_t per_cell = int64_t(anchors.size() / 2 / std::max<size_t>(slots.size(), 1));
    const std::vector<Level> levels =
        levels_of(slots, options.input_width, options.input_height, per_cell);
    if (levels.empty())
        return wrong_outputs(rule.name, slots, rule.wanted);
    const auto data = all_floats(outputs, rule.name);
    if (!data.ok())
        return data.error();

    Scale scale;
    for (const Level& level : levels)
        for (int64_t a = 0; a < per_cell; a++)
            scale.logits |= are_logits(rule, table_of(level, data.value()[level.output], a));
    Decoded decoded;
    const float* anchor = anchors.data();
    for (const Level& level : levels)
        for (int64_t a = 0; a < per_cell; a++, anchor += 2) {
            const Table t = table_of(level, data.value()[level.output], a);
            const auto found = rule.softmax
                                   ? best_exclusive(t, scale, options.threshold)
                                   : best_of_rows(t.part(objectness, 1),
                                                  t.part(classes_from, t.columns - classes_from),
                                                  scale, options.threshold);
            for (const Best& best : found)
                add(decoded, rule, level.grid, t, best, anchor, scale.logits);
        }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit_anchor_grids(const AnchorRule& rule, std::span<const OutputFormat> outputs, int input_width,
                     int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const size_t per_cell =
        usual_anchors(rule, slots.size()).size() / 2 / std::max<size_t>(slots.size(), 1);
    const auto levels = levels_of(slots, input_width, input_height, int64_t(per_cell));
    if (levels.empty())
        return {0, std::string(rule.name) + " has " + std::string(rule.wanted), 0};
    const int classes = int(levels[0].columns - classes_from);
    return {levels[0].form == rule.usual ? rule.fit : rule.other_fit,
            std::to_string(per_cell) + " anchors for the cells of strides " +
                std::to_string(levels.front().grid.stride) + " to " +
                std::to_string(levels.back().grid.stride) + ", each a box, objectness and " +
                std::to_string(classes) + (classes == 1 ? " class" : " classes"),
            classes};
}

} // namespace infer
