// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/bins.h"

#include "inference/decode/boxes.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

constexpr int64_t joined_row_bins = 8;  // one tensor does not tell; all published models have 8
constexpr int64_t joined_map_bins = 16; // the same, of YOLO v8 and its kin

std::optional<BinLayout> joined_rows(const Slot& slot, int input_width, int input_height) {
    const int64_t classes = slot.dims.size() == 2 ? slot.dims[1] - 4 * joined_row_bins : 0;
    if (classes < 1)
        return std::nullopt;
    for (int levels : {3, 4}) {
        BinLayout l{BinLayout::JoinedRows, pyramid(levels, input_width, input_height), classes,
                    joined_row_bins};
        if (l.pyramid.cells != slot.dims[0])
            continue;
        for (size_t i = 1; i < size_t(levels); i++)
            l.first_row[i] = l.first_row[i - 1] + l.pyramid.levels[i - 1].cells();
        return l;
    }
    return std::nullopt;
}

// How many numbers a cell has if the output is one of this level, as rows or as maps.
std::optional<int64_t> columns_of(const Slot& slot, const Grid& grid, bool maps) {
    const auto d = slot.dims;
    if (!maps && d.size() == 2 && d[0] == grid.cells())
        return d[1];
    if (maps && d.size() == 3 && d[1] == grid.height && d[2] == grid.width)
        return d[0];
    return std::nullopt;
}

bool may_be_distances(int64_t columns) { return columns % 4 == 0 && columns >= 8; }

// Of the two outputs of one stride: is the first the distances? By name, else by width, else no:
// every export lists the scores first.
bool distances_first(std::string_view a, int64_t a_columns, std::string_view b, int64_t b_columns) {
    const std::initializer_list<std::string_view> words = {"dis", "reg", "bbox", "box"};
    if (mentions(a, words) != mentions(b, words))
        return mentions(a, words);
    return may_be_distances(a_columns) && !may_be_distances(b_columns);
}

// Fills one level of `to`; false if the outputs are not such.
bool add_level(std::span<const Slot> slots, size_t level, bool maps, BinLayout& to) {
    const Grid& grid = to.pyramid.levels[level];
    std::vector<size_t> found;
    for (size_t i = 0; i < slots.size(); i++)
        if (columns_of(slots[i], grid, maps))
            found.push_back(i);
    const auto columns = [&](size_t k) { return *columns_of(slots[found[k]], grid, maps); };
    int64_t classes = 0, bins = 0;
    if (found.size() == 2) {
        if (distances_first(slots[found[0]].name, columns(0), slots[found[1]].name, columns(1)))
            std::swap(found[0], found[1]);
        if (!may_be_distances(columns(1)))
            return false;
        classes = columns(0);
        bins = columns(1) / 4;
    } else if (found.size() == 1 && maps) {
        to.form = BinLayout::JoinedMaps;
        found.push_back(found[0]);
        classes = columns(0) - 4 * joined_map_bins;
        bins = joined_map_bins;
    } else {
        return false;
    }
    if (classes < 1 || (level > 0 && (classes != to.classes || bins != to.bins)))
        return false;
    to.classes = classes;
    to.bins = bins;
    to.scores[level] = found[0];
    to.distances[level] = found[1];
    return true;
}

std::optional<BinLayout> by_level(std::span<const Slot> slots, int levels, bool maps,
                                  int input_width, int input_height) {
    BinLayout l{maps ? BinLayout::Maps : BinLayout::Rows,
                pyramid(levels, input_width, input_height)};
    for (size_t level = 0; level < size_t(levels); level++)
        if (!add_level(slots, level, maps, l))
            return std::nullopt;
    const bool joined = l.form == BinLayout::JoinedMaps;
    return slots.size() == size_t(levels) * (joined ? 1 : 2) ? std::optional(l) : std::nullopt;
}

// The numbers of one level: classes, and 4 * bins.
struct LevelTables {
    Table scores, distances;
};

LevelTables tables_of(const BinLayout& l, size_t level, std::span<const float* const> data) {
    const int64_t cells = l.pyramid.levels[level].cells(), sides = 4 * l.bins;
    const float *scores = data[l.scores[level]], *distances = data[l.distances[level]];
    switch (l.form) {
    case BinLayout::Rows:
        return {by_rows(scores, cells, l.classes), by_rows(distances, cells, sides)};
    case BinLayout::Maps:
        return {by_columns(scores, l.classes, cells), by_columns(distances, sides, cells)};
    case BinLayout::JoinedMaps: {
        const Table all = by_columns(scores, sides + l.classes, cells);
        return {all.part(sides, l.classes), all.part(0, sides)};
    }
    case BinLayout::JoinedRows:
        break;
    }
    const Table all = by_rows(scores, l.pyramid.cells, l.classes + sides);
    const Table rows = all.slice(l.first_row[level], cells);
    return {rows.part(0, l.classes), rows.part(l.classes, sides)};
}

// The expected bin of the softmax over columns [first, first + bins).
float distance(const Table& logits, int64_t row, int64_t first, int64_t bins) {
    float top = logits.at(row, first);
    for (int64_t i = 1; i < bins; i++)
        top = std::max(top, logits.at(row, first + i));
    float sum = 0, weighted = 0;
    for (int64_t i = 0; i < bins; i++) {
        const float e = std::exp(logits.at(row, first + i) - top);
        sum += e;
        weighted += e * float(i);
    }
    return weighted / sum;
}

} // namespace

std::optional<BinLayout> bin_layout(std::span<const Slot> slots, int input_width,
                                    int input_height) {
    if (slots.size() == 1)
        return joined_rows(slots[0], input_width, input_height);
    for (int levels : {3, 4})
        for (bool maps : {false, true})
            if (auto l = by_level(slots, levels, maps, input_width, input_height))
                return l;
    return std::nullopt;
}

std::string describe(const BinLayout& l) {
    return std::to_string(l.classes) + (l.classes == 1 ? " class" : " classes") +
           " and distances in " + std::to_string(l.bins) + " bins for the cells of strides " +
           strides_of(l.pyramid);
}

Result<Decoded> decode_bins(std::string_view decoder, const BinLayout& l, float middle,
                            std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const auto data = all_floats(outputs, decoder);
    if (!data.ok())
        return data.error();
    Decoded decoded;
    for (size_t level = 0; level < size_t(l.pyramid.count); level++) {
        const LevelTables t = tables_of(l, level, data.value());
        const Grid& grid = l.pyramid.levels[level];
        const float stride = float(grid.stride);
        for (const Best& best : best_of_rows(t.scores, scale_of(t.scores), options.threshold)) {
            float side[4];
            for (int k = 0; k < 4; k++)
                side[k] = distance(t.distances, best.row, k * l.bins, l.bins) * stride;
            const float x = (float(best.row % grid.width) + middle) * stride;
            const float y = (float(best.row / grid.width) + middle) * stride;
            add_box(decoded.detections, x - side[0], y - side[1], x + side[2], y + side[3],
                    best.score, best.label);
        }
    }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

} // namespace infer
