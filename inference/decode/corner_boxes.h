// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Boxes that the graph has decoded, and the scores of all classes for each; without NMS:
//
//   boxes   f32 [1, N, 4] or [1, N, 1, 4]  left, top, right, bottom in pixels of the input or
//           fractions of it
//   scores  f32 [1, N, classes], or [1, classes, N]

#include "inference/decoder.h"

namespace infer {

struct CornerBoxRoles {
    size_t boxes = 0, scores = 0;
    int64_t count = 0, classes = 0;
    bool by_class = false;   // scores [classes, N]
    bool one_anchor = false; // boxes [N, 1, 4]
};
std::optional<CornerBoxRoles> corner_box_roles(std::span<const OutputFormat> outputs);

// `background`: where the scores of a row sum up to 1, the first is that of nothing.
Result<Decoded> decode_corner_boxes(std::string_view decoder, std::string_view wanted,
                                    bool background, std::span<const NamedTensor> outputs,
                                    const DecodeOptions& options);

} // namespace infer
