// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Heads without anchors that give the distance from a cell to each side of a box as a distribution
// over `bins` steps of the stride (Generalized Focal Loss): NanoDet, PicoDet, YOLO v8's raw heads.
// The expected bin of the softmax is the distance; sides come left, top, right, bottom.
//
// For each stride, in any order:
//   scores and distances  f32 [1, cells, classes] and [1, cells, 4 * bins]: rows
//                         f32 [1, classes, height, width] and [1, 4 * bins, height, width]: maps
//   both                  f32 [1, 4 * 16 + classes, height, width]: joined maps, distances first
// or all strides in one:
//   output                f32 [1, cells, classes + 4 * 8]: joined rows, scores first
//
// Scores are probabilities or logits, told apart by their values.

#include "inference/decode/outputs.h"
#include "inference/decode/table.h"

namespace infer {

struct BinLayout {
    enum Form { Rows, JoinedRows, Maps, JoinedMaps } form = Rows;
    Pyramid pyramid;
    int64_t classes = 0, bins = 0;
    // By level: the outputs of scores and distances, and where their numbers begin in a joined one.
    std::array<size_t, 5> scores{}, distances{};
    std::array<int64_t, 5> first_row{};
};
std::optional<BinLayout> bin_layout(std::span<const Slot> slots, int input_width, int input_height);
// "80 classes and distances in 8 bins for the cells of strides 8 to 32"
std::string describe(const BinLayout& layout);

// `middle`: where in its cell a point lies, 0 (top left corner) to 1.
Result<Decoded> decode_bins(std::string_view decoder, const BinLayout& layout, float middle,
                            std::span<const NamedTensor> outputs, const DecodeOptions& options);

} // namespace infer
