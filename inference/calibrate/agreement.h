// SPDX-License-Identifier: LGPL-2.1-or-later
// How far two versions of a model say the same of the same frames.
#pragma once

#include "inference/decoder.h"

#include <span>
#include <string>
#include <vector>

namespace infer::calibrate {

// What one frame's outputs are and mean.
struct Finding {
    Decoded decoded;
    std::vector<Tensor> outputs;
};

struct Agreement {
    double value = 1;  // 0..1; of several kinds of results the worst
    std::string words; // "detections: F1 0.991 of 120 objects"
};

// What is decoded for agreement(): objects too that are a little less sure than wanted, so that one
// at the very threshold does not count as lost and another as gained.
DecodeOptions with_margin(DecodeOptions options);

// Detections: F1 where boxes of one label that overlap by half are the same, of objects as sure as
// wanted; what they are compared with may be less sure by the margin (0.02). Classes: the share of
// frames with the same best one. Embeddings: mean cosine. Segments: the share of places with the
// same class. Attributes: the share that says the same, numbers within 2 % of those seen.
// Keypoints: the share within 2 % of the picture. Where none of these is found: the mean cosine of
// the raw outputs. `options`: without the margin.
Agreement agreement(std::span<const Finding> expected, std::span<const Finding> found,
                    const DecodeOptions& options);

} // namespace infer::calibrate
