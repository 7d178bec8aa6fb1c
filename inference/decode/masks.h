// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/decoder.h"

#include <vector>

namespace infer {

// Gives `detections[i]` (in pixels of the input) the mask of row `rows[i]` of an output [N, h, w]
// or [N, 1, h, w] of probabilities, of any type. At the input's size a mask is one of the whole
// input, of which the box cuts its part; else it covers the box.
Result<void> put_masks(std::string_view decoder, const NamedTensor& masks,
                       const std::vector<int64_t>& rows, const DecodeOptions& options,
                       std::vector<Detection>& detections);

// Prototypes [channels, height, width] over the whole input.
struct Prototypes {
    const float* first = nullptr;
    int channels = 0, height = 0, width = 0;
};

// The mask of a box (pixels of the input): sigmoid of the sum of prototypes weighted by
// `coefficients`, one of each channel; brought to the box's pixels linearly, before the sigmoid.
std::shared_ptr<const Mask> mask_of(const Prototypes& prototypes, const float* coefficients,
                                    const Detection& box, const DecodeOptions& options);

} // namespace infer
