// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// YOLO with anchors whose graph has applied them (v5, v6, v7):
//
//   output  f32 [1, rows, 5 + classes]  x, y, width, height, objectness, class scores; three
//           anchors of the cells of strides 8, 16, 32 (64 in P6 models)
//
// Boxes are in pixels, in some exports in fractions of the input. Anything else is read as the
// heads' own outputs (anchor_grid.h). Source: YOLOv5's yolo.py (Detect).

#include "inference/decode/anchor_grid.h"

namespace infer {

inline constexpr std::string_view anchor_rows_wanted =
    "one output 1xNx(5 + classes), or 1x3xHxWx(5 + classes) for each stride 8, 16, 32 (and 64)";

Result<Decoded> decode_anchor_rows(const AnchorRule& rule, std::span<const NamedTensor> outputs,
                                   const DecodeOptions& options);
Fit fit_anchor_rows(const AnchorRule& rule, std::span<const OutputFormat> outputs, int input_width,
                    int input_height);

} // namespace infer
