// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// YOLO heads with anchors (v2 to v5, v7), as the head gives them: for each cell of each stride and
// each anchor x, y, width, height, objectness and class scores. Any number of outputs, one a
// stride:
//
//   f32 [1, anchors * n, height, width], also as one list (RegionYolo): planes
//   f32 [1, height, width, anchors * n]: cells
//   f32 [1, height, width, anchors, n]: cells of anchors
//   f32 [1, anchors, height, width, n] or [1, anchors, n, height, width]: anchors
//
// n = 5 + classes. Numbers are before their sigmoids, or, where all of them lie in 0..1, behind.

#include "inference/decoder.h"

namespace infer {

// What differs between the versions.
struct AnchorRule {
    std::string_view name, wanted; // for messages
    // Exponential: centre (sigmoid + cell) * stride, size exp(n) * anchor.
    // Squared: centre (2 sigmoid - 0.5 + cell) * stride, size (2 sigmoid)^2 * anchor.
    enum Box { Exponential, Squared } box = Exponential;
    bool softmax = false; // classes exclude each other
    // By number of outputs, from 1 to 4: width, height... of the anchors, in pixels, smallest
    // stride first. Empty: no such model.
    std::array<std::span<const float>, 4> anchors;
    // How far centres reach beyond their cell, by stride from 8: (sigmoid * reach - (reach - 1) /
    // 2).
    std::array<float, 4> reach = {1, 1, 1, 1};
    enum Form { Maps, CellAnchors, AnchorMaps } usual = Maps; // how exports of the family look
    int fit = 0, other_fit = 0; // what an output in the usual form is worth, and in another
};

Result<Decoded> decode_anchor_grids(const AnchorRule& rule, std::span<const NamedTensor> outputs,
                                    const DecodeOptions& options);
Fit fit_anchor_grids(const AnchorRule& rule, std::span<const OutputFormat> outputs, int input_width,
                     int input_height);

} // namespace infer
